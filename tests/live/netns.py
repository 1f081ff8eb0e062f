# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Network namespaces without a trace: no /run/netns, no mounts, gone with their last holder.

A Wire joins two of them by two tun devices with the test in between, so that packets can be held
back (both ends act before either hears of it), dropped (an ACK that never comes), forged (a SYN
flood) and cut. A Poll reads a namespace's table of sockets again and again: the truth about states
that no call begins or ends.
"""

import collections
import ctypes
import fcntl
import os
import select
import socket
import struct
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 1, 0x1000
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
libc = ctypes.CDLL(None, use_errno=True)
# The local ports of each namespace that is made here, "low high"; None is the kernel's own range.
ports = None


def checked(result):
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def write_sysctl(name, value):
    """Network sysctls belong to the namespace of the calling thread."""
    with open(f"/proc/sys/{name.replace('.', '/')}", "w", encoding="ascii") as file:
        file.write(str(value))


def enter_new():
    """Moves the calling thread, and those that it starts, into a new namespace."""
    checked(libc.unshare(CLONE_NEWNET))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if ports:
        write_sysctl("net.ipv4.ip_local_port_range", ports)


def isolate(worker, workers):
    """Gives one of several pytest processes a namespace of its own, and local ports that no other
    one uses: tcpwatch sees every namespace, and a port filter does not tell them apart."""
    global ports
    share = (65536 - 12000) // workers & ~1
    low = 12000 + worker * share
    ports = f"{low} {low + share - 1}"
    enter_new()


class NetNs:
    """A namespace with its loopback up, held by a descriptor."""

    def __init__(self):
        self.fd = None
        self._thread(self._make)

    def _make(self):
        enter_new()
        self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    @staticmethod
    def _thread(function):
        """Namespaces belong to threads: the work is done in one that ends right after."""
        result = {}

        def work():
            try:
                result["value"] = function()
            except BaseException as fault:
                result["fault"] = fault
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if "fault" in result:
            raise result["fault"]
        return result["value"]

    def call(self, function, *args):
        def inside():
            checked(libc.setns(self.fd, CLONE_NEWNET))
            return function(*args)
        return self._thread(inside)

    def run(self, *command):
        """A command's output, run inside."""
        def inside():
            return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT).stdout
        return self.call(inside)

    def sysctl(self, name, value):
        self.call(write_sysctl, name, value)

    @property
    def inode(self):
        return os.fstat(self.fd).st_ino

    def close(self):
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


class Packet:
    """As much of a TCP/IPv4 packet as filters ask for."""

    def __init__(self, data):
        self.data = data
        self.seen = time.clock_gettime_ns(time.CLOCK_MONOTONIC)  # after it was sent
        self.delivering = None  # before it is handed to the other side
        self.delivered = None  # after that; its receiver has worked it off
        header = (data[0] & 15) * 4
        self.tcp = data[0] >> 4 == 4 and data[9] == 6
        self.flags = data[header + 13] if self.tcp else 0
        self.ports = struct.unpack_from("!HH", data, header) if self.tcp else None
        self.sequence, self.acknowledged = \
            struct.unpack_from("!II", data, header + 4) if self.tcp else (0, 0)
        size = struct.unpack_from("!H", data, 2)[0]
        self.payload = size - header - (data[header + 12] >> 4) * 4 if self.tcp else 0

    def bare_ack(self):
        return self.tcp and self.flags & (FIN | SYN | RST | ACK) == ACK and self.payload == 0

    def is_syn(self):
        return self.flags & (SYN | ACK) == SYN

    def is_syn_ack(self):
        return self.flags & (SYN | ACK) == SYN | ACK


def checksum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def forged(source, destination, flags, sequence=0, acknowledged=0):
    """A TCP/IPv4 packet without data; source and destination are (address, port)."""
    ends = socket.inet_aton(source[0]) + socket.inet_aton(destination[0])

    def tcp(check):
        return struct.pack("!HHIIBBHHH", source[1], destination[1], sequence, acknowledged,
                           5 << 4, flags, 65535, check, 0)

    def ip(check):
        return struct.pack("!BBHHHBBH8s", 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, check, ends)
    pseudo = ends + struct.pack("!HH", socket.IPPROTO_TCP, 20)
    return Packet(ip(checksum(ip(0))) + tcp(checksum(pseudo + tcp(0))))


