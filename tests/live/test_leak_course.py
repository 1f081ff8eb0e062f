# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Leaks over time: lawful half-close, stalled, closed at last, older than tcpwatch (10, 25, 26)."""

import time

import pytest

from check import MS, assert_leak, assert_names, assert_no_leak, assert_prompt, prompt
from puppets import connect_pair, now_ns

W = ("-w", "300ms")
# Ages that start with "the last ACK came" are counted in kernel ticks (4 or 10 ms).
TICKS = 20 * MS


def test_half_close_that_sends_is_no_leak(watch, puppet):
    """Scenario 10: the peer only shut down writing; we still send, it still reads."""
    tcpwatch = watch("-w", "2s")
    client, server = puppet("client"), puppet("lawful")
    pair = connect_pair(client, server)
    client.shutdown(pair.client_fd)
    assert server.recv_all(pair.server_fd) == 0
    client.hang("recv_all", pair.client_fd)
    server.send_slowly(pair.server_fd, 5)
    sending = server.last
    server.close(pair.server_fd)
    tcpwatch.settle(0.4)
    tcpwatch.stop()
    assert sending.after - sending.before > 4900 * MS
    assert_no_leak(tcpwatch, pair.server_cookie)
    assert not sum(tcpwatch.process_of(server.pid)["leaks"].values())
    close_wait = tcpwatch.process_of(server.pid)["states"]["CLOSE_WAIT"]
    assert close_wait["count"] == 1 and close_wait["sum_ns"] >= 4900 * MS


def test_half_close_that_went_quiet_is_a_leak(watch, puppet):
    """It sent for a while, then forgot the socket."""
    tcpwatch = watch("-w", "2s")
    client, server = puppet("client"), puppet("quiet")
    pair = connect_pair(client, server)
    fin = client.timed("shutdown", pair.client_fd)
    server.recv_all(pair.server_fd)
    client.hang("recv_all", pair.client_fd)
    server.send_slowly(pair.server_fd, 3)
    sending = server.last
    leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
    tcpwatch.stop()
    assert leak.arrival * 1e9 > sending.after, "reported while it was sending"
    assert leak.arrival * 1e9 < sending.after + 2 * (2000 * MS + prompt(leak) * 1e9)
    assert_leak(leak, server, pair.server_end, "unclosed", "taken", "server", wait_ns=2000 * MS)
    # The age is that of CLOSE_WAIT, not of the silence.
    assert leak["age_ns"] >= sending.after - fin.after - 50 * MS


def test_stalled(watch, puppet):
    """Scenario 10: the peer shut down writing and stopped reading: our data makes no progress."""
    tcpwatch = watch(*W)
    client, server = puppet("client"), puppet("stuck")
    pair = connect_pair(client, server)
    fin = client.timed("shutdown", pair.client_fd)
    server.recv_all(pair.server_fd)
    server.send_full(pair.server_fd)
    leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
    tcpwatch.stop()
    assert_leak(leak, server, pair.server_end, "stalled", "taken", "server", send_queue=None)
    assert leak["send_queue"] > 0
    assert leak["age_ns"] <= leak.arrival * 1e9 - fin.before
    assert tcpwatch.process_of(server.pid)["leaks"] == {"stalled": 1}


