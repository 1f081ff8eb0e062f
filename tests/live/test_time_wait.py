# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""What goes on of a closed connection: TIME_WAIT, and FIN_WAIT2 that nobody holds (1 to 4, 13, 18).

In tracepoints mode the kernel does not tell of them: counted by scans, their lifetimes unknown.
"""

import contextlib
import shutil
import tempfile
import time

import pytest

from check import (MS, SLOW, assert_between, assert_names, assert_time_wait, assert_within,
                   cause_of, count_of, into_time_wait, is_full, lifetime_of)
from minute import CHURN, FIN_TIMEOUT, LASTING, ORPHANS, Minute
from puppets import Span, connect_pair

SECOND = 1000 * MS
# The kernel's timers are up to an eighth late, by the steps of its wheel: 2.05 s of 60 at 250 Hz.
MINUTE = (59 * SECOND, (62000 + 200 * SLOW) * MS)


@pytest.fixture(scope="module")
def minute():
    directory = tempfile.mkdtemp(prefix="tcpwatch-live-")
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        yield Minute(stack, directory)


def before_time_wait(name):
    if name.startswith("simultaneous"):
        return ["FIN_WAIT1>CLOSING", "CLOSING"]
    if name == "three-segments":
        return ["FIN_WAIT1"]
    return ["FIN_WAIT1>FIN_WAIT2", "FIN_WAIT2"]


def assert_path(minute, name, ends):
    """From ESTABLISHED on; and every record has the names, the role and the owner."""
    case = minute.cases[name]
    opens = ["SYN_RECV>ESTABLISHED"] if case.role == "server" else \
        ["CLOSE>SYN_SENT", "SYN_SENT>ESTABLISHED"]
    assert minute.path(name) == [*opens, "ESTABLISHED>FIN_WAIT1", *ends], minute.watch.end
    for record in minute.watch.transitions(case.cookie)[len(opens):]:
        assert_names(record, case.end["local"], case.end["remote"], case.family, case.ns.inode,
                     case.role)
        assert (record["pid"], record["comm"]) == (case.puppet.pid, case.puppet.comm), record


@pytest.mark.parametrize("name", LASTING)
def test_time_wait_lasts_a_minute(minute, name):
    *before, state = before_time_wait(name)
    case, full = minute.cases[name], is_full(minute.watch)
    assert_path(minute, name, [*before, into_time_wait(minute.watch, state),
                               *["TIME_WAIT>CLOSE"] * full])
    process = minute.process(name)
    if not full:
        assert count_of(process, "TIME_WAIT") == 0, process
        assert process["open"].get("TIME_WAIT") == 1, process
        if name != "orphan":
            assert cause_of(minute.watch, case.cookie) == "time_wait"
        return
    assert_time_wait(minute.watch, case.cookie, state)
    last = minute.record(name, "TIME_WAIT>CLOSE")
    assert last["cause"] == "expired", last
    bounds = minute.stay(name, "TIME_WAIT").bounds
    print(f"{name}: {last['lifetime_ns'] / SECOND:.3f} s; by the table "
          f"{bounds[0] / SECOND:.3f} to {bounds[1] / SECOND:.3f} s")
    assert_within(last["lifetime_ns"], bounds)
    if name == "fin-again":  # the minute began anew with the last FIN
        first, *_, final = minute.fins_to(name)
        assert minute.healing < final.delivered
        assert_within(last["lifetime_ns"], (MINUTE[0] + final.delivering - first.delivered,
                                            MINUTE[1] + final.delivered - first.delivering))
    else:
        assert_within(last["lifetime_ns"], MINUTE)
    assert process["states"]["TIME_WAIT"]["sum_ns"] == last["lifetime_ns"], process
    assert set(process["open"]) <= {"LISTEN"}, process


def test_time_wait_is_counted_while_it_lasts(minute):
    for name in LASTING:
        if name == "held":
            continue
        counts = minute.opened(minute.cases[name].puppet.pid, "TIME_WAIT", minute.calm_at,
                               minute.calm_until)
        assert counts and set(counts) == {1}, (name, counts)


def test_fifty_closed_at_once(minute):
    """Scenario 13."""
    counts = minute.opened(minute.churn.pid, "TIME_WAIT", minute.calm_at, minute.calm_until)
    assert counts and set(counts) == {CHURN}, counts
    process = minute.process("churn-0")
    if not is_full(minute.watch):
        assert count_of(process, "TIME_WAIT") == 0
        return
    for number in range(CHURN):
        name = f"churn-{number}"
        # Three segments or four, as it happens.
        assert_path(minute, name, ["FIN_WAIT1>TIME_WAIT", "TIME_WAIT>CLOSE"]
                    if "FIN_WAIT1>TIME_WAIT" in minute.path(name) else
                    ["FIN_WAIT1>FIN_WAIT2", "FIN_WAIT2>TIME_WAIT", "TIME_WAIT>CLOSE"])
        last = minute.record(name, "TIME_WAIT>CLOSE")
        assert_within(last["lifetime_ns"], minute.stay(name, "TIME_WAIT").bounds)
        assert_within(last["lifetime_ns"], MINUTE)
    assert count_of(process, "TIME_WAIT") == process["transitions"]["TIME_WAIT>CLOSE"] == CHURN
    assert process["open"] == {}, process


def test_time_wait_older_than_tcpwatch(minute):
    """Nobody knows when it began, nor whose it was: no lifetime, of any length."""
    case = minute.cases["old"]
    if not is_full(minute.watch):
        assert minute.path("old") == []
        assert minute.watch.processes()[None]["open"]["TIME_WAIT"] >= 1
        return
    assert minute.path("old") == ["TIME_WAIT>CLOSE"]
    last = minute.record("old", "TIME_WAIT>CLOSE")
    assert_names(last, case.end["local"], case.end["remote"], netns=case.ns.inode)
    assert (last["pid"], last["owner"], last["lifetime_ns"]) == (None, "unknown", None), last
    assert last["cause"] == "expired", last
    assert case.puppet.pid not in minute.watch.processes()


@pytest.mark.parametrize("name,cause", [("reused", "reused"), ("called-again", "cut_short"),
                                        ("reset", "cut_short")])
def test_time_wait_that_is_cut_short(minute, name, cause):
    """By connect() from the same port (tcp_tw_reuse), by the peer's SYN, by an RST."""
    case = minute.cases[name]
    _, closing, *_, ending = case.calls
    state = into_time_wait(minute.watch, "FIN_WAIT2")
    if not is_full(minute.watch):
        assert_path(minute, name, ["FIN_WAIT1>FIN_WAIT2", state])
        assert count_of(minute.process(name), "TIME_WAIT") == 0
        assert minute.process(name)["open"].get("TIME_WAIT") is None
        return
    assert_path(minute, name, ["FIN_WAIT1>FIN_WAIT2", state, "TIME_WAIT>CLOSE"])
    last = minute.record(name, "TIME_WAIT>CLOSE")
    print(f"{name}: {last['lifetime_ns'] / SECOND:.3f} s")
    assert last["cause"] == cause, last
    if name == "reset":  # over the wire the FIN arrives later than the call that sent it returns
        fin = minute.fins_to(name)[0]
        closing = Span(fin.delivering, fin.delivered)
    assert_between(last["lifetime_ns"], closing, ending)
    assert minute.process(name)["states"]["TIME_WAIT"]["sum_ns"] == last["lifetime_ns"]


