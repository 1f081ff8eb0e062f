# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""What the machine does to the processes under test; for the web server's tests, too."""

import contextlib
import os
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def helper_build(name, directory):
    """The path of helper_NAME.c, compiled."""
    path = os.path.join(directory, name)
    if not os.path.exists(path):
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-Wall", "-Wextra", "-Werror",
                        "-D_GNU_SOURCE", "-o", path, os.path.join(HERE, f"helper_{name}.c"),
                        "-pthread"], check=True)
    return path


def _schedstat(column, pids):
    """Seconds in this column of schedstat, of all threads of these processes."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):
                with contextlib.suppress(OSError), \
                        open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                    total += int(file.read().split()[column])
    return total / 1e9


def cpu_time(*pids):
    """Seconds of CPU that the threads of these processes have used."""
    return _schedstat(0, pids)


def cpu_wait(*pids):
    """Seconds for which the threads of these processes were ready to run and had no processor."""
    return _schedstat(1, pids)


class Stalls:
    """When processors stood still for the whole system (helper_stalls.c). Without the right to a
    real-time priority none is known."""

    def __init__(self, directory):
        self.times, self.rest = [], b""
        self.process = subprocess.Popen([helper_build("stalls", directory)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdout.readline()  # ready, or the end
        os.set_blocking(self.process.stdout.fileno(), False)

    def _read(self):
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self.process.stdout.fileno(), 65536):
                self.rest += piece
        *lines, self.rest = self.rest.split(b"\n")
        self.times = sorted(self.times + [tuple(map(int, line.split())) for line in lines])

    def within(self, begin_ns, end_ns):
        """For how many ns of this time, by CLOCK_MONOTONIC, a processor or more stood still."""
        time.sleep(0.005)  # one that is just over is told now
        self._read()
        total, at = 0, begin_ns
        for begin, end in self.times:
            begin, end = max(begin, at), min(end, end_ns)
            if begin < end:
                total, at = total + end - begin, end
        return total

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def longest_of(holds, stalls):
    """Of holds (begin, end, length in ns) the lengths without what a processor stood still,
    the longest first."""
    return sorted((max(0, ns - stalls.within(begin, end)) for begin, end, ns in holds),
                  reverse=True)
