# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Losses: counted exactly, never a wrong number, and made good by looking at the kernel again."""

import json
import signal
import subprocess
import time

import pytest

from check import MS, SLOW, count_of
from netns import table_states
from runner import run

pytestmark = pytest.mark.alone

KEPT, LEAKED = 7, 20
MINI = ("TIME_WAIT", "FIN_WAIT2")  # nobody has these open
# The promise is five seconds after the loss; a leak then still has its threshold to wait.
REPAIR = 5.0
# Connections in a second; a slow machine is slow at both ends of each.
MANY = 1000 / SLOW ** 2


@pytest.fixture
def churn(helper, spawn, network):
    """churn(seconds) starts the churn in a namespace of its own; its line of truth comes later."""
    def start(seconds, kept=KEPT, leaked=LEAKED):
        ns = network()
        process = ns.call(lambda: spawn(helper("churn"), seconds, 2, kept, leaked,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        process.ns = ns
        return process
    return start


def truth_of(process):
    truth = json.loads(process.stdout.readline())
    assert truth["failed"] == 0 and truth["connections"] > MANY, truth
    return truth


def wait_repaired(tcpwatch, truth):
    """Waits for the leaks, which must come in that time, and until the promise of repair is due.
    What tcpwatch, and we, waited for a processor does not count."""
    quiet, waited = time.monotonic(), tcpwatch.waited()
    leaks = [tcpwatch.wait_for("leak", socket=cookie) for cookie in truth["leaked"]]
    late = max(leak.arrival for leak in leaks) - quiet
    waited = tcpwatch.waited() - waited
    assert late <= REPAIR + 2.5 + waited, f"{late:.1f} s late, {waited:.1f} waited"
    tcpwatch.settle(max(0, REPAIR + quiet - time.monotonic()))


def assert_no_bogus_lifetimes(tcpwatch, truth):
    """No connection lived longer than the longest one did: a lost record must not make one up."""
    for pid in (truth["client"], truth["server"]):
        process = tcpwatch.process_of(pid)
        for state in ("SYN_SENT", "SYN_RECV", "ESTABLISHED", "CLOSE_WAIT"):
            longest = process["states"].get(state, {}).get("max_ns", 0)
            assert longest <= truth["max_ns"] + 50 * MS, (pid, state, process)
        assert count_of(process, "ESTABLISHED") <= truth["connections"]
        for change, count in process["transitions"].items():
            assert count <= truth["connections"], (pid, change, count)


def assert_open(tcpwatch, truth):
    """What is open at the end is what the program says is open."""
    opened = {pid: {state: count for state, count in tcpwatch.process_of(pid)["open"].items()
                    if state not in ("LISTEN", *MINI)}
              for pid in (truth["client"], truth["server"])}
    assert opened == {
        truth["client"]: {"ESTABLISHED": truth["kept"]},
        truth["server"]: {"ESTABLISHED": truth["kept"], "CLOSE_WAIT": len(truth["leaked"])}}


def assert_minis(tcpwatch, truth, ns, all_known):
    """What the kernel still keeps of closed connections; after losses some may be nobody's."""
    table = ns.call(table_states)
    for state in MINI:
        known = sum(tcpwatch.process_of(pid)["open"].get(state, 0)
                    for pid in (truth["client"], truth["server"]))
        nobodys = tcpwatch.processes().get(None, {"open": {}})["open"].get(state, 0)
        assert known == table[state] if all_known else known <= table[state], \
            (state, known, nobodys, table, tcpwatch.end)
    assert table["FIN_WAIT2"] == len(truth["leaked"])


def test_losses_are_counted_and_made_good(watch, churn):
    """A ring of one page overflows at once; what is lost is counted, and the table comes right."""
    tcpwatch = watch("--ring-size", "4K", "-w", "500ms")
    process = churn(2)
    truth = truth_of(process)
    wait_repaired(tcpwatch, truth)
    tcpwatch.stop()
    assert tcpwatch.end["lost"]["ring_full"] > 0, tcpwatch.end
    assert len(tcpwatch.all("leak", pid=truth["server"])) == LEAKED
    for leak in tcpwatch.all("leak", pid=truth["server"]):
        assert leak["kind"] == "unclosed" and leak["comm"] == "churn-server", leak
        assert len(leak["holders"]) == 1 and leak["holders"][0]["pid"] == truth["server"], leak
    assert_no_bogus_lifetimes(tcpwatch, truth)
    assert_open(tcpwatch, truth)
    assert_minis(tcpwatch, truth, process.ns, all_known=False)


def test_default_ring_loses_nothing(watch, churn):
    """Full speed on all CPUs: the ring never is full, and the numbers are the program's own."""
    tcpwatch = watch("-w", "500ms")
    process = churn(2)
    truth = truth_of(process)
    wait_repaired(tcpwatch, truth)
    tcpwatch.stop()
    lost = tcpwatch.end["lost"]
    assert lost.get("ring_full", 0) == 0, lost
    assert all(count == 0 for reason, count in lost.items() if reason != "recursion"), lost
    assert_no_bogus_lifetimes(tcpwatch, truth)
    assert_open(tcpwatch, truth)
    assert_minis(tcpwatch, truth, process.ns, all_known=not sum(lost.values()))
    missing, finished = sum(lost.values()), truth["connections"] - truth["kept"]
    for pid, count in ((truth["client"], finished), (truth["server"], finished)):
        process = tcpwatch.process_of(pid)
        assert count - 2 * missing <= count_of(process, "ESTABLISHED") <= count, (process, lost)
    # At least ten transitions a connection (two of them not ours to see: LISTEN>SYN_RECV).
    assert tcpwatch.end["events_seen"] >= 8 * finished - missing


def test_losses_with_trace(watch, churn):
    """-t under loss: each line that comes is right; a lifetime after a gap is null."""
    tcpwatch = watch("-t", "--ring-size", "4K")
    process = churn(1, 0, 0)
    truth = truth_of(process)
    tcpwatch.stop()
    assert tcpwatch.end["lost"]["ring_full"] > 0
    previous = {}
    for record in tcpwatch.all("transition"):
        if record["pid"] not in (truth["client"], truth["server"], None):
            continue
        known = previous.get(record["socket"])
        if record["lifetime_ns"] is not None and record["from"] not in ("SYN_RECV", "LISTEN"):
            assert known == record["from"], f"its start was not seen: {record}"
        previous[record["socket"]] = record["to"]
    assert_no_bogus_lifetimes(tcpwatch, truth)


def test_start_comes_first(churn, tmp_path):
    """On a busy host, too, `start` is the first line: what comes after it is what was watched."""
    process = churn(round(6 * SLOW ** 0.5), 0, 0)
    time.sleep(0.3)
    with open(tmp_path / "out", "w+b") as out:
        assert run("-j", "-t", "-d", "1s", stdout=out).returncode == 0
        out.seek(0)
        kinds = [json.loads(line)["type"] for line in out]
    truth_of(process)
    assert kinds.count("transition") > MANY
    assert kinds[0] == "start", f"line {kinds.index('start') + 1} of {len(kinds)} is `start`"
    assert kinds[-1] == "end"


def test_stopped_for_a_while(watch, churn):
    """tcpwatch itself is stopped and the ring overflows: counted, and right again after SIGCONT."""
    tcpwatch = watch("--ring-size", "64K", "-w", "500ms")
    tcpwatch.process.send_signal(signal.SIGSTOP)
    truth = truth_of(churn(1))
    tcpwatch.process.send_signal(signal.SIGCONT)
    wait_repaired(tcpwatch, truth)
    tcpwatch.stop()
    assert tcpwatch.end["lost"]["ring_full"] > 0
    assert_no_bogus_lifetimes(tcpwatch, truth)
    assert_open(tcpwatch, truth)