def test_orphan_whose_peer_closes(minute):
    """Scenario 18: the mini-socket's FIN_WAIT2, until the peer's FIN."""
    case = minute.cases["orphan"]
    record = minute.record("orphan", into_time_wait(minute.watch, "FIN_WAIT2"))
    if not is_full(minute.watch):
        assert record["lifetime_ns"] is None and record["cause"] == "orphan", record
        assert "FIN_WAIT2" not in minute.process("orphan")["states"]
        return
    assert_within(record["lifetime_ns"], minute.stay("orphan", "FIN_WAIT2").bounds)
    assert record["lifetime_ns"] <= case.calls[1].after - case.calls[0].before
    assert minute.process("orphan")["states"]["FIN_WAIT2"]["sum_ns"] == record["lifetime_ns"]


@pytest.mark.parametrize("name,seconds", [("orphan-timeout", FIN_TIMEOUT), ("linger2", 1)])
def test_orphan_whose_peer_never_closes(minute, name, seconds):
    """tcp_fin_timeout, or the socket's own TCP_LINGER2."""
    case = minute.cases[name]
    assert_path(minute, name, ["FIN_WAIT1>FIN_WAIT2", "FIN_WAIT2>CLOSE"])
    last, process = minute.record(name, "FIN_WAIT2>CLOSE"), minute.process(name)
    low, high = minute.stay(name, "FIN_WAIT2").bounds
    if name == "orphan-timeout":
        counts = minute.opened(case.puppet.pid, "FIN_WAIT2", minute.calm_at, minute.calm_until)
        assert counts and set(counts) == {1}, counts
    assert process["open"] == {}, process
    if not is_full(minute.watch):
        assert last["lifetime_ns"] is None and last["cause"] == "orphan", last
        assert "FIN_WAIT2" not in process["states"], process
        return
    print(f"{name}: {last['lifetime_ns'] / SECOND:.3f} s; by the table "
          f"{low / SECOND:.3f} to {high / SECOND:.3f} s")
    assert last["cause"] == "timeout", last
    assert_within(last["lifetime_ns"], (low, high))
    assert_within(last["lifetime_ns"],
                  # The kernel counts whole ticks; the first one has begun already.
                  (seconds * SECOND - 4 * MS, seconds * SECOND * 9 / 8 + 50 * MS * SLOW))
    assert process["states"]["FIN_WAIT2"]["sum_ns"] == last["lifetime_ns"]