class Wire:
    """10.77.0.1 (left) and 10.77.0.2 (right). filters[side](packet): may it pass?"""

    ADDRESSES = {"left": "10.77.0.1", "right": "10.77.0.2"}
    left, right = ADDRESSES["left"], ADDRESSES["right"]

    def __init__(self, left, right):
        self.netns = {"left": left, "right": right}
        self.tun = {side: ns.call(self._open, side) for side, ns in self.netns.items()}
        self.filters = {"left": None, "right": None}
        self.held, self.holding = [], None
        self.seen = {"left": [], "right": []}
        self.lock = threading.Condition()
        self.quit, self.quit_write = os.pipe()
        self.thread = threading.Thread(target=self._carry, daemon=True)
        self.thread.start()

    def _open(self, side):
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"wire", IFF_TUN | IFF_NO_PI))
        for command in (["ip", "addr", "add", self.ADDRESSES[side] + "/24", "dev", "wire"],
                        ["ip", "link", "set", "wire", "up"]):
            subprocess.run(command, check=True)
        return fd

    def _carry(self):
        other = {"left": "right", "right": "left"}
        sides = {fd: side for side, fd in self.tun.items()}
        while True:
            ready = select.select([*sides, self.quit], [], [])[0]
            if self.quit in ready:
                return
            for fd in ready:
                side, packet = sides[fd], Packet(os.read(fd, 65536))
                with self.lock:
                    self.seen[side].append(packet)
                    self.lock.notify_all()
                    if self.filters[side] and not self.filters[side](packet):
                        continue
                    if self.holding and self.holding(packet):
                        self.held.append((other[side], packet))
                        continue
                self.deliver(other[side], packet)

    def deliver(self, side, packet):
        """Also a forged() one: to this side, as if from the other."""
        packet.delivering = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        os.write(self.tun[side], packet.data)
        packet.delivered = time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def hold(self, rule=lambda packet: True):
        """Packets for which the rule holds wait for release()."""
        with self.lock:
            self.holding = rule

    def release(self):
        with self.lock:
            self.holding = None
            held, self.held = self.held, []
            for side, packet in held:
                self.deliver(side, packet)

    def drop(self, side, rule):
        """Packets from this side for which the rule holds get lost."""
        with self.lock:
            self.filters[side] = lambda packet: not rule(packet)

    def heal(self):
        with self.lock:
            self.filters = {"left": None, "right": None}

    def cut(self):
        for side in self.tun:
            self.drop(side, lambda packet: True)

    def wait_seen(self, side, rule, timeout=60):
        """Waits until this side has sent such a packet (carried, held or lost); the first one."""
        with self.lock:
            assert self.lock.wait_for(lambda: any(map(rule, self.seen[side])), timeout), \
                f"the {side} side never sent it"
            return self.all_seen(side, rule)[0]

    def all_seen(self, side, rule):
        return [packet for packet in self.seen[side] if rule(packet)]

    def close(self):
        os.write(self.quit_write, b"x")
        self.thread.join()
        for fd in (*self.tun.values(), self.quit, self.quit_write):
            os.close(fd)


TABLE_STATES = {1: "ESTABLISHED", 2: "SYN_SENT", 3: "SYN_RECV", 4: "FIN_WAIT1", 5: "FIN_WAIT2",
                6: "TIME_WAIT", 7: "CLOSE", 8: "CLOSE_WAIT", 9: "LAST_ACK", 10: "LISTEN",
                11: "CLOSING"}


def table_address(text):
    """'0100007F:1F90' of /proc/net/tcp, as tcpwatch shows it."""
    address, port = text.split(":")
    data = b"".join(struct.pack("=I", int(address[at:at + 8], 16))
                    for at in range(0, len(address), 8))
    if data.startswith(bytes(10) + b"\xff\xff"):
        data = data[12:]
    if len(data) == 4:
        return f"{socket.inet_ntop(socket.AF_INET, data)}:{int(port, 16)}"
    return f"[{socket.inet_ntop(socket.AF_INET6, data)}]:{int(port, 16)}"


def table_rows():
    """(local, remote, state) of each TCP socket in the calling thread's namespace."""
    rows = []
    for table in ("tcp", "tcp6"):
        with open(f"/proc/thread-self/net/{table}", encoding="ascii") as file:
            lines = file.readlines()[1:]
        for line in lines:
            _, local, remote, state = line.split()[:4]
            rows.append((table_address(local), table_address(remote),
                         TABLE_STATES.get(int(state, 16))))
    return rows


def table_states():
    """How many are in each state."""
    return collections.Counter(row[2] for row in table_rows())


class Stay:
    """A socket's time in one state, by what a Poll saw: it began and ended in these intervals."""

    def __init__(self, began):
        self.began, self.seen, self.ended = began, None, None

    @property
    def bounds(self):
        """The shortest and the longest that it can have been, in ns."""
        assert self.ended, "it is not over yet"
        return self.ended[0] - self.began[1], self.ended[1] - self.began[0]


class Poll:
    """Reads the socket tables of a namespace until it is closed; one Stay for each state."""

    PERIOD = 0.03

    def __init__(self, ns):
        self.ns = ns
        self.stays = {}  # by (local, remote, state)
        self.previous = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        self.lock = threading.Condition()
        self.quit = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        checked(libc.setns(self.ns.fd, CLONE_NEWNET))
        while not self.quit:
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            present = set(table_rows())
            after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            with self.lock:
                self._take(present, before, after)
                self.lock.notify_all()
            time.sleep(self.PERIOD)

    def _take(self, present, before, after):
        for key in present:
            stay = self.stays.setdefault(key, Stay((self.previous, after)))
            stay.seen, stay.ended = before, None
        for key in self.stays.keys() - present:
            stay = self.stays[key]
            stay.ended = stay.ended or (stay.seen, after)
        self.previous = before

    def wait(self, rule, timeout=60):
        """Waits until rule(stays) holds."""
        with self.lock:
            assert self.lock.wait_for(lambda: rule(self.stays), timeout), self.stays.keys()

    def stay(self, local, remote, state):
        return self.stays[local, remote, state]

    def close(self):
        self.quit = True
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
