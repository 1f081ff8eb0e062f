# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Processes that die, exec, fork, vfork, use threads or io_uring: the right owner (20, 23)."""

import signal
import subprocess
import time

import pytest

from check import MS, assert_between, assert_counts, cause_of, count_of, is_full, lifetime_of
from puppets import Span, connect, connect_pair, now_ns


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_with_open_connections(watch, puppet, signal_number):
    """Scenario 20: the kernel closes; the dead process keeps its numbers and its name."""
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("victim")
    listener = server.listen()
    pairs = [connect(client, server, listener) for _ in range(5)]
    before = now_ns()
    server.kill(signal_number)
    closing = Span(before, now_ns())
    for pair in pairs:
        tcpwatch.wait_for("transition", socket=pair.client_cookie, to="CLOSE_WAIT")
    client.close_many([pair.client_fd for pair in pairs])
    tcpwatch.wait_closed(*(pair.client_cookie for pair in pairs))
    tcpwatch.stop()
    process = tcpwatch.process_of(server.pid)
    assert process["comm"] == "victim"
    assert_counts(process, ESTABLISHED=5, FIN_WAIT1=5, LISTEN=1)
    assert not process["open"].get("ESTABLISHED") and not process["open"].get("LISTEN")
    for pair in pairs:
        record = [r for r in tcpwatch.transitions(pair.server_cookie)
                  if r["to"] == "FIN_WAIT1"][0]
        assert (record["pid"], record["comm"]) == (server.pid, "victim"), record
        assert_between(record["lifetime_ns"], pair.opening, closing)
    assert_counts(tcpwatch.process_of(client.pid), ESTABLISHED=5, CLOSE_WAIT=5, LAST_ACK=5)


def test_killed_while_tcpwatch_knew_only_the_listener(watch, puppet):
    """-p of a process that is killed: its connections are in the summary, and the run ends."""
    client, server = puppet("client"), puppet("victim")
    tcpwatch = watch("-p", server.pid)
    connect_pair(client, server)
    server.kill()
    tcpwatch.wait_end()
    process = tcpwatch.process_of(server.pid)
    assert_counts(process, ESTABLISHED=1)
    # The kernel has closed it for the dead process, and waits for the client's FIN.
    assert process["comm"] == "victim" and process["open"] == {"FIN_WAIT2": 1}, process


def test_processes_of_milliseconds(watch, puppet, helper, spawn):
    """Twenty programs that connect and exit: each has its name and its one connection."""
    tcpwatch = watch()
    server = puppet("server")
    port = server.listen()["port"]
    names = [f"short-{number}" for number in range(20)]
    connector, pids = helper("connector"), {}
    for name in names:
        process = spawn(connector, "once", port, name)
        pids[process.pid] = name
        assert process.wait(60) == 0
    time.sleep(0.2)
    tcpwatch.stop()
    for pid, name in pids.items():
        process = tcpwatch.process_of(pid)
        assert process["comm"] == name
        assert_counts(process, SYN_SENT=1, ESTABLISHED=1)
        assert process["open"] == {"FIN_WAIT2": 1}


def test_connect_then_exec(watch, puppet):
    """The socket survives exec: same process, new name."""
    tcpwatch = watch("-t")
    client, server = puppet("before-exec"), puppet("server")
    pair = connect_pair(client, server)
    client.exec("after-exec")
    assert client.info(pair.client_fd)["cookie"] == pair.client_cookie
    fin = client.timed("close", pair.client_fd)
    time.sleep(0.1)
    server.close(pair.server_fd)
    tcpwatch.wait_closed(pair.client_cookie)
    tcpwatch.stop()
    assert tcpwatch.transitions(pair.client_cookie)[0]["comm"] == "before-exec"
    process = tcpwatch.process_of(client.pid)  # one record, not one a name
    assert process["comm"] == "after-exec"
    assert_counts(process, SYN_SENT=1, ESTABLISHED=1)
    assert_between(lifetime_of(tcpwatch, pair.client_cookie, "ESTABLISHED>FIN_WAIT1"),
                   pair.opening, fin)


