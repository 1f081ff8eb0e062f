# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""syn-flood (scenario 17): SYNs with addresses that nobody has, from the test's own wire."""

import socket
import time

import pytest

from check import SLOW
from netns import SYN, forged, table_states
from runner import monotonic_of

pytestmark = pytest.mark.long

TCP_DEFER_ACCEPT = 9

TIMEOUT = 120 * SLOW
# More than the flood sends: where the queue is full, there are cookies, not half-open connections.
BACKLOG = 4096


class Flood:
    """Begins half-open connections."""

    def __init__(self, wire, listener):
        self.wire, self.listener, self.packets = wire, listener, []

    @property
    def sent(self):
        return len(self.packets)

    def send(self, count, addresses):
        for number in range(self.sent, self.sent + count):
            source = f"10.77.0.{10 + number % addresses}"
            packet = forged((source, 20000 + number), (self.wire.right, self.listener["port"]),
                            SYN, 1000)
            self.wire.deliver("right", packet)
            self.packets.append(packet)

    def sent_within(self, finding, youngest, oldest):
        """Those with an age between these (seconds) when the kernel was asked for the finding:
        after its `time`, before it arrived."""
        begin, end = monotonic_of(finding["time"]), finding.arrival
        return [packet for packet in self.packets if begin - packet.delivered / 1e9 > youngest
                and end - packet.delivering / 1e9 < oldest]


def found(tcpwatch, wire):
    return tcpwatch.all("finding", netns=wire.netns["right"].inode)


@pytest.mark.parametrize("addresses, cookies", [(200, 1), (1, 0)])
def test_flood(watch, wire, puppet, addresses, cookies):
    """From many addresses; and from one, without cookies, until the queue is full."""
    server = puppet("victim", wire.netns["right"])
    wire.netns["right"].sysctl("net.ipv4.tcp_syncookies", cookies)
    wire.netns["right"].sysctl("net.ipv4.tcp_max_syn_backlog", 128)
    listener = server.listen(host=wire.right, backlog=BACKLOG)
    tcpwatch = watch()
    flood = Flood(wire, listener)
    before = time.monotonic()
    flood.send(96, addresses)
    while not found(tcpwatch, wire):
        assert time.monotonic() < before + TIMEOUT, "no finding"
        time.sleep(0.25)
        flood.send(10, addresses)
    tcpwatch.stop()
    finding = found(tcpwatch, wire)[0]
    print(finding)
    assert len(found(tcpwatch, wire)) == 1
    assert (finding["id"], finding["status"]) == ("syn-flood", "open")
    assert (finding["pid"], finding["comm"]) == (server.pid, server.comm)
    assert finding["subject"] == listener["local"]
    evidence = finding["evidence"]
    assert 32 <= evidence["count"] <= flood.sent
    assert 2 <= evidence["oldest_ns"] / 1e9 <= finding.arrival - before
    assert evidence["limit"] == BACKLOG
    answers = wire.all_seen("right", lambda p: p.is_syn_ack())
    assert 0 <= evidence["synack_retransmits_per_second"] <= len(answers)
    # The kernel sends them again after 1, 2, 4 and 8 s: a late finding may come in between.
    ago = [finding.arrival - packet.seen / 1e9 for packet in answers]
    # What a machine without a processor for them takes later than it was sent tells nothing.
    if finding.waited < 0.5 and any(1.5 < seconds < 4.5 for seconds in ago):
        assert evidence["synack_retransmits_per_second"] > 0
    assert evidence["one_address"] == (addresses == 1)
    if cookies:
        assert finding["severity"] == "warning"
        assert evidence["syncookies"] == "when the queue is full"
        # It counts those that are 1 to 3 s old; a busy machine may have held up the flood.
        assert evidence["rate_per_second"] <= flood.sent
        if flood.sent_within(finding, 1.1, 2.9):
            assert evidence["rate_per_second"] > 0
        assert "max_syn_backlog" not in evidence
    else:  # three quarters of the backlog, and no more get in
        assert finding["severity"] == "critical"
        assert evidence["syncookies"] == "off"
        assert evidence["max_syn_backlog"] == 128
        assert 96 <= evidence["count"] <= 97
        assert "one address" in finding["advice"]


