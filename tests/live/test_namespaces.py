# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Network namespaces that no process is in, that only threads are in, and that go away."""

import ctypes
import signal
import subprocess
import time

import pytest

from netns import FIN, NetNs, Wire, libc, table_states
from puppets import PYTHON, connect
from runner import run

MS_BIND = 4096


@pytest.fixture(params=["descriptor", "mount"])
def pinned(request, tmp_path):
    """A namespace, held by what keeps it alive when no process is in it. By a descriptor only
    Linux 6.18 and newer can enter it."""
    ns = NetNs()
    place = tmp_path / "namespace"
    if request.param == "mount":
        place.touch()
        source = f"/proc/self/fd/{ns.fd}".encode()
        assert not libc.mount(source, str(place).encode(), None, MS_BIND, None), ctypes.get_errno()
    yield ns
    if request.param == "mount":
        assert not libc.umount2(str(place).encode(), 0), ctypes.get_errno()
    ns.close()


def reconcile(tcpwatch, puppet):
    """listen() without bind() chooses a port after its record: all tables are put right then.
    Returns when that has been done: the listener's connections have an owner at once."""
    host, client = puppet("host"), puppet("client")
    listener = host.listen_unbound()
    cookies = set()
    for _ in range(600):  # some of their records may be lost
        client.connect(listener["port"])
        cookies.add(host.accept(listener["fd"])["cookie"])
        time.sleep(0.1)
        if tcpwatch.all("transition", lambda r: r["socket"] in cookies, to="ESTABLISHED",
                        pid=host.pid):
            return
    raise AssertionError("it was not reconciled")


def test_orphans_of_a_pinned_namespace_stay(watch, puppet, network, pinned):
    """A connection that was closed, and whose FIN is not acknowledged, outlives its process. It
    has its owner and its lifetime when it ends, whatever was reconciled meanwhile."""
    wire = Wire(pinned, network())
    try:
        tcpwatch = watch("-t")
        client, server = puppet("orphaner", pinned), puppet("server", wire.netns["right"])
        pair = connect(client, server, server.listen(host=wire.right), host=wire.right)
        wire.drop("left", lambda packet: packet.flags & FIN)
        closing = client.timed("close", pair.client_fd)
        client.kill()
        reconcile(tcpwatch, puppet)
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        wire.heal()
        ended = tcpwatch.wait_for("transition", socket=pair.client_cookie, **{"from": "FIN_WAIT1"})
        tcpwatch.stop()
        assert (ended["pid"], ended["comm"]) == (client.pid, "orphaner"), ended
        assert ended["lifetime_ns"] and ended["lifetime_ns"] > before - closing.after, ended
    finally:
        wire.close()


PORT = 5986


def into_time_wait(puppet, ns, count):
    """A process that has left so many sockets in TIME_WAIT, and still runs."""
    process = puppet("leaver", ns)
    listener = process.listen(port=PORT)
    for _ in range(count):
        pair = connect(process, process, listener)
        process.close(pair.client_fd)
        process.readable(pair.server_fd)  # else both might close at once, with a TIME_WAIT each
        process.close(pair.server_fd)
    process.close(listener["fd"])
    return process


def has_time_wait(count):
    return lambda record: record["open"].get("TIME_WAIT", 0) == count


def test_what_is_older_in_a_pinned_namespace_is_found(watch, puppet, pinned):
    """TIME_WAIT, which no descriptor shows, of a process that ended before tcpwatch began."""
    into_time_wait(puppet, pinned, 37).kill()
    tcpwatch = watch("-i", "500ms", "-D", PORT)
    tcpwatch.wait_for("process", has_time_wait(37), pid=None)
    tcpwatch.stop()


def known_time_wait(tcpwatch, process):
    """How many it shows in TIME_WAIT in the second summary from now: the first may be on its way."""
    seen = len(tcpwatch.records)
    later = tcpwatch.wait_for("process", lambda r: r not in tcpwatch.records[:seen], count=2,
                              pid=process.pid)
    return later[1]["open"].get("TIME_WAIT", 0)


