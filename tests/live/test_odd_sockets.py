# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""MPTCP, Fast Open, TCP_REPAIR, disconnect, ss -K: shown right, or left out; no nonsense (27).

Every run's ledger, histograms and records are checked by Tcpwatch.wait_end() on top of this.
"""

import subprocess
import time

import pytest

from check import (MS, assert_between, assert_counts, assert_names, cause_of, count_of,
                   into_time_wait, is_full, lifetime_of)
from netns import table_rows
from puppets import connect, connect_pair, now_ns
from runner import PATIENCE


def wait_closed_at(port):
    """No connection of this port is open any more: the kernel closes those of MPTCP later."""
    deadline = time.monotonic() + PATIENCE
    while any(state == "ESTABLISHED" and str(port) in (local.split(":")[-1], remote.split(":")[-1])
              for local, remote, state in table_rows()):
        assert time.monotonic() < deadline, table_rows()
        time.sleep(0.02)


def test_mptcp(watch, puppet):
    """The subflows are TCP, the socket above them is not: no wrong owner, nothing twice."""
    begin = now_ns()
    tcpwatch = watch("-t", "-w", "300ms")
    client, server, other = puppet("mp-client"), puppet("mp-server"), puppet("other")
    other_pair = connect_pair(other, other)
    listener = server.listen(mptcp=True)
    pairs = [connect(client, server, listener, mptcp=True) for _ in range(3)]
    for pair in pairs:
        client.send(pair.client_fd, 1000)
        assert server.recv(pair.server_fd, 1000) == 1000
    client.close_many([pair.client_fd for pair in pairs])
    closing = client.last
    time.sleep(0.1)
    server.close_many([pair.server_fd for pair in pairs])
    in_time = server.last.after - closing.before < 250 * MS
    time.sleep(0.6)
    wait_closed_at(listener["port"])
    other.close(other_pair.client_fd)
    tcpwatch.wait_for("transition", socket=other_pair.server_cookie, to="CLOSE_WAIT")
    tcpwatch.stop()
    length = now_ns() - begin
    port = f":{listener['port']}"
    ours = tcpwatch.all("transition", lambda r: r["local"].endswith(port)
                        or r["remote"].endswith(port))
    for record in ours:
        assert record["pid"] in (client.pid, server.pid, None), record
        assert record["lifetime_ns"] is None or record["lifetime_ns"] < length, record
    # accept() gives out the socket above: that is no TCP, and not told of (in 6.1 and 6.12).
    accepts = tcpwatch.all("accept", lambda r: r["local"].endswith(port))
    assert {r["pid"] for r in accepts} <= {server.pid} and len(accepts) <= len(pairs), accepts
    assert {r["socket"] for r in accepts} <= {r["socket"] for r in ours}
    for process in tcpwatch.all("process"):
        if process["pid"] in (client.pid, server.pid):
            assert count_of(process, "ESTABLISHED") <= 3, process
            assert not process["open"].get("ESTABLISHED"), process
            for state in process["states"].values():
                assert state["count"] == 0 or state["max_ns"] < length, process
    # Nothing of it is blamed on whoever else ran.
    assert_counts(tcpwatch.process_of(other.pid), SYN_SENT=1)
    leaks = tcpwatch.all("leak", lambda r: r["pid"] in (client.pid, server.pid))
    assert not (in_time and leaks), leaks


def test_fast_open(watch, puppet, network):
    """Data in the SYN: the child may be accepted before it is established."""
    tcpwatch = watch("-t")
    ns = network()
    ns.sysctl("net.ipv4.tcp_fastopen", 0x1 | 0x2 | 0x4 | 0x200)  # both roles, without cookies
    client, server = puppet("client", ns), puppet("server", ns)
    listener = server.listen(fastopen=True)
    before = now_ns()
    end = client.connect_fastopen(listener["port"], "hello")
    opening = client.last
    accepted = server.accept(listener["fd"])
    assert server.recv(accepted["fd"]) == 5
    time.sleep(0.2)
    fin = client.timed("shutdown", end["fd"])
    tcpwatch.wait_for("transition", socket=end["cookie"], to="FIN_WAIT2")
    server.close(accepted["fd"])
    tcpwatch.wait_closed(end["cookie"], accepted["cookie"])
    tcpwatch.stop()
    assert tcpwatch.path(end["cookie"]) == [
        "CLOSE>SYN_SENT", "SYN_SENT>ESTABLISHED", "ESTABLISHED>FIN_WAIT1", "FIN_WAIT1>FIN_WAIT2",
        into_time_wait(tcpwatch, "FIN_WAIT2")]
    assert tcpwatch.path(accepted["cookie"])[-4:] == [
        "SYN_RECV>ESTABLISHED", "ESTABLISHED>CLOSE_WAIT", "CLOSE_WAIT>LAST_ACK", "LAST_ACK>CLOSE"]
    assert_between(lifetime_of(tcpwatch, accepted["cookie"], "ESTABLISHED>CLOSE_WAIT"), opening,
                   fin)
    syn_recv = lifetime_of(tcpwatch, accepted["cookie"], "SYN_RECV>ESTABLISHED")
    assert syn_recv is None or 0 <= syn_recv <= now_ns() - before
    accepts = tcpwatch.all("accept", socket=accepted["cookie"])
    assert [r["pid"] for r in accepts] == [server.pid] * is_full(tcpwatch), accepts
    for record in accepts:
        assert record["accept_wait_ns"] is None or record["accept_wait_ns"] < now_ns() - before
    for record in tcpwatch.transitions(accepted["cookie"])[1:]:
        assert_names(record, accepted["local"], accepted["remote"], netns=ns.inode, role="server")
    assert_counts(tcpwatch.process_of(client.pid), SYN_SENT=1, ESTABLISHED=1)
    assert_counts(tcpwatch.process_of(server.pid), ESTABLISHED=1, CLOSE_WAIT=1)


def test_repair_close(watch, puppet):
    """TCP_REPAIR closes in silence, as checkpointing does: no FIN, no reset; the peer stays."""
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("server")
    pair = connect_pair(client, server)
    time.sleep(0.1)
    closing = client.timed("repair_close", pair.client_fd)
    tcpwatch.wait_closed(pair.client_cookie)
    tcpwatch.stop()
    last = tcpwatch.transitions(pair.client_cookie)[-1]
    assert (last["from"], last["to"], last["pid"]) == ("ESTABLISHED", "CLOSE", client.pid)
    assert last["cause"] not in ("fin", "timeout", "reset_received", "refused", "time_wait"), last
    assert_between(last["lifetime_ns"], pair.opening, closing)
    assert tcpwatch.process_of(server.pid)["open"]["ESTABLISHED"] == 1
    assert not tcpwatch.process_of(client.pid)["open"]


def test_disconnect_and_reconnect(watch, puppet):
    """connect(AF_UNSPEC): one socket, one cookie, two connections, two lifetimes."""
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("server")
    listener = server.listen()
    pair = connect(client, server, listener)
    time.sleep(0.1)
    first_end = client.timed("disconnect", pair.client_fd)
    time.sleep(0.3)
    again = client.connect_again(pair.client_fd, listener["port"])
    second_begin = client.last
    assert again["cookie"] == pair.client_cookie
    time.sleep(0.05)
    second_end = client.timed("close", pair.client_fd)
    tcpwatch.wait_for("transition", socket=pair.client_cookie, to="FIN_WAIT1")
    tcpwatch.stop()
    assert tcpwatch.path(pair.client_cookie)[:6] == [
        "CLOSE>SYN_SENT", "SYN_SENT>ESTABLISHED", "ESTABLISHED>CLOSE",
        "CLOSE>SYN_SENT", "SYN_SENT>ESTABLISHED", "ESTABLISHED>FIN_WAIT1"]
    records = tcpwatch.transitions(pair.client_cookie)
    assert_between(records[2]["lifetime_ns"], pair.opening, first_end)
    assert records[2]["cause"] not in ("fin", "timeout", "reset_received", "refused"), records[2]
    assert_between(records[5]["lifetime_ns"], second_begin, second_end)
    assert {record["pid"] for record in records} == {client.pid}
    process = tcpwatch.process_of(client.pid)
    assert_counts(process, SYN_SENT=2, ESTABLISHED=2)
    assert process["states"]["ESTABLISHED"]["sum_ns"] == \
        records[2]["lifetime_ns"] + records[5]["lifetime_ns"]


@pytest.mark.parametrize("state", ["ESTABLISHED", "CLOSE_WAIT"])
def test_killed_by_ss(watch, puppet, network, state):
    """ss -K: aborted, and the owner is not ss, in whose context it happens."""
    tcpwatch = watch("-t", "-w", "300ms")
    ns = network()
    client, server = puppet("client", ns), puppet("server", ns)
    pair = connect(client, server, server.listen(port=5000))
    if state == "CLOSE_WAIT":
        client.shutdown(pair.client_fd)
        server.recv_all(pair.server_fd)
        tcpwatch.wait_for("leak", socket=pair.server_cookie)
    time.sleep(0.1)
    before = now_ns()
    name = state.lower().replace("_", "-")
    output = ns.run("ss", "-K", "-n", "state", name, "sport", "=", ":5000")
    assert ":5000" in output, f"ss -K found nothing: {output}"
    after = now_ns()
    tcpwatch.wait_closed(pair.server_cookie, pair.client_cookie)
    if state == "CLOSE_WAIT":
        tcpwatch.wait_for("leak_end", socket=pair.server_cookie, pid=server.pid)
    tcpwatch.stop()
    last = tcpwatch.transitions(pair.server_cookie)[-1]
    assert (last["from"], last["to"]) == (state, "CLOSE")
    assert last["cause"] == "abort", last
    assert last["pid"] in (server.pid, None), last
    assert last["lifetime_ns"] is not None and last["lifetime_ns"] <= after - pair.opening.before
    assert last["lifetime_ns"] > 0 and before
    assert cause_of(tcpwatch, pair.client_cookie) == "reset_received"
    assert not tcpwatch.all("process", comm="ss")
    assert not tcpwatch.all("transition", comm="ss")
    assert_counts(tcpwatch.process_of(server.pid), ESTABLISHED=1)
    assert tcpwatch.process_of(server.pid)["open"].get(state, 0) == 0


def test_listener_killed_by_ss(watch, puppet, network):
    """A listener aborted by ss -K goes from CLOSE to CLOSE, too: that is no transition."""
    tcpwatch = watch("-t")
    ns = network()
    server = puppet("server", ns)
    listener = server.listen(port=5000)
    output = ns.run("ss", "-K", "-ln", "sport", "=", ":5000")
    assert ":5000" in output
    server.close(listener["fd"])
    time.sleep(0.2)
    tcpwatch.stop()
    assert tcpwatch.path(listener["cookie"]) == ["CLOSE>LISTEN", "LISTEN>CLOSE"]
    assert_counts(tcpwatch.process_of(server.pid), LISTEN=1)


def test_listen_connect_and_close_without_any_peer(watch, puppet):
    """Sockets made, bound, closed again: no transitions, no processes out of nothing."""
    tcpwatch = watch("-t")
    alone = puppet("alone")
    for _ in range(5):
        end = alone.listen()
        alone.close(end["fd"])
    subprocess.run(["true"], check=True)
    tcpwatch.stop()
    records = tcpwatch.all("transition", pid=alone.pid)
    assert [f"{r['from']}>{r['to']}" for r in records] == ["CLOSE>LISTEN", "LISTEN>CLOSE"] * 5
    assert_counts(tcpwatch.process_of(alone.pid), LISTEN=5)
