# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Which sockets and processes are watched: -p -f -n -4 -6 -L -D, and -i."""

import subprocess
import time

import pytest

from check import assert_counts
from puppets import PYTHON, connect, connect_pair

W = ("-w", "300ms")


def sockets_of(tcpwatch):
    return {record["socket"] for record in tcpwatch.all("transition")}


@pytest.mark.parametrize("option,families", [
    ("-4", {"ipv4", "mapped"}), ("-6", {"ipv6"}), (None, {"ipv4", "ipv6", "mapped"})])
def test_family(watch, puppet, option, families):
    """-4 has the IPv4-mapped ones, -6 has not."""
    tcpwatch = watch("-t", *W, *([option] if option else []))
    client, server = puppet("client"), puppet("server")
    pairs = {family: connect_pair(client, server, family)
             for family in ("ipv4", "ipv6", "mapped")}
    for pair in pairs.values():
        client.close(pair.client_fd)
        server.recv_all(pair.server_fd)
    for family in families:
        tcpwatch.wait_for("leak", socket=pairs[family].server_cookie)
    tcpwatch.stop()
    for family, pair in pairs.items():
        for cookie in (pair.client_cookie, pair.server_cookie):
            assert (cookie in sockets_of(tcpwatch)) == (family in families), family
        assert bool(tcpwatch.all("leak", socket=pair.server_cookie)) == (family in families)
    assert_counts(tcpwatch.process_of(client.pid), SYN_SENT=len(families),
                  ESTABLISHED=len(families))
    assert tcpwatch.process_of(server.pid)["open"]["CLOSE_WAIT"] == len(families)


def test_family_of_sockets_older_than_tcpwatch(watch, puppet):
    client, server = puppet("client"), puppet("server")
    pairs = {family: connect_pair(client, server, family)
             for family in ("ipv4", "ipv6", "mapped")}
    four, six = watch("-4"), watch("-6")
    four.stop()
    six.stop()
    assert pairs
    assert four.process_of(client.pid)["open"] == {"ESTABLISHED": 2}
    assert six.process_of(client.pid)["open"] == {"ESTABLISHED": 1}


@pytest.mark.parametrize("option", ["-L", "-D"])
def test_ports(watch, puppet, option):
    """The server's port as the local one shows servers, as the remote one clients; lists work."""
    client, server = puppet("client"), puppet("server")
    listeners = [server.listen() for _ in range(3)]
    wanted = ",".join(str(listener["port"]) for listener in listeners[:2])
    tcpwatch = watch("-t", *W, option, wanted)
    pairs = [connect(client, server, listener) for listener in listeners]
    for pair in pairs:
        client.close(pair.client_fd)
        server.recv_all(pair.server_fd)
    if option == "-L":
        for pair in pairs[:2]:
            tcpwatch.wait_for("leak", socket=pair.server_cookie)
    else:
        time.sleep(0.7)
    tcpwatch.stop()
    shown = {pair.server_cookie if option == "-L" else pair.client_cookie for pair in pairs[:2]}
    assert sockets_of(tcpwatch) == shown
    assert {r["socket"] for r in tcpwatch.all("leak")} == (shown if option == "-L" else set())
    process = tcpwatch.process_of((server if option == "-L" else client).pid)
    assert_counts(process, ESTABLISHED=2)
    other = (client if option == "-L" else server).pid
    assert not tcpwatch.all("process", pid=other)


def test_both_ports(watch, puppet):
    """Conditions of different kinds are joined by `and`."""
    client, server = puppet("client"), puppet("server")
    listener = server.listen()
    spare = client.listen()
    client.close(spare["fd"])
    tcpwatch = watch("-t", "-L", spare["port"], "-D", listener["port"])
    connect(client, server, listener)
    chosen = connect(client, server, listener, bind=[None, spare["port"]])
    tcpwatch.wait_for("transition", socket=chosen.client_cookie, to="ESTABLISHED")
    tcpwatch.stop()
    assert {r["socket"] for r in tcpwatch.all("transition") if r["to"] == "ESTABLISHED"} == \
        {chosen.client_cookie}
    assert tcpwatch.process_of(client.pid)["open"] == {"ESTABLISHED": 1}


