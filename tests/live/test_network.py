# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Network namespaces with the same addresses and ports in each (scenario 24)."""

import time

import pytest

from check import (FAMILIES, assert_counts, assert_leak, assert_names, assert_prompt, own_netns,
                   prompt)
from puppets import connect

W = ("-w", "300ms")
SERVER_PORT, CLIENT_PORT = 5000, 6000


def two_worlds(puppet, network, family="ipv4"):
    """The very same connection, by the names of its ends, in two namespaces."""
    worlds = []
    for number in (1, 2):
        ns = network()
        client, server = puppet(f"client-{number}", ns), puppet(f"server-{number}", ns)
        assert client.netns() == ns.inode != own_netns()
        listener = server.listen(family, SERVER_PORT)
        pair = connect(client, server, listener, family, bind=[None, CLIENT_PORT])
        worlds.append((ns, pair, listener))
    assert worlds[0][1].server_end["local"] == worlds[1][1].server_end["local"]
    assert worlds[0][1].server_end["remote"] == worlds[1][1].server_end["remote"]
    assert worlds[0][0].inode != worlds[1][0].inode
    return worlds


@pytest.mark.parametrize("family", FAMILIES)
def test_same_names_in_two_namespaces(watch, puppet, network, family):
    tcpwatch = watch("-t")
    worlds = two_worlds(puppet, network, family)
    for _, pair, _ in worlds:
        pair.client.close(pair.client_fd)
    time.sleep(0.1)
    for _, pair, _ in worlds:
        pair.server.close(pair.server_fd)
        tcpwatch.wait_closed(pair.server_cookie)
    tcpwatch.stop()
    for ns, pair, _ in worlds:
        for cookie, end, process, role in (
                (pair.client_cookie, pair.client_end, pair.client, "client"),
                (pair.server_cookie, pair.server_end, pair.server, "server")):
            for record in tcpwatch.transitions(cookie):
                assert_names(record, end["local"], end["remote"], family, ns.inode, role)
                assert record["pid"] in (process.pid, None), record
            assert_counts(tcpwatch.process_of(process.pid), ESTABLISHED=1)


def test_leaks_in_namespaces(watch, puppet, network):
    """Unclosed and unaccepted ones, each with its own namespace's holders."""
    tcpwatch = watch(*W)
    worlds = two_worlds(puppet, network)
    closings, waiting = {}, {}
    for ns, pair, listener in worlds:
        waiting[ns] = pair.client.connect(SERVER_PORT)
        pair.client.close(waiting[ns]["fd"])
        closings[ns] = pair.client.timed("close", pair.client_fd)
        pair.server.recv_all(pair.server_fd)
    for ns, pair, listener in worlds:
        unclosed = tcpwatch.wait_for("leak", socket=pair.server_cookie)
        assert_prompt(unclosed, closings[ns])
        assert_leak(unclosed, pair.server, pair.server_end, "unclosed", "taken", "server",
                    netns=ns.inode)
        unaccepted = tcpwatch.wait_for("leak", netns=ns.inode, kind="unaccepted")
        end = pair.server.accept(listener["fd"])
        assert_leak(unaccepted, pair.server, end, "unaccepted", "unread", "server",
                    netns=ns.inode, recv_queue=1, holders=[(pair.server, listener["fd"])])
        assert end["remote"] == waiting[ns]["local"]
    tcpwatch.stop()
    for ns, pair, _ in worlds:
        assert tcpwatch.process_of(pair.server.pid)["leaks"] == {"unclosed": 1, "unaccepted": 1}


def test_namespaces_older_than_tcpwatch(watch, puppet, network):
    """What waits in other namespaces is found by the first scan, with and without a descriptor."""
    worlds = two_worlds(puppet, network)
    for ns, pair, listener in worlds:
        end = pair.client.connect(SERVER_PORT)
        pair.client.close_many([pair.client_fd, end["fd"]])
        pair.server.recv_all(pair.server_fd)
    time.sleep(0.6)
    tcpwatch = watch(*W)
    for ns, pair, listener in worlds:
        unclosed = tcpwatch.wait_for("leak", socket=pair.server_cookie)
        unaccepted = tcpwatch.wait_for("leak", netns=ns.inode, kind="unaccepted")
        for leak in (unclosed, unaccepted):
            assert leak.arrival - tcpwatch.start.arrival <= prompt(leak)
            assert leak["age_at_least"] is True and leak["netns"] == ns.inode, leak
            assert leak["pid"] == pair.server.pid and leak["comm"] == pair.server.comm, leak
        assert [(h["pid"], h["fd"]) for h in unclosed["holders"]] == \
            [(pair.server.pid, pair.server_fd)]
        assert [(h["pid"], h["fd"]) for h in unaccepted["holders"]] == \
            [(pair.server.pid, listener["fd"])]
    tcpwatch.stop()
    assert tcpwatch.start["sockets_found"] >= 6


def test_namespace_made_after_the_start(watch, puppet, network):
    """A container that starts later is seen like any other, and by -p from outside too."""
    tcpwatch = watch(*W)
    ns = network()
    client, server = puppet("client", ns), puppet("server", ns)
    only = watch("-p", server.pid, *W)
    listener = server.listen()
    pair = connect(client, server, listener)
    waiting = client.connect(listener["port"])
    client.close_many([pair.client_fd, waiting["fd"]])
    server.recv_all(pair.server_fd)
    for each in (tcpwatch, only):
        leak = each.wait_for("leak", socket=pair.server_cookie)
        assert_leak(leak, server, pair.server_end, "unclosed", "taken", "server", netns=ns.inode)
        each.wait_for("leak", netns=ns.inode, kind="unaccepted", pid=server.pid)
        each.stop()


def test_namespace_that_dies(watch, puppet, network):
    """A namespace is torn down with connections in it: they end, nothing stays open for ever."""
    tcpwatch = watch("-t")
    ns = network()
    client, server = puppet("client", ns), puppet("server", ns)
    pair = connect(client, server, server.listen())
    client.kill()
    server.kill()
    ns.close()
    tcpwatch.wait_for("transition", socket=pair.client_cookie, to="FIN_WAIT1")
    time.sleep(0.5)
    tcpwatch.stop()
    for process in (client, server):
        assert not tcpwatch.process_of(process.pid)["open"].get("ESTABLISHED")
        assert_counts(tcpwatch.process_of(process.pid), ESTABLISHED=1)


def test_mapped_server_with_both_families(watch, puppet):
    """A dual-stack listener on [::]: IPv4 peers are `inet`, IPv6 peers `inet6`."""
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("dual")
    listener = server.listen("ipv6", host="::")
    four = connect(client, server, listener, "ipv4")
    six = connect(client, server, listener, "ipv6")
    client.close_many([four.client_fd, six.client_fd])
    time.sleep(0.1)
    server.close_many([four.server_fd, six.server_fd])
    tcpwatch.wait_closed(four.server_cookie, six.server_cookie)
    tcpwatch.stop()
    for pair, family in ((four, "ipv4"), (six, "ipv6")):
        for record in tcpwatch.transitions(pair.server_cookie):
            assert_names(record, pair.server_end["local"], pair.server_end["remote"], family)
            # The listener is found though its own address is neither of the two.
            assert record["pid"] == server.pid, record
    assert four.server_end["local"].startswith("127.0.0.1:")
