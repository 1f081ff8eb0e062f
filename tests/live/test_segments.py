# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""What is sent again, and resets: as many as the wire saw, and of the process whose socket it is."""

import time

import pytest

from check import cause_of
from netns import ACK, FIN, RST, forged
from puppets import connect, connect_pair
from runner import PATIENCE


def ends(puppet, wire):
    client = puppet("client", wire.netns["left"])
    server = puppet("server", wire.netns["right"])
    return connect(client, server, server.listen(host=wire.right), host=wire.right)


def segments_of(watch, puppet):
    """(retransmits, resets) of a process, without zeros; one without any sockets has no record."""
    process = watch.processes().get(puppet.pid)
    if not process:
        return {}, {}
    resets = process["resets"]
    assert list(resets) == ["sent", "received"]
    return process["retransmits"], {way: count for way, count in resets.items() if count}


def wait_times(wire, side, rule, count):
    deadline = time.monotonic() + PATIENCE
    while len(wire.all_seen(side, rule)) < count:
        assert time.monotonic() < deadline, f"the {side} side did not send it {count} times"
        time.sleep(0.02)


def again(wire, side, rule):
    """How many of a kind of packet, of which one would do, were sent more."""
    return len(wire.all_seen(side, rule)) - 1


def is_data(packet):
    return packet.payload > 0


def is_fin(packet):
    return packet.flags & FIN


def is_reset(packet):
    return packet.flags & RST


def test_nothing_to_tell(watch, puppet):
    """Healthy connections, closed by either side, after data in both directions."""
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("server")
    for first in (client, server):
        pair = connect_pair(client, server)
        for sender, to, taker, by in ((client, pair.client_fd, server, pair.server_fd),
                                      (server, pair.server_fd, client, pair.client_fd)):
            sender.send(to, 1000)
            taker.recv(by)
        for end, fd in ((client, pair.client_fd), (server, pair.server_fd))[::1 if first is client
                                                                           else -1]:
            end.close(fd)
        tcpwatch.wait_closed(pair.client_cookie, pair.server_cookie)
    tcpwatch.stop()
    for process in (client, server):
        assert segments_of(tcpwatch, process) == ({}, {})


