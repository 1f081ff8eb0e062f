# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Connections that reach a listener of another address: by an nft rule with tproxy, or by a BPF
program of type sk_lookup."""

import ctypes
import os
import platform
import struct
import subprocess

SYS_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
MAP_CREATE, MAP_UPDATE, PROG_LOAD, LINK_CREATE = 0, 2, 5, 28
SOCKMAP, SK_LOOKUP, ATTACH_SK_LOOKUP = 15, 30, 36
LOCAL_PORT = 60  # in struct bpf_sk_lookup
MAP_LOOKUP_ELEM, SK_RELEASE, SK_ASSIGN = 1, 86, 124
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes.ljust(152, b"\0"))
    result = libc.syscall(SYS_BPF, command, buffer, 152)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def instruction(code, to=0, source=0, offset=0, value=0):
    return struct.pack("=BBhi", code, source << 4 | to, offset, value)


def program(map_fd, port):
    """bpf_sk_assign(the socket of the map) for this port; SK_PASS."""
    return b"".join((
        instruction(0xbf, 6, 1),  # r6 = context
        instruction(0x61, 2, 6, LOCAL_PORT),
        instruction(0x55, 2, offset=14, value=port),  # another port: pass
        instruction(0x62, 10, offset=-4, value=0),  # key 0
        instruction(0xbf, 2, 10), instruction(0x07, 2, value=-4),
        instruction(0x18, 1, 1, value=map_fd), instruction(0),
        instruction(0x85, value=MAP_LOOKUP_ELEM),
        instruction(0x15, 0, offset=7, value=0),  # none: pass
        instruction(0xbf, 7, 0),
        instruction(0xbf, 1, 6), instruction(0xbf, 2, 7), instruction(0xb7, 3),
        instruction(0x85, value=SK_ASSIGN),
        instruction(0xbf, 1, 7), instruction(0x85, value=SK_RELEASE),
        instruction(0xb7, 0, value=1), instruction(0x95)))


def look_up(listener_fd, port):
    """In this network namespace, connections to this port go to the listener; until the
    descriptors that are returned are closed."""
    map_fd = bpf(MAP_CREATE, struct.pack("=IIII", SOCKMAP, 4, 8, 1))
    key, value = ctypes.c_uint32(0), ctypes.c_uint64(listener_fd)
    bpf(MAP_UPDATE, struct.pack("=I4xQQQ", map_fd, ctypes.addressof(key),
                                ctypes.addressof(value), 0))
    code = ctypes.create_string_buffer(program(map_fd, port))
    name, count = ctypes.create_string_buffer(b"GPL"), (len(code) - 1) // 8
    prog_fd = bpf(PROG_LOAD, struct.pack("=IIQQ44xI", SK_LOOKUP, count,
                                         ctypes.addressof(code), ctypes.addressof(name),
                                         ATTACH_SK_LOOKUP))
    with open("/proc/thread-self/ns/net", "rb") as netns:
        link_fd = bpf(LINK_CREATE, struct.pack("=III", prog_fd, netns.fileno(), ATTACH_SK_LOOKUP))
    return [map_fd, prog_fd, link_fd]


def tproxy(netns, port, to):
    """Connections that come from elsewhere to this port, of any address, go to the local port."""
    def inside():
        subprocess.run(["nft", "-f", "-"], check=True, text=True, input=f"""
            table ip divert {{
              chain prerouting {{
                type filter hook prerouting priority mangle
                tcp dport {port} tproxy to :{to} meta mark set 1 accept
              }}
            }}
            """)
        for command in (["rule", "add", "fwmark", "1", "lookup", "100"],
                        ["route", "add", "local", "default", "dev", "lo", "table", "100"]):
            subprocess.run(["ip", *command], check=True)
    netns.call(inside)
