# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""time-wait-churn (scenario 13): the end of the local ports is told before it comes."""

import socket
import time

import pytest

from check import SLOW
from runner import seconds_of

pytestmark = pytest.mark.long

HOST = "10.99.0.1"  # not loopback: there TIME_WAIT is taken over by default
PORTS = 190
RATE = 15
IP_LOCAL_PORT_RANGE = 51


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


def finding_of(tcpwatch, ns, client, process):
    """The only one of this namespace. What it is about stays as it is, so it may come late: scans
    are rare where they take long, as with many namespaces of others."""
    tcpwatch.wait_for("finding", id="time-wait-churn", netns=ns.inode, timeout=240 * SLOW)
    tcpwatch.stop()
    finding, = tcpwatch.all("finding", netns=ns.inode, id="time-wait-churn")
    assert finding["pid"] == process.pid, finding
    assert finding["subject"] == f"{HOST} -> {HOST}:{client}", finding
    assert "connections_per_second" not in finding["evidence"], finding
    # The advice against TIME_WAIT would be the opposite of the cure.
    assert "TIME_WAIT" not in finding["says"] and "Keep connections open" not in finding["advice"]
    return finding


def test_open_connections(watch, scene):
    """No TIME_WAIT at all: a pool that has no limit."""
    ns, client, server, _ = scene
    listener = server.listen(host=HOST, port=8081)
    server.serve(listener["fd"], "nobody")
    tcpwatch = watch()
    for _ in range(PORTS):
        client.connect(8081, host=HOST)
    finding = finding_of(tcpwatch, ns, 8081, client)
    assert finding["says"] == "Local ports are running out: open connections hold them."
    assert finding["evidence"]["time_wait"] == 0
    assert finding["evidence"]["open"] == finding["evidence"]["ports_in_use"] >= PORTS * 0.79


def test_held_by_fin_wait2(watch, scene):
    """Closed here, and not there."""
    ns, client, server, _ = scene
    ns.sysctl("net.ipv4.tcp_fin_timeout", 600)  # they stay, however long a busy machine needs
    listener = server.listen(host=HOST, port=8081)
    server.serve(listener["fd"], "nobody")
    tcpwatch = watch("-w", "1h")  # the server's leaks are none of this test's business
    client.churn(8081, HOST, 100, PORTS / 100)
    finding = finding_of(tcpwatch, ns, 8081, client)
    assert "FIN_WAIT2" in finding["says"] and "tcp_fin_timeout" in finding["advice"]
    assert finding["evidence"]["fin_wait2"] > PORTS / 2
    assert finding["evidence"]["time_wait"] == 0


def own_range(low, high):
    """As options of a socket; the number is a signed one for setsockopt()."""
    return [(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, (high << 16 | low) - (1 << 32))]


def has_own_ranges():
    with socket.socket() as sock:
        try:
            sock.setsockopt(*own_range(40010, 40019)[0])
        except OSError:
            return False
    return True


@pytest.mark.skipif(not has_own_ranges(), reason="a kernel before IP_LOCAL_PORT_RANGE")
def test_range_of_a_socket(watch, scene):
    """Ten ports that the program has chosen: connect() fails although the namespace has 190."""
    ns, client, server, _ = scene
    listener = server.listen(host=HOST, port=8081)
    server.serve(listener["fd"], "nobody")
    tcpwatch = watch()
    options = own_range(40010, 40019)
    for _ in range(10):
        client.connect(8081, host=HOST, options=options)
    for _ in range(2):  # as long as it is not more, it may be an accident
        assert client.connect_fails(8081, host=HOST, options=options)["errno"] == "EADDRNOTAVAIL"
    tcpwatch.settle(3)
    assert not findings(tcpwatch, ns)
    deadline, count = time.monotonic() + 120 * SLOW, 2
    while not findings(tcpwatch, ns):
        assert time.monotonic() < deadline, f"no finding after {count}"
        assert client.connect_fails(8081, host=HOST, options=options)["errno"] == "EADDRNOTAVAIL"
        count += 1
        time.sleep(0.1)
    finding = finding_of(tcpwatch, ns, 8081, client)
    assert finding["severity"] == "critical"
    assert "IP_LOCAL_PORT_RANGE" in finding["says"]
    evidence = finding["evidence"]
    assert evidence["own_range"] == "40010-40019"
    if "ports" in evidence:  # a busy machine may not have let it ask the kernel in time
        assert (evidence["ports"], evidence["ports_in_use"], evidence["open"]) == (10, 10, 10)
        assert evidence["time_wait"] == 0
    assert 3 <= evidence["failed_connects"] <= count


@pytest.mark.skipif(not has_own_ranges(), reason="a kernel before IP_LOCAL_PORT_RANGE")
def test_full_but_enough(watch, scene):
    """The healthy twin: all ten are in use, and nobody wants more."""
    ns, client, server, _ = scene
    listener = server.listen(host=HOST, port=8081)
    server.serve(listener["fd"], "nobody")
    tcpwatch = watch()
    for _ in range(10):
        client.connect(8081, host=HOST, options=own_range(40010, 40019))
    tcpwatch.settle(5)
    stop_silent(tcpwatch, ns)
