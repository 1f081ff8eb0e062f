# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Why a connection ended: the cause of each way to CLOSE, at both ends (scenarios 16, 21, 22)."""

import socket
import time

import pytest

from check import (FAMILIES, FAMILY, MS, assert_between, assert_counts, assert_names, cause_of,
                   lifetime_of, own_netns)
from netns import RST
from puppets import connect, connect_pair

TCP_USER_TIMEOUT = 18
LOOPBACK = {"ipv4": "127.0.0.1", "ipv6": "[::1]", "mapped": "127.0.0.1"}


def last_of(watch, cookie):
    return [r for r in watch.transitions(cookie) if r["to"] == "CLOSE"][-1]


def unused_port(puppet, family="ipv4"):
    """A port where nothing listens: one that did until now."""
    end = puppet.listen(family)
    puppet.close(end["fd"])
    return end["port"]


@pytest.mark.parametrize("family", FAMILIES)
def test_refused(watch, puppet, family):
    """Scenario 16: nothing listens."""
    tcpwatch = watch("-t")
    client = puppet("refused")
    port = unused_port(client, family)
    end = client.connect_fails(port, family)
    assert end["errno"] == "ECONNREFUSED"
    call = client.last
    tcpwatch.wait_closed(end["cookie"])
    tcpwatch.stop()
    assert tcpwatch.path(end["cookie"]) == ["CLOSE>SYN_SENT", "SYN_SENT>CLOSE"]
    last = last_of(tcpwatch, end["cookie"])
    assert last["cause"] == "refused" and last["role"] == "client", last
    assert (last["pid"], last["comm"], last["owner"]) == (client.pid, "refused", "connect"), last
    assert last["remote"] == f"{LOOPBACK[family]}:{port}", last
    assert last["family"] == FAMILY[family] and last["netns"] == own_netns(), last
    assert 0 < last["lifetime_ns"] <= call.after - call.before
    process = tcpwatch.process_of(client.pid)
    assert_counts(process, SYN_SENT=1, ESTABLISHED=0)
    assert process["transitions"]["SYN_SENT>CLOSE"] == 1 and not process["open"], process


@pytest.mark.parametrize("end", ["client", "server"])
def test_lingering_off_is_an_abort(watch, puppet, end):
    """SO_LINGER 0: aborted here, reset received there."""
    tcpwatch = watch("-t")
    pair = connect_pair(puppet("client"), puppet("server"))
    time.sleep(0.1)
    if end == "client":
        call = pair.client.timed("reset", pair.client_fd)
        here, there = pair.client_cookie, pair.server_cookie
    else:
        call = pair.server.timed("reset", pair.server_fd)
        here, there = pair.server_cookie, pair.client_cookie
    tcpwatch.wait_closed(here, there)
    tcpwatch.stop()
    assert cause_of(tcpwatch, here) == "abort"
    assert cause_of(tcpwatch, there) == "reset_received"
    for cookie in (here, there):
        assert tcpwatch.path(cookie)[-1] == "ESTABLISHED>CLOSE"
        assert_between(lifetime_of(tcpwatch, cookie, "ESTABLISHED>CLOSE"), pair.opening, call)
    assert_counts(tcpwatch.process_of(pair.client.pid), ESTABLISHED=1, FIN_WAIT1=0, CLOSE_WAIT=0)
    # The accepting process is not named by a reset from outside, but its listener is.
    assert_counts(tcpwatch.process_of(pair.server.pid), ESTABLISHED=1, FIN_WAIT1=0, CLOSE_WAIT=0)
    assert last_of(tcpwatch, pair.client_cookie)["pid"] == pair.client.pid
    assert last_of(tcpwatch, pair.server_cookie)["pid"] == pair.server.pid


@pytest.mark.parametrize("family", FAMILIES)
def test_unread_data_at_close_is_a_reset(watch, puppet, family):
    tcpwatch = watch("-t")
    pair = connect_pair(puppet("client"), puppet("server"), family)
    pair.client.send(pair.client_fd, 10)
    pair.server.readable(pair.server_fd)
    call = pair.server.timed("close", pair.server_fd)
    tcpwatch.wait_closed(pair.client_cookie, pair.server_cookie)
    tcpwatch.stop()
    assert cause_of(tcpwatch, pair.server_cookie) == "reset_sent"
    assert cause_of(tcpwatch, pair.client_cookie) == "reset_received"
    last = last_of(tcpwatch, pair.server_cookie)
    assert_names(last, pair.server_end["local"], pair.server_end["remote"], family, role="server")
    assert (last["pid"], last["comm"]) == (pair.server.pid, "server")
    assert_between(last["lifetime_ns"], pair.opening, call)


