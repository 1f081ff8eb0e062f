# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""The puppet's side: reads calls from the hub, does them, answers. See puppets.py."""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import select
import socket
import struct
import sys
import termios
import threading
import time

SO_COOKIE = 57
TCP_REPAIR = 19
MSG_FASTOPEN = 0x20000000
IPPROTO_MPTCP = 262
LINGER_0 = struct.pack("ii", 1, 0)
PR_SET_NAME = 15
CLONE_NEWNET = 0x40000000
CLONE_FILES = 0x400
libc = ctypes.CDLL(None, use_errno=True)

sockets = {}
HUB = None  # the path of the hub's socket


def keep(sock):
    sockets[sock.fileno()] = sock
    return info(sock.fileno())


def text(address):
    host, port = address[0], address[1]
    if host.startswith("::ffff:"):
        host = host[7:]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def info(fd):
    sock = sockets[fd]
    cookie = struct.unpack("Q", sock.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8))[0]
    try:
        remote = text(sock.getpeername())
    except OSError:
        remote = None
    local = sock.getsockname()
    return {"fd": fd, "cookie": f"{cookie:x}", "local": text(local), "remote": remote,
            "port": local[1]}


def name(comm):
    """comm as a string; latin-1 code points stand for its bytes, so that any byte can be named."""
    libc.prctl(PR_SET_NAME, comm.encode("latin-1"), 0, 0, 0)


def make(family, mptcp=False):
    af = socket.AF_INET if family == "ipv4" else socket.AF_INET6
    return socket.socket(af, socket.SOCK_STREAM, IPPROTO_MPTCP if mptcp else 0)


LOOPBACK = {"ipv4": "127.0.0.1", "ipv6": "::1", "mapped": "::ffff:127.0.0.1"}


def listen(family="ipv4", port=0, backlog=512, mptcp=False, host=None, fastopen=False,
           options=()):
    sock = make(family, mptcp)
    for level, option, value in options:
        sock.setsockopt(level, option, value)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if fastopen:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
    sock.bind((host or LOOPBACK[family], port))
    sock.listen(backlog)
    return keep(sock)


def listen_unbound():
    """The kernel chooses the port, and after it has said that the socket listens."""
    sock = make("ipv4")
    sock.listen(512)
    return keep(sock)


def opened(family, bind, mptcp, options):
    sock = make(family, mptcp)
    for level, option, value in options:
        sock.setsockopt(level, option, value)
    if bind:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((bind[0] or LOOPBACK[family], bind[1]))
    return sock


def connect(port, family="ipv4", host=None, bind=None, mptcp=False, options=(), blocking=True):
    sock = opened(family, bind, mptcp, options)
    sock.setblocking(blocking)
    try:
        sock.connect((host or LOOPBACK[family], port))
    except BlockingIOError:
        pass
    sock.setblocking(True)
    return keep(sock)


def connect_fails(port, family="ipv4", host=None, bind=None, options=()):
    """A connect() that is expected to fail; the errno's name, and the socket."""
    sock = opened(family, bind, False, options)
    end = keep(sock)
    code = sock.connect_ex((host or LOOPBACK[family], port))
    return {**end, "errno": errno.errorcode.get(code, code)}


def unconnected(family="ipv4", bound=False):
    sock = make(family)
    if bound:
        sock.bind((LOOPBACK[family], 0))
    return keep(sock)


def connect_again(fd, port, host="127.0.0.1"):
    sockets[fd].connect((host, port))
    return info(fd)


def connect_many(port, count, family="ipv4"):
    return [connect(port, family) for _ in range(count)]


def connect_burst(port, count, host):
    """So many connect() calls as fast as they go; none is waited for."""
    return [connect(port, host=host, blocking=False) for _ in range(count)]


def connect_briefly(port, host, seconds):
    """A connect() that is given up after this time."""
    fd = connect(port, host=host, blocking=False)["fd"]
    time.sleep(seconds)
    close(fd)


def connect_fastopen(port, data, host="127.0.0.1"):
    sock = make("ipv4")
    sock.sendto(data.encode(), MSG_FASTOPEN, (host, port))
    return keep(sock)


def disconnect(fd):
    """connect(AF_UNSPEC): back to CLOSE, the socket lives on."""
    address = (ctypes.c_ubyte * 16)()
    if libc.connect(fd, address, 16):
        raise OSError(ctypes.get_errno(), "connect(AF_UNSPEC)")


def unacknowledged(fd):
    """Bytes that were written and that the peer has not acknowledged."""
    return struct.unpack("i", fcntl.ioctl(fd, termios.TIOCOUTQ, b"\0" * 4))[0]


