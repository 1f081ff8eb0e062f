# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Connections whose own address is not that of the listener they came in by: its process is named,
or nobody; never who listens on that address."""

import socket

import pytest

import redirect
from check import SLOW

pytestmark = pytest.mark.long

TIMEOUT = 120 * SLOW
IP_TRANSPARENT = 19
TRANSPARENT = [(socket.SOL_IP, IP_TRANSPARENT, 1)]
W = ("-w", "300ms")


def by_lookup(network, puppet):
    """(client, proxy, its listener, the namespace, the address that clients use)"""
    ns = network()
    proxy = puppet("proxy", ns)
    listener = proxy.listen(port=15001)
    proxy.look_up(listener["fd"], 443)
    return puppet("client", ns), proxy, listener, ns, "127.0.0.1"


def by_tproxy(wire, puppet):
    ns = wire.netns["right"]
    proxy = puppet("proxy", ns)
    listener = proxy.listen(port=15001, host="0.0.0.0", options=TRANSPARENT)
    redirect.tproxy(ns, 443, 15001)
    wire.netns["left"].run("ip", "route", "add", "198.51.100.0/24", "dev", "wire")
    return puppet("client", wire.netns["left"]), proxy, listener, ns, "198.51.100.7"


def check(watch, puppet, redirected, with_web=True):
    client, proxy, listener, ns, host = redirected
    web = puppet("web", ns)
    if with_web:
        web.listen(port=443, host="0.0.0.0")
    ports = ("-L", "443,15001")  # what other programs of this host do would only take time
    everyone, of_proxy = watch("-t", *ports, *W), watch("-p", proxy.pid, *ports, *W)
    ends = [client.connect(443, host=host) for _ in range(5)]
    client.close_many([end["fd"] for end in ends[:2]])
    for each in (everyone, of_proxy):
        leaks = [each.wait_for("leak", remote=end["local"]) for end in ends[:2]]
        for leak in leaks:
            assert (leak["kind"], leak["pid"], leak["comm"]) == \
                ("unaccepted", proxy.pid, "proxy"), leak
            assert leak["local"] == f"{host}:443"
            assert leak["listener"] == listener["local"]
            assert leak["holders"] == [{"pid": proxy.pid, "comm": "proxy", "fd": listener["fd"]}]
        finding = each.wait_for("finding", id="accept-stall", netns=ns.inode, timeout=TIMEOUT)
        assert (finding["pid"], finding["comm"]) == (proxy.pid, "proxy"), finding
        assert finding["subject"] == listener["local"]
        assert finding["evidence"]["queue"] == 5
    for each in (everyone, of_proxy):
        each.stop()
    for record in everyone.records:
        assert record.get("pid") != web.pid or "LISTEN" in (record.get("to"),
                                                            *record.get("open", ())), record


def test_by_a_lookup_program(watch, network, puppet):
    check(watch, puppet, by_lookup(network, puppet))


def test_by_a_lookup_program_and_nobody_there(watch, network, puppet):
    check(watch, puppet, by_lookup(network, puppet), with_web=False)


def test_by_tproxy(watch, wire, puppet):
    check(watch, puppet, by_tproxy(wire, puppet))


def test_older_than_tcpwatch(watch, network, puppet):
    """Neither the connections nor the listeners were seen to begin."""
    client, proxy, listener, ns, host = by_lookup(network, puppet)
    web = puppet("web", ns)
    web.listen(port=443, host="0.0.0.0")
    ends = [client.connect(443, host=host) for _ in range(3)]
    client.close_many([end["fd"] for end in ends])
    tcpwatch = watch(*W)
    for end in ends:
        leak = tcpwatch.wait_for("leak", remote=end["local"])
        assert (leak["pid"], leak["listener"]) == (proxy.pid, listener["local"]), leak
    tcpwatch.stop()
    assert not tcpwatch.all("leak", pid=web.pid)


def test_shared_port(watch, network, puppet):
    """SO_REUSEPORT: each leak names the process that finds the connection in its queue."""
    ns = network()
    client, servers = puppet("client", ns), [puppet(f"server-{n}", ns) for n in range(3)]
    everyone, of_first = watch(*W), watch("-p", servers[0].pid, *W)
    listeners = [server.listen(port=8080, options=[(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)])
                 for server in servers]
    ends = client.connect_many(8080, 24)
    client.close_many([end["fd"] for end in ends])
    leaks = {end["local"]: everyone.wait_for("leak", remote=end["local"]) for end in ends}
    nobody = [leak for leak in leaks.values()
              if leak["pid"] not in [server.pid for server in servers]]
    assert not nobody, nobody
    count = {}
    for server, listener in zip(servers, listeners):
        waiting = [leak for leak in leaks.values() if leak["pid"] == server.pid]
        count[server.pid] = len(waiting)
        accepted = server.accept_many(listener["fd"], len(waiting))
        assert {end["remote"] for end in accepted} == {leak["remote"] for leak in waiting}
        assert all(leak["holders"] == [{"pid": server.pid, "comm": server.comm,
                                        "fd": listener["fd"]}] for leak in waiting)
    assert sum(count.values()) == 24
    of_first.wait_for("leak", count=count[servers[0].pid])
    everyone.stop()
    of_first.stop()
    assert len(of_first.all("leak")) == count[servers[0].pid]