def test_unread_data_in_close_wait(watch, puppet):
    """Data and FIN are there, close() throws the data away: reset, too. A FIN alone is no data."""
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("server")
    with_data, without = connect_pair(client, server), connect_pair(client, server)
    client.send(with_data.client_fd, 10)
    for pair in (with_data, without):
        client.shutdown(pair.client_fd)
        server.readable(pair.server_fd)
        tcpwatch.wait_for("transition", socket=pair.server_cookie, to="CLOSE_WAIT")
        server.close(pair.server_fd)
        tcpwatch.wait_closed(pair.server_cookie)
    tcpwatch.stop()
    assert tcpwatch.path(with_data.server_cookie)[-1] == "CLOSE_WAIT>CLOSE"
    assert cause_of(tcpwatch, with_data.server_cookie) == "reset_sent"
    assert cause_of(tcpwatch, with_data.client_cookie) == "reset_received"
    assert tcpwatch.path(without.server_cookie)[-2:] == ["CLOSE_WAIT>LAST_ACK", "LAST_ACK>CLOSE"]
    assert cause_of(tcpwatch, without.server_cookie) == "fin"


def test_reset_in_close_wait(watch, puppet, wire):
    """A peer that closed for good answers our data with a reset: CLOSE_WAIT ends with it."""
    tcpwatch = watch("-t")
    client = puppet("client", wire.netns["left"])
    server = puppet("server", wire.netns["right"])
    pair = connect(client, server, server.listen(host=wire.right), host=wire.right)
    client.close(pair.client_fd)
    tcpwatch.wait_for("transition", socket=pair.server_cookie, to="CLOSE_WAIT")
    time.sleep(0.1)
    server.send(pair.server_fd, 10)
    wire.wait_seen("left", lambda packet: packet.flags & RST)
    tcpwatch.wait_closed(pair.server_cookie)
    tcpwatch.stop()
    assert tcpwatch.path(pair.server_cookie)[-1] == "CLOSE_WAIT>CLOSE"
    assert cause_of(tcpwatch, pair.server_cookie) == "reset_received"
    assert last_of(tcpwatch, pair.server_cookie)["pid"] == server.pid


def test_reset_in_fin_wait2(watch, puppet):
    """Our side is closed for writing, the peer aborts."""
    tcpwatch = watch("-t")
    pair = connect_pair(puppet("client"), puppet("server"))
    pair.client.shutdown(pair.client_fd)
    tcpwatch.wait_for("transition", socket=pair.client_cookie, to="FIN_WAIT2")
    pair.server.reset(pair.server_fd)
    tcpwatch.wait_closed(pair.client_cookie, pair.server_cookie)
    tcpwatch.stop()
    assert tcpwatch.path(pair.client_cookie)[-1] == "FIN_WAIT2>CLOSE"
    assert cause_of(tcpwatch, pair.client_cookie) == "reset_received"
    assert cause_of(tcpwatch, pair.server_cookie) == "abort"


def test_reset_by_a_proxy(watch, puppet):
    """A process in the middle aborts both its sides: each end of each gets its cause."""
    tcpwatch = watch("-t")
    client, proxy, server = puppet("client"), puppet("proxy"), puppet("server")
    front, back = connect_pair(client, proxy), connect_pair(proxy, server)
    proxy.reset(front.server_fd)
    proxy.reset(back.client_fd)
    tcpwatch.wait_closed(front.client_cookie, front.server_cookie, back.client_cookie,
                         back.server_cookie)
    tcpwatch.stop()
    assert [cause_of(tcpwatch, cookie) for cookie in (
        front.client_cookie, front.server_cookie, back.client_cookie, back.server_cookie)] == \
        ["reset_received", "abort", "abort", "reset_received"]
    assert_counts(tcpwatch.process_of(proxy.pid), ESTABLISHED=2)
    assert tcpwatch.process_of(proxy.pid)["transitions"]["ESTABLISHED>CLOSE"] == 2