def test_late_and_many(watch, wire, puppet):
    """The healthy twin: as many whose last ACK is late, twice, and bursts that complete."""
    client, server = puppet("client", wire.netns["left"]), puppet("server", wire.netns["right"])
    listener = server.listen(host=wire.right, backlog=256)
    tcpwatch = watch()
    for _ in range(2):
        wire.hold(lambda packet: packet.bare_ack())
        late = client.connect_burst(listener["port"], 96, wire.right)
        time.sleep(1.3)
        wire.release()
        server.accept_many(listener["fd"], len(late))
    for _ in range(6):
        burst = [client.connect(listener["port"], host=wire.right) for _ in range(50)]
        server.accept_many(listener["fd"], len(burst))
        time.sleep(0.5)
    assert len(wire.all_seen("right", lambda p: p.is_syn_ack())) > 192 + 300, "none was repeated"
    time.sleep(3)
    tcpwatch.stop()
    assert not found(tcpwatch, wire), found(tcpwatch, wire)
    assert not tcpwatch.all("finding", lambda r: r["pid"] in (client.pid, server.pid))


def deferred(server, seconds, **options):
    """A listener whose kernel keeps each connection until its first data comes."""
    listener = server.listen(**options)
    server.option(listener["fd"], socket.IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds)
    return listener


def test_silent_clients(watch, network, puppet):
    """The healthy twin: clients that connect and send nothing, of a server with TCP_DEFER_ACCEPT.
    Their handshakes are complete; at the end of the deferral the kernel repeats its SYN-ACK."""
    ns = network()
    client, server = puppet("silent", ns), puppet("deferring", ns)
    listener = deferred(server, 7)
    server.serve(listener["fd"], "nobody")
    tcpwatch = watch("-t")
    began, waiting, piled = time.monotonic(), 0, None
    # It takes 4 s of a pile to be a flood; they pile up as long as this test sends.
    while not piled or time.monotonic() < piled + 15:
        assert time.monotonic() < began + TIMEOUT, f"{waiting} wait"
        client.connect_many(listener["port"], 5)
        time.sleep(0.25)
        waiting = ns.call(table_states)["SYN_RECV"]
        if waiting >= 60:
            piled = piled or time.monotonic()
    tcpwatch.stop()
    opened = tcpwatch.all("transition", to="ESTABLISHED", pid=server.pid, role="server")
    assert len(opened) > 60, "the deferral never ended"
    assert not tcpwatch.all("finding", netns=ns.inode), tcpwatch.all("finding", netns=ns.inode)


def test_flood_beside_silent_clients(watch, wire, puppet):
    """Those that were acknowledged are none of the flood."""
    client, server = puppet("silent", wire.netns["left"]), puppet("victim", wire.netns["right"])
    listener = deferred(server, 600, host=wire.right, backlog=BACKLOG)
    silent = 50
    client.connect_burst(listener["port"], silent, wire.right)
    wire.wait_seen("left", lambda p: p.bare_ack() and
                   len(wire.all_seen("left", lambda q: q.bare_ack())) >= silent)
    tcpwatch = watch()
    flood = Flood(wire, listener)
    before = time.monotonic()
    flood.send(96, 1)
    while not found(tcpwatch, wire):
        assert time.monotonic() < before + TIMEOUT, "no finding"
        time.sleep(0.25)
        flood.send(10, 1)
    tcpwatch.stop()
    finding, = found(tcpwatch, wire)
    evidence = finding["evidence"]
    assert (finding["id"], finding["pid"]) == ("syn-flood", server.pid)
    assert evidence["acknowledged"] == silent
    assert 32 <= evidence["count"] <= flood.sent
    assert evidence["one_address"] is True, "the others are not of the flood"
    assert evidence["oldest_ns"] / 1e9 <= finding.arrival - before