def test_fork_then_close_in_the_child(watch, puppet):
    """The child closes its copy: nothing happens. The parent closes: the parent's lifetime."""
    tcpwatch = watch("-t")
    client, server = puppet("parent"), puppet("server")
    pair = connect_pair(client, server)
    child = client.fork("child")
    child.close(pair.client_fd)
    tcpwatch.wait_for("transition", socket=pair.client_cookie, to="ESTABLISHED")
    tcpwatch.settle(0.2)
    assert tcpwatch.path(pair.client_cookie)[-1] == "SYN_SENT>ESTABLISHED"
    fin = client.timed("close", pair.client_fd)
    tcpwatch.wait_for("transition", socket=pair.client_cookie, to="FIN_WAIT1")
    tcpwatch.stop()
    assert {r["pid"] for r in tcpwatch.transitions(pair.client_cookie)} == {client.pid}
    assert_counts(tcpwatch.process_of(client.pid), ESTABLISHED=1)
    assert not tcpwatch.all("process", pid=child.pid)
    assert_between(lifetime_of(tcpwatch, pair.client_cookie, "ESTABLISHED>FIN_WAIT1"),
                   pair.opening, fin)


def test_forking_server(watch, puppet):
    """The classic: the parent accepts, the child serves and closes. Counted once: by who accepted,
    and where that is not told, by who closed."""
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("parent")
    pair = connect_pair(client, server)
    child = server.fork("child")
    server.close(pair.server_fd)
    client.close(pair.client_fd)
    child.recv_all(pair.server_fd)
    child.close(pair.server_fd)
    tcpwatch.wait_closed(pair.server_cookie)
    tcpwatch.stop()
    owner, other = (server, child) if is_full(tcpwatch) else (child, server)
    process = tcpwatch.process_of(owner.pid)
    assert process["comm"] == owner.comm
    assert_counts(process, ESTABLISHED=1, CLOSE_WAIT=1, LAST_ACK=1)
    for process in tcpwatch.all("process", pid=other.pid):
        assert_counts(process, ESTABLISHED=0, CLOSE_WAIT=0, LAST_ACK=0)


def test_client_connection_closed_by_a_child(watch, puppet):
    """The parent connects, the child closes last: one lifetime in one of them, not in both."""
    tcpwatch = watch("-t")
    client, server = puppet("parent"), puppet("server")
    pair = connect_pair(client, server)
    child = client.fork("child")
    client.close(pair.client_fd)
    fin = child.timed("close", pair.client_fd)
    tcpwatch.wait_for("transition", socket=pair.client_cookie, to="FIN_WAIT1")
    tcpwatch.stop()
    assert {r["pid"] for r in tcpwatch.transitions(pair.client_cookie)} <= {client.pid, child.pid}
    assert sum(count_of(process, "ESTABLISHED") for process in tcpwatch.all("process")
               if process["pid"] in (client.pid, child.pid)) == 1
    assert_between(lifetime_of(tcpwatch, pair.client_cookie, "ESTABLISHED>FIN_WAIT1"),
                   pair.opening, fin)


def test_threads_count_for_their_process(watch, puppet):
    """Connections of threads with names of their own: the process's pid and the process's name."""
    tcpwatch = watch("-t")
    client, server = puppet("leader"), puppet("server")
    listener = server.listen()
    ends = client.in_threads(4, "connect", listener["port"])
    accepted = server.in_threads(4, "accept", listener["fd"])
    server.in_threads(1, "close_many", [end["fd"] for end in accepted])
    client.in_threads(1, "close_many", [end["fd"] for end in ends])
    cookies = [end["cookie"] for end in ends + accepted]
    tcpwatch.wait_closed(*cookies)
    tcpwatch.stop()
    for end, process in [*((end, client) for end in ends), *((end, server) for end in accepted)]:
        for record in tcpwatch.transitions(end["cookie"]):
            assert record["pid"] in (process.pid, None), record
            assert record["comm"] in (process.comm, None), record
    assert_counts(tcpwatch.process_of(client.pid), SYN_SENT=4, ESTABLISHED=4)
    assert_counts(tcpwatch.process_of(server.pid), ESTABLISHED=4)
    assert tcpwatch.process_of(client.pid)["comm"] == "leader"


