# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""SYN_RECV, half-open connections, LAST_ACK: what the wire did is what is measured (17, 19).

Each lifetime is compared with when packets were sent and handed over by the test's own wire.
"""

import time

import pytest

from check import (MS, SLOW, assert_counts, assert_names, assert_near, assert_within, cause_of,
                   count_of, is_full, lifetime_of)
from netns import FIN, RST, SYN, Poll, Wire, forged
from puppets import connect

SECOND = 1000 * MS
FLOOD = 20


def call(puppet, wire, count=1):
    """A server on the right, and clients on the left that are about to connect."""
    client = puppet("client", wire.netns["left"])
    server = puppet("server", wire.netns["right"])
    listener = server.listen(host=wire.right)
    ends = [client.connect(listener["port"], host=wire.right, blocking=False)
            for _ in range(count)]
    return client, server, listener, ends


def port_of(address):
    return int(address.rsplit(":", 1)[1])


def bounds_of(wire, port):
    """Of SYN_RECV: from the SYN and the first SYN-ACK, to the ACK that came through."""
    syn = wire.all_seen("left", lambda p: p.is_syn() and p.ports[0] == port and p.delivered)[0]
    answer = wire.all_seen("right", lambda p: p.is_syn_ack() and p.ports[1] == port)[0]
    ack = wire.all_seen("left", lambda p: p.bare_ack() and p.ports[0] == port and p.delivered)[0]
    return ack.delivering - answer.seen, ack.delivered - syn.delivering


def test_delayed_final_ack(watch, puppet, wire):
    """200 ms between the SYN-ACK and its ACK are 200 ms of SYN_RECV."""
    tcpwatch = watch("-t")
    wire.hold(lambda packet: packet.bare_ack())
    client, server, listener, ends = call(puppet, wire, 3)
    ports = {port_of(end["local"]) for end in ends}
    for port in ports:
        wire.wait_seen("left", lambda p, port=port: p.bare_ack() and p.ports[0] == port)
    last = wire.all_seen("right", lambda p: p.is_syn_ack())[-1]
    time.sleep(max(0, 0.2 - (time.clock_gettime_ns(time.CLOCK_MONOTONIC) - last.seen) / 1e9))
    wire.release()
    accepted = server.accept_many(listener["fd"], 3)
    for end in accepted:
        tcpwatch.wait_for("transition", to="ESTABLISHED", socket=end["cookie"])
    tcpwatch.stop()
    known = 0
    for end in accepted:
        lifetime = lifetime_of(tcpwatch, end["cookie"], "SYN_RECV>ESTABLISHED")
        if lifetime is None:  # a whole number of ms is what SYN cookies give, and not believed
            continue
        known += 1
        bounds = bounds_of(wire, port_of(end["remote"]))
        print(f"SYN_RECV {lifetime / MS:.3f} ms; by the wire {bounds[0] / MS:.3f} to "
              f"{bounds[1] / MS:.3f} ms")
        assert_within(lifetime, bounds, slack_ns=MS)
        assert_near(lifetime, 200 * MS)
    assert known >= 2
    assert_counts(tcpwatch.process_of(server.pid), SYN_RECV=known)


@pytest.mark.parametrize("again", ["timer", "client"])
def test_repeated_syn_ack(watch, puppet, wire, again):
    """The first SYN-ACK is lost; the next is sent by the server's timer, or for a repeated SYN.

    The whole time counts. Where the kernel does not measure it, it is unknown, never the last bit.
    """
    tcpwatch = watch("-t")
    answers = []

    def lost(packet):
        if packet.is_syn_ack():
            answers.append(packet)
        return packet.is_syn_ack() and len(answers) == 1
    calls = []

    def repeated(packet):
        if packet.is_syn():
            calls.append(packet)
        return packet.is_syn() and len(calls) > 1 and again == "timer"
    wire.drop("right", lost)
    wire.drop("left", repeated)
    client, server, listener, ends = call(puppet, wire)
    end = server.accept(listener["fd"])
    tcpwatch.wait_for("transition", to="ESTABLISHED", socket=end["cookie"])
    tcpwatch.stop()
    assert len(answers) >= 2
    lifetime = lifetime_of(tcpwatch, end["cookie"], "SYN_RECV>ESTABLISHED")
    bounds = bounds_of(wire, port_of(end["remote"]))
    print(f"SYN_RECV {lifetime and lifetime / MS} ms; by the wire {bounds[0] / MS:.3f} to "
          f"{bounds[1] / MS:.3f} ms")
    assert bounds[1] > 900 * MS
    newer = tuple(map(int, tcpwatch.start["kernel"].split(".")[:2])) >= (6, 7)
    if is_full(tcpwatch) or again == "timer" and newer:
        assert_within(lifetime, bounds, slack_ns=5 * MS)
    else:
        assert lifetime is None or bounds[0] - 5 * MS <= lifetime <= bounds[1] + 5 * MS
    assert count_of(tcpwatch.process_of(server.pid), "SYN_RECV") == (lifetime is not None)


def test_syn_cookies(watch, puppet, wire):
    """With cookies the kernel keeps nothing of a SYN: there was no SYN_RECV to measure."""
    wire.netns["right"].sysctl("net.ipv4.tcp_syncookies", 2)
    tcpwatch = watch("-t")
    wire.hold(lambda packet: packet.bare_ack())
    client, server, listener, ends = call(puppet, wire)
    wire.wait_seen("left", lambda p: p.bare_ack())
    time.sleep(0.1)
    wire.release()
    end = server.accept(listener["fd"])
    tcpwatch.wait_for("transition", to="ESTABLISHED", socket=end["cookie"])
    tcpwatch.stop()
    assert lifetime_of(tcpwatch, end["cookie"], "SYN_RECV>ESTABLISHED") is None
    assert_counts(tcpwatch.process_of(server.pid), SYN_RECV=0)


class Flood:
    """SYNs from an address that nobody has: nobody will ever confirm the answers."""

    SOURCE = "10.77.0.66"

    def __init__(self, puppet, wire, comm="victim", retries=1):
        wire.netns["right"].sysctl("net.ipv4.tcp_synack_retries", retries)
        self.wire = wire
        self.poll = Poll(wire.netns["right"])
        self.server = puppet(comm, wire.netns["right"])
        self.listener = self.server.listen(host=wire.right)
        self.syns = []

    def send(self, count):
        for number in range(len(self.syns), len(self.syns) + count):
            syn = forged((self.SOURCE, 20000 + number), (Wire.right, self.listener["port"]), SYN,
                         1000)
            self.wire.deliver("right", syn)
            self.syns.append(syn)

    def remote(self, number):
        return f"{self.SOURCE}:{20000 + number}"

    def answers(self, number):
        return self.wire.all_seen("right", lambda p: p.is_syn_ack() and
                                  p.ports[1] == 20000 + number)

    def wait(self, count):
        self.poll.wait(lambda stays: sum(key[2] == "SYN_RECV" for key in stays) == count)

    def wait_over(self, timeout=60):
        self.poll.wait(lambda stays: all(stay.ended for key, stay in stays.items()
                                         if key[2] == "SYN_RECV"), timeout)

    def stay(self, number):
        return self.poll.stay(self.listener["local"], self.remote(number), "SYN_RECV")

    def records(self, watch, number):
        return watch.all("transition", remote=self.remote(number), local=self.listener["local"])

    def assert_ends(self, watch, number, cause, owner=True):
        """The one record of a half-open connection's end."""
        records = self.records(watch, number)
        if not is_full(watch):
            assert records == []
            return None
        assert len(records) == 1, records
        record = records[0]
        assert (record["from"], record["to"], record["cause"]) == ("SYN_RECV", "CLOSE", cause)
        assert_names(record, self.listener["local"], self.remote(number),
                     netns=self.wire.netns["right"].inode, role="server")
        if owner:
            assert (record["pid"], record["comm"], record["owner"]) == \
                (self.server.pid, self.server.comm, "listener"), record
        assert_within(record["lifetime_ns"], self.stay(number).bounds)
        # From the first SYN-ACK, which was sent between these two.
        answer = self.answers(number)[0]
        assert_within(record["lifetime_ns"], (self.stay(number).ended[0] - answer.seen,
                                              self.stay(number).ended[1] -
                                              self.syns[number].delivering))
        return record


