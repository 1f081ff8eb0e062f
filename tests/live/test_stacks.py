# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""-s: where sockets are made comes from the kernel, once for each place; and who accepts."""

import contextlib
import json
import os
import re
import subprocess
import tempfile
import time

import pytest

import runner
from check import count_of, is_full
from test_left_out import refusing  # noqa: F401 pylint: disable=unused-import
from test_ledger import churn, truth_of  # noqa: F401 pylint: disable=unused-import
from test_prefork import CLIENTS, VISITS, prefork, served_by, visit_all

HERE = os.path.dirname(os.path.abspath(__file__))
PLACES = 4


@pytest.fixture(name="program", params=["", "-fno-omit-frame-pointer", "-static",
                                        "-fcf-protection=full -fno-plt", "-O0"])
def fixture_program(request, tmp_path):
    """helper_stacks.c in several makes."""
    path = str(tmp_path / "stacks")
    subprocess.run([os.environ.get("CC", "cc"), "-O2", *request.param.split(), "-Wall", "-Werror",
                    "-D_GNU_SOURCE", "-o", path, os.path.join(HERE, "helper_stacks.c"),
                    "-pthread"], check=True)
    return path


def counts_of(stderr):
    """(taken, different ones kept, not kept) as -v says at the end."""
    said = re.search(r"^tcpwatch: (\d+) stacks taken, (\d+) different ones kept, (\d+) not kept$",
                     stderr, re.M)
    return tuple(map(int, said.groups())) if said else None


def watch_them(*options, processes):
    """tcpwatch -p of processes that go on at a line: its end record, and what it said."""
    pids = ",".join(str(process.pid) for process in processes)
    with tempfile.TemporaryFile("w+") as err, subprocess.Popen(
            runner.command("-j", "-v", "-d", "60s", "-p", pids, *options), text=True,
            stdout=subprocess.PIPE, stderr=err) as tcpwatch:
        first = json.loads(tcpwatch.stdout.readline())
        assert first["type"] == "start", first
        for process in processes:
            process.communicate("\n", timeout=60)
            assert process.returncode == 0
        out = tcpwatch.communicate(timeout=120)[0]
        err.seek(0)
        said = err.read()
    assert tcpwatch.returncode == 0, said
    end = json.loads(out.splitlines()[-1])
    assert end["events_seen"] == end["events_delivered"] + sum(end["lost"].values()), end
    return end, said


@pytest.mark.parametrize("threads", [0, 1])
@pytest.mark.parametrize("count", [1, 50])
def test_each_place_once(spawn, program, threads, count):
    """Two calls in one function are two places: with frame pointers or without, its caller's
    address is there."""
    process = spawn(program, count, threads, stdin=subprocess.PIPE, text=True)
    end, err = watch_them("-s", processes=[process])
    taken, kept, refused = counts_of(err)
    if not sum(end["lost"].values()):
        assert taken >= 4 * count
    assert (kept, refused) == (PLACES, 0), (taken, end["lost"])


def test_not_without_s(spawn, helper):
    process = spawn(helper("stacks"), 3, 0, stdin=subprocess.PIPE, text=True)
    assert counts_of(watch_them(processes=[process])[1]) is None


def test_each_process_has_its_own(spawn, helper):
    """The same place of another process is another one; others' are not kept with -p."""
    one = spawn(helper("stacks"), 3, 0, stdin=subprocess.PIPE, text=True)
    other = spawn(helper("stacks"), 3, 0, stdin=subprocess.PIPE, text=True)
    _, err = watch_them("-s", processes=[one, other])
    assert counts_of(err)[1:] == (2 * PLACES, 0)


def test_nothing_is_mounted(spawn, helper):
    """The tracepoints' numbers are found whether tracefs is mounted or not, and it stays so."""
    def mounts():
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            return file.read()
    before = mounts()
    process = spawn(helper("stacks"), 3, 0, stdin=subprocess.PIPE, text=True)
    _, err = watch_them("-s", processes=[process])
    assert counts_of(err)[1] == PLACES
    assert mounts() == before