def test_comm(watch, puppet):
    """-n: exact, repeatable; part of a name is another name."""
    tcpwatch = watch("-t", "--strict", *W, "-n", "alpha", "-n", "beta")
    server = puppet("server")
    listener = server.listen()
    clients = [puppet(name) for name in ("alpha", "beta", "alphabet", "alph", "Alpha")]
    pairs = [connect(client, server, listener) for client in clients]
    server.close_many([pair.server_fd for pair in pairs])
    for pair in pairs[:2]:
        tcpwatch.wait_for("leak", socket=pair.client_cookie)
    time.sleep(0.2)
    tcpwatch.stop()
    assert {r["comm"] for r in tcpwatch.all("process")} == {"alpha", "beta"}
    assert {r["socket"] for r in tcpwatch.all("leak")} == \
        {pair.client_cookie for pair in pairs[:2]}
    assert {r["pid"] for r in tcpwatch.all("transition")} == {client.pid for client in clients[:2]}


def test_comm_after_exec(watch, puppet):
    """-n goes by the name a process has now: exec brings it in."""
    client, server = puppet("another"), puppet("server")
    tcpwatch = watch("-t", "-n", "executed")
    listener = server.listen()
    before = connect(client, server, listener)
    client.exec("executed")
    after = connect(client, server, listener)
    client.close_many([before.client_fd, after.client_fd])
    tcpwatch.wait_for("transition", socket=after.client_cookie, to="FIN_WAIT1")
    tcpwatch.stop()
    assert tcpwatch.path(after.client_cookie)[:3] == \
        ["CLOSE>SYN_SENT", "SYN_SENT>ESTABLISHED", "ESTABLISHED>FIN_WAIT1"]
    assert {r["comm"] for r in tcpwatch.all("transition")} == {"executed"}
    assert {r["pid"] for r in tcpwatch.all("process")} == {client.pid}


def test_comm_of_a_server(watch, puppet):
    """The accepting process by name, with sockets older and newer than tcpwatch."""
    client, server, other = puppet("client"), puppet("wanted"), puppet("unwanted")
    old, elsewhere = connect_pair(client, server), connect_pair(client, other)
    tcpwatch = watch(*W, "-n", "wanted")
    new = connect_pair(client, server)
    for pair in (old, new, elsewhere):
        client.close(pair.client_fd)
    for pair in (old, new):
        tcpwatch.wait_for("leak", socket=pair.server_cookie)
    time.sleep(0.2)
    tcpwatch.stop()
    assert {r["pid"] for r in tcpwatch.all("process")} == {server.pid}
    assert len(tcpwatch.all("leak")) == 2


def test_pid(watch, puppet):
    """-p: one process of several; its peer is not shown."""
    client, server = puppet("client"), puppet("server")
    tcpwatch = watch("-t", "--strict", *W, "-p", client.pid)
    pair = connect_pair(client, server)
    server.close(pair.server_fd)
    leak = tcpwatch.wait_for("leak", socket=pair.client_cookie)
    tcpwatch.stop()
    assert leak["pid"] == client.pid
    assert tcpwatch.start["pids"] == [client.pid]
    assert sockets_of(tcpwatch) == {pair.client_cookie}
    assert {r["pid"] for r in tcpwatch.all("process")} == {client.pid}


def test_several_pids(watch, puppet):
    """-p A,B: both, and the run ends with the last of them."""
    one, two, other = puppet("one"), puppet("two"), puppet("other")
    tcpwatch = watch("-p", f"{one.pid},{two.pid}")
    listener = other.listen()
    for client in (one, two):
        connect(client, other, listener)
    one.leave()
    time.sleep(0.5)
    assert tcpwatch.process.poll() is None, "ended before its last target"
    two.leave()
    tcpwatch.wait_end()
    assert {r["pid"] for r in tcpwatch.all("process")} == {one.pid, two.pid}


def test_thread_id_stands_for_its_process(watch, puppet):
    client, server = puppet("client"), puppet("server")
    listener = client.listen()
    thread = client.hang("accept", listener["fd"])
    assert thread != client.pid
    tcpwatch = watch("-p", thread)
    connect_pair(client, server)
    tcpwatch.stop()
    assert tcpwatch.start["pids"] == [client.pid]
    assert tcpwatch.process_of(client.pid)["open"]["ESTABLISHED"] == 1