@pytest.fixture
def flood(puppet, wire):
    made = []

    def make(*args, **kwargs):
        made.append(Flood(puppet, wire, *args, **kwargs))
        return made[-1]
    yield make
    for each in made:
        each.poll.close()


def test_syn_flood(watch, flood):
    """Scenario 17: counted while they wait, and each one's end with its true age."""
    victim = flood(retries=2)
    tcpwatch = watch("-t", "-i", "500ms")
    victim.send(FLOOD)
    victim.wait(FLOOD)
    tcpwatch.wait_for("process", lambda r: r["open"] == {"LISTEN": 1, "SYN_RECV": FLOOD},
                      pid=victim.server.pid)
    victim.wait_over()
    over = time.monotonic()
    tcpwatch.wait_for("process", lambda r: r["open"] == {"LISTEN": 1} and r.arrival > over,
                      pid=victim.server.pid)
    tcpwatch.stop()
    records = [victim.assert_ends(tcpwatch, number, "timeout") for number in range(FLOOD)]
    process = tcpwatch.processes()[victim.server.pid]
    if not is_full(tcpwatch):
        assert "SYN_RECV" not in process["states"], process
        return
    lifetimes = [record["lifetime_ns"] for record in records]
    print(f"half-open for {min(lifetimes) / SECOND:.3f} to {max(lifetimes) / SECOND:.3f} s; by the "
          f"table {victim.stay(0).bounds[0] / SECOND:.3f} to "
          f"{victim.stay(0).bounds[1] / SECOND:.3f} s")
    # Two repetitions: after 1 s, and 2 s later; and 4 s after them.
    for lifetime in lifetimes:
        assert_within(lifetime, (7 * SECOND - 10 * MS, 7 * SECOND * 9 / 8 + 50 * MS * SLOW))
    assert process["states"]["SYN_RECV"]["count"] == FLOOD, process
    assert process["states"]["SYN_RECV"]["sum_ns"] == sum(lifetimes)
    assert process["transitions"]["SYN_RECV>CLOSE"] == FLOOD


