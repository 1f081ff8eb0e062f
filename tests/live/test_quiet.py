# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Where nothing happens, tcpwatch sleeps until something does; then it is there at once."""

import os
import time

import pytest

from check import SLOW
from puppets import connect_pair
from runner import monotonic_of

pytestmark = pytest.mark.alone

AWAKE = 10  # turns in a second while records come; at rest there are one or two
WINDOWS = 20


def turns(tcpwatch):
    with open(f"/proc/{tcpwatch.process.pid}/status", encoding="utf-8") as file:
        return int(dict(line.split(":", 1) for line in file)["voluntary_ctxt_switches"])


def idle_seconds():
    """Of all processors together, since the machine was started."""
    with open("/proc/stat", encoding="ascii") as file:
        return int(file.readline().split()[4]) / os.sysconf("SC_CLK_TCK")


def wait_quiet(tcpwatch, sure=True):
    """Until there was a second with few turns. Others on this host may have connections all the
    time: that takes some of its processors. Where each execve() of the host is a record, too, it is
    not `sure` that there is such a second. Returns whether it was quiet."""
    seen, idle = [], 0
    for _ in range(WINDOWS):
        before, began, rest = turns(tcpwatch), time.monotonic(), idle_seconds()
        time.sleep(1)
        took = time.monotonic() - began
        seen.append((turns(tcpwatch) - before) / took)
        if 0 < seen[-1] < AWAKE / 2:
            return True
        idle += idle_seconds() - rest > 0.9 * took * os.cpu_count()
    assert not sure or idle < WINDOWS / 2, seen
    return False


@pytest.mark.parametrize("options", [(), ("-t",), ("-s", "-t")], ids=["", "trace", "stacks"])
def test_the_first_record_wakes(watch, puppet, options):
    tcpwatch = watch(*options, "-w", "300ms")
    client, server = puppet("client"), puppet("server")
    sure = "-s" not in options
    wait_quiet(tcpwatch, sure)
    if "-t" not in options:
        pair = connect_pair(client, server)
        fin = client.timed("close", pair.client_fd)
        leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
        assert leak.arrival <= fin.after / 1e9 + 0.3 + 0.5 * SLOW + leak.waited
        return
    for _ in range(3):
        pair = connect_pair(client, server)
        record = tcpwatch.wait_for("transition", socket=pair.client_cookie, to="ESTABLISHED")
        late = record.arrival - monotonic_of(record["time"])
        assert late <= 0.5 * SLOW + record.waited, late
        if not wait_quiet(tcpwatch, sure):
            break


def test_it_rests_again(watch, puppet):
    """After work there is rest: nothing that is over keeps it awake."""
    tcpwatch = watch("-w", "300ms")
    client, server = puppet("client"), puppet("server")
    pair = connect_pair(client, server)
    client.close(pair.client_fd)
    tcpwatch.wait_for("leak", socket=pair.server_cookie)
    server.close(pair.server_fd)
    tcpwatch.wait_for("leak_end", socket=pair.server_cookie)
    wait_quiet(tcpwatch)