@pytest.mark.parametrize("watched", [True, False])
def test_owners_are_exact(watch, puppet, watched):
    """The worker that accepts owns: also what is shown while nobody has closed, and with -p."""
    master, listener, workers = prefork(puppet, "client")
    tcpwatch = watch("-s", "-t", *(["-p", workers[1].pid] if watched else []))
    visit_all(puppet, listener, "client")
    counts = served_by(workers, CLIENTS * VISITS)
    port, want = f":{listener['port']}", counts[1] if watched else sum(counts)
    is_close = lambda r: r["local"].endswith(port) and r["from"] == "CLOSE_WAIT"
    with contextlib.suppress(AssertionError):  # a flood of others may have taken some
        tcpwatch.wait_for("transition", is_close, count=want, timeout=5 if want else 0.3)
    tcpwatch.stop()
    lost = sum(tcpwatch.end["lost"].values())
    for worker, count in zip(workers, counts):
        if watched and worker is not workers[1]:
            continue
        shown = tcpwatch.all("transition", is_close, pid=worker.pid)
        assert count - lost <= len(shown) <= count
        assert lost or {r["owner"] for r in shown} <= {"accept"}, shown
        if count and not lost:
            assert count_of(tcpwatch.process_of(worker.pid), "ESTABLISHED") == count
    if watched:
        assert {r["pid"] for r in tcpwatch.all("process")} <= {workers[1].pid}
    assert master


def left_alone(watch, puppet, *options):
    """A connection that a worker accepted and the peer closed: the worker, the record of that."""
    _, listener, workers = prefork(puppet, "nobody")
    tcpwatch = watch("-t", *options)
    client = puppet("client")
    there = client.connect(listener["port"])
    served_by(workers, 1, least=1)
    client.close(there["fd"])
    record = tcpwatch.wait_for("transition", lambda r: r["to"] == "CLOSE_WAIT" and
                               r["local"].endswith(f":{listener['port']}"))
    counts = [worker.served_count() for worker in workers]
    assert sum(counts) == 1, counts
    return workers[counts.index(1)], record, tcpwatch


def test_known_before_anybody_acts(watch, puppet):
    """The peer closes first: whose that is, is known at once and not only at his own close()."""
    worker, record, _ = left_alone(watch, puppet, "-s")
    assert (record["pid"], record["owner"]) == (worker.pid, "accept"), record


def test_without_s_it_is_provisional(watch, puppet):
    """The same without -s: in tracepoints mode nothing tells who has it."""
    worker, record, tcpwatch = left_alone(watch, puppet)
    exact = (record["pid"], record["owner"]) == (worker.pid, "accept")
    assert exact == is_full(tcpwatch), record


@pytest.mark.alone
@pytest.mark.parametrize("ring", ["16M", "64K", "4K"])
def test_ledger_under_churn(watch, churn, ring):  # noqa: F811
    """Every stack is delivered or counted as lost (the runner looks at the sum), at full speed."""
    tcpwatch = watch("-s", "-w", "500ms", "--ring-size", ring)
    truth = truth_of(churn(1))
    for cookie in truth["leaked"]:
        tcpwatch.wait_for("leak", socket=cookie, timeout=60)
    tcpwatch.stop()
    lost = tcpwatch.end["lost"]
    assert (lost.get("ring_full", 0) > 0) == (ring != "16M"), lost
    assert lost["malformed"] == 0, "a long record crosses the end of the ring"
    # Eight transitions, and two stacks where the record that they come after was delivered.
    each = 10 if ring == "16M" else 8
    assert tcpwatch.end["events_seen"] >= each * truth["connections"] - lost["recursion"]


def test_where_accept_cannot_be_seen(refusing):  # noqa: F811
    """Said once, and the rest works."""
    env = refusing("on_accept", "on_accept_exit")
    result = runner.run("-s", "-d", "0.2", env=env)
    assert result.returncode == 0
    assert "tcpwatch: -s: where connections were accepted is not known" in result.stderr
    env = refusing("on_accept_exit")
    result = runner.run("--features", env=env)
    lost = result.stdout.partition("\nWhat is lost:")[2]
    assert "refused" in next(line for line in result.stdout.splitlines()
                             if line.startswith("accept_stacks"))
    assert ("accept_stacks " in lost) == ("accept " in lost), result.stdout
    said = runner.run("-d", "0.2", env=refusing("on_accept_exit")).stderr
    assert runner.own_words(said) == ""


def test_follow_forks_is_not_implied(watch, puppet):
    """Births are told for the names' sake; they do not widen -p."""
    parent = puppet("parent")
    tcpwatch = watch("-s", "-p", parent.pid)
    child = parent.fork("child")
    listener = child.listen()
    client = puppet("client")
    client.connect(listener["port"])
    tcpwatch.stop()
    assert not tcpwatch.all("process", lambda r: r["pid"] != parent.pid)
