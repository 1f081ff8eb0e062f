# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""What the machine does to the processes under test; for the web server's tests, too."""

import contextlib
import os


def cpu_wait(*pids):
    """Seconds for which the threads of these processes were ready to run and had no processor."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):
                with contextlib.suppress(OSError), \
                        open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                    total += int(file.read().split()[1])
    return total / 1e9
