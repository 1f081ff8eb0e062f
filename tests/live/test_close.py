# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Ways to open and close: each end's transitions, lifetimes and owner (scenarios 1 to 5, 19)."""

import socket
import time

import pytest

from check import (FAMILIES, MS, STALL_NS, assert_between, assert_counts, assert_names, assert_time_wait,
                   cause_of, into_time_wait, is_full, lifetime_of, own_netns)
from netns import FIN
from puppets import PuppetError, connect, connect_pair

CLIENT_OPENS = ["CLOSE>SYN_SENT", "SYN_SENT>ESTABLISHED"]
SERVER_OPENS = ["SYN_RECV>ESTABLISHED"]
PASSIVE = ["ESTABLISHED>CLOSE_WAIT", "CLOSE_WAIT>LAST_ACK", "LAST_ACK>CLOSE"]


def active(watch):
    return ["ESTABLISHED>FIN_WAIT1", "FIN_WAIT1>FIN_WAIT2", into_time_wait(watch, "FIN_WAIT2")]


def assert_all_names(watch, cookie, end, family, role):
    """Every record of the socket names it right; the port is unknown before connect() chose it."""
    for record in watch.transitions(cookie):
        if record["from"] == "CLOSE":
            assert record["remote"] == end["remote"] and record["netns"] == own_netns()
            continue
        assert_names(record, end["local"], end["remote"], family, role=role)


@pytest.mark.parametrize("family", FAMILIES)
def test_client_closes_first(watch, puppet, family):
    """Scenario 1. Half-closing keeps FIN_WAIT2 in the client's hands, so that it can be timed."""
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("server")
    pair = connect_pair(client, server, family)
    time.sleep(0.5)
    fin = client.timed("shutdown", pair.client_fd)
    tcpwatch.wait_for("transition", socket=pair.client_cookie, to="FIN_WAIT2")
    last = server.timed("close", pair.server_fd)
    tcpwatch.wait_closed(pair.client_cookie, pair.server_cookie)
    client.close(pair.client_fd)
    tcpwatch.stop()

    assert tcpwatch.path(pair.client_cookie) == CLIENT_OPENS + active(tcpwatch)
    assert tcpwatch.path(pair.server_cookie) == SERVER_OPENS + PASSIVE
    assert_all_names(tcpwatch, pair.client_cookie, pair.client_end, family, "client")
    assert_all_names(tcpwatch, pair.server_cookie, pair.server_end, family, "server")
    assert cause_of(tcpwatch, pair.server_cookie) == "fin"

    established = lifetime_of(tcpwatch, pair.client_cookie, "ESTABLISHED>FIN_WAIT1")
    assert_between(established, pair.opening, fin)
    assert abs(established - 500 * MS) < 20 * MS + (fin.after - pair.opening.before - 500 * MS)
    assert_between(lifetime_of(tcpwatch, pair.server_cookie, "ESTABLISHED>CLOSE_WAIT"),
                   pair.opening, fin)
    assert_between(lifetime_of(tcpwatch, pair.server_cookie, "CLOSE_WAIT>LAST_ACK"), fin, last)
    # FIN_WAIT2 began when the delayed ACK came.
    fin_wait2 = assert_time_wait(tcpwatch, pair.client_cookie, "FIN_WAIT2")["lifetime_ns"]
    assert 0 < fin_wait2 <= last.after - fin.before + STALL_NS

    # Each end in its own process, and nothing else there.
    of_client, of_server = tcpwatch.process_of(client.pid), tcpwatch.process_of(server.pid)
    assert of_client["comm"] == "client" and of_server["comm"] == "server"
    assert_counts(of_client, SYN_SENT=1, ESTABLISHED=1, FIN_WAIT1=1, FIN_WAIT2=1,
                  CLOSE_WAIT=0, LAST_ACK=0)
    assert_counts(of_server, ESTABLISHED=1, CLOSE_WAIT=1, LAST_ACK=1, SYN_SENT=0, FIN_WAIT1=0)
    assert of_client["states"]["ESTABLISHED"]["sum_ns"] == established
    assert all(of_client["transitions"][change] == 1
               for change in CLIENT_OPENS + active(tcpwatch))
    assert all(of_server["transitions"][change] == 1 for change in PASSIVE)