@pytest.mark.parametrize("follow", [True, False])
def test_follow_forks(watch, puppet, follow):
    """Children and grandchildren born after the start; those born before are not future ones."""
    parent, server = puppet("parent"), puppet("server")
    listener = server.listen()
    before = parent.fork("born-before")
    tcpwatch = watch("-t", "-p", parent.pid, *(["-f"] if follow else []))
    child = parent.fork("child")
    grandchild = child.fork("grandchild")
    family = [parent, child, grandchild]
    for process in [*family, before]:
        connect(process, server, listener)
    parent.leave()
    if follow:
        time.sleep(0.5)
        assert tcpwatch.process.poll() is None, "ended though descendants live"
        child.leave()
        grandchild.leave()
    tcpwatch.wait_end()
    expected = {process.pid for process in (family if follow else family[:1])}
    assert {r["pid"] for r in tcpwatch.all("process")} == expected
    for pid in expected:
        assert_counts(tcpwatch.process_of(pid), SYN_SENT=1, ESTABLISHED=1)


def test_followed_children_of_milliseconds(watch, puppet, helper, spawn):
    """-f with a shell that starts short programs: each is followed from its birth."""
    server = puppet("server")
    port = server.listen()["port"]
    connector = helper("connector")
    shell = spawn("sh", "-c", "read go; for i in 1 2 3 4 5 6 7 8; do "
                  f"{connector} once {port} kid-$i; done; exit 0", stdin=subprocess.PIPE)
    tcpwatch = watch("-f", "-p", shell.pid)
    shell.stdin.write(b"go\n")
    shell.stdin.flush()
    assert shell.wait(60) == 0
    tcpwatch.wait_end()
    assert sorted(r["comm"] for r in tcpwatch.all("process")) == \
        [f"kid-{number}" for number in range(1, 9)]
    for record in tcpwatch.all("process"):
        assert_counts(record, ESTABLISHED=1)


def test_followed_leak(watch, puppet):
    """A child born after the start leaks: reported under -f, with the child as holder."""
    client, parent = puppet("client"), puppet("parent")
    tcpwatch = watch("-f", "-p", parent.pid, *W)
    child = parent.fork("child")
    pair = connect_pair(client, child)
    client.close(pair.client_fd)
    leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
    tcpwatch.stop()
    assert (leak["pid"], leak["comm"]) == (child.pid, "child")


def test_interval(watch, puppet):
    """-i: a summary each time, numbers that only grow, and the last one at the end."""
    tcpwatch = watch("-i", "400ms")
    client, server = puppet("client"), puppet("server")
    listener = server.listen()
    counts = []
    for number in range(1, 4):
        pair = connect(client, server, listener)
        client.close(pair.client_fd)
        server.close(pair.server_fd)
        tcpwatch.wait_for("process", lambda r, n=number: r["pid"] == client.pid
                          and r["states"].get("ESTABLISHED", {"count": 0})["count"] == n)
    begin, before = time.monotonic(), len(tcpwatch.all("process", pid=client.pid))
    assert before >= 3
    tcpwatch.stop()
    records = tcpwatch.all("process", pid=client.pid)
    # The last one, and those whose time came until then.
    assert before + 1 <= len(records) <= before + 2 + (time.monotonic() - begin) / 0.4
    counts = [record["states"]["ESTABLISHED"]["count"] for record in records]
    assert counts == sorted(counts) and counts[-1] == 3
    assert records[-1]["start_time"] == records[0]["start_time"]


def test_own_sockets_and_self_are_no_trouble(watch, spawn):
    """-p of a process without any socket: an empty summary, not an error."""
    target = spawn(PYTHON, "-c", "import time; time.sleep(30)")
    tcpwatch = watch("-p", target.pid, "-d", "300ms")
    tcpwatch.wait_end()
    assert not tcpwatch.all("transition") and not tcpwatch.all("leak")
    for record in tcpwatch.all("process"):
        assert record["pid"] == target.pid and not record["states"], record