@pytest.mark.parametrize("way", ["close", "shutdown", "reset", "exit", "kill"])
def test_leak_end(watch, puppet, way):
    """Scenario 26: closed at last, with the whole age in CLOSE_WAIT."""
    tcpwatch = watch(*W)
    client, server = puppet("client"), puppet("late")
    pair = connect_pair(client, server)
    fin = client.timed("shutdown", pair.client_fd)
    server.recv_all(pair.server_fd)
    leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
    time.sleep(0.4)
    before = now_ns()
    if way == "exit":
        server.leave()
    elif way == "kill":
        server.kill()
    else:
        getattr(server, way)(pair.server_fd)
    after = now_ns()
    end = tcpwatch.wait_for("leak_end", socket=pair.server_cookie)
    tcpwatch.stop()
    assert (end["pid"], end["comm"], end["kind"]) == (server.pid, "late", "unclosed"), end
    assert before - fin.after - 50 * MS <= end["age_ns"] <= after - fin.before + 50 * MS
    assert end["age_ns"] > leak["age_ns"]
    assert len(tcpwatch.all("leak_end", socket=pair.server_cookie)) == 1
    process = tcpwatch.process_of(server.pid)
    assert process["leaks"] == {"unclosed": 1} and "CLOSE_WAIT" not in process["open"], process
    assert process["states"]["CLOSE_WAIT"]["count"] == 1
    assert abs(process["states"]["CLOSE_WAIT"]["sum_ns"] - end["age_ns"]) < 1 * MS


def test_unaccepted_leak_that_is_accepted_and_closed(watch, puppet):
    """The queue moves on at last: one leak, one leak_end, the age from the FIN to the close()."""
    tcpwatch = watch(*W)
    client, server = puppet("client"), puppet("slow")
    listener = server.listen()
    end = client.connect(listener["port"])
    fin = client.timed("close", end["fd"])
    leak = tcpwatch.wait_for("leak", pid=server.pid, kind="unaccepted")
    accepted = server.accept(listener["fd"])
    assert accepted["cookie"] == leak["socket"]
    server.recv_all(accepted["fd"])
    time.sleep(0.8)
    closing = server.timed("close", accepted["fd"])
    ended = tcpwatch.wait_for("leak_end", socket=accepted["cookie"])
    tcpwatch.stop()
    assert (ended["pid"], ended["comm"]) == (server.pid, "slow"), ended
    low, high = closing.before - fin.after, closing.after - fin.before
    assert low - 50 * MS <= ended["age_ns"] <= high + 50 * MS
    assert len(tcpwatch.all("leak", socket=accepted["cookie"])) == 1
    assert sum(tcpwatch.process_of(server.pid)["leaks"].values()) == 1


def test_leak_of_a_killed_process_with_a_second_holder(watch, puppet):
    """A leak does not end while another process still holds it."""
    tcpwatch = watch(*W)
    client, server = puppet("client"), puppet("first")
    pair = connect_pair(client, server)
    child = server.fork("second")
    client.close(pair.client_fd)
    server.recv_all(pair.server_fd)
    tcpwatch.wait_for("leak", socket=pair.server_cookie)
    server.kill()
    time.sleep(0.3)
    assert not tcpwatch.all("leak_end", socket=pair.server_cookie)
    child.close(pair.server_fd)
    tcpwatch.wait_for("leak_end", socket=pair.server_cookie)
    tcpwatch.stop()


def test_no_leak_end_without_a_leak(watch, puppet):
    tcpwatch = watch(*W)
    client, server = puppet("client"), puppet("server")
    pair = connect_pair(client, server)
    client.close(pair.client_fd)
    server.close(pair.server_fd)
    time.sleep(0.2)
    tcpwatch.stop()
    assert not tcpwatch.all("leak_end", socket=pair.server_cookie)


