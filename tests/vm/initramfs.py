# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""The initramfs of a guest: busybox, ./init, the command, and the modules that the root needs."""

import glob
import lzma
import os
import stat

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = ("virtio_pci", "virtio_console", "virtiofs", "overlay")


class Cpio:
    """The `newc` format, see the kernel's Documentation/driver-api/early-userspace."""

    def __init__(self):
        self.data = bytearray()
        self.inode = 0

    def add(self, name, content=b"", mode=stat.S_IFREG | 0o755, device=(0, 0)):
        self.inode += name != "TRAILER!!!"
        path = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(path), 0)
        self.data += b"070701" + b"".join(b"%08X" % field for field in fields) + path
        self.data += bytes(-len(self.data) % 4) + content
        self.data += bytes(-len(self.data) % 4)


def read(path):
    with (lzma.open if path.endswith(".xz") else open)(path, "rb") as file:
        return file.read()


def module_order(folder):
    """The files of MODULES and of what they depend on, in the order of loading."""
    needs, order = {}, []
    with open(os.path.join(folder, "modules.dep"), encoding="ascii") as file:
        for line in file:
            path, _, others = line.partition(":")
            needs[path] = others.split()
    for wanted in MODULES:
        for path in needs:
            if os.path.basename(path).split(".")[0] == wanted:
                order += [each for each in [*reversed(needs[path]), path] if each not in order]
    return [os.path.join(folder, path) for path in order]


def write(target, kernel, busybox, command):
    """kernel: a folder with lib/modules; command: the script that the guest runs."""
    cpio = Cpio()
    for folder in ("bin", "dev", "modules", "proc", "sys", "lower", "upper", "work", "root"):
        cpio.add(folder, mode=stat.S_IFDIR | 0o755)
    cpio.add("dev/console", mode=stat.S_IFCHR | 0o600, device=(5, 1))
    cpio.add("bin/busybox", read(busybox))
    cpio.add("init", read(os.path.join(HERE, "init")))
    cpio.add("command", command.encode())
    folder = glob.glob(os.path.join(kernel, "lib/modules/*"))[0]
    for number, path in enumerate(module_order(folder)):
        name = os.path.basename(path).removesuffix(".xz")
        cpio.add(f"modules/{number:02}-{name}", read(path))
    cpio.add("TRAILER!!!")
    with open(target, "wb") as file:
        file.write(cpio.data)