def writable(fd, timeout=60):
    assert select.select([], [fd], [], timeout)[1], "not writable in time"
    code = sockets[fd].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return errno.errorcode.get(code, code)


def accept(fd):
    return keep(sockets[fd].accept()[0])


def accept_many(fd, count):
    return [accept(fd) for _ in range(count)]


def close(fd):
    sockets.pop(fd).close()


def close_many(fds):
    for fd in fds:
        close(fd)


def shutdown(fd, how=socket.SHUT_WR):
    sockets[fd].shutdown(how)


def send(fd, count):
    sockets[fd].sendall(b"x" * count)


def send_full(fd):
    """Writes until nothing more goes in: the peer does not read. How many bytes went in."""
    sock = sockets[fd]
    sock.setblocking(False)
    sent = 0
    while True:
        try:
            sent += sock.send(b"x" * 65536)
        except BlockingIOError:
            if not select.select([], [fd], [], 0.2)[1]:
                break
    sock.setblocking(True)
    return sent


def send_slowly(fd, seconds, pause=0.05):
    """A byte at a time: the lawful half-close. How many were sent."""
    end, sent = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        sockets[fd].sendall(b"x")
        sent += 1
        time.sleep(pause)
    return sent


def recv(fd, count=65536):
    return len(sockets[fd].recv(count))


def recv_all(fd):
    """Reads to the end of stream, which it takes."""
    total = 0
    while data := sockets[fd].recv(65536):
        total += len(data)
    return total


def recv_all_many(fds):
    return [recv_all(fd) for fd in fds]


def peek(fd):
    readable(fd)
    return len(sockets[fd].recv(65536, socket.MSG_PEEK))


def readable(fd, timeout=60):
    assert select.select([fd], [], [], timeout)[0], "nothing to read in time"


def option(fd, level, number, value):
    if isinstance(value, list):  # struct linger
        value = struct.pack("ii", *value)
    sockets[fd].setsockopt(level, number, value)


def reset(fd):
    """SO_LINGER 0 and close: a reset."""
    option(fd, socket.SOL_SOCKET, socket.SO_LINGER, [1, 0])
    close(fd)


def repair_close(fd):
    option(fd, socket.IPPROTO_TCP, TCP_REPAIR, 1)
    close(fd)


def dup(fd):
    return keep(sockets[fd].dup())["fd"]


def look_up(fd, port):
    """A BPF program gives the listener what comes to this port; until this process ends."""
    import redirect
    return redirect.look_up(fd, port)


def mailbox(path):
    box = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    box.bind(path)
    sockets["mailbox"] = box


def pass_fd(fd, path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as box:
        box.connect(path)
        socket.send_fds(box, [b"fd"], [fd])


def take_fd():
    fds = socket.recv_fds(sockets["mailbox"], 16, 1)[1]
    return keep(socket.socket(fileno=fds[0]))


def in_threads(count, operation, *args):
    """The operation in `count` new threads, each with a name of its own, all alive together."""
    results, barrier = [], threading.Barrier(count)

    def work(number):
        name(f"thread-{number}")
        barrier.wait()
        results.append(OPERATIONS[operation](*args))
        barrier.wait()
    threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def own_files(operation, *args):
    """The operation in a thread that stays, with descriptors of its own; its id and the result."""
    done, answer = threading.Event(), []

    def work():
        if libc.unshare(CLONE_FILES):
            raise OSError(ctypes.get_errno(), "unshare")
        answer.extend([threading.get_native_id(), OPERATIONS[operation](*args)])
        done.set()
        threading.Event().wait()
    threading.Thread(target=work, daemon=True).start()
    assert done.wait(60)
    return answer


def hang(operation, *args):
    """The operation in a thread that is left alone; its thread id."""
    ready, tid = threading.Event(), []

    def work():
        tid.append(threading.get_native_id())
        ready.set()
        try:
            OPERATIONS[operation](*args)
        except OSError:
            pass
    threading.Thread(target=work, daemon=True).start()
    ready.wait()
    return tid[0]


FAREWELL = b"x" * 24  # as long as close_notify of TLS 1.3


def answer(sock):
    """Answers each request, and answers the end of them with last words."""
    with contextlib.suppress(ConnectionError):
        while sock.recv(65536):
            sock.sendall(b"answer")
        sock.sendall(FAREWELL)


def serve(fd, first="client", pause=0.0):
    """Accepts for ever in a thread; counts. first: who closes first, or 'nobody'; 'abort' is by
    a reset; 'deaf' closes when there is something to read; 'answer' answers until the client
    closes."""
    served.clear()

    def work():
        while True:
            sock = sockets[fd].accept()[0]
            if first == "nobody":
                keep(sock)
            else:
                if first == "answer":
                    answer(sock)
                elif first == "deaf":
                    readable(sock.fileno())
                elif first in ("client", "reset"):
                    with contextlib.suppress(ConnectionError):
                        sock.recv(1)
                time.sleep(pause)
                if first == "abort":
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
                sock.close()
            served.append(1)
    threading.Thread(target=work, daemon=True).start()


served = []


def served_count():
    return len(served)


def visit(port, count, first="client", family="ipv4", host=None):
    """`count` connections, one after the other. first: 'deaf' is a server that does not read.
    Others end in a reset: 'reset' by a client that only looked; 'rude' before the answer, 'blind'
    with the answer unread, 'idle' after it; 'farewell': the server's last words come too late."""
    for _ in range(count):
        with make(family) as sock:
            if first in ("rude", "blind", "idle", "farewell"):
                sock.connect((host or LOOPBACK[family], port))
                sock.sendall(b"request")
                if first == "blind":
                    sock.recv(65536, socket.MSG_PEEK)
                elif first != "rude":
                    sock.recv(65536)
            elif first in ("server", "deaf"):
                # A reset may come before connect() has returned.
                with contextlib.suppress(ConnectionError):
                    sock.connect((host or LOOPBACK[family], port))
                    if first == "deaf":
                        sock.sendall(b"request")
                    sock.recv(1)
            else:
                sock.connect((host or LOOPBACK[family], port))
            if first in ("reset", "rude", "idle"):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)


