# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""dead-peer (scenario 22): a cut wire, with and without data on it, keepalive off and on."""

import socket
import time

import pytest

import runner
from check import SLOW, cause_of
from puppets import connect

pytestmark = pytest.mark.long

TIMEOUT = 120 * SLOW
IDLE, INTERVAL, COUNT = 3, 1, 3
KEEPALIVE = [[socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1],
             [socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, IDLE],
             [socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, INTERVAL],
             [socket.IPPROTO_TCP, socket.TCP_KEEPCNT, COUNT]]


class Pairs:
    """One connection for each case; a process of its own at the end that is asked about."""

    def __init__(self, puppet, wire):
        self.puppet, self.wire = puppet, wire
        self.client = puppet("peers", wire.netns["left"])
        self.server = puppet("peers", wire.netns["right"])

    def client_of(self, name, options=()):
        client = self.puppet(name, self.wire.netns["left"])
        return connect(client, self.server, self.server.listen(host=self.wire.right),
                       host=self.wire.right, options=options)

    def findings(self, tcpwatch):
        """Of these processes, and those of no process in these namespaces."""
        inodes = [ns.inode for ns in self.wire.netns.values()]
        return tcpwatch.all("finding", lambda r: r["netns"] in inodes or
                            r["pid"] in [each.pid for each in self.puppet.__self__.puppets])

    def server_of(self, name):
        server = self.puppet(name, self.wire.netns["right"])
        return connect(self.client, server, server.listen(host=self.wire.right),
                       host=self.wire.right)


def talk(pair):
    """Data each way, so that the connection is a used one."""
    pair.client.send(pair.client_fd, 100)
    pair.server.recv(pair.server_fd)
    pair.server.send(pair.server_fd, 100)
    pair.client.recv(pair.client_fd)


def wait_acknowledged(pair):
    """Nothing of this is still on its way, not even a delayed acknowledgement."""
    deadline = time.monotonic() + runner.PATIENCE
    while (pair.client.unacknowledged(pair.client_fd) or
           pair.server.unacknowledged(pair.server_fd)):
        assert time.monotonic() < deadline, "not acknowledged"
        time.sleep(0.02)


def sent_by(wire, side, pair):
    ports = tuple(int(pair.client_end[end].rsplit(":", 1)[1]) for end in ("local", "remote"))
    return len(wire.all_seen(side, lambda p: p.payload == 1000 and
                             p.ports == (ports if side == "left" else ports[::-1])))


def assert_dead(finding, pair, process, before, repeated):
    assert finding["id"] == "dead-peer" and finding["status"] == "open"
    assert (finding["pid"], finding["comm"]) == (process.pid, process.comm)
    evidence = finding["evidence"]
    assert evidence["count"] == 1 and evidence["unacknowledged_bytes"] == 1000
    # The first timeout doubles nothing; a tail loss probe may have gone before it.
    assert 4 <= evidence["backoff"] <= repeated - 1
    assert 5 <= evidence["silent_for_ns"] / 1e9 <= finding.arrival - before + 0.1


def test_cut(watch, wire, puppet):
    pairs = Pairs(puppet, wire)
    plain = pairs.client_of("plain")  # older than tcpwatch
    tcpwatch = watch("-t")
    kept, idle = (pairs.client_of(name, KEEPALIVE) for name in ("kept", "idle"))
    still, served = pairs.client_of("still"), pairs.server_of("served")
    for pair in (plain, kept, idle, still, served):
        talk(pair)
    time.sleep(0.1)
    before = time.monotonic()
    for pair in (plain, kept, idle, still, served):
        talk(pair)
    for pair in (plain, kept, idle, still, served):
        wait_acknowledged(pair)
    wire.cut()
    cut = time.monotonic()
    plain.client.send(plain.client_fd, 1000)
    kept.client.send(kept.client_fd, 1000)
    served.server.send(served.server_fd, 1000)

    for pair, keepalive in ((plain, False), (kept, True)):
        finding = tcpwatch.wait_for("finding", pid=pair.client.pid, timeout=TIMEOUT)
        repeated = sent_by(wire, "left", pair) - 1
        assert_dead(finding, pair, pair.client, before, repeated)
        assert finding["subject"] == pair.client_end["remote"]
        assert finding["severity"] == "warning"
        assert finding["evidence"]["keepalive"] is keepalive
    finding = tcpwatch.wait_for("finding", pid=served.server.pid, timeout=TIMEOUT)
    print(finding)
    assert_dead(finding, served, served.server, before, sent_by(wire, "right", served) - 1)
    assert finding["subject"] == wire.left
    assert finding["severity"] == "info"

    # Nobody waits for it to answer: no finding, but its end, by keepalive.
    end = tcpwatch.wait_for("transition", socket=idle.client_cookie, to="CLOSE", timeout=TIMEOUT)
    assert cause_of(tcpwatch, idle.client_cookie) == "timeout"
    assert end["from"] == "ESTABLISHED"
    limit = IDLE + COUNT * INTERVAL
    ended = runner.monotonic_of(end["time"])
    assert limit - 0.5 <= ended - before
    assert ended - cut <= limit * 1.25 + SLOW
    tcpwatch.stop()
    told = pairs.findings(tcpwatch)
    assert {r["pid"] for r in told} == {plain.client.pid, kept.client.pid, served.server.pid}
    assert {r["id"] for r in told} == {"dead-peer"}


def test_lost_and_late(watch, wire, puppet):
    """The healthy twin: the same traffic, lost or late for a second, again and again."""
    pairs = Pairs(puppet, wire)
    plain, kept = pairs.client_of("plain"), pairs.client_of("kept", KEEPALIVE)
    served = pairs.server_of("served")
    tcpwatch = watch()
    all_pairs = (plain, kept, served)
    for trouble in ("cut", "hold", "cut", "hold"):
        for pair in all_pairs:
            talk(pair)
        getattr(wire, trouble)()
        plain.client.send(plain.client_fd, 1000)
        kept.client.send(kept.client_fd, 1000)
        served.server.send(served.server_fd, 1000)
        time.sleep(1)
        wire.release()
        wire.heal()
        for end, fd in ((plain.server, plain.server_fd), (kept.server, kept.server_fd),
                        (served.client, served.client_fd)):
            end.readable(fd)
            assert end.recv(fd) == 1000
    assert sent_by(wire, "left", plain) > 4, "nothing was sent again"
    time.sleep(6)
    tcpwatch.stop()
    assert not pairs.findings(tcpwatch), pairs.findings(tcpwatch)
