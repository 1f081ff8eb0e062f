# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Scenario 12: one listener, several workers; each counts exactly its own connections."""

import time

import pytest

from check import assert_counts, count_of, is_full
from puppets import PuppetError
from runner import PATIENCE

WORKERS, CLIENTS, VISITS = 4, 2, 60


def prefork(puppet, first, pause=0.0):
    """A master that only listens, and workers that accept for ever."""
    master = puppet("master")
    listener = master.listen()
    workers = [master.fork(f"worker-{number}") for number in range(WORKERS)]
    for worker in workers:
        worker.serve(listener["fd"], first, pause)
    return master, listener, workers


def visit_all(puppet, listener, first):
    clients = [puppet(f"client-{number}") for number in range(CLIENTS)]
    for client in clients:
        client.start("visit", listener["port"], VISITS, first)
    for client in clients:
        client.finish()
    return clients


def served_by(workers, total, least=2):
    """How many each worker says it served; waits for the last to be counted."""
    deadline = time.monotonic() + PATIENCE
    while True:
        counts = [worker.served_count() for worker in workers]
        if sum(counts) == total:
            break
        assert sum(counts) < total and time.monotonic() < deadline, counts
        time.sleep(0.02)
    assert sum(1 for count in counts if count) >= least, f"one worker did it all: {counts}"
    return counts


@pytest.mark.parametrize("first", ["client", "server"])
def test_each_worker_has_its_own(watch, puppet, first):
    tcpwatch = watch("-t")
    master, listener, workers = prefork(puppet, first)
    clients = visit_all(puppet, listener, first)
    counts = served_by(workers, CLIENTS * VISITS)
    port = f":{listener['port']}"
    tcpwatch.wait_for("transition", lambda r: r["local"].endswith(port) and
                      r["to"] in ("CLOSE", "TIME_WAIT"), count=CLIENTS * VISITS)
    tcpwatch.stop()
    for worker, count in zip(workers, counts):
        if not count:
            continue
        process = tcpwatch.process_of(worker.pid)
        assert process["comm"] == worker.comm
        if first == "client":
            assert_counts(process, ESTABLISHED=count, CLOSE_WAIT=count, LAST_ACK=count, FIN_WAIT1=0)
            assert process["transitions"]["CLOSE_WAIT>LAST_ACK"] == count
        else:
            assert_counts(process, ESTABLISHED=count, FIN_WAIT1=count, CLOSE_WAIT=0)
            assert process["transitions"]["ESTABLISHED>FIN_WAIT1"] == count
        assert process["transitions"]["SYN_RECV>ESTABLISHED"] == count
        accepted = process["accept_wait"] or {"count": 0}
        assert accepted["count"] == count * is_full(tcpwatch), process
        assert not process["open"].get("ESTABLISHED") and not process["open"].get("CLOSE_WAIT")
    for client in clients:
        assert_counts(tcpwatch.process_of(client.pid), SYN_SENT=VISITS, ESTABLISHED=VISITS)
    for process in tcpwatch.all("process", pid=master.pid):
        assert_counts(process, ESTABLISHED=0, CLOSE_WAIT=0, LAST_ACK=0, SYN_RECV=0)


def test_reset_by_the_peer(watch, puppet):
    """No worker acts when its connection goes to CLOSE; its close() tells that it was its own."""
    tcpwatch = watch()
    master, listener, workers = prefork(puppet, "reset")
    visit_all(puppet, listener, "reset")
    counts = served_by(workers, CLIENTS * VISITS)
    time.sleep(0.3)
    tcpwatch.stop()
    for worker, count in zip(workers, counts):
        if count:
            process = tcpwatch.process_of(worker.pid)
            assert_counts(process, ESTABLISHED=count, CLOSE_WAIT=0)
            assert process["transitions"]["ESTABLISHED>CLOSE"] == count
    for process in tcpwatch.all("process", pid=master.pid):
        assert_counts(process, ESTABLISHED=0)


@pytest.mark.parametrize("everyone", [True, False])
def test_still_open_at_the_end(watch, puppet, everyone):
    """Nobody closes: at the end each worker has its own open, by who holds the descriptors."""
    master, listener, workers = prefork(puppet, "nobody")
    arguments = [] if everyone else ["-p", ",".join(str(worker.pid) for worker in workers)]
    tcpwatch = watch(*arguments)
    client = puppet("client")
    for _ in range(VISITS):  # one by one, so that each of the waiting workers has its turn
        client.connect(listener["port"])
    counts = served_by(workers, VISITS)
    tcpwatch.stop()
    for worker, count in zip(workers, counts):
        processes = tcpwatch.all("process", pid=worker.pid)
        opened = processes[0]["open"].get("ESTABLISHED", 0) if processes else 0
        assert opened == count, (worker.comm, processes)
        assert sum(count_of(process, "ESTABLISHED") for process in processes) == 0
    if everyone:
        assert tcpwatch.process_of(client.pid)["open"]["ESTABLISHED"] == VISITS
    else:
        assert not tcpwatch.all("process", lambda r: r["pid"] in (client.pid, master.pid))


def test_only_one_worker_is_watched(watch, puppet):
    """-p of one worker counts its connections, though the listener is everyone's."""
    master, listener, workers = prefork(puppet, "client")
    tcpwatch = watch("-p", workers[1].pid)
    visit_all(puppet, listener, "client")
    counts = served_by(workers, CLIENTS * VISITS)
    time.sleep(0.3)
    tcpwatch.stop()
    assert {r["pid"] for r in tcpwatch.all("process")} <= {workers[1].pid}
    if counts[1]:
        assert_counts(tcpwatch.process_of(workers[1].pid), ESTABLISHED=counts[1],
                      CLOSE_WAIT=counts[1], LAST_ACK=counts[1])
    assert master


def test_worker_that_died_keeps_its_numbers(watch, puppet):
    """A worker is killed, the others go on; nobody gets the dead one's numbers."""
    tcpwatch = watch()
    _, listener, workers = prefork(puppet, "client")
    visit_all(puppet, listener, "client")
    counts = served_by(workers, CLIENTS * VISITS)
    workers[0].kill()
    try:
        workers[0].served_count()
    except (PuppetError, OSError):
        pass
    client = puppet("second-wave")
    client.visit(listener["port"], VISITS)
    more = [worker.served_count() for worker in workers[1:]]
    time.sleep(0.3)
    more = [worker.served_count() for worker in workers[1:]]
    tcpwatch.stop()
    assert sum(more) == sum(counts[1:]) + VISITS
    for worker, count in zip(workers, [counts[0], *more]):
        if count:
            assert_counts(tcpwatch.process_of(worker.pid), ESTABLISHED=count, CLOSE_WAIT=count)
