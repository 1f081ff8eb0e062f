# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""What a neighbour does neither stops tcpwatch nor makes it say what is not so."""

import json
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request

import pytest

from check import MS, SLOW
from puppets import connect
from runner import children_of, command, seconds_of

pytestmark = pytest.mark.alone

# Of a processor: less than what it takes to take in the records of the flood.
RUNS, RESTS = 0.006, 0.094
ANSWER = 2.0  # seconds; what tcpwatch waited for a processor beside that does not count


class Throttle:
    """Gives a process so little of a processor; leave() before it is expected to end by itself."""

    def __init__(self, process):
        self.process = process
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.over.is_set() and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            time.sleep(RUNS)
            self.process.send_signal(signal.SIGSTOP)
            time.sleep(RESTS)
        self.process.send_signal(signal.SIGCONT)

    def leave(self):
        self.over.set()
        self.thread.join()


def free_address():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % one.getsockname()[1]


def seconds_for(work):
    began = time.monotonic()
    work()
    return time.monotonic() - began


def seconds_to_end(tcpwatch):
    """From SIGTERM, without the time for which it was ready to run."""
    began, before, now = time.monotonic(), tcpwatch.waited(), tcpwatch.waited()
    tcpwatch.process.send_signal(signal.SIGTERM)
    while tcpwatch.process.poll() is None:
        assert time.monotonic() < began + 60
        now = max(now, tcpwatch.waited())
        time.sleep(0.01)
    return time.monotonic() - began - (now - before)


def test_a_flood_leaves_time_for_requests_and_signals(watch, helper, spawn, network):
    """Records without end and 6 % of a processor: health and SIGTERM are answered all the same, and
    what was not taken in is counted (wait_end() looks at the ledger)."""
    address = free_address()
    tcpwatch = watch("--ring-size=64M", f"--web.listen-address={address}")
    ns = network()
    ns.sysctl("net.ipv4.tcp_max_tw_buckets", 1000)  # else it is the scan of these that takes long
    ns.call(lambda: spawn(helper("churn"), 12, 2, 0, 0, stdin=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL))
    throttle = Throttle(tcpwatch.process)
    try:
        health = lambda: urllib.request.urlopen(f"http://{address}/-/healthy", timeout=30).read()
        took = []
        for _ in range(12):
            time.sleep(0.4)
            waited = tcpwatch.waited()
            took.append(seconds_for(health) - (tcpwatch.waited() - waited))
        assert max(took) <= ANSWER * SLOW, took
        ending = seconds_to_end(tcpwatch)
        assert ending <= 2 * ANSWER * SLOW, ending  # it scans once more
    finally:
        throttle.leave()
    tcpwatch.wait_end()
    assert tcpwatch.end["events_seen"] > 10000, tcpwatch.end


@pytest.mark.parametrize("stacks", ([], ["-s"]), ids=["plain", "stacks"])
def test_the_loop_opens_nothing_of_another_process(watch, puppet, network, stacks):
    """Whatever is below /proc/PID can make a reader wait: see docs/reliability.md. With -s a helper
    reads it, which can be abandoned."""
    assert shutil.which("strace"), "strace is missing"
    ns = network()
    server, client = puppet("server", ns), puppet("client", ns)
    listener = server.listen("ipv4", 5000)
    tcpwatch = watch("-w", "300ms", "-i", "500ms", f"--web.listen-address={free_address()}",
                     *stacks)
    trace = subprocess.Popen(["strace", "-qq", "-e", "trace=%file", "-p",
                              str(tcpwatch.process.pid)],
                             stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    pair = connect(client, server, listener, "ipv4")
    pair.client.close(pair.client_fd)
    leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
    time.sleep(1)
    trace.send_signal(signal.SIGINT)
    calls = trace.communicate(timeout=30)[1]
    helpers = children_of(tcpwatch.process.pid)
    tcpwatch.stop()
    assert not stacks or leak["stack"], leak  # it did read the mappings
    assert "/proc/thread-self/ns/net" in calls, calls  # it did enter namespaces
    # The list of the threads of a Go program takes no lock of that process. Helpers are tcpwatch's
    # own processes.
    for pid in helpers:
        calls = calls.replace(f'"/proc/{pid}/', '"/proc/helper/')
    assert not re.search(r'"/proc/(?!\d+/task")\d|"\d+/', calls), calls


def test_the_time_namespace_of_tcpwatch_makes_no_difference(puppet):
    """Its own clocks are 100,000 s ahead of the kernel's: ages and times are true all the same."""
    server, client = puppet("server"), puppet("client")
    listener = server.listen("ipv4")
    pair = connect(client, server, listener, "ipv4")
    pair.client.close(pair.client_fd)
    before = time.time()
    found = subprocess.run(
        ["unshare", "--time", "--monotonic", "100000", "--boottime", "100000", "--fork",
         *command("-j", "-p", server.pid, "-w", "300ms", "-d", "2s")],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True)
    records = [json.loads(line) for line in found.stdout.splitlines()]
    leak, = (record for record in records if record["type"] == "leak")
    assert 300 * MS <= leak["age_ns"] <= 60 * 1000 * MS, leak
    assert before - 1 <= seconds_of(leak["time"]) <= time.time() + 1, leak
    process, = (record for record in records if record["type"] == "process")
    assert before - 3600 <= seconds_of(process["start_time"]) <= time.time(), process
