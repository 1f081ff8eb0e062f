# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Assertions that many tests share."""

import os
import time

from runner import seconds_of

MS = 10**6
# How late a test can be that has to wait for a processor.
LATE_NS = 10000 * MS
FAMILY = {"ipv4": "inet", "ipv6": "inet6", "mapped": "inet"}
FAMILIES = list(FAMILY)

# TCPWATCH_SLOW=10 is for a machine ten times slower, say an emulated one.
SLOW = float(os.environ.get("TCPWATCH_SLOW", "1"))
# The processors of an emulated machine take turns, so one of them may stand still for a while at
# any place: what a call brings about then comes after it has returned, and what the kernel records
# and what its tables show are not of the same moment.
STALL_NS = round(5 * MS * (SLOW - 1))
# A leak is promised within a second of its deadline; the rest is for a busy test machine.
PROMPT = 1.0 + 0.5 * SLOW


def prompt(record):
    """Seconds in which this record was promised, had tcpwatch and its reader had a processor."""
    return PROMPT + record.waited


def own_netns():
    return os.stat("/proc/self/ns/net").st_ino


def assert_between(lifetime, opening, closing, slack_ns=0):
    """The lifetime began during one call and ended during another."""
    low, high = closing.before - opening.after, closing.after - opening.before
    slack_ns = max(slack_ns, STALL_NS)
    assert lifetime is not None, "the lifetime is not known"
    assert low - slack_ns <= lifetime <= high + slack_ns, \
        f"{lifetime / MS:.3f} ms is not between {low / MS:.3f} and {high / MS:.3f} ms"


def assert_within(lifetime, bounds, slack_ns=0):
    """The lifetime is within (shortest, longest), which the test knows from outside."""
    slack_ns = max(slack_ns, STALL_NS)
    assert lifetime is not None, "the lifetime is not known"
    assert bounds[0] - slack_ns <= lifetime <= bounds[1] + slack_ns, \
        f"{lifetime / MS:.3f} ms is not between {bounds[0] / MS:.3f} and {bounds[1] / MS:.3f} ms"


def assert_near(lifetime, ns, tolerance_ns=5 * MS):
    """As long as the test wanted it; on a busy or slow machine the test itself is late."""
    assert_within(lifetime, (ns - tolerance_ns, ns * SLOW + LATE_NS))


def is_full(watch):
    """Does this kernel tell of accept() and of mini-sockets?"""
    return watch.start["mode"] == "full"


def into_time_wait(watch, state):
    """The transition that begins TIME_WAIT, as this mode shows it."""
    return f"{state}>TIME_WAIT" if is_full(watch) else f"{state}>CLOSE"


def assert_time_wait(watch, cookie, state):
    """The socket's connection went on in TIME_WAIT, from this state; its Record."""
    change = into_time_wait(watch, state)
    found = [r for r in watch.transitions(cookie) if f"{r['from']}>{r['to']}" == change]
    assert len(found) == 1, f"{change} of {cookie}: {found}"
    assert found[0]["cause"] == (None if is_full(watch) else "time_wait"), found
    return found[0]


def lifetime_of(watch, cookie, change):
    """The lifetime that this transition ('FROM>TO') of the socket ended."""
    found = [r for r in watch.transitions(cookie) if f"{r['from']}>{r['to']}" == change]
    assert len(found) == 1, f"{change} of {cookie}: {found}"
    return found[0]["lifetime_ns"]


def cause_of(watch, cookie):
    """Why the socket went to CLOSE at last."""
    return [r for r in watch.transitions(cookie) if r["to"] == "CLOSE"][-1]["cause"]


def count_of(process, state):
    return process["states"].get(state, {"count": 0})["count"]


def assert_counts(process, **states):
    """Counts of lifetimes by state; a state that is not named is not looked at."""
    assert {state: count_of(process, state) for state in states} == states, process


def assert_names(record, local, remote, family="ipv4", netns=None, role=None):
    """A transition's or leak's socket is the one the test knows."""
    assert record["local"] == local and record["remote"] == remote, record
    assert record["family"] == FAMILY[family], record
    assert record["netns"] == (netns or own_netns()), record
    if role:
        assert record["role"] == role, record


def assert_leak(leak, puppet, end, kind, eof, role, holders=None, family="ipv4", netns=None,
                recv_queue=0, send_queue=0, wait_ns=300 * MS):
    """Everything a leak record says about a socket (`end`) that `puppet` holds at end['fd']."""
    assert leak["kind"] == kind and leak["eof"] == eof, leak
    assert leak["socket"] == end["cookie"], leak
    assert_names(leak, end["local"], end["remote"], family, netns, role)
    assert leak["state"] == "CLOSE_WAIT", leak
    expected = holders or [(puppet, end["fd"])]
    assert sorted(((h["pid"], h["fd"]) for h in leak["holders"])) == \
        sorted((holder.pid, fd) for holder, fd in expected), leak
    names = {holder.pid: holder.comm for holder, _ in expected}
    for holder in leak["holders"]:
        assert holder["comm"] == names[holder["pid"]], leak
    assert leak["pid"] in names and leak["comm"] == names[leak["pid"]], leak
    if recv_queue is not None:
        assert leak["recv_queue"] == recv_queue, leak
    if send_queue is not None:
        assert leak["send_queue"] == send_queue, leak
    assert leak["age_ns"] >= wait_ns, leak
    now = time.time()
    assert now - 300 < seconds_of(leak["time"]) <= now, leak


def assert_prompt(leak, closing, wait_ns=300 * MS):
    """Reported within a second of its deadline, with the age it then had."""
    arrival = leak.arrival * 1e9
    assert arrival >= closing.before + wait_ns, "reported before its time"
    assert arrival <= closing.after + wait_ns + prompt(leak) * 1e9, \
        f"{(arrival - closing.after - wait_ns) / 1e9:.2f} s late"
    assert leak["age_at_least"] is False, leak
    assert leak["age_ns"] <= arrival - closing.before, leak
    assert leak["age_ns"] >= arrival - closing.after - prompt(leak) * 1e9, leak


def assert_no_leak(watch, *cookies):
    found = watch.all("leak", lambda r: r["socket"] in cookies)
    assert not found, found
