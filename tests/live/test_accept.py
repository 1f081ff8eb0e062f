# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""accept(): who took a connection, and how long it waited for that (full mode).

In tracepoints mode nothing tells of accept(): no record of it, and no wait, not even of 0.
"""

import time

import pytest

from check import (FAMILIES, MS, SLOW, assert_between, assert_counts, assert_names, assert_near,
                   assert_within, is_full)
from machine import cpu_wait
from puppets import connect, connect_pair


def accept_of(watch, cookie):
    """The one accept record of the connection; None where there can be none."""
    found = watch.all("accept", socket=cookie)
    if not is_full(watch):
        assert found == []
        return None
    assert len(found) == 1, found
    return found[0]


def assert_waits(watch, puppet, *waits):
    """The process's histogram is made of these waits."""
    histogram = watch.process_of(puppet.pid)["accept_wait"]
    if not is_full(watch) or not waits:
        assert histogram is None
        return
    assert histogram["count"] == len(waits) and histogram["sum_ns"] == sum(waits), histogram
    assert (histogram["min_ns"], histogram["max_ns"]) == (min(waits), max(waits)), histogram
    assert sum(count for _, count in histogram["buckets"]) == len(waits), histogram


@pytest.mark.parametrize("family", FAMILIES)
def test_server_that_accepts_late(watch, puppet, family):
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("late")
    listener = server.listen(family)
    end = client.connect(listener["port"], family)
    connecting = client.last
    time.sleep(0.3 - (time.clock_gettime_ns(time.CLOCK_MONOTONIC) - connecting.after) / 1e9)
    accepted = server.accept(listener["fd"])
    accepting = server.last
    client.close(end["fd"])
    time.sleep(0.1)
    server.close(accepted["fd"])
    tcpwatch.wait_closed(accepted["cookie"])
    tcpwatch.stop()
    record = accept_of(tcpwatch, accepted["cookie"])
    assert_waits(tcpwatch, server, *[record["accept_wait_ns"]] if record else [])
    if not record:
        return
    assert_names(record, accepted["local"], accepted["remote"], family, role="server")
    assert (record["pid"], record["comm"]) == (server.pid, "late"), record
    assert_between(record["accept_wait_ns"], connecting, accepting)
    assert_near(record["accept_wait_ns"], 300 * MS)
    print(f"accept_wait {record['accept_wait_ns'] / MS:.3f} ms; by the calls "
          f"{(accepting.before - connecting.after) / MS:.3f} to "
          f"{(accepting.after - connecting.before) / MS:.3f} ms")
    # It is said before what comes later, and all that comes later is known to be his.
    order = [r for r in tcpwatch.records if r.get("socket") == accepted["cookie"]]
    assert order[1] is record and order[0]["to"] == "ESTABLISHED", order
    assert {(r["pid"], r["owner"]) for r in order[2:]} == {(server.pid, "accept")}, order
    assert tcpwatch.all("accept", lambda r: r["socket"] == end["cookie"]) == []


def test_acceptor_that_waits_already(watch, puppet):
    """Nothing waits for who waits for it: microseconds, not 0 and not null."""
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("ready")
    listener = server.listen()
    server.start("accept", listener["fd"])
    time.sleep(0.5)
    before = cpu_wait(server.pid)
    client.connect(listener["port"])
    accepted = server.finish()
    waited_ns = (cpu_wait(server.pid) - before) * 1e9
    tcpwatch.stop()
    record = accept_of(tcpwatch, accepted["cookie"])
    if record:
        assert 0 < record["accept_wait_ns"] <= server.last.after - client.last.before
        # Since the listener is there, or he began to wait, it is more than 500 ms.
        assert record["accept_wait_ns"] < 200 * MS * SLOW + waited_ns
        assert_waits(tcpwatch, server, record["accept_wait_ns"])


