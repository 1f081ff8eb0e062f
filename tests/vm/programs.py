#!/usr/bin/python3
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""programs.py loaded TCPWATCH: what a running tcpwatch has loaded, as one JSON line with mode,
programs and verified instructions. programs.py ran: counts until SIGTERM how often each BPF program
of this kernel runs, then prints one JSON line; it misses a program that is gone within PAUSE."""

import ctypes
import glob
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time

SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID, BPF_OBJ_GET_INFO_BY_FD = 11, 13, 15
BPF_ENABLE_STATS, BPF_STATS_RUN_TIME = 32, 0
# Offsets in struct bpf_prog_info, 5.16 and newer.
NAME, RUN_CNT, VERIFIED_INSNS = 64, 200, 216
PAUSE = 0.2
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    """The system call's result, and what it wrote over its attributes."""
    buffer = ctypes.create_string_buffer(attributes, 128)
    result = libc.syscall(SYS_BPF, command, buffer, len(buffer))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf({command})")
    return result, buffer


def info_of(program):
    """The program's struct bpf_prog_info."""
    info = ctypes.create_string_buffer(256)
    fd, _ = bpf(BPF_PROG_GET_FD_BY_ID, struct.pack("I", program))
    try:
        bpf(BPF_OBJ_GET_INFO_BY_FD, struct.pack("IIQ", fd, len(info), ctypes.addressof(info)))
    finally:
        os.close(fd)
    return info


def verified_instructions(program):
    return struct.unpack_from("I", info_of(program), VERIFIED_INSNS)[0]


def every_program():
    program = 0
    while True:
        try:
            _, answer = bpf(BPF_PROG_GET_NEXT_ID, struct.pack("I", program))
        except FileNotFoundError:
            return
        program = struct.unpack_from("I", answer, 4)[0]
        yield program


def look(runs):
    """Notes (name, runs) of each program that is there."""
    for program in every_program():
        try:
            info = info_of(program)
        except FileNotFoundError:  # it has just gone
            continue
        name = info.raw[NAME:NAME + 16].rstrip(b"\0").decode("ascii", "replace")
        runs[program] = name, struct.unpack_from("Q", info, RUN_CNT)[0]


def count_runs():
    runs, over = {}, []
    signal.signal(signal.SIGTERM, lambda *_: over.append(True))
    bpf(BPF_ENABLE_STATS, struct.pack("I", BPF_STATS_RUN_TIME))  # as long as its descriptor is open
    while not over:
        look(runs)
        time.sleep(PAUSE)
    total = {}
    for name, count in runs.values():
        if count:
            total[name] = total.get(name, 0) + count
    print(json.dumps(total, sort_keys=True))


def programs_of(pid):
    """Programs that the process has a descriptor of, and those behind its links."""
    found = set()
    for path in glob.glob(f"/proc/{pid}/fdinfo/*"):
        with open(path, encoding="ascii", errors="replace") as file:
            found.update(map(int, re.findall(r"^prog_id:\s*([1-9]\d*)$", file.read(), re.M)))
    return found


def show_loaded(tcpwatch):
    process = subprocess.Popen([tcpwatch, "-j"], stdout=subprocess.PIPE)
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
    if sys.argv[1] == "loaded":
        show_loaded(sys.argv[2])
    else:
        count_runs()