@pytest.mark.parametrize("kind", ["unclosed", "unread", "unaccepted", "pool"])
def test_leak_older_than_tcpwatch(watch, puppet, kind):
    """Scenario 25: reported within a second of the start, its age a lower bound that says so."""
    client, server = puppet("client"), puppet("server")
    listener = server.listen()
    if kind == "unaccepted":
        end = client.connect(listener["port"])
        fin = client.timed("close", end["fd"])
        leaky, role, fd = server, "server", listener["fd"]
    else:
        end = client.connect(listener["port"])
        accepted = server.accept(listener["fd"])
        if kind == "pool":
            fin = server.timed("close", accepted["fd"])
            leaky, role, fd = client, "client", end["fd"]
        else:
            fin = client.timed("close", end["fd"])
            leaky, role, fd = server, "server", accepted["fd"]
        if kind == "unclosed":
            server.recv_all(accepted["fd"])
    time.sleep(1.0)
    tcpwatch = watch(*W)
    word = "idle" if kind == "pool" else "leak"
    leak = tcpwatch.wait_for(word, lambda r: r["pid"] == leaky.pid)
    assert leak.arrival - tcpwatch.start.arrival <= prompt(leak)
    time.sleep(0.5)
    closing = None
    if kind == "unaccepted":
        accepted = server.accept(listener["fd"])
        assert leak["socket"] == accepted["cookie"]
    else:
        held = end if kind == "pool" else accepted
        assert leak["socket"] == held["cookie"]
        assert_names(leak, held["local"], held["remote"])
        assert leak["role"] == role, leak
        closing = leaky.timed("close", held["fd"])
        end_record = tcpwatch.wait_for(f"{word}_end", socket=leak["socket"])
    tcpwatch.stop()
    assert leak["kind"] == ("unread" if kind == "pool" else kind), leak
    assert leak["eof"] == ("taken" if kind == "unclosed" else "unread"), leak
    assert leak["age_at_least"] is True, leak
    true_age = leak.arrival * 1e9 - fin.before
    assert leak["age_ns"] <= true_age + TICKS, "more than the true age is no lower bound"
    assert leak["age_ns"] >= 300 * MS
    assert [(h["pid"], h["fd"], h["comm"]) for h in leak["holders"]] == \
        [(leaky.pid, fd, leaky.comm)], leak
    if closing:
        assert leak["age_ns"] <= end_record["age_ns"] <= closing.after - fin.before + TICKS
        # A lifetime whose start was not seen is never recorded.
        assert tcpwatch.process_of(leaky.pid)["states"].get("CLOSE_WAIT", {"count": 0})["count"] \
            == 0
    assert len(tcpwatch.all(word, socket=leak["socket"])) == 1
    assert not tcpwatch.all("leak", pid=leaky.pid) or word == "leak"


def test_leaks_before_and_after_the_start(watch, puppet):
    """Old and new ones of one process do not hide one another."""
    client, server = puppet("client"), puppet("server")
    old = connect_pair(client, server)
    client.close(old.client_fd)
    server.recv_all(old.server_fd)
    time.sleep(0.5)
    tcpwatch = watch(*W)
    new = connect_pair(client, server)
    fin = client.timed("close", new.client_fd)
    server.recv_all(new.server_fd)
    before = tcpwatch.wait_for("leak", socket=old.server_cookie)
    after = tcpwatch.wait_for("leak", socket=new.server_cookie)
    tcpwatch.stop()
    assert before["age_at_least"] is True and after["age_at_least"] is False
    assert_prompt(after, fin)
    assert tcpwatch.process_of(server.pid)["leaks"] == {"unclosed": 2}
    assert tcpwatch.process_of(server.pid)["open"]["CLOSE_WAIT"] == 2


def test_socket_older_than_tcpwatch_that_closes_later(watch, puppet):
    """The connection is older, CLOSE_WAIT is not: its age is exact."""
    client, server = puppet("client"), puppet("server")
    pair = connect_pair(client, server)
    tcpwatch = watch("-t", *W)
    fin = client.timed("close", pair.client_fd)
    server.recv_all(pair.server_fd)
    leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
    tcpwatch.stop()
    assert_prompt(leak, fin)
    assert_leak(leak, server, pair.server_end, "unclosed", "taken", "server")
    first = tcpwatch.transitions(pair.server_cookie)[0]
    assert first["from"] == "ESTABLISHED" and first["lifetime_ns"] is None, first
    assert (first["pid"], first["owner"]) == (server.pid, "snapshot"), first
    assert tcpwatch.process_of(server.pid)["states"].get("ESTABLISHED", {"count": 0})["count"] == 0