@pytest.mark.parametrize("sender", ["client", "server"])
def test_data(watch, puppet, wire, sender):
    """Data is lost until it was sent four times."""
    tcpwatch = watch("-t")
    pair = ends(puppet, wire)
    side, process, fd, other, other_fd = {
        "client": ("left", pair.client, pair.client_fd, pair.server, pair.server_fd),
        "server": ("right", pair.server, pair.server_fd, pair.client, pair.client_fd)}[sender]
    wire.drop(side, is_data)
    process.send(fd, 100)
    wait_times(wire, side, is_data, 4)
    wire.heal()
    other.readable(other_fd, PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while process.unacknowledged(fd):  # until then it may be sent once more
        assert time.monotonic() < deadline, "not acknowledged"
        time.sleep(0.02)
    tcpwatch.stop()
    assert segments_of(tcpwatch, process) == ({"ESTABLISHED": again(wire, side, is_data)}, {})
    assert segments_of(tcpwatch, other) == ({}, {})


def test_syn(watch, puppet, wire):
    """A connect() that gets no answer."""
    tcpwatch = watch("-t")
    client = puppet("client", wire.netns["left"])
    wire.cut()
    end = client.connect(7000, host=wire.right, blocking=False)
    wait_times(wire, "left", lambda p: p.is_syn(), 3)
    client.close(end["fd"])
    tcpwatch.wait_closed(end["cookie"])
    tcpwatch.stop()
    assert segments_of(tcpwatch, client) == \
        ({"SYN_SENT": again(wire, "left", lambda p: p.is_syn())}, {})


def test_syn_ack(watch, puppet, wire):
    """SYN-ACKs are lost: the listener sends them again, and the client its SYN."""
    tcpwatch = watch("-t")
    client = puppet("client", wire.netns["left"])
    server = puppet("server", wire.netns["right"])
    listener = server.listen(host=wire.right)
    wire.drop("right", lambda p: p.is_syn_ack())
    end = client.connect(listener["port"], host=wire.right, blocking=False)
    wait_times(wire, "right", lambda p: p.is_syn_ack(), 3)
    wire.heal()
    server.accept(listener["fd"])
    assert client.writable(end["fd"]) == 0
    tcpwatch.stop()
    assert segments_of(tcpwatch, server) == \
        ({"SYN_RECV": again(wire, "right", lambda p: p.is_syn_ack())}, {})
    syns = again(wire, "left", lambda p: p.is_syn())
    assert segments_of(tcpwatch, client) == ({"SYN_SENT": syns} if syns else {}, {})


def test_fin(watch, puppet, wire):
    tcpwatch = watch("-t")
    pair = ends(puppet, wire)
    wire.drop("left", is_fin)
    pair.client.close(pair.client_fd)
    wait_times(wire, "left", is_fin, 3)
    wire.heal()
    tcpwatch.wait_for("transition", socket=pair.server_cookie, to="CLOSE_WAIT")
    pair.server.close(pair.server_fd)
    tcpwatch.wait_closed(pair.client_cookie, pair.server_cookie)
    tcpwatch.stop()
    assert segments_of(tcpwatch, pair.client) == ({"FIN_WAIT1": again(wire, "left", is_fin)}, {})
    assert segments_of(tcpwatch, pair.server) == ({}, {})


@pytest.mark.parametrize("aborting", ["client", "server"])
def test_lingering_off(watch, puppet, aborting):
    """SO_LINGER 0: a reset sent here, received there."""
    tcpwatch = watch("-t")
    pair = connect_pair(puppet("client"), puppet("server"))
    here, there, fd = (pair.client, pair.server, pair.client_fd) if aborting == "client" else \
        (pair.server, pair.client, pair.server_fd)
    here.reset(fd)
    tcpwatch.wait_closed(pair.client_cookie, pair.server_cookie)
    tcpwatch.stop()
    assert segments_of(tcpwatch, here) == ({}, {"sent": 1})
    assert segments_of(tcpwatch, there) == ({}, {"received": 1})


def test_refused(watch, puppet):
    """The client receives the reset; it is sent for a port, of which no process has a socket."""
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("server")
    listener = server.listen()
    server.close(listener["fd"])
    end = client.connect_fails(listener["port"])
    tcpwatch.wait_closed(end["cookie"])
    tcpwatch.stop()
    assert segments_of(tcpwatch, client) == ({}, {"received": 1})
    assert segments_of(tcpwatch, server) == ({}, {})


def test_unread_data_at_close(watch, puppet):
    tcpwatch = watch("-t")
    pair = connect_pair(puppet("client"), puppet("server"))
    pair.client.send(pair.client_fd, 10)
    pair.server.readable(pair.server_fd)
    pair.server.close(pair.server_fd)
    tcpwatch.wait_closed(pair.client_cookie, pair.server_cookie)
    tcpwatch.stop()
    assert segments_of(tcpwatch, pair.server) == ({}, {"sent": 1})
    assert segments_of(tcpwatch, pair.client) == ({}, {"received": 1})


def test_unread_data_at_close_in_last_ack(watch, puppet, wire):
    """shutdown() had sent the FIN already: the reset is what tells this from an orderly end."""
    tcpwatch = watch("-t")
    pair = ends(puppet, wire)
    pair.client.send(pair.client_fd, 10)
    pair.client.shutdown(pair.client_fd)
    tcpwatch.wait_for("transition", socket=pair.server_cookie, to="CLOSE_WAIT")
    wire.cut()
    pair.server.shutdown(pair.server_fd)
    pair.server.close(pair.server_fd)
    tcpwatch.wait_closed(pair.server_cookie)
    tcpwatch.stop()
    assert tcpwatch.path(pair.server_cookie)[-2:] == ["CLOSE_WAIT>LAST_ACK", "LAST_ACK>CLOSE"]
    assert cause_of(tcpwatch, pair.server_cookie) == "reset_sent"
    fins = again(wire, "right", is_fin)
    assert segments_of(tcpwatch, pair.server) == ({"LAST_ACK": fins} if fins else {}, {"sent": 1})


@pytest.mark.parametrize("state", ["FIN_WAIT1", "FIN_WAIT2"])
def test_data_after_close(watch, puppet, wire, state):
    """Data for which nobody is there: the kernel resets its own side, and tells the peer."""
    tcpwatch = watch("-t")
    pair = ends(puppet, wire)
    if state == "FIN_WAIT1":  # the FIN is lost
        wire.drop("left", is_fin)
        pair.client.close(pair.client_fd)
    else:  # a descriptor is left: no mini-socket
        pair.client.shutdown(pair.client_fd, 2)
    tcpwatch.wait_for("transition", socket=pair.client_cookie, to=state)
    pair.server.send(pair.server_fd, 10)
    tcpwatch.wait_closed(pair.client_cookie, pair.server_cookie)
    tcpwatch.stop()
    # Data that is sent again meets no socket, and is reset as well.
    assert wire.all_seen("left", is_reset) and not wire.all_seen("right", is_reset)
    assert tcpwatch.path(pair.client_cookie)[-1] == f"{state}>CLOSE"
    assert cause_of(tcpwatch, pair.client_cookie) == "reset_sent"
    assert cause_of(tcpwatch, pair.server_cookie) == "reset_received"
    fins, data = again(wire, "left", is_fin), again(wire, "right", is_data)
    peer = "ESTABLISHED" if state == "FIN_WAIT1" else "CLOSE_WAIT"
    assert segments_of(tcpwatch, pair.client) == ({"FIN_WAIT1": fins} if fins else {}, {"sent": 1})
    assert segments_of(tcpwatch, pair.server) == ({peer: data} if data else {}, {"received": 1})


@pytest.mark.parametrize("state", ["FIN_WAIT1", "FIN_WAIT2"])
def test_reset_after_close(watch, puppet, wire, state):
    """The same states, and a true reset: it is received, and none is sent."""
    tcpwatch = watch("-t")
    pair = ends(puppet, wire)
    if state == "FIN_WAIT1":
        wire.drop("left", is_fin)
    pair.client.shutdown(pair.client_fd, 2)
    tcpwatch.wait_for("transition", socket=pair.client_cookie, to=state)
    pair.server.reset(pair.server_fd)
    tcpwatch.wait_closed(pair.client_cookie, pair.server_cookie)
    tcpwatch.stop()
    assert tcpwatch.path(pair.client_cookie)[-1] == f"{state}>CLOSE"
    assert cause_of(tcpwatch, pair.client_cookie) == "reset_received"
    fins = again(wire, "left", is_fin)
    assert segments_of(tcpwatch, pair.client) == \
        ({"FIN_WAIT1": fins} if fins else {}, {"received": 1})
    assert segments_of(tcpwatch, pair.server) == ({}, {"sent": 1})


def test_reset_by_a_listener(watch, puppet, wire):
    """An ACK of no connection, to a port that listens and to one that does not."""
    tcpwatch = watch("-t")
    server = puppet("server", wire.netns["right"])
    port = server.listen(host=wire.right)["port"]
    other = server.listen(host=wire.right)
    server.close(other["fd"])
    for to in (port, other["port"]):
        wire.deliver("right", forged((wire.left, 5000), (wire.right, to), ACK, 1, 1))
    wait_times(wire, "right", is_reset, 2)
    tcpwatch.stop()
    assert segments_of(tcpwatch, server) == ({}, {"sent": 1})