def test_owner_is_known_as_it_should_be(watch, puppet):
    """The connecting process at once; the accepting one no later than its close()."""
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("server")
    pair = connect_pair(client, server)
    client.close(pair.client_fd)
    tcpwatch.wait_for("transition", socket=pair.client_cookie, to="FIN_WAIT2")
    server.close(pair.server_fd)
    tcpwatch.wait_closed(pair.server_cookie)
    tcpwatch.stop()
    for record in tcpwatch.transitions(pair.client_cookie):
        assert (record["pid"], record["comm"], record["owner"]) == \
            (client.pid, "client", "connect"), record
    accepted = "accept" if is_full(tcpwatch) else "close"
    for record in tcpwatch.transitions(pair.server_cookie):
        if record["to"] in ("LAST_ACK", "CLOSE"):
            assert (record["pid"], record["comm"]) == (server.pid, "server"), record
            assert record["owner"] == accepted, record
        elif record["to"] == "CLOSE_WAIT" and is_full(tcpwatch):
            assert (record["pid"], record["owner"]) == (server.pid, "accept"), record
        else:
            assert record["pid"] in (server.pid, None), record
            assert record["owner"] in ("listener", "unknown", "snapshot"), record


def test_close_hands_fin_wait2_to_the_kernel(watch, puppet):
    """After close() FIN_WAIT2 lives on without its socket: measured or unknown, never short."""
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("server")
    pair = connect_pair(client, server)
    fin = client.timed("close", pair.client_fd)
    tcpwatch.wait_for("transition", socket=pair.client_cookie, to="FIN_WAIT2")
    time.sleep(0.3)
    last = server.timed("close", pair.server_fd)
    tcpwatch.wait_closed(pair.client_cookie, pair.server_cookie)
    tcpwatch.stop()
    assert tcpwatch.path(pair.client_cookie) == CLIENT_OPENS + active(tcpwatch)
    assert tcpwatch.path(pair.server_cookie) == SERVER_OPENS + PASSIVE
    fin_wait2 = lifetime_of(tcpwatch, pair.client_cookie, into_time_wait(tcpwatch, "FIN_WAIT2"))
    process = tcpwatch.process_of(client.pid)
    if is_full(tcpwatch):
        assert 300 * MS <= fin_wait2 <= last.after - fin.before + STALL_NS
        assert process["states"]["FIN_WAIT2"]["sum_ns"] == fin_wait2, process
    else:
        assert fin_wait2 is None and cause_of(tcpwatch, pair.client_cookie) == "orphan"
        assert "FIN_WAIT2" not in process["states"], process
    assert process["open"] == {"TIME_WAIT": 1}, process
    assert_between(lifetime_of(tcpwatch, pair.server_cookie, "CLOSE_WAIT>LAST_ACK"), fin, last)


@pytest.mark.parametrize("family", FAMILIES)
def test_server_closes_first(watch, puppet, family):
    """Scenario 2: short HTTP connections leave TIME_WAIT with the server."""
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("server")
    pair = connect_pair(client, server, family)
    time.sleep(0.2)
    fin = server.timed("shutdown", pair.server_fd)
    tcpwatch.wait_for("transition", socket=pair.server_cookie, to="FIN_WAIT2")
    last = client.timed("close", pair.client_fd)
    tcpwatch.wait_closed(pair.client_cookie, pair.server_cookie)
    server.close(pair.server_fd)
    tcpwatch.stop()
    assert tcpwatch.path(pair.client_cookie) == CLIENT_OPENS + PASSIVE
    assert tcpwatch.path(pair.server_cookie) == SERVER_OPENS + active(tcpwatch)
    assert_all_names(tcpwatch, pair.client_cookie, pair.client_end, family, "client")
    assert_all_names(tcpwatch, pair.server_cookie, pair.server_end, family, "server")
    assert cause_of(tcpwatch, pair.client_cookie) == "fin"
    assert_time_wait(tcpwatch, pair.server_cookie, "FIN_WAIT2")
    assert_between(lifetime_of(tcpwatch, pair.server_cookie, "ESTABLISHED>FIN_WAIT1"),
                   pair.opening, fin)
    assert_between(lifetime_of(tcpwatch, pair.client_cookie, "ESTABLISHED>CLOSE_WAIT"),
                   pair.opening, fin)
    assert_between(lifetime_of(tcpwatch, pair.client_cookie, "CLOSE_WAIT>LAST_ACK"), fin, last)
    assert_counts(tcpwatch.process_of(server.pid), ESTABLISHED=1, FIN_WAIT1=1, FIN_WAIT2=1,
                  CLOSE_WAIT=0)
    assert_counts(tcpwatch.process_of(client.pid), SYN_SENT=1, ESTABLISHED=1, CLOSE_WAIT=1,
                  LAST_ACK=1, FIN_WAIT1=0)