def test_half_open_at_the_end(watch, flood):
    """Still there when tcpwatch ends: open, no lifetime."""
    victim = flood(retries=3)
    tcpwatch = watch("-t")
    victim.send(5)
    victim.wait(5)
    tcpwatch.stop()
    process = tcpwatch.process_of(victim.server.pid)
    assert process["open"] == {"LISTEN": 1, "SYN_RECV": 5}, process
    assert_counts(process, SYN_RECV=0)
    assert tcpwatch.all("transition", to="SYN_RECV") == []


def test_half_open_that_is_reset(watch, flood, wire):
    """An RST in its place ends it: long before the timer."""
    victim = flood()
    tcpwatch = watch("-t")
    victim.send(1)
    victim.wait(1)
    time.sleep(0.3)
    rst = forged((victim.SOURCE, 20000), (Wire.right, victim.listener["port"]), RST, 1001)
    wire.deliver("right", rst)
    victim.wait_over()
    time.sleep(0.1)
    tcpwatch.stop()
    record = victim.assert_ends(tcpwatch, 0, "reset")
    if record:
        answer = victim.answers(0)[0]
        assert_within(record["lifetime_ns"], (rst.delivering - answer.seen,
                                              rst.delivered - victim.syns[0].delivering))
    assert tcpwatch.process_of(victim.server.pid)["open"] == {"LISTEN": 1}


