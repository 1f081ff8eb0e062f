# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Who asks for pages must not cost events: hostile clients of all kinds while connections churn."""

import contextlib
import os
import threading
import time

import pytest

from check import SLOW, count_of
from exporter import Exporter
from fleet import wait_until
from netns import table_states
from test_all_at_once import drip, fuzz
from test_ledger import assert_no_bogus_lifetimes, assert_open, churn, truth_of  # noqa: F401
from test_metrics import SAMPLE

SECONDS = 10
CONNECTIONS = 200
PERIOD = 0.1
PASSING = {"SYN_SENT", "SYN_RECV", "FIN_WAIT1", "CLOSING", "LAST_ACK"}
# Half of what Prometheus waits: the CPUs are full of churn, and the clients are one python.
SLOWEST = 5.0 * SLOW


@pytest.fixture
def exporter():
    exporter = Exporter("-w", "500ms")
    # What else runs on this machine shall not decide; the clients keep the same event loop busy.
    os.setpriority(os.PRIO_PROCESS, exporter.process.pid, -10)
    yield exporter
    exporter.tcpwatch.kill()


def samples(page):
    """{'name{labels}': number}; a page that is cut off has none."""
    assert page.status == 200 and page.body.endswith(b"\n")
    found = {}
    for line in page.body.decode().rstrip("\n").split("\n"):
        if not line.startswith("#"):
            assert SAMPLE.match(line), line
            name, value = line.rsplit(" ", 1)
            found[name] = float(value)
    return found


def lost(metrics):
    return {name: value for name, value in metrics.items()
            if name.startswith("tcpwatch_events_lost_total")}


def scrape(exporter, until):
    """[seconds] of each scrape, and the last page; nothing counted ever becomes less. None takes
    long, but for what tcpwatch and this process waited for a processor."""
    times, last = [], {}
    while time.monotonic() < until:
        start, waited = time.monotonic(), exporter.tcpwatch.waited()
        page = samples(exporter.get("/metrics", source="127.0.5.1"))
        times.append(time.monotonic() - start)
        assert times[-1] < SLOWEST + exporter.tcpwatch.waited() - waited
        assert page["tcpwatch_events_total"] >= last.get("tcpwatch_events_total", 0)
        last = page
        time.sleep(max(0.0, PERIOD - times[-1]))
    return times, last


def attack(exporter, stack, until):
    """200 connections, 20 of which get a header now and then, and two fuzzers; what was done."""
    counts = {"fuzzed": 0, "dripped": 0}
    held = []
    for i in range(CONNECTIONS):
        held.append(stack.enter_context(exporter.connect(source=f"127.0.6.{i // 50 + 1}")))
        held[-1].sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
    for do, what in ((fuzz, exporter), (fuzz, exporter), (drip, held[:20])):
        thread = threading.Thread(target=do, args=[what, until, counts])
        thread.start()
        stack.callback(thread.join)
    return counts


def test_no_event_is_lost_to_clients(exporter, churn, record):
    process = churn(SECONDS)
    until = time.monotonic() + SECONDS
    with contextlib.ExitStack() as stack:
        counts = attack(exporter, stack, until)
        times, last = scrape(exporter, until)
    truth = truth_of(process)
    for cookie in truth["leaked"]:
        exporter.tcpwatch.wait_for("leak", socket=cookie)
    # A FIN that got lost is sent again after 200 ms.
    wait_until(lambda: not process.ns.call(table_states).keys() & PASSING, "does not come to rest")
    tcpwatch = exporter.tcpwatch
    tcpwatch.stop()  # seen = delivered + lost is checked there
    end = tcpwatch.end
    times.sort()
    record(f"{truth['connections'] / SECONDS:,.0f} connections a second for {SECONDS} s, "
           f"{end['events_seen']:,} events, lost: {end['lost']}; meanwhile {CONNECTIONS} open "
           f"connections, {counts['fuzzed']} fuzzed, {counts['dripped']} drips, {len(times)} "
           f"scrapes: median {times[len(times) // 2] * 1e3:.0f} ms, slowest "
           f"{times[-1] * 1e3:.0f} ms")
    assert end["lost"]["ring_full"] == 0, end
    assert all(value == 0 for name, value in lost(last).items() if "ring_full" in name)
    assert counts["fuzzed"] > 20 / SLOW and counts["dripped"] > 20 * SECONDS
    assert len(times) > 2 * SECONDS / SLOW
    # The program's own numbers: nothing is missing but what is counted as lost.
    assert_no_bogus_lifetimes(tcpwatch, truth)
    assert_open(tcpwatch, truth)
    missing, finished = sum(end["lost"].values()), truth["connections"] - truth["kept"]
    for pid in (truth["client"], truth["server"]):
        counted = count_of(tcpwatch.process_of(pid), "ESTABLISHED")
        assert finished - 2 * missing <= counted <= finished, (counted, finished, missing)