def test_each_worker_waits_for_itself(watch, puppet):
    """Scenario 12: the listener is the master's, the waits are those of who accepted."""
    tcpwatch = watch("-t")
    client, master = puppet("client"), puppet("master")
    listener = master.listen()
    workers = [master.fork(f"worker-{number}") for number in range(3)]
    waits = {}
    for number, worker in enumerate(workers):
        end = client.connect(listener["port"])
        connecting = client.last
        time.sleep(0.1 * (number + 1))
        accepted = worker.accept(listener["fd"])
        waits[worker] = (accepted, connecting, worker.last, end)
    tcpwatch.stop()
    for worker, (accepted, connecting, accepting, end) in waits.items():
        record = accept_of(tcpwatch, accepted["cookie"])
        assert accepted["remote"] == end["local"]
        if not record:
            continue
        assert (record["pid"], record["comm"]) == (worker.pid, worker.comm), record
        assert_between(record["accept_wait_ns"], connecting, accepting)
        assert_waits(tcpwatch, worker, record["accept_wait_ns"])
        assert tcpwatch.process_of(worker.pid)["open"]["ESTABLISHED"] == 1
    assert_waits(tcpwatch, master)


def test_queue_of_several(watch, puppet):
    """First in, first out; each with its own wait."""
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("server")
    listener = server.listen()
    connecting = {}
    for _ in range(4):
        end = client.connect(listener["port"])
        connecting[end["local"]] = client.last
        time.sleep(0.05)
    waits = []
    for _ in range(4):
        accepted = server.accept(listener["fd"])
        time.sleep(0.03)
        waits.append((accepted, server.last))
    tcpwatch.stop()
    records = [accept_of(tcpwatch, accepted["cookie"]) for accepted, _ in waits]
    if is_full(tcpwatch):
        for record, (accepted, accepting) in zip(records, waits):
            assert_between(record["accept_wait_ns"], connecting[accepted["remote"]], accepting)
        assert_waits(tcpwatch, server, *(record["accept_wait_ns"] for record in records))


@pytest.mark.parametrize("how", ["close", "reset"])
def test_accepted_after_the_client_has_gone(watch, puppet, how):
    """Scenario 8, cured at last: in CLOSE_WAIT, or reset. The wait is the whole one."""
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("slow")
    listener = server.listen()
    end = client.connect(listener["port"])
    connecting = client.last
    time.sleep(0.1)
    leaving = client.timed(how, end["fd"])
    time.sleep(0.2)
    accepted = server.accept(listener["fd"])
    accepting = server.last
    # A reset one cannot name its peer any more.
    assert accepted["remote"] == (end["local"] if how == "close" else None)
    server.close(accepted["fd"])
    tcpwatch.wait_closed(accepted["cookie"])
    tcpwatch.stop()
    record = accept_of(tcpwatch, accepted["cookie"])
    process = tcpwatch.process_of(server.pid)
    assert_counts(process, ESTABLISHED=1, CLOSE_WAIT=how == "close")
    established = tcpwatch.transitions(accepted["cookie"])[1]
    assert_between(established["lifetime_ns"], connecting, leaving)
    if record:
        assert (record["pid"], record["comm"]) == (server.pid, "slow"), record
        assert_names(record, accepted["local"], end["local"], role="server")
        assert_between(record["accept_wait_ns"], connecting, accepting)
        assert_waits(tcpwatch, server, record["accept_wait_ns"])


def test_reset_one_is_the_acceptors(watch, puppet):
    """Reset in the queue of a master's listener, accepted by a worker: the worker's, all of it."""
    tcpwatch = watch("-t")
    client, master = puppet("client"), puppet("master")
    listener = master.listen()
    worker = master.fork("worker")
    end = client.connect(listener["port"])
    client.reset(end["fd"])
    time.sleep(0.1)
    accepted = worker.accept(listener["fd"])
    worker.close(accepted["fd"])
    time.sleep(0.1)
    tcpwatch.stop()
    accept_of(tcpwatch, accepted["cookie"])
    assert_counts(tcpwatch.process_of(worker.pid), ESTABLISHED=1)
    assert_counts(tcpwatch.process_of(master.pid), ESTABLISHED=0)