def test_half_open_whose_listener_closes(watch, flood):
    """The kernel drops them at their next timer, when nobody listens any more."""
    victim = flood(retries=3)
    tcpwatch = watch("-t")
    victim.send(3)
    victim.wait(3)
    victim.server.close(victim.listener["fd"])
    victim.wait_over()
    time.sleep(0.1)
    tcpwatch.stop()
    for number in range(3):
        record = victim.assert_ends(tcpwatch, number, "listener_closed", owner=False)
        if record:
            assert record["pid"] in (victim.server.pid, None), record
            assert record["lifetime_ns"] < 15 * SECOND, "the last repetition was waited for"
    assert tcpwatch.process_of(victim.server.pid)["open"] == {}


def test_half_open_older_than_tcpwatch(watch, flood):
    """The kernel keeps their age."""
    victim = flood(retries=3)
    victim.send(3)
    victim.wait(3)
    tcpwatch = watch("-t", "-i", "500ms")
    first = tcpwatch.wait_for("process", pid=victim.server.pid)
    assert first["open"] == {"LISTEN": 1, "SYN_RECV": 3}, first
    victim.wait_over()
    time.sleep(0.1)
    tcpwatch.stop()
    for number in range(3):
        victim.assert_ends(tcpwatch, number, "timeout")
    assert tcpwatch.processes()[victim.server.pid]["open"] == {"LISTEN": 1}


def test_flood_at_one_of_two_listeners(watch, flood, puppet, wire):
    """Each listener's process has its own."""
    victim, other = flood("victim"), puppet("other", wire.netns["right"])
    spared = other.listen(host=wire.right)
    tcpwatch = watch("-t", "-p", f"{victim.server.pid},{other.pid}")
    victim.send(5)
    wire.deliver("right", forged((Flood.SOURCE, 30000), (Wire.right, spared["port"]), SYN, 1))
    victim.wait(6)
    victim.wait_over()
    time.sleep(0.1)
    tcpwatch.stop()
    for process, count in ((victim.server, 5), (other, 1)):
        assert count_of(tcpwatch.process_of(process.pid), "SYN_RECV") == count * is_full(tcpwatch)
        assert len(tcpwatch.all("transition", pid=process.pid)) == count * is_full(tcpwatch)


def test_final_ack_lost_for_good(watch, puppet, wire):
    """Scenario 19: retransmissions give up; LAST_ACK was as long as they took."""
    tcpwatch = watch("-t")
    wire.netns["right"].sysctl("net.ipv4.tcp_orphan_retries", 2)
    client = puppet("client", wire.netns["left"])
    server = puppet("server", wire.netns["right"])
    pair = connect(client, server, server.listen(host=wire.right), host=wire.right)
    client.shutdown(pair.client_fd)
    tcpwatch.wait_for("transition", socket=pair.server_cookie, to="CLOSE_WAIT")
    time.sleep(0.12)
    with Poll(wire.netns["right"]) as poll:
        wire.drop("left", lambda packet: True)
        closing = server.timed("close", pair.server_fd)
        tcpwatch.wait_closed(pair.server_cookie)
        poll.wait(lambda stays: all(stay.ended for key, stay in stays.items()
                                    if key[2] == "LAST_ACK"))
        stay = poll.stay(pair.server_end["local"], pair.server_end["remote"], "LAST_ACK")
    tcpwatch.stop()
    fins = wire.all_seen("right", lambda p: p.flags & FIN)
    assert len(fins) >= 2, "not repeated"
    lifetime = lifetime_of(tcpwatch, pair.server_cookie, "LAST_ACK>CLOSE")
    print(f"LAST_ACK {lifetime / SECOND:.3f} s, {len(fins)} FINs; by the table "
          f"{stay.bounds[0] / SECOND:.3f} to {stay.bounds[1] / SECOND:.3f} s")
    assert_within(lifetime, stay.bounds)
    assert lifetime >= fins[-1].seen - closing.after
    assert cause_of(tcpwatch, pair.server_cookie) == "timeout"
    process = tcpwatch.process_of(server.pid)
    assert process["states"]["LAST_ACK"]["sum_ns"] == lifetime, process
