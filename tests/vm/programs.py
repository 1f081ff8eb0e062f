#!/usr/bin/python3
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""What a running tcpwatch has loaded: one JSON line with mode, programs, verified instructions."""

import ctypes
import glob
import json
import os
import re
import struct
import subprocess
import sys

SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
BPF_PROG_GET_FD_BY_ID, BPF_OBJ_GET_INFO_BY_FD = 13, 15
VERIFIED_INSNS = 216  # offset in struct bpf_prog_info, 5.16 and newer
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes, 128)
    result = libc.syscall(SYS_BPF, command, buffer, len(buffer))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf({command})")
    return result


def verified_instructions(program):
    info = ctypes.create_string_buffer(256)
    fd = bpf(BPF_PROG_GET_FD_BY_ID, struct.pack("I", program))
    try:
        bpf(BPF_OBJ_GET_INFO_BY_FD, struct.pack("IIQ", fd, len(info), ctypes.addressof(info)))
    finally:
        os.close(fd)
    return struct.unpack_from("I", info, VERIFIED_INSNS)[0]


def programs_of(pid):
    """Programs that the process has a descriptor of, and those behind its links."""
    found = set()
    for path in glob.glob(f"/proc/{pid}/fdinfo/*"):
        with open(path, encoding="ascii", errors="replace") as file:
            found.update(map(int, re.findall(r"^prog_id:\s*([1-9]\d*)$", file.read(), re.M)))
    return found


def main():
    process = subprocess.Popen([sys.argv[1], "-j"], stdout=subprocess.PIPE)
    try:
        start = json.loads(process.stdout.readline())
        programs = programs_of(process.pid)
        print(json.dumps({"kernel": os.uname().release, "mode": start["mode"],
                          "programs": len(programs),
                          "instructions": sum(map(verified_instructions, programs))}))
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