def test_passed_on_after_accept(watch, puppet, tmp_path):
    """SCM_RIGHTS: accepted by one, served and closed by another. The acceptor is the owner."""
    tcpwatch = watch("-t")
    client, server, taker = puppet("client"), puppet("acceptor"), puppet("taker")
    taker.mailbox(str(tmp_path / "mailbox"))
    pair = connect_pair(client, server)
    server.pass_fd(pair.server_fd, str(tmp_path / "mailbox"))
    taken = taker.take_fd()
    assert taken["cookie"] == pair.server_cookie
    server.close(pair.server_fd)
    client.close(pair.client_fd)
    time.sleep(0.1)
    taker.close(taken["fd"])
    tcpwatch.wait_closed(pair.server_cookie)
    tcpwatch.stop()
    record = accept_of(tcpwatch, pair.server_cookie)
    assert tcpwatch.transitions(pair.server_cookie)[-1]["pid"] == \
        (server if record else taker).pid
    if record:
        assert record["pid"] == server.pid
        assert {r["pid"] for r in tcpwatch.transitions(pair.server_cookie)} == {server.pid}


def test_older_than_tcpwatch(watch, puppet):
    """It waited before tcpwatch came: accepted, after a time that is not known."""
    client, server = puppet("client"), puppet("server")
    listener = server.listen()
    client.connect(listener["port"])
    tcpwatch = watch("-t")
    accepted = server.accept(listener["fd"])
    tcpwatch.stop()
    record = accept_of(tcpwatch, accepted["cookie"])
    if record:
        assert record["accept_wait_ns"] is None and record["pid"] == server.pid, record
    assert_waits(tcpwatch, server)
    assert tcpwatch.process_of(server.pid)["open"] == {"LISTEN": 1, "ESTABLISHED": 1}


def test_never_accepted(watch, puppet):
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("server")
    listener = server.listen()
    client.connect_many(listener["port"], 3)
    time.sleep(0.2)
    tcpwatch.stop()
    assert tcpwatch.all("accept", pid=server.pid) == []
    assert_waits(tcpwatch, server)


@pytest.mark.parametrize("chosen", ["worker", "master", "client"])
def test_only_of_watched_processes(watch, puppet, chosen):
    """-p: the accept of who is watched, as soon as it is known to be his."""
    client, master = puppet("client"), puppet("master")
    listener = master.listen()
    worker = master.fork("worker")
    process = {"worker": worker, "master": master, "client": client}[chosen]
    tcpwatch = watch("-t", "-p", process.pid)
    client.connect(listener["port"])
    accepted = worker.accept(listener["fd"])
    tcpwatch.stop()
    records = tcpwatch.all("accept")
    if chosen == "worker" and is_full(tcpwatch):
        assert [(r["pid"], r["socket"]) for r in records] == [(worker.pid, accepted["cookie"])]
        assert_waits(tcpwatch, worker, records[0]["accept_wait_ns"])
    else:
        assert records == []


def test_without_trace_only_the_summary(watch, puppet):
    tcpwatch = watch()
    server = puppet("server")
    pair = connect_pair(puppet("client"), server)
    tcpwatch.stop()
    assert tcpwatch.all("accept") == [] and tcpwatch.all("transition") == []
    histogram = tcpwatch.process_of(server.pid)["accept_wait"]
    assert (histogram is not None) == is_full(tcpwatch)
    if histogram:
        assert histogram["count"] == 1, histogram
        assert_within(histogram["sum_ns"], (1, 20 * 1000 * MS))
    assert pair


@pytest.mark.parametrize("threads", [4])
def test_threads_accept_for_their_process(watch, puppet, threads):
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("server")
    listener = server.listen()
    client.connect_many(listener["port"], threads)
    ends = server.in_threads(threads, "accept", listener["fd"])
    tcpwatch.stop()
    for end in ends:
        record = accept_of(tcpwatch, end["cookie"])
        assert not record or (record["pid"], record["comm"]) == (server.pid, "server"), record
    histogram = tcpwatch.process_of(server.pid)["accept_wait"]
    assert (histogram or {"count": 0})["count"] == threads * is_full(tcpwatch)


def test_both_addresses_of_a_dual_stack_listener(watch, puppet):
    """accept() on [::] of an IPv4 peer: shown as the IPv4 connection that it is."""
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("dual")
    listener = server.listen("ipv6", host="::")
    pairs = {family: connect(client, server, listener, family) for family in ("ipv4", "ipv6")}
    tcpwatch.stop()
    for family, pair in pairs.items():
        record = accept_of(tcpwatch, pair.server_cookie)
        if record:
            assert_names(record, pair.server_end["local"], pair.server_end["remote"], family)


