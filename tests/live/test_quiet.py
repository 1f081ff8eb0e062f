# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Where nothing happens, tcpwatch sleeps until something does; then it is there at once."""

import time

import pytest

from check import SLOW
from puppets import connect_pair
from runner import PATIENCE, monotonic_of

pytestmark = pytest.mark.alone

AWAKE = 10  # turns in a second while records come; at rest there are one or two


def turns(tcpwatch):
    with open(f"/proc/{tcpwatch.process.pid}/status", encoding="utf-8") as file:
        return int(dict(line.split(":", 1) for line in file)["voluntary_ctxt_switches"])


def wait_quiet(tcpwatch):
    """Until there was a second with few turns: others on this host may have connections now."""
    deadline, seen = time.monotonic() + PATIENCE, []
    while not seen or not 0 < seen[-1] < AWAKE / 2:
        assert time.monotonic() < deadline, seen
        before, began = turns(tcpwatch), time.monotonic()
        time.sleep(1)
        seen.append((turns(tcpwatch) - before) / (time.monotonic() - began))


@pytest.mark.parametrize("options", [(), ("-t",), ("-s", "-t")], ids=["", "trace", "stacks"])
def test_the_first_record_wakes(watch, puppet, options):
    tcpwatch = watch(*options, "-w", "300ms")
    client, server = puppet("client"), puppet("server")
    wait_quiet(tcpwatch)
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
        wait_quiet(tcpwatch)


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
