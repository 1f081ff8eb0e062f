# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Leaks of each kind: who, where, since when and why (scenarios 6 to 9)."""

import os
import signal
import socket
import time

import pytest

from check import (FAMILIES, assert_leak, assert_names, assert_no_leak, assert_prompt, own_netns,
                   prompt)
from puppets import connect, connect_pair

W = ("-w", "300ms")


@pytest.mark.parametrize("family", FAMILIES)
def test_unclosed(watch, puppet, family):
    """Scenario 6: the server took the end of stream and forgot close()."""
    tcpwatch = watch(*W)
    client, server = puppet("client"), puppet("forgetful")
    pair = connect_pair(client, server, family)
    fin = client.timed("close", pair.client_fd)
    assert server.recv_all(pair.server_fd) == 0
    leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
    assert_prompt(leak, fin)
    time.sleep(0.8)
    tcpwatch.stop()
    assert_leak(leak, server, pair.server_end, "unclosed", "taken", "server", family=family)
    assert len(tcpwatch.all("leak", socket=pair.server_cookie)) == 1, "reported twice"
    process = tcpwatch.process_of(server.pid)
    assert process["leaks"].get("unclosed") == 1 and sum(process["leaks"].values()) == 1, process
    assert process["open"].get("CLOSE_WAIT") == 1, process
    assert process["states"].get("CLOSE_WAIT", {"count": 0})["count"] == 0, "it is not over yet"
    # The client's end is gone from its process, and it is no leak there.
    assert not tcpwatch.all("leak", pid=client.pid)
    assert tcpwatch.process_of(client.pid)["open"] == {"FIN_WAIT2": 1}