def wired_pair(puppet, wire):
    """A connection over the wire, server on the right."""
    client = puppet("client", wire.netns["left"])
    server = puppet("server", wire.netns["right"])
    listener = server.listen(host=wire.right)
    return connect(client, server, listener, host=wire.right)


def test_three_segment_close(watch, puppet, wire):
    """Scenario 3: FIN and ACK come as one segment; there never was a FIN_WAIT2."""
    tcpwatch = watch("-t")
    pair = wired_pair(puppet, wire)
    wire.drop("right", lambda packet: packet.bare_ack())
    fin = pair.client.timed("shutdown", pair.client_fd)
    pair.server.readable(pair.server_fd)
    time.sleep(0.1)
    last = pair.server.timed("close", pair.server_fd)
    tcpwatch.wait_closed(pair.client_cookie, pair.server_cookie)
    tcpwatch.stop()
    assert tcpwatch.path(pair.client_cookie) == \
        CLIENT_OPENS + ["ESTABLISHED>FIN_WAIT1", into_time_wait(tcpwatch, "FIN_WAIT1")]
    fin_wait1 = assert_time_wait(tcpwatch, pair.client_cookie, "FIN_WAIT1")["lifetime_ns"]
    assert last.before - fin.after <= fin_wait1
    assert_counts(tcpwatch.process_of(pair.client.pid), FIN_WAIT1=1, FIN_WAIT2=0)


def test_simultaneous_close(watch, puppet, wire):
    """Scenario 4: both FINs are on the way before either arrives: CLOSING on both sides."""
    tcpwatch = watch("-t")
    pair = wired_pair(puppet, wire)
    wire.hold()
    pair.client.close(pair.client_fd)
    pair.server.close(pair.server_fd)
    for side in ("left", "right"):
        wire.wait_seen(side, lambda packet: packet.flags & FIN)
    wire.release()
    tcpwatch.wait_closed(pair.client_cookie, pair.server_cookie)
    tcpwatch.stop()
    closing = ["ESTABLISHED>FIN_WAIT1", "FIN_WAIT1>CLOSING", into_time_wait(tcpwatch, "CLOSING")]
    assert tcpwatch.path(pair.client_cookie) == CLIENT_OPENS + closing
    assert tcpwatch.path(pair.server_cookie) == SERVER_OPENS + closing
    for process, cookie in ((pair.client, pair.client_cookie), (pair.server, pair.server_cookie)):
        assert_time_wait(tcpwatch, cookie, "CLOSING")
        assert_counts(tcpwatch.process_of(process.pid), ESTABLISHED=1, FIN_WAIT1=1, CLOSING=1,
                      FIN_WAIT2=0)
        assert tcpwatch.process_of(process.pid)["open"].get("TIME_WAIT") == 1


def test_simultaneous_open(watch, puppet, wire):
    """Scenario 5: two SYNs cross; here SYN_RECV is a real state, its lifetime seen."""
    tcpwatch = watch("-t")
    left, right = puppet("left", wire.netns["left"]), puppet("right", wire.netns["right"])
    wire.hold()
    one = left.connect(7002, host=wire.right, bind=[wire.left, 7001], blocking=False)
    opening = left.last
    two = right.connect(7001, host=wire.left, bind=[wire.right, 7002], blocking=False)
    time.sleep(0.2)
    release = wire.release
    for end in (left, right):
        end.start("writable", (one if end is left else two)["fd"])
    release()
    assert [left.finish(), right.finish()] == [0, 0]
    tcpwatch.wait_for("transition", socket=one["cookie"], to="ESTABLISHED")
    tcpwatch.wait_for("transition", socket=two["cookie"], to="ESTABLISHED")
    tcpwatch.stop()
    for end, process, names in ((one, left, ("10.77.0.1:7001", "10.77.0.2:7002")),
                                (two, right, ("10.77.0.2:7002", "10.77.0.1:7001"))):
        assert tcpwatch.path(end["cookie"]) == \
            ["CLOSE>SYN_SENT", "SYN_SENT>SYN_RECV", "SYN_RECV>ESTABLISHED"]
        for record in tcpwatch.transitions(end["cookie"]):
            assert (record["local"], record["remote"]) == names
            assert (record["pid"], record["role"]) == (process.pid, "client"), record
        assert lifetime_of(tcpwatch, end["cookie"], "SYN_RECV>ESTABLISHED") > 0
        assert_counts(tcpwatch.process_of(process.pid), SYN_SENT=1, SYN_RECV=1)
        assert tcpwatch.process_of(process.pid)["open"] == {"ESTABLISHED": 1}
    syn_sent = lifetime_of(tcpwatch, one["cookie"], "SYN_SENT>SYN_RECV")
    assert 200 * MS <= syn_sent <= left.last.after - opening.before


