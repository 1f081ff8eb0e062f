# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Sockets that changed hands: all true holders and no other (scenario 11)."""

import os
import subprocess
import time

from check import assert_leak, assert_no_leak
from puppets import connect_pair
from runner import run

W = ("-w", "300ms")


def test_inherited_by_children(watch, puppet):
    """The opener forked twice and closed its own copy: the children hold it."""
    tcpwatch = watch(*W)
    client, server = puppet("client"), puppet("opener")
    pair = connect_pair(client, server)
    children = [server.fork(name) for name in ("child-1", "child-2")]
    server.close(pair.server_fd)
    client.close(pair.client_fd)
    children[0].recv_all(pair.server_fd)
    leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
    tcpwatch.stop()
    assert_leak(leak, None, pair.server_end, "unclosed", "taken", "server",
                holders=[(child, pair.server_fd) for child in children])
    assert not tcpwatch.all("leak", pid=server.pid)


def test_inherited_and_still_held_by_the_opener(watch, puppet):
    """Closed in the child only, or in the parent only, is not closed."""
    tcpwatch = watch("-t", *W)
    client, server = puppet("client"), puppet("parent")
    one, two = connect_pair(client, server), connect_pair(client, server)
    child = server.fork("child")
    child.close(one.server_fd)
    server.close(two.server_fd)
    client.close_many([one.client_fd, two.client_fd])
    server.recv_all(one.server_fd)
    child.recv_all(two.server_fd)
    first = tcpwatch.wait_for("leak", socket=one.server_cookie)
    second = tcpwatch.wait_for("leak", socket=two.server_cookie)
    server.close(one.server_fd)
    child.close(two.server_fd)
    tcpwatch.wait_closed(one.server_cookie, two.server_cookie)
    tcpwatch.stop()
    assert_leak(first, server, one.server_end, "unclosed", "taken", "server")
    assert_leak(second, child, two.server_end, "unclosed", "taken", "server")
    # Each lifetime is recorded by whoever really closed it.
    for process, pair in ((server, one), (child, two)):
        assert {r["pid"] for r in tcpwatch.transitions(pair.server_cookie)
                if r["from"] in ("CLOSE_WAIT", "LAST_ACK")} == {process.pid}
        assert tcpwatch.process_of(process.pid)["states"]["CLOSE_WAIT"]["count"] == 1


def test_every_descriptor_of_a_process(watch, puppet):
    """dup(): one holder, two descriptors, both named."""
    tcpwatch = watch(*W)
    client, server = puppet("client"), puppet("server")
    pair = connect_pair(client, server)
    copy = server.dup(pair.server_fd)
    client.close(pair.client_fd)
    server.recv_all(pair.server_fd)
    leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
    server.close(pair.server_fd)
    time.sleep(0.3)
    assert not tcpwatch.all("leak_end", socket=pair.server_cookie), "the copy still holds it"
    server.close(copy)
    tcpwatch.wait_for("leak_end", socket=pair.server_cookie)
    tcpwatch.stop()
    assert_leak(leak, server, pair.server_end, "unclosed", "taken", "server",
                holders=[(server, pair.server_fd), (server, copy)])


def test_threads_are_one_holder(watch, puppet):
    """Threads share the descriptor table: the process is named once, not once a thread."""
    tcpwatch = watch(*W)
    client, server = puppet("client"), puppet("threads")
    pair = connect_pair(client, server)
    listener = server.listen()
    for _ in range(3):
        server.hang("accept", listener["fd"])
    client.close(pair.client_fd)
    server.recv_all(pair.server_fd)
    leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
    tcpwatch.stop()
    assert_leak(leak, server, pair.server_end, "unclosed", "taken", "server")


def test_threads_with_descriptors_of_their_own(watch, puppet):
    """unshare(CLONE_FILES): a descriptor of a thread is in /proc/PID/task/TID/fd only."""
    tcpwatch = watch("--strict", *W)
    client, server = puppet("client"), puppet("server")
    listener = server.listen()
    shared = client.connect(listener["port"])
    peers = [server.accept(listener["fd"])]
    tid, own = client.own_files("connect", listener["port"])
    peers.append(server.accept(listener["fd"]))
    server.close_many([peer["fd"] for peer in peers])
    leak = tcpwatch.wait_for("leak", socket=own["cookie"])
    both = tcpwatch.wait_for("leak", socket=shared["cookie"])
    text = run("--strict", "-w", "300ms", "-p", client.pid, "-d", "1s").stdout
    tcpwatch.stop()
    assert tid != client.pid
    name = {"pid": client.pid, "comm": "client"}
    assert leak["holders"] == [{**name, "fd": own["fd"], "tid": tid}]
    assert os.path.exists(f"/proc/{client.pid}/task/{tid}/fd/{own['fd']}")
    assert not os.path.exists(f"/proc/{client.pid}/fd/{own['fd']}")
    # The thread has had a copy of each since its unshare().
    assert sorted(both["holders"], key=len) == [{**name, "fd": shared["fd"]},
                                                {**name, "fd": shared["fd"], "tid": tid}]
    assert f"  fd {own['fd']} of thread {tid}" in text, text


