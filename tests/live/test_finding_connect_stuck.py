# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""connect-stuck (scenario 15): SYNs that a wire drops; 16, refused, is an answer."""

import time

import pytest

from check import SLOW, is_full

pytestmark = pytest.mark.long

TIMEOUT = 120 * SLOW


def syns_of(wire, ends):
    ports = {int(end["local"].rsplit(":", 1)[1]) for end in ends}
    return len(wire.all_seen("left", lambda p: p.is_syn() and p.ports[0] in ports))


def assert_opened(finding, process, wire, port):
    assert (finding["pid"], finding["comm"]) == (process.pid, process.comm)
    assert finding["subject"] == f"{wire.right}:{port}"
    assert finding["status"] == "open"


def call(process, wire, port, count=1):
    return [process.connect(port, host=wire.right, blocking=False) for _ in range(count)]


def test_unreachable(watch, wire, puppet):
    """Five that wait, one that waits, and one process that tries again and again."""
    many, one, again = (puppet(name, wire.netns["left"]) for name in ("many", "one", "again"))
    tcpwatch = watch()
    wire.cut()
    before = time.monotonic()
    ends = call(many, wire, 7000, 5)
    called = time.monotonic()
    call(one, wire, 7001)
    for _ in range(3):
        end = call(again, wire, 7002)[0]
        time.sleep(1.3)
        again.close(end["fd"])

    finding = tcpwatch.wait_for("finding", id="connect-stuck", pid=many.pid, timeout=TIMEOUT)
    repeated = syns_of(wire, ends) - len(ends)
    assert_opened(finding, many, wire, 7000)
    assert finding["severity"] == "warning"
    evidence = finding["evidence"]
    assert evidence["count"] == 5
    # A SYN that went out while the finding was told may or may not be in it.
    assert 5 <= evidence["retransmits"] <= repeated
    assert 4 <= evidence["oldest_ns"] / 1e9 <= finding.arrival - before
    assert "gave_up" not in evidence

    finding = tcpwatch.wait_for("finding", id="connect-stuck", pid=again.pid, timeout=TIMEOUT)
    assert_opened(finding, again, wire, 7002)
    assert finding["severity"] == "info"
    assert finding["evidence"] == {"count": 3, "waiting": 0, "gave_up": 3}

    finding = tcpwatch.wait_for("finding", id="connect-stuck", pid=one.pid, timeout=TIMEOUT)
    assert_opened(finding, one, wire, 7001)
    assert finding["severity"] == "info"
    assert finding["evidence"]["count"] == 1
    assert 10 <= finding["evidence"]["oldest_ns"] / 1e9 <= finding.arrival - called + 1
    tcpwatch.stop()
    print(f"mode full: {is_full(tcpwatch)}; {finding['evidence']}")
    assert {r["id"] for r in tcpwatch.all("finding", netns=wire.netns["left"].inode)} == \
        {"connect-stuck"}


def test_answers_and_short_tries(watch, wire, puppet):
    """The healthy twin: refused, answered late, and closed soon for another address."""
    client = puppet("client", wire.netns["left"])
    server = puppet("server", wire.netns["right"])
    tcpwatch = watch()
    nobody = server.listen(host=wire.right)
    server.close(nobody["fd"])
    listener = server.listen(host=wire.right)
    for _ in range(10):
        assert client.connect_fails(nobody["port"], host=wire.right)["errno"] == "ECONNREFUSED"
    wire.hold(lambda p: p.is_syn_ack())
    ends = call(client, wire, listener["port"], 10)
    time.sleep(1.5)
    wire.release()
    for end in ends:
        assert client.writable(end["fd"]) == 0
    server.accept_many(listener["fd"], len(ends))
    wire.cut()
    for _ in range(10):
        client.connect_briefly(listener["port"], wire.right, 0.3)
    wire.heal()
    time.sleep(5)
    tcpwatch.stop()
    assert not tcpwatch.all("finding", lambda r: r["pid"] in (client.pid, server.pid))
