# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Network namespaces without a trace: no /run/netns, no mounts, gone with their last holder.

A Wire joins two of them by two tun devices with the test in between, so that packets can be held
back (both ends act before either hears of it), dropped (an ACK that never comes) and cut.
"""

import ctypes
import fcntl
import os
import select
import struct
import subprocess
import threading

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 1, 0x1000
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
libc = ctypes.CDLL(None, use_errno=True)


def checked(result):
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class NetNs:
    """A namespace with its loopback up, held by a descriptor."""

    def __init__(self):
        self.fd = None
        self._thread(self._make)

    def _make(self):
        checked(libc.unshare(CLONE_NEWNET))
        self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)

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
        """Network sysctls are the namespace's own."""
        def write():
            with open(f"/proc/sys/{name.replace('.', '/')}", "w", encoding="ascii") as file:
                file.write(str(value))
        self.call(write)

    @property
    def inode(self):
        return os.fstat(self.fd).st_ino

    def close(self):
        os.close(self.fd)


class Packet:
    """As much of a TCP/IPv4 packet as filters ask for."""

    def __init__(self, data):
        self.data = data
        header = (data[0] & 15) * 4
        self.tcp = data[0] >> 4 == 4 and data[9] == 6
        self.flags = data[header + 13] if self.tcp else 0
        size = struct.unpack_from("!H", data, 2)[0]
        self.payload = size - header - (data[header + 12] >> 4) * 4 if self.tcp else 0

    def bare_ack(self):
        return self.tcp and self.flags & (FIN | SYN | RST | ACK) == ACK and self.payload == 0


class Wire:
    """10.77.0.1 (left) and 10.77.0.2 (right). filters[side](packet): may it pass?"""

    ADDRESSES = {"left": "10.77.0.1", "right": "10.77.0.2"}
    left, right = ADDRESSES["left"], ADDRESSES["right"]

    def __init__(self, left, right):
        self.netns = {"left": left, "right": right}
        self.tun = {side: ns.call(self._open, side) for side, ns in self.netns.items()}
        self.filters = {"left": None, "right": None}
        self.held, self.holding = [], False
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
                    if self.holding:
                        self.held.append((other[side], packet))
                        continue
                os.write(self.tun[other[side]], packet.data)

    def hold(self):
        with self.lock:
            self.holding = True

    def release(self):
        with self.lock:
            self.holding = False
            held, self.held = self.held, []
            for side, packet in held:
                os.write(self.tun[side], packet.data)

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

    def wait_seen(self, side, rule, timeout=10):
        """Waits until this side has sent such a packet (carried, held or lost)."""
        with self.lock:
            assert self.lock.wait_for(lambda: any(map(rule, self.seen[side])), timeout), \
                f"the {side} side never sent it"

    def close(self):
        os.write(self.quit_write, b"x")
        self.thread.join()
        for fd in (*self.tun.values(), self.quit, self.quit_write):
            os.close(fd)
