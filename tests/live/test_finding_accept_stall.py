# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""accept-stall (scenario 8): the accept queue of a listener, by what the kernel says of it."""

import time

import pytest

from check import SLOW
from puppets import connect

pytestmark = pytest.mark.long

TIMEOUT = 120 * SLOW


def findings(tcpwatch, ns):
    return tcpwatch.all("finding", netns=ns.inode)


def assert_stall(finding, server, listener, severity):
    assert (finding["id"], finding["status"]) == ("accept-stall", "open")
    assert finding["severity"] == severity, finding
    assert (finding["pid"], finding["comm"]) == (server.pid, server.comm)
    assert finding["subject"] == listener["local"]


def test_nobody_accepts(watch, network, puppet):
    """Five wait; two of their peers gave up."""
    ns = network()
    client, server = puppet("client", ns), puppet("hung", ns)
    tcpwatch = watch()
    listener = server.listen(backlog=64)
    before = time.monotonic()
    ends = client.connect_many(listener["port"], 5)
    client.close_many([end["fd"] for end in ends[:2]])
    finding = tcpwatch.wait_for("finding", id="accept-stall", netns=ns.inode, timeout=TIMEOUT)
    waited = time.monotonic() - before
    tcpwatch.stop()
    assert_stall(finding, server, listener, "warning")
    evidence = finding["evidence"]
    assert (evidence["queue"], evidence["limit"], evidence["full"]) == (5, 64, False)
    assert 5 <= evidence["oldest_ns"] / 1e9 <= waited
    assert evidence["peers_gave_up"] == 2
    assert "does not accept" in finding["says"]
    assert len(findings(tcpwatch, ns)) == 1


def test_full(watch, network, puppet):
    """A backlog of 3 holds 4; who else comes is dropped."""
    ns = network()
    client, server = puppet("client", ns), puppet("hung", ns)
    tcpwatch = watch()
    listener = server.listen(backlog=3)
    client.connect_many(listener["port"], 4)
    client.connect(listener["port"], blocking=False)
    finding = tcpwatch.wait_for("finding", netns=ns.inode, id="accept-stall", severity="critical",
                                timeout=TIMEOUT)
    tcpwatch.stop()
    evidence = finding["evidence"]
    assert finding["pid"] == server.pid and finding["subject"] == listener["local"]
    assert (evidence["queue"], evidence["limit"], evidence["full"]) == (4, 3, True)
    assert evidence["somaxconn"] == int(ns.run("sysctl", "-n", "net.core.somaxconn"))
    assert "is full" in finding["says"] and "does not call accept()" in finding["advice"]


def test_idle_and_busy(watch, network, puppet):
    """The healthy twin: connections that idle after accept(), short ones, and bursts."""
    ns = network()
    client, server = puppet("client", ns), puppet("server", ns)
    tcpwatch = watch()
    listener, busy = server.listen(backlog=16), server.listen(backlog=16)
    idle = [connect(client, server, listener) for _ in range(20)]
    server.serve(busy["fd"])
    end = time.monotonic() + 9
    while time.monotonic() < end:
        client.visit(busy["port"], 20)
        burst = client.connect_many(listener["port"], 10)
        time.sleep(0.3)
        accepted = server.accept_many(listener["fd"], 10)
        client.close_many([one["fd"] for one in burst])
        server.close_many([one["fd"] for one in accepted])
    assert len(idle) == 20
    tcpwatch.stop()
    assert not findings(tcpwatch, ns), findings(tcpwatch, ns)
    assert not tcpwatch.all("finding", lambda r: r["pid"] in (client.pid, server.pid))
