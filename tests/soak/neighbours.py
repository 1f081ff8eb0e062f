# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""neighbours.py KIND [ARGUMENT...]: one hostile neighbour, until it is killed."""

import contextlib
import ctypes
import fcntl
import mmap
import os
import random
import socket
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
PR_SET_NAME, PR_SET_PDEATHSIG = 15, 1
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 1, 0x40
libc = ctypes.CDLL(None, use_errno=True)
chance = random.Random(11)


def name(comm):
    libc.prctl(PR_SET_NAME, comm, 0, 0, 0)


def leave_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)


def meet(listener, source=None):
    """Both ends of a connection; the first is the client's."""
    client = socket.socket()
    if source:
        client.bind((source, 0))
    client.connect(listener.getsockname())
    return client, listener.accept()[0]


def leak(listener, seconds=1.3, source=None):
    """A socket in CLOSE_WAIT for so long."""
    client, server = meet(listener, source)
    client.close()
    server.recv(1)
    time.sleep(seconds)
    server.close()


def in_child(work):
    child = os.fork()
    if child == 0:
        leave_with_parent()
        with contextlib.suppress(OSError):
            work()
        os._exit(0)
    return child


def odd_name():
    kind = chance.randrange(4)
    if kind == 0:
        return bytes(chance.randrange(32, 256) for _ in range(15))
    if kind == 1:
        return b"evil\n\x9b31m\"}\\"
    if kind == 2:
        return "p\u00e4\u202e\U0001f600".encode()
    return b"job-%d" % chance.randrange(1 << 30)


def names():
    """Ten short processes a second with names that nobody expects; every tenth leaks."""
    children = set()
    while True:
        def work(comm=odd_name(), leaks=chance.randrange(10) == 0):
            name(comm)
            with socket.create_server(("127.0.0.1", 0)) as listener:
                if leaks:
                    leak(listener)
                else:
                    for end in meet(listener):
                        end.close()
        children.add(in_child(work))
        time.sleep(0.1)
        while children:
            pid = os.waitpid(-1, os.WNOHANG)[0]
            if not pid:
                break
            children.discard(pid)


def maps(folder):
    """Three processes with 3,000 executable mappings of a file with a long path, again and again,
    which leak."""
    path = folder
    for _ in range(10):
        path = os.path.join(path, "x" * 200)
    os.makedirs(path)
    # Above PATH_MAX a path cannot be opened at once; this one is below.
    path = os.path.join(path, "program")
    with open(path, "wb") as file:
        file.write(bytes(2 * mmap.PAGESIZE))

    def work():
        name(b"soak-maps")
        with open(path, "rb") as file:
            kept = [mmap.mmap(file.fileno(), mmap.PAGESIZE, mmap.MAP_PRIVATE,
                              mmap.PROT_READ | mmap.PROT_EXEC, offset=i % 2 * mmap.PAGESIZE)
                    for i in range(3000)]
        with socket.create_server(("127.0.0.1", 0)) as listener:
            for _ in range(4):
                leak(listener)
        del kept
    while True:
        for child in [in_child(work) for _ in range(3)]:
            os.waitpid(child, 0)
        time.sleep(2)


def peers():
    """Fifty connections a second from twenty thousand addresses."""
    name(b"soak-peers")
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        number = 0
        while True:
            number = (number + 1) % 20000
            client, server = meet(listener, f"127.{10 + number // 5000}.{number // 200 % 256}."
                                            f"{number % 200 + 1}")
            first, second = (client, server) if number % 2 else (server, client)
            first.close()
            second.close()
            time.sleep(0.02)


def set_up():
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS,
                    struct.pack("16sh14x", b"lo", IFF_UP | IFF_RUNNING))


def namespaces():
    """Two network namespaces a second, with connections, TIME_WAIT and sometimes a leak."""
    def work():
        name(b"soak-netns")
        if libc.unshare(CLONE_NEWNET):
            os._exit(1)
        set_up()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            for _ in range(5):
                for end in meet(listener):
                    end.close()
            if chance.randrange(4) == 0:
                leak(listener)
    while True:
        chance.random()
        if os.waitpid(in_child(work), 0)[1]:
            sys.exit("no namespace")
        time.sleep(0.3)


def slow_client(address):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.bind((f"127.0.6.{chance.randrange(1, 20)}", 0))
    sock.settimeout(2)
    sock.connect(address)
    sock.setblocking(False)
    if chance.randrange(2):
        sock.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")  # and does not read
    else:
        sock.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
    return sock


def clients(port):
    """150 clients that send a header now and then, or do not read what they asked for."""
    name(b"soak-clients")
    held = []
    while True:
        with contextlib.suppress(OSError):
            held.append(slow_client(("127.0.0.1", int(port))))
        for sock in chance.sample(held, min(len(held), 20)):
            try:
                sock.send(b"X-A: b\r\n")
            except BlockingIOError:
                pass
            except OSError:
                held.remove(sock)
                sock.close()
        if len(held) > 150:
            held.pop(0).close()
        time.sleep(0.05)


KINDS = {each.__name__: each for each in (names, maps, peers, namespaces, clients)}

if __name__ == "__main__":
    leave_with_parent()
    KINDS[sys.argv[1]](*sys.argv[2:])