@pytest.mark.parametrize("name", ["orphan-reset", "orphan-data"])
def test_orphan_that_is_reset(minute, name):
    """The peer aborts; or sends to who is no more there, and is reset."""
    case = minute.cases[name]
    assert_path(minute, name, ["FIN_WAIT1>FIN_WAIT2", "FIN_WAIT2>CLOSE"])
    last = minute.record(name, "FIN_WAIT2>CLOSE")
    if not is_full(minute.watch):
        assert last["lifetime_ns"] is None and last["cause"] == "orphan", last
        return
    assert last["cause"] == "reset", last
    assert_within(last["lifetime_ns"], minute.stay(name, "FIN_WAIT2").bounds)
    assert last["lifetime_ns"] <= case.calls[1].after - case.calls[0].before


def test_fin_wait2_that_is_held(minute):
    """Scenario 18: as long as a process holds it, tcp_fin_timeout does not count."""
    case = minute.cases["held"]
    lifetime = minute.record("held", into_time_wait(minute.watch, "FIN_WAIT2"))["lifetime_ns"]
    # It began when the delayed ACK came, before it was seen here.
    assert_within(lifetime, (case.calls[1].before - minute.held_since,
                             case.calls[1].after - case.calls[0].before))
    assert_within(lifetime, minute.stay("held", "FIN_WAIT2").bounds)
    assert lifetime > (FIN_TIMEOUT + 1) * SECOND
    counts = minute.opened(case.puppet.pid, "FIN_WAIT2", minute.calm_at, minute.calm_until)
    assert counts and set(counts) == {1}, counts


def test_no_lifetime_is_short_that_is_not(minute):
    """An orphan's struct sock leaves FIN_WAIT2 within microseconds: that is no lifetime."""
    for name in ORPHANS:
        state = minute.process(name)["states"].get("FIN_WAIT2")
        assert (state is not None) == is_full(minute.watch)
        assert not state or state["min_ns"] >= 100 * MS, (name, state)


def test_scans_do_not_disturb(watch, puppet, network):
    """A scan at each summary sees states before they are told: what is told counts."""
    ns = network()
    client, server = puppet("client", ns), puppet("server", ns)
    tcpwatch = watch("-t", "-i", "10ms", "-p", client.pid)
    listener = server.listen()
    ends = client.connect_many(listener["port"], 100)
    accepted = server.accept_many(listener["fd"], 100)
    client.close_many([end["fd"] for end in ends])
    time.sleep(0.3)
    for end in accepted:
        server.close(end["fd"])
    tcpwatch.wait_closed(*(end["cookie"] for end in ends))
    tcpwatch.stop()
    process, count = tcpwatch.processes()[client.pid], len(ends)
    assert process["open"] == {"TIME_WAIT": count}, process
    change = into_time_wait(tcpwatch, "FIN_WAIT2")
    for end in ends:
        assert tcpwatch.path(end["cookie"])[-2:] == ["FIN_WAIT1>FIN_WAIT2", change]
        known = lifetime_of(tcpwatch, end["cookie"], change) is not None
        assert known == is_full(tcpwatch)
    assert count_of(process, "FIN_WAIT2") == count * is_full(tcpwatch), process
    assert process["transitions"][change] == count, process