def test_vfork(watch, puppet, helper, spawn):
    """A vfork child closes its copy and connects on its own before it executes another program."""
    tcpwatch = watch("-t")
    server = puppet("server")
    listener = server.listen()
    parent = spawn(helper("connector"), "vfork", listener["port"], stdin=subprocess.PIPE,
                   stdout=subprocess.PIPE, text=True)
    child, ours, theirs = parent.stdout.readline().split()
    tcpwatch.wait_for("transition", socket=theirs, to="FIN_WAIT1")
    assert tcpwatch.path(ours) == ["CLOSE>SYN_SENT", "SYN_SENT>ESTABLISHED"]
    parent.stdin.close()
    assert parent.wait(60) == 0
    tcpwatch.wait_for("transition", socket=ours, to="FIN_WAIT1")
    tcpwatch.stop()
    for cookie, pid in ((ours, parent.pid), (theirs, int(child))):
        assert {r["pid"] for r in tcpwatch.transitions(cookie)} == {pid}
        assert_counts(tcpwatch.process_of(pid), SYN_SENT=1, ESTABLISHED=1)
    assert tcpwatch.process_of(parent.pid)["comm"] == "connector"
    assert tcpwatch.process_of(int(child))["comm"] in ("true", "connector")


@pytest.mark.parametrize("way", ["inline", "async"])
def test_io_uring(watch, puppet, helper, spawn, way):
    """connect, accept and close by io_uring, in the task itself or by a kernel worker thread."""
    tcpwatch = watch("-t")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    server = spawn(helper("uring"), "server", way, **pipes)
    port = server.stdout.readline().strip()
    client = spawn(helper("uring"), "client", port, way, **pipes)
    cookies = {}
    for process in (client, server):
        cookies[process.pid] = process.stdout.readline().split()[1]
    time.sleep(0.1)
    for process, state in ((client, "FIN_WAIT2"), (server, "CLOSE")):
        print("close", file=process.stdin, flush=True)
        assert process.stdout.readline() == "closed\n"
        tcpwatch.wait_for("transition", socket=cookies[process.pid], to=state)
    tcpwatch.stop()
    for process, change in ((client, "ESTABLISHED>FIN_WAIT1"), (server, "ESTABLISHED>CLOSE_WAIT")):
        for record in tcpwatch.transitions(cookies[process.pid]):
            assert record["pid"] in (process.pid, None), record
            assert record["comm"] in ("uring", None), record
        assert lifetime_of(tcpwatch, cookies[process.pid], change) >= 100 * MS
        assert_counts(tcpwatch.process_of(process.pid), ESTABLISHED=1)
    assert cause_of(tcpwatch, cookies[server.pid]) == "fin"
    assert {r["pid"] for r in tcpwatch.transitions(cookies[client.pid])} == {client.pid}
    accepts = [(r["pid"], r["comm"]) for r in tcpwatch.all("accept", socket=cookies[server.pid])]
    assert accepts == [(server.pid, "uring")] * is_full(tcpwatch)


def test_pid_is_not_identity(watch, puppet):
    """start_time and pid tell processes apart; start_time is a moment of this boot."""
    tcpwatch = watch()
    client, server = puppet("client"), puppet("server")
    pair = connect_pair(client, server)
    client.close(pair.client_fd)
    tcpwatch.stop()
    for puppet_process in (client, server):
        record = tcpwatch.process_of(puppet_process.pid)
        assert record["start_time"], record
    assert tcpwatch.process_of(client.pid)["start_time"] != \
        tcpwatch.process_of(server.pid)["start_time"]