def test_threads_of_a_dead_leader(watch, puppet, helper, spawn):
    """The first thread has ended; those that live share its descriptors: one of them is named."""
    tcpwatch = watch("--strict", *W)
    server = puppet("server")
    listener = server.listen()
    client = spawn(helper("leaderless"), listener["port"], stdin=subprocess.PIPE,
                   stdout=subprocess.PIPE, text=True)
    fd, cookie = client.stdout.readline().split()
    server.close(server.accept(listener["fd"])["fd"])
    leak = tcpwatch.wait_for("leak", socket=cookie)
    tcpwatch.stop()
    (holder,) = leak["holders"]
    assert (holder["pid"], holder["fd"]) == (client.pid, int(fd)), holder
    assert os.path.exists(f"/proc/{client.pid}/task/{holder['tid']}/fd/{fd}")


def passed_on(puppet, hub, client):
    """A connection accepted by `giver`, passed by SCM_RIGHTS to `taker`, closed in `giver`."""
    giver, taker = puppet("giver"), puppet("taker")
    path = os.path.join(os.path.dirname(hub.path), "mailbox")
    taker.mailbox(path)
    taker.listen()  # so that the descriptors of the two differ
    pair = connect_pair(client, giver)
    giver.pass_fd(pair.server_fd, path)
    end = taker.take_fd()
    giver.close(pair.server_fd)
    assert end["cookie"] == pair.server_cookie
    return pair, giver, taker, end


def test_passed_by_scm_rights(watch, puppet, hub):
    """Held by whoever received it, under the number it has there; -p of the giver shows nothing."""
    client = puppet("client")
    pair, giver, taker, end = passed_on(puppet, hub, client)
    everyone = watch(*W)
    of_taker, of_giver = watch("-p", taker.pid, *W), watch("-p", giver.pid, *W)
    client.close(pair.client_fd)
    taker.recv_all(end["fd"])
    for tcpwatch in (everyone, of_taker):
        leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
        assert_leak(leak, taker, end, "unclosed", "taken", "server")
    time.sleep(0.3)
    assert_no_leak(of_giver, pair.server_cookie)
    for tcpwatch in (everyone, of_taker, of_giver):
        tcpwatch.stop()
    assert of_taker.process_of(taker.pid)["leaks"] == {"unclosed": 1}


def test_passed_after_the_start(watch, puppet, hub):
    """The same with all of it seen happening: accept, pass, close; -p of the taker reports it."""
    client = puppet("client")
    tcpwatch = watch(*W)
    pair, giver, taker, end = passed_on(puppet, hub, client)
    of_taker = watch("-p", taker.pid, *W)
    client.close(pair.client_fd)
    taker.recv_all(end["fd"])
    for each in (tcpwatch, of_taker):
        leak = each.wait_for("leak", socket=pair.server_cookie)
        assert_leak(leak, taker, end, "unclosed", "taken", "server")
    tcpwatch.stop()
    of_taker.stop()
    # Open at the end: it is the holder's, not the listener's.
    assert tcpwatch.process_of(taker.pid)["open"]["CLOSE_WAIT"] == 1
    assert not tcpwatch.all("process", lambda r: r["pid"] == giver.pid
                            and "CLOSE_WAIT" in r["open"])


def test_accepted_from_the_listener_of_another(watch, puppet):
    """The parent listens, the child accepts: -p of the child reports the child's leak."""
    client, parent = puppet("client"), puppet("parent")
    listener = parent.listen()
    child = parent.fork("child")
    of_child, of_parent = watch("-p", child.pid, *W), watch("-p", parent.pid, *W)
    end = client.connect(listener["port"])
    accepted = child.accept(listener["fd"])
    client.close(end["fd"])
    child.recv_all(accepted["fd"])
    leak = of_child.wait_for("leak", socket=accepted["cookie"])
    time.sleep(0.3)
    assert_no_leak(of_parent, accepted["cookie"])
    of_child.stop()
    of_parent.stop()
    assert_leak(leak, child, accepted, "unclosed", "taken", "server")
    assert of_child.process_of(child.pid)["open"]["CLOSE_WAIT"] == 1


def test_accepted_after_the_listener_was_left_by_its_opener(watch, puppet):
    """The opener of the listener gave it away by fork, and died."""
    tcpwatch = watch(*W)
    client, opener = puppet("client"), puppet("opener")
    listener = opener.listen()
    service = opener.fork("service")
    opener.kill()
    end = client.connect(listener["port"])
    accepted = service.accept(listener["fd"])
    client.close(end["fd"])
    service.recv_all(accepted["fd"])
    leak = tcpwatch.wait_for("leak", socket=accepted["cookie"])
    tcpwatch.stop()
    assert_leak(leak, service, accepted, "unclosed", "taken", "server")


def test_listener_that_was_given_away(watch, puppet):
    """Opened by one, kept by its child only: at the end it is open in the child."""
    tcpwatch = watch()
    opener = puppet("opener")
    listener = opener.listen()
    child = opener.fork("child")
    opener.close(listener["fd"])
    tcpwatch.stop()
    assert tcpwatch.process_of(child.pid)["open"] == {"LISTEN": 1}
    assert not tcpwatch.all("process", lambda r: r["pid"] == opener.pid and r["open"])


def test_unaccepted_at_a_shared_listener(watch, puppet):
    """All holders of the listener hold what waits in its queue."""
    tcpwatch = watch(*W)
    client, parent = puppet("client"), puppet("parent")
    listener = parent.listen()
    child = parent.fork("child")
    end = client.connect(listener["port"])
    client.close(end["fd"])
    leak = tcpwatch.wait_for("leak", lambda r: r["pid"] in (parent.pid, child.pid))
    accepted = child.accept(listener["fd"])
    tcpwatch.stop()
    assert_leak(leak, None, accepted, "unaccepted", "unread", "server", recv_queue=1,
                holders=[(parent, listener["fd"]), (child, listener["fd"])])