def churn(port, host, rate, seconds, bind=False):
    """Short connections that this side closes first, at this rate, until no port is left: when
    that was (seconds since the epoch), None if it was not; and how many there were."""
    began, count = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        with make("ipv4") as sock:
            try:
                if bind:
                    sock.bind((host, 0))
                sock.connect((host, port))
            except OSError as fault:
                if fault.errno not in (errno.EADDRNOTAVAIL, errno.EADDRINUSE):
                    raise
                return [time.time(), count]
        count += 1
        time.sleep(max(0, began + count / rate - time.monotonic()))
    return [None, count]


def call_fork(comm):
    child = os.fork()
    if child == 0:
        connect_hub(comm)
    return child


def call_exec(comm):
    for fd, sock in sockets.items():
        os.set_inheritable(fd, True)
    fds = [str(fd) for fd in sockets]
    os.execv(sys.executable, [sys.executable, "-E", "-S", __file__, HUB, comm, *fds])


def leave():
    os._exit(0)


def netns():
    return os.stat("/proc/self/ns/net").st_ino


OPERATIONS = {key: value for key, value in globals().items() if callable(value)}
channel = None


def connect_hub(comm):
    global channel
    name(comm)
    channel = socket.socket(socket.AF_UNIX)
    channel.connect(HUB)
    hello = json.dumps({"pid": os.getpid(), "comm": comm})
    channel.sendall(hello.encode() + b"\n")


def setns(fd):
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def obey():
    while True:
        # Not makefile(): its buffer would be shared with forked children.
        line = b""
        while not line.endswith(b"\n"):
            byte = channel.recv(65536)
            if not byte:
                os._exit(0)
            line += byte
        request, reply = json.loads(line), {}
        mine = os.getpid()
        reply["before"] = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        try:
            reply["value"] = OPERATIONS[request["op"]](*request["args"], **request["kwargs"])
        except Exception as fault:
            reply["error"] = f"{request['op']}: {type(fault).__name__}: {fault}"
        reply["after"] = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        if os.getpid() == mine:
            channel.sendall(json.dumps(reply).encode() + b"\n")


def nursery(orders):
    """Forks puppets on demand; returns in each of them, and ends with the process that asks."""
    global HUB
    while True:
        order, fds, _, _ = socket.recv_fds(orders, 65536, 1)
        if not order:
            os._exit(0)
        order = json.loads(order)
        if "reap" in order:
            answer = os.waitpid(order["reap"], 0)[1]
        else:
            answer = os.fork()
            if answer == 0:
                orders.close()
                HUB = order["hub"]
                if fds:
                    setns(fds[0])
                    os.close(fds[0])
                return connect_hub(order["comm"])
        for fd in fds:
            os.close(fd)
        orders.send(json.dumps(answer).encode())


def main():
    """puppet.py --nursery FD, or after an exec: puppet.py HUB COMM SOCKET..."""
    global HUB
    if sys.argv[1] == "--nursery":
        nursery(socket.socket(fileno=int(sys.argv[2])))
    else:
        HUB = sys.argv[1]
        for fd in map(int, sys.argv[3:]):
            os.set_inheritable(fd, False)
            keep(socket.socket(fileno=fd))
        connect_hub(sys.argv[2])
    obey()


if __name__ == "__main__":
    main()