def test_end_of_stream_taken_along_with_the_data(watch, puppet):
    """A read that returns the last bytes takes the FIN behind them; read() never returned 0."""
    tcpwatch = watch(*W)
    client, server = puppet("client"), puppet("server")
    pair = connect_pair(client, server)
    client.option(pair.client_fd, socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    client.send(pair.client_fd, 100)
    client.close(pair.client_fd)
    server.readable(pair.server_fd)
    assert server.recv(pair.server_fd, 4096) == 100
    leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
    tcpwatch.stop()
    assert_leak(leak, server, pair.server_end, "unclosed", "taken", "server")


@pytest.mark.parametrize("unread", [0, 100])
def test_unread(watch, puppet, unread):
    """Scenario 7: the thread hangs, nothing is read. The FIN counts 1 in the queue."""
    tcpwatch = watch(*W)
    client, server = puppet("client"), puppet("hung")
    pair = connect_pair(client, server)
    if unread:
        client.send(pair.client_fd, unread)
    fin = client.timed("close", pair.client_fd)
    leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
    assert_prompt(leak, fin)
    tcpwatch.stop()
    assert_leak(leak, server, pair.server_end, "unread", "unread", "server", recv_queue=unread + 1)
    assert tcpwatch.process_of(server.pid)["leaks"] == {"unread": 1}


def test_unread_by_a_stopped_thread(watch, puppet):
    """A thread sits in recv() and the process is stopped: the end of stream stays unread."""
    tcpwatch = watch(*W)
    client, server = puppet("client"), puppet("stopped")
    pair = connect_pair(client, server)
    server.hang("recv_all", pair.server_fd)
    server.pause()
    fin = client.timed("close", pair.client_fd)
    leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
    assert_prompt(leak, fin)
    os.kill(server.pid, signal.SIGCONT)
    tcpwatch.stop()
    assert_leak(leak, server, pair.server_end, "unread", "unread", "server", recv_queue=1)


def test_peeking_reads_nothing(watch, puppet):
    """select() and MSG_PEEK consume nothing: still unread."""
    tcpwatch = watch(*W)
    client, server = puppet("client"), puppet("server")
    pair = connect_pair(client, server)
    client.send(pair.client_fd, 5)
    client.close(pair.client_fd)
    assert server.peek(pair.server_fd) == 5
    leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
    tcpwatch.stop()
    assert_leak(leak, server, pair.server_end, "unread", "unread", "server", recv_queue=6)


def test_data_read_but_not_the_end(watch, puppet):
    """All bytes but the end of stream were read: unread, one in the queue."""
    tcpwatch = watch(*W)
    client, server = puppet("client"), puppet("server")
    pair = connect_pair(client, server)
    client.send(pair.client_fd, 100)
    assert server.recv(pair.server_fd, 100) == 100
    client.close(pair.client_fd)
    leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
    tcpwatch.stop()
    assert_leak(leak, server, pair.server_end, "unread", "unread", "server", recv_queue=1)


@pytest.mark.parametrize("family", FAMILIES)
def test_unaccepted(watch, puppet, family):
    """Scenario 8: never accepted; ss shows no owner, tcpwatch the listener's descriptor."""
    tcpwatch = watch(*W)
    client, server = puppet("client"), puppet("busy")
    listener = server.listen(family)
    ends = client.connect_many(listener["port"], 3, family)
    fin = client.timed("close_many", [end["fd"] for end in ends])
    leaks = tcpwatch.wait_for("leak", lambda r: r["pid"] == server.pid, count=3)
    # Accepting them now tells their cookies.
    accepted = {end["remote"]: end for end in server.accept_many(listener["fd"], 3)}
    tcpwatch.stop()
    for leak in leaks:
        end = accepted.pop(leak["remote"])
        assert_prompt(leak, fin)
        assert_leak(leak, server, end, "unaccepted", "unread", "server", family=family,
                    holders=[(server, listener["fd"])], recv_queue=1)
    assert not accepted
    assert tcpwatch.process_of(server.pid)["leaks"]["unaccepted"] == 3


def test_unaccepted_among_accepted(watch, puppet):
    """Two accepted, one of them unclosed, one closed; one still waits: three different fates."""
    tcpwatch = watch(*W)
    client, server = puppet("client"), puppet("mixed")
    listener = server.listen()
    unclosed = connect(client, server, listener)
    closed = connect(client, server, listener)
    waiting = client.connect(listener["port"])
    client.close_many([unclosed.client_fd, closed.client_fd, waiting["fd"]])
    server.recv_all_many([unclosed.server_fd, closed.server_fd])
    server.close(closed.server_fd)
    leaks = tcpwatch.wait_for("leak", lambda r: r["pid"] == server.pid, count=2)
    late = server.accept(listener["fd"])
    time.sleep(0.5)
    tcpwatch.stop()
    kinds = {leak["socket"]: leak["kind"] for leak in leaks}
    assert kinds == {unclosed.server_cookie: "unclosed", late["cookie"]: "unaccepted"}
    assert_no_leak(tcpwatch, closed.server_cookie)
    assert late["remote"] == waiting["local"]


@pytest.mark.parametrize("family", FAMILIES)
def test_idle_client_pool(watch, puppet, family):
    """Scenario 9: pooled connections whose server closed: idle, and no leaks."""
    tcpwatch = watch(*W)
    client, server = puppet("pool"), puppet("server")
    listener = server.listen(family)
    pairs = [connect(client, server, listener, family) for _ in range(4)]
    fin = server.timed("close_many", [pair.server_fd for pair in pairs[:3]])
    idle = tcpwatch.wait_for("idle", lambda r: r["pid"] == client.pid, count=3)
    tcpwatch.stop()
    by_cookie = {record["socket"]: record for record in idle}
    assert len(by_cookie) == 3
    for pair in pairs[:3]:
        leak = by_cookie[pair.client_cookie]
        assert_prompt(leak, fin)
        assert_leak(leak, client, pair.client_end, "unread", "unread", "client", family=family,
                    recv_queue=1)
    assert_no_leak(tcpwatch, pairs[3].client_cookie)
    process = tcpwatch.process_of(client.pid)
    assert process["leaks"] == {} and process["idle"] == 3
    assert process["open"] == {"CLOSE_WAIT": 3, "ESTABLISHED": 1}
    assert not tcpwatch.all("leak", pid=client.pid)


def test_two_hundred_at_once(watch, puppet):
    """A service that leaks all: each is reported once, in time, with its descriptor."""
    tcpwatch = watch(*W)
    client, server = puppet("client"), puppet("leaky")
    listener = server.listen()
    ends = client.connect_many(listener["port"], 200)
    accepted = {end["cookie"]: end for end in server.accept_many(listener["fd"], 200)}
    fin = client.timed("close_many", [end["fd"] for end in ends])
    server.recv_all_many([end["fd"] for end in accepted.values()])
    leaks = tcpwatch.wait_for("leak", lambda r: r["pid"] == server.pid, count=200)
    time.sleep(0.5)
    tcpwatch.stop()
    assert {leak["socket"] for leak in leaks} == set(accepted)
    assert len(tcpwatch.all("leak", pid=server.pid)) == 200, "reported twice"
    for leak in leaks:
        end = accepted[leak["socket"]]
        assert_leak(leak, server, end, "unclosed", "taken", "server")
        assert_prompt(leak, fin)
    process = tcpwatch.process_of(server.pid)
    assert process["leaks"] == {"unclosed": 200} and process["open"]["CLOSE_WAIT"] == 200


def test_every_close_wait_with_threshold_zero(watch, puppet):
    """-w 0 reports each socket that enters CLOSE_WAIT."""
    tcpwatch = watch("-w", "0")
    client, server = puppet("client"), puppet("server")
    pair = connect_pair(client, server)
    fin = client.timed("close", pair.client_fd)
    leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
    tcpwatch.stop()
    assert leak.arrival * 1e9 <= fin.after + prompt(leak) * 1e9
    assert_names(leak, pair.server_end["local"], pair.server_end["remote"], role="server")
    assert leak["netns"] == own_netns() and leak["age_at_least"] is False
    assert [(h["pid"], h["fd"]) for h in leak["holders"]] == [(server.pid, pair.server_fd)]


def test_closed_in_time_is_no_leak(watch, puppet):
    """CLOSE_WAIT shorter than the threshold is everyday life."""
    tcpwatch = watch("-w", "4s")
    client, server = puppet("client"), puppet("server")
    pair = connect_pair(client, server)
    client.close(pair.client_fd)
    time.sleep(0.35)
    server.close(pair.server_fd)
    tcpwatch.settle(4.5)
    tcpwatch.stop()
    assert not tcpwatch.all("leak", lambda r: r["pid"] in (client.pid, server.pid))
    assert not sum(tcpwatch.process_of(server.pid)["leaks"].values())