@pytest.mark.alone  # its flood would take records of the tests beside it
def test_time_wait_of_a_pinned_namespace_outlives_a_loss(watch, puppet, helper, spawn, network,
                                                         pinned):
    """Records are lost while tcpwatch stands still. The scan after it does not take them away."""
    tcpwatch = watch("-t", "-i", "500ms", "--ring-size=256K")
    process = into_time_wait(puppet, pinned, 37)
    known = known_time_wait(tcpwatch, process)
    assert 0 < known <= 37  # floods of other tests may take some away: the ring is small
    process.kill()
    tcpwatch.process.send_signal(signal.SIGSTOP)
    network().call(lambda: spawn(helper("churn"), 1, 1, 0, 0,
                                 stdout=subprocess.DEVNULL)).wait()
    tcpwatch.process.send_signal(signal.SIGCONT)
    reconcile(tcpwatch, puppet)
    after = known_time_wait(tcpwatch, process)
    ended = 37 - pinned.call(table_states)["TIME_WAIT"]  # each lasts for a minute
    tcpwatch.stop()
    assert sum(tcpwatch.end["lost"].values()) > 0, tcpwatch.end
    assert known - ended <= after <= known, (known, ended, after)


def test_time_wait_goes_with_its_namespace(watch, puppet, network):
    """The kernel ends them at once, and says nothing of it where it allows no fentry programs."""
    ns = network()
    tcpwatch = watch("-i", "500ms")
    process = into_time_wait(puppet, ns, 37)
    tcpwatch.wait_for("process", has_time_wait(37), pid=process.pid)
    began = time.monotonic()
    process.kill()
    ns.close()
    gone = tcpwatch.wait_for("process", has_time_wait(0), pid=process.pid)
    tcpwatch.stop()
    assert gone.arrival < began + 50, gone.arrival - began  # by itself, one lasts for 60 s


# A process that waits until its leader is a zombie, or not; each thread is in a namespace of its
# own, where one connection in CLOSE_WAIT was not accepted: no descriptor shows it.
THREADS = r"""
import ctypes, os, socket, subprocess, sys, threading, time
libc = ctypes.CDLL(None)
def work():
    assert not libc.unshare(0x40000000)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        socket.create_connection(listener.getsockname()).close()
        os.write(1, b"%d\n" % os.stat("/proc/thread-self/ns/net").st_ino)
        time.sleep(3600)
for _ in range(int(sys.argv[2])):
    threading.Thread(target=work, daemon=True).start()
if sys.argv[3] == "zombie":
    libc.pthread_exit(None)
time.sleep(3600)
"""


@pytest.mark.parametrize("leader", ["alive", "zombie"])
def test_namespaces_of_threads_are_seen(watch, spawn, leader):
    """Also where the first thread has ended: the process then has no namespace of its own."""
    threads, port = 5, {"alive": PORT + 1, "zombie": PORT + 2}[leader]  # they may run side by side
    process = spawn(PYTHON, "-c", THREADS, port, threads, leader, stdout=subprocess.PIPE)
    inodes = {int(process.stdout.readline()) for _ in range(threads)}
    assert len(inodes) == threads
    if leader == "zombie":
        wait_zombie(process.pid)
    tcpwatch = watch("-w", "300ms", "-L", port)
    tcpwatch.wait_for("leak", lambda r: r["netns"] in inodes, count=threads)
    tcpwatch.stop()
    leaks = tcpwatch.all("leak")
    assert {(r["netns"], r["kind"]) for r in leaks} == {(i, "unaccepted") for i in inodes}, leaks
    assert len(leaks) == threads


def wait_zombie(pid):
    while True:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            if file.read().rsplit(") ", 1)[1].startswith("Z"):
                return
        time.sleep(0.01)


# Processes with a listener, each in a namespace of its own, that live for a moment each. Nobody
# waits for them, so their pids stay.
MOMENTS = """
import ctypes, os, random, signal, socket, time
libc = ctypes.CDLL(None)
while True:
    time.sleep(0.01)
    if os.fork() == 0:
        assert not libc.unshare(0x40000000)
        listener = socket.create_server(("0.0.0.0", 0))
        time.sleep(random.random() * 0.1)
        os._exit(0)
"""


def test_namespaces_that_go_during_scans_are_no_fault(spawn):
    """A process ends between the scan of descriptors and the entering of its namespace."""
    moments = spawn(PYTHON, "-c", MOMENTS)
    for _ in range(10):
        result = run("-d", "300ms")
        assert moments.poll() is None
        assert "cannot enter" not in result.stderr, result.stderr