def test_self_connect(watch, puppet):
    """A socket that connects to itself is one socket with one owner."""
    tcpwatch = watch("-t")
    alone = puppet("alone")
    port = alone.listen()
    alone.close(port["fd"])
    try:
        end = alone.connect(port["port"], bind=["127.0.0.1", port["port"]])
    except PuppetError as fault:
        raise AssertionError("the port was taken by another") from fault
    alone.close(end["fd"])
    tcpwatch.wait_closed(end["cookie"])
    tcpwatch.stop()
    assert tcpwatch.path(end["cookie"])[:3] == \
        ["CLOSE>SYN_SENT", "SYN_SENT>SYN_RECV", "SYN_RECV>ESTABLISHED"]
    assert {r["pid"] for r in tcpwatch.transitions(end["cookie"])} == {alone.pid}
    assert_counts(tcpwatch.process_of(alone.pid), SYN_SENT=1, ESTABLISHED=1)


def test_final_ack_lost(watch, puppet, wire):
    """Scenario 19: LAST_ACK lasts until a retransmitted FIN is acknowledged."""
    tcpwatch = watch("-t")
    pair = wired_pair(puppet, wire)
    pair.client.shutdown(pair.client_fd)
    tcpwatch.wait_for("transition", socket=pair.client_cookie, to="FIN_WAIT2")
    wire.drop("left", lambda packet: packet.bare_ack())
    fin = pair.server.timed("close", pair.server_fd)
    time.sleep(0.5)
    before = pair.server.timed("netns")
    wire.heal()
    tcpwatch.wait_closed(pair.server_cookie)
    after = pair.server.timed("netns")
    tcpwatch.stop()
    last_ack = lifetime_of(tcpwatch, pair.server_cookie, "LAST_ACK>CLOSE")
    assert before.before - fin.after <= last_ack <= after.after - fin.before
    assert cause_of(tcpwatch, pair.server_cookie) == "fin"
    assert tcpwatch.process_of(pair.server.pid)["states"]["LAST_ACK"]["sum_ns"] == last_ack


def test_syn_recv_is_the_measured_round_trip(watch, puppet, wire):
    """SYN_RECV is no socket's state yet: its lifetime is the round trip, or unknown."""
    tcpwatch = watch("-t")
    client = puppet("client", wire.netns["left"])
    server = puppet("server", wire.netns["right"])
    listener = server.listen(host=wire.right)
    end = client.connect(listener["port"], host=wire.right, blocking=False)
    accepted = server.accept(listener["fd"])
    assert client.writable(end["fd"]) == 0
    tcpwatch.wait_for("transition", socket=accepted["cookie"], to="ESTABLISHED")
    tcpwatch.stop()
    lifetime = lifetime_of(tcpwatch, accepted["cookie"], "SYN_RECV>ESTABLISHED")
    assert lifetime is None or 0 < lifetime <= server.last.after - client.last.before + 1000 * MS


def test_shutdown_of_both_directions_then_close(watch, puppet):
    """close() after shutdown() changes nothing: the dwell time runs on, no double count."""
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("server")
    pair = connect_pair(client, server)
    client.shutdown(pair.client_fd, socket.SHUT_RDWR)
    tcpwatch.wait_for("transition", socket=pair.client_cookie, to="FIN_WAIT2")
    client.close(pair.client_fd)
    time.sleep(0.1)
    last = server.timed("close", pair.server_fd)
    tcpwatch.wait_closed(pair.client_cookie, pair.server_cookie)
    tcpwatch.stop()
    assert tcpwatch.path(pair.client_cookie) == CLIENT_OPENS + active(tcpwatch)
    process = tcpwatch.process_of(client.pid)
    assert_counts(process, ESTABLISHED=1, FIN_WAIT1=1)
    assert process["transitions"]["ESTABLISHED>FIN_WAIT1"] == 1
    assert last