def test_syn_timeout(watch, puppet, wire):
    """Scenario 15, shortened: the SYN is never answered."""
    tcpwatch = watch("-t")
    client = puppet("client", wire.netns["left"])
    wire.cut()
    end = client.connect_fails(7000, host=wire.right,
                               options=[(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, 500)])
    call = client.last
    assert end["errno"] == "ETIMEDOUT"
    tcpwatch.wait_closed(end["cookie"])
    tcpwatch.stop()
    last = last_of(tcpwatch, end["cookie"])
    assert last["cause"] == "timeout" and last["pid"] == client.pid, last
    assert last["remote"] == "10.77.0.2:7000" and last["netns"] == wire.netns["left"].inode, last
    assert 500 * MS <= last["lifetime_ns"] <= call.after - call.before
    assert_counts(tcpwatch.process_of(client.pid), SYN_SENT=1, ESTABLISHED=0)


@pytest.mark.parametrize("way", ["retransmission", "keepalive"])
def test_dead_peer_timeout(watch, puppet, wire, way):
    """Scenario 22: the network is cut; unacknowledged data, or keepalive, ends the connection."""
    tcpwatch = watch("-t")
    client = puppet("client", wire.netns["left"])
    server = puppet("server", wire.netns["right"])
    pair = connect(client, server, server.listen(host=wire.right), host=wire.right)
    wire.cut()
    if way == "keepalive":
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT):
            client.option(pair.client_fd, socket.IPPROTO_TCP, option, 1)
        client.option(pair.client_fd, socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    else:
        client.option(pair.client_fd, socket.IPPROTO_TCP, TCP_USER_TIMEOUT, 500)
        client.send(pair.client_fd, 1)
    tcpwatch.wait_closed(pair.client_cookie)
    after = client.timed("netns")
    tcpwatch.stop()
    assert tcpwatch.path(pair.client_cookie)[-1] == "ESTABLISHED>CLOSE"
    last = last_of(tcpwatch, pair.client_cookie)
    assert last["cause"] == "timeout", last
    assert (last["pid"], last["comm"]) == (client.pid, "client"), last
    assert 500 * MS <= last["lifetime_ns"] <= after.after - pair.opening.before
    assert tcpwatch.process_of(server.pid)["open"].get("ESTABLISHED") == 1


def test_listener_closed_with_children_unaccepted(watch, puppet):
    """The kernel resets what was never accepted; it belonged to the listener's process."""
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("server")
    listener = server.listen()
    ends = client.connect_many(listener["port"], 3)
    for end in ends:
        tcpwatch.wait_for("transition", local=end["remote"], remote=end["local"], to="ESTABLISHED")
    server.close(listener["fd"])
    tcpwatch.wait_closed(*(end["cookie"] for end in ends))
    tcpwatch.stop()
    for end in ends:
        assert cause_of(tcpwatch, end["cookie"]) == "reset_received"
        unaccepted = tcpwatch.all("transition", local=end["remote"], remote=end["local"])
        assert [r["from"] + ">" + r["to"] for r in unaccepted] == \
            ["SYN_RECV>ESTABLISHED", "ESTABLISHED>CLOSE"]
        assert unaccepted[-1]["cause"] not in ("fin", "timeout", "reset_received", "refused")
        assert unaccepted[-1]["pid"] in (server.pid, None)
    process = tcpwatch.process_of(server.pid)
    assert_counts(process, ESTABLISHED=3, LISTEN=1)
    assert "ESTABLISHED" not in process["open"]


def test_connect_given_up(watch, puppet, wire):
    """close() while connecting is neither refused nor timed out."""
    tcpwatch = watch("-t")
    client = puppet("client", wire.netns["left"])
    wire.cut()
    end = client.connect(7000, host=wire.right, blocking=False)
    opening = client.last
    time.sleep(0.2)
    closing = client.timed("close", end["fd"])
    tcpwatch.wait_closed(end["cookie"])
    tcpwatch.stop()
    last = last_of(tcpwatch, end["cookie"])
    assert last["from"] == "SYN_SENT" and last["cause"] not in ("refused", "timeout", "fin"), last
    assert last["lifetime_ns"] is not None
    assert 200 * MS <= last["lifetime_ns"] <= closing.after - opening.before