def test_overflow(watch, puppet, network):
    """tcp_max_tw_buckets: whoever comes too late just closes."""
    tcpwatch = watch("-t")
    ns = network()
    ns.sysctl("net.ipv4.tcp_max_tw_buckets", 1)
    client, server = puppet("client", ns), puppet("server", ns)
    pairs = [connect_pair(client, server) for _ in range(3)]
    for pair in pairs:
        client.shutdown(pair.client_fd)
        tcpwatch.wait_for("transition", socket=pair.client_cookie, to="FIN_WAIT2")
        server.close(pair.server_fd)
        tcpwatch.wait_closed(pair.client_cookie, pair.server_cookie)
    tcpwatch.stop()
    assert_time_wait(tcpwatch, pairs[0].client_cookie, "FIN_WAIT2")
    for pair in pairs[1:]:
        assert tcpwatch.path(pair.client_cookie)[-1] == "FIN_WAIT2>CLOSE"
        cause = cause_of(tcpwatch, pair.client_cookie)
        assert cause == ("time_wait_overflow" if is_full(tcpwatch) else "time_wait")
        assert lifetime_of(tcpwatch, pair.client_cookie, "FIN_WAIT2>CLOSE") > 0
    process = tcpwatch.process_of(client.pid)
    assert process["open"]["TIME_WAIT"] == 1, process
    assert count_of(process, "FIN_WAIT2") == 3, process


def test_overflow_of_an_orphan(watch, puppet, network):
    """close() that finds no room for its FIN_WAIT2."""
    tcpwatch = watch("-t")
    ns = network()
    ns.sysctl("net.ipv4.tcp_max_tw_buckets", 1)
    client, server = puppet("client", ns), puppet("server", ns)
    pairs = [connect_pair(client, server) for _ in range(2)]
    for pair in pairs:
        client.close(pair.client_fd)
        tcpwatch.wait_for("transition", socket=pair.client_cookie, to="FIN_WAIT2")
        time.sleep(0.1)
    tcpwatch.stop()
    process = tcpwatch.process_of(client.pid)
    assert process["open"] == {"FIN_WAIT2": 1}, process
    if is_full(tcpwatch):
        assert cause_of(tcpwatch, pairs[1].client_cookie) == "time_wait_overflow"
        assert tcpwatch.path(pairs[0].client_cookie)[-1] == "FIN_WAIT1>FIN_WAIT2"
    assert tcpwatch.path(pairs[1].client_cookie)[-1] == "FIN_WAIT2>CLOSE"


def test_namespace_that_dies_with_time_wait(watch, puppet, network):
    tcpwatch = watch("-t")
    ns = network()
    client, server = puppet("client", ns), puppet("server", ns)
    pair = connect_pair(client, server)
    client.shutdown(pair.client_fd)
    tcpwatch.wait_for("transition", socket=pair.client_cookie, to="FIN_WAIT2")
    closing = server.timed("close", pair.server_fd)
    tcpwatch.wait_closed(pair.client_cookie)
    time.sleep(0.3)
    client.kill()
    server.kill()
    ns.close()
    if is_full(tcpwatch):
        last = tcpwatch.wait_for("transition", socket=pair.client_cookie, to="CLOSE", timeout=30)
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        assert (last["from"], last["cause"]) == ("TIME_WAIT", "cut_short"), last
        assert 300 * MS <= last["lifetime_ns"] <= now - closing.before, last
    tcpwatch.stop()
    process = tcpwatch.process_of(client.pid)
    assert count_of(process, "TIME_WAIT") == is_full(tcpwatch)
    # No scan can look into a namespace without a process: what was there ends by itself.
    assert process["open"] in ([{}] if is_full(tcpwatch) else [{}, {"TIME_WAIT": 1}]), process


@pytest.mark.parametrize("how", ["shown", "hidden"])
def test_filters_hold_for_time_wait(watch, puppet, how):
    client, server = puppet("client"), puppet("server")
    listener = server.listen()
    other = server.listen()
    port = listener["port"] if how == "shown" else other["port"]
    tcpwatch = watch("-t", "-D", port)
    end = client.connect(listener["port"])
    accepted = server.accept(listener["fd"])
    client.shutdown(end["fd"])
    time.sleep(0.2)
    server.close(accepted["fd"])
    if how == "shown":
        tcpwatch.wait_closed(end["cookie"])
    time.sleep(0.3)
    tcpwatch.stop()
    assert bool(tcpwatch.transitions(end["cookie"])) == (how == "shown")
    found = tcpwatch.processes().get(client.pid, {"open": {}})["open"].get("TIME_WAIT", 0)
    assert found == (how == "shown")
