# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""time-wait-churn (scenario 13): the end of the local ports is told before it comes."""

import pytest

from runner import seconds_of

pytestmark = pytest.mark.long

HOST = "10.99.0.1"  # not loopback: there TIME_WAIT is taken over by default
PORTS = 190
RATE = 15


@pytest.fixture
def scene(network, puppet):
    """(namespace, client, server, port): a range of 200 local ports, of which 10 are reserved."""
    ns = network()
    ns.run("ip", "address", "add", f"{HOST}/32", "dev", "lo")
    ns.sysctl("net.ipv4.ip_local_port_range", "40000 40199")
    ns.sysctl("net.ipv4.ip_local_reserved_ports", "40050,40100-40108,50000")
    server = puppet("server", ns)
    listener = server.listen(host=HOST, port=8080)
    server.serve(listener["fd"])
    return ns, puppet("client", ns), server, listener["port"]


def findings(tcpwatch, ns):
    """Of this namespace alone: what else runs on the machine is none of ours."""
    return tcpwatch.all("finding", netns=ns.inode)


def stop_silent(tcpwatch, ns):
    tcpwatch.stop()
    assert not findings(tcpwatch, ns), findings(tcpwatch, ns)


def assert_forecast(finding, failed_at):
    """Was it told before, and right within a fifth?"""
    left = failed_at - seconds_of(finding["time"])
    assert left > 0, "told too late"
    told = finding["evidence"]["exhausted_in_ns"] / 1e9
    assert told == pytest.approx(left, rel=0.2), f"told {told} s, came after {left} s"


@pytest.mark.parametrize("bind", [False, True], ids=["connect", "bind"])
def test_exhaustion_is_forecast(watch, scene, bind):
    """connect() fails when the finding said so; with bind() before it, bind() does."""
    ns, client, _, port = scene
    tcpwatch = watch()
    failed_at, count = client.churn(port, HOST, RATE, 30, bind=bind)
    assert failed_at and PORTS <= count <= PORTS + 6  # a few may have ended without TIME_WAIT
    finding = tcpwatch.wait_for("finding", id="time-wait-churn", netns=ns.inode)
    assert_forecast(finding, failed_at)
    tcpwatch.stop()
    assert (finding["pid"], finding["comm"]) == (client.pid, "client"), finding
    assert finding["netns"] == ns.inode
    assert finding["subject"] == f"{HOST} -> " + ("*" if bind else f"{HOST}:{port}")
    assert finding["severity"] == "critical" and finding["status"] == "open"
    evidence = finding["evidence"]
    assert evidence["ports"] == PORTS
    assert PORTS / 4 <= evidence["ports_in_use"] <= PORTS
    assert evidence["in_use_percent"] == pytest.approx(evidence["ports_in_use"] * 100 / PORTS, rel=1e-3)
    assert evidence["ports_in_use"] - 2 <= evidence["time_wait"] <= evidence["ports_in_use"]
    assert evidence["connections_per_second"] == pytest.approx(RATE, rel=0.2)
    assert evidence["top_process"] == "client" and evidence["top_process_share_percent"] > 95
    assert evidence.get("bound", False) == bind
    assert len(findings(tcpwatch, ns)) == 1, findings(tcpwatch, ns)


def test_ports_are_taken_over(watch, scene):
    """The healthy twin: the same connections, where connect() may take ports from TIME_WAIT."""
    ns, client, _, port = scene
    ns.sysctl("net.ipv4.tcp_tw_reuse", 1)
    tcpwatch = watch()
    failed_at, count = client.churn(port, HOST, 20, 11)
    assert not failed_at and count > PORTS
    stop_silent(tcpwatch, ns)


def test_slow_enough(watch, scene):
    """Another one: at this rate TIME_WAIT gives back as many ports as are taken."""
    ns, client, _, port = scene
    tcpwatch = watch()
    client.churn(port, HOST, 1000, 0.06)  # a burst of 50 or so
    client.churn(port, HOST, 2, 8)
    stop_silent(tcpwatch, ns)


def test_server_side(watch, scene):
    """TIME_WAIT of the side that was connected to holds no port that connect() would look for."""
    ns, client, server, _ = scene
    listener = server.listen(host=HOST, port=8081)
    server.serve(listener["fd"], first="server")
    tcpwatch = watch()
    for _ in range(12):
        client.visit(listener["port"], 50, first="server", host=HOST)
    stop_silent(tcpwatch, ns)
