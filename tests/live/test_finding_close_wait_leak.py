# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""close-wait-leak (scenarios 6, 7 and 9), and who is at the other end."""

import resource
import time

import pytest

from check import SLOW
from puppets import connect

pytestmark = pytest.mark.long

W = ("-w", "300ms")
LEAKS = 12
TIMEOUT = 120 * SLOW


def findings(tcpwatch, *puppets):
    return tcpwatch.all("finding", lambda r: r["pid"] in [puppet.pid for puppet in puppets])


def leak(client, server, listener, host=None, ending="close"):
    """The client closes; the server takes the end of stream and forgets the sockets."""
    pairs = [connect(client, server, listener, **({"host": host} if host else {}))
             for _ in range(LEAKS)]
    for pair in pairs:
        getattr(client, ending)(pair.client_fd)
    assert server.recv_all_many([pair.server_fd for pair in pairs]) == [0] * LEAKS
    return pairs


def assert_leak_of(finding, server, listener, severity="warning"):
    evidence = finding["evidence"]
    assert (finding["id"], finding["status"]) == ("close-wait-leak", "open")
    assert finding["severity"] == severity, finding
    assert (finding["pid"], finding["comm"]) == (server.pid, server.comm)
    assert 10 <= evidence["count"] <= LEAKS and evidence["unclosed"] == evidence["count"]
    assert not {"unread", "stalled", "idle_in_pool"} & set(evidence), evidence
    assert 300e6 <= evidence["oldest_ns"] < 60e9 * SLOW
    assert "growth_per_minute" not in evidence, "nothing is known of a whole minute"
    assert evidence["listener"] == listener["local"] and "peer" not in evidence


@pytest.mark.parametrize("ending", ["close", "shutdown"])
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_both_ends_here(watch, network, puppet, ending, family):
    """The peer is in the same namespace, and is named: closed (a mini-socket) or half-closed."""
    ns = network()
    client, server = puppet("guiltless", ns), puppet("forgetful", ns)
    tcpwatch = watch(*W)
    listener = server.listen(family)
    pairs = [connect(client, server, listener, family) for _ in range(LEAKS)]
    for pair in pairs:
        getattr(client, ending)(pair.client_fd)
    server.recv_all_many([pair.server_fd for pair in pairs])
    finding = tcpwatch.wait_for("finding", pid=server.pid, timeout=TIMEOUT)
    tcpwatch.stop()
    assert_leak_of(finding, server, listener)
    evidence = finding["evidence"]
    assert evidence["peer_process"] == f"guiltless[{client.pid}]"
    assert evidence["peers_here"] == evidence["count"]
    assert "peer_netns" not in evidence
    assert "Both ends are on this host" in finding["says"]
    assert "This process must close" in finding["advice"]
    assert len(findings(tcpwatch, server, client)) == 1


@pytest.mark.parametrize("ending", ["close", "shutdown"])
def test_two_containers(watch, wire, puppet, ending):
    """The peer is in another namespace."""
    client, server = puppet("outside", wire.netns["left"]), puppet("inside", wire.netns["right"])
    tcpwatch = watch(*W)
    listener = server.listen(host=wire.right)
    leak(client, server, listener, wire.right, ending)
    finding = tcpwatch.wait_for("finding", pid=server.pid, timeout=TIMEOUT)
    tcpwatch.stop()
    assert_leak_of(finding, server, listener)
    evidence = finding["evidence"]
    assert evidence["peer_process"] == f"outside[{client.pid}]"
    assert evidence["peer_netns"] == str(wire.netns["left"].inode)
    assert 10 <= evidence["peers_here"] <= evidence["count"]


def test_descriptors_run_out(watch, network, puppet):
    """12 leaks of 16 descriptors: critical."""
    ns = network()
    client, server = puppet("client", ns), puppet("forgetful", ns)
    tcpwatch = watch(*W)
    listener = server.listen()
    pairs = [connect(client, server, listener) for _ in range(LEAKS)]
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (16, 1024))
    client.close_many([pair.client_fd for pair in pairs])
    server.recv_all_many([pair.server_fd for pair in pairs])
    finding = tcpwatch.wait_for("finding", pid=server.pid, severity="critical", timeout=TIMEOUT)
    tcpwatch.stop()
    assert finding["evidence"]["descriptor_limit"] == 16
    assert finding["evidence"]["count"] == LEAKS


def test_the_same_but_closed(watch, network, puppet):
    """The healthy twins: a server that closes, and a client's pool whose server closed."""
    ns = network()
    client, server, pool = puppet("client", ns), puppet("server", ns), puppet("pool", ns)
    tcpwatch = watch(*W)
    listener = server.listen()
    pairs = leak(client, server, listener)
    time.sleep(0.2)
    server.close_many([pair.server_fd for pair in pairs])
    pooled = [connect(pool, server, listener) for _ in range(LEAKS)]
    server.close_many([pair.server_fd for pair in pooled])
    tcpwatch.wait_for("idle", pid=pool.pid, count=LEAKS, timeout=TIMEOUT)
    time.sleep(3)
    tcpwatch.stop()
    assert not findings(tcpwatch, client, server, pool), tcpwatch.all("finding")


def test_a_leak_in_each_of_many_children(watch, network, puppet):
    """A server that forks for each connection: no process has many leaks, the program has."""
    ns = network()
    client, parent = puppet("client", ns), puppet("forker", ns)
    tcpwatch = watch(*W)
    listener = parent.listen()
    children = [parent.fork("handler") for _ in range(LEAKS)]
    for child in children:
        end = client.connect(listener["port"])
        accepted = child.accept(listener["fd"])
        client.close(end["fd"])
        child.recv_all(accepted["fd"])
    finding = tcpwatch.wait_for("finding", id="close-wait-leak", comm="handler", timeout=TIMEOUT)
    leaks = tcpwatch.wait_for("leak", comm="handler", count=LEAKS)
    tcpwatch.stop()
    assert {leak["pid"] for leak in leaks} == {child.pid for child in children}
    assert finding["pid"] is None and 10 <= finding["processes"] <= LEAKS
    assert 10 <= finding["evidence"]["count"] <= LEAKS
    assert finding["evidence"]["listener"] == listener["local"]
    assert not tcpwatch.all("finding", pid=parent.pid)
