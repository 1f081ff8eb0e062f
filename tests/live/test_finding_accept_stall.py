# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""accept-stall (scenario 8): the accept queue of a listener, by what the kernel says of it."""

import os
import socket
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


def by_message(hub, puppet, ns):
    """The listener goes to another process, which is told nothing but the descriptor."""
    giver, taker = puppet("giver", ns), puppet("taker", ns)
    path = os.path.join(os.path.dirname(hub.path), "mailbox")
    taker.mailbox(path)
    listener = giver.listen(backlog=64)
    giver.pass_fd(listener["fd"], path)
    taker.take_fd()
    giver.close(listener["fd"])
    return listener, taker, giver


def by_fork(_hub, puppet, ns):
    opener = puppet("opener", ns)
    listener = opener.listen(backlog=64)
    child = opener.fork("service")
    opener.kill()
    return listener, child, opener


def by_activation(_hub, puppet, ns):
    """systemd keeps the listener of a service that it has started."""
    activator = puppet("systemd", ns)
    listener = activator.listen(backlog=64)
    return listener, activator.fork("service"), activator


@pytest.mark.parametrize("handed_on", [by_message, by_fork, by_activation])
def test_handed_on(watch, network, puppet, hub, handed_on):
    """Whoever holds the listener is named, not whoever called listen(): in findings and leaks."""
    ns = network()
    client = puppet("client", ns)
    tcpwatch = watch("-w", "300ms")
    listener, holder, opener = handed_on(hub, puppet, ns)
    of_holder = watch("-w", "300ms", "-p", holder.pid)
    ends = client.connect_many(listener["port"], 4)
    client.close(ends[0]["fd"])
    for each in (tcpwatch, of_holder):
        leak = each.wait_for("leak", kind="unaccepted", netns=ns.inode)
        finding = each.wait_for("finding", id="accept-stall", netns=ns.inode, timeout=TIMEOUT)
        assert_stall(finding, holder, listener, "warning")
        assert (leak["pid"], leak["comm"]) == (holder.pid, holder.comm)
        each.stop()
    assert not tcpwatch.all("finding", pid=opener.pid) and not tcpwatch.all("leak", pid=opener.pid)


def test_shared_port_of_one_process(watch, network, puppet):
    """SO_REUSEPORT: with -p or -n the queue of the watched process's listener, and no other."""
    ns = network()
    client = puppet("client", ns)
    shared = {"host": "0.0.0.0", "port": 8080, "backlog": 64,
              "options": [(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)]}
    stuck, other, good = puppet("stuck", ns), puppet("other", ns), puppet("good", ns)
    everyone, of_stuck = watch(), watch("-p", stuck.pid)
    by_name, of_good = watch("-n", "stuck"), watch("-p", good.pid)
    for process in (stuck, other, good):
        listener = process.listen(**shared)
        if process is good:
            process.serve(listener["fd"], first="nobody")
    client.connect_many(8080, 40)
    for each in (everyone, of_stuck, by_name):
        finding = each.wait_for("finding", id="accept-stall", netns=ns.inode, pid=stuck.pid,
                                timeout=TIMEOUT)
        assert_stall(finding, stuck, listener, "warning")
    queues = [everyone.wait_for("finding", id="accept-stall", netns=ns.inode, pid=process.pid,
                                timeout=TIMEOUT)["evidence"]["queue"]
              for process in (stuck, other)]
    accepted = good.served_count()
    for each in (everyone, of_stuck, by_name, of_good):
        each.stop()
    assert sum(queues) + accepted == 40
    assert {f["pid"] for f in findings(everyone, ns)} == {stuck.pid, other.pid}
    assert {f["pid"] for f in findings(of_stuck, ns) + findings(by_name, ns)} == {stuck.pid}
    assert not findings(of_good, ns)
