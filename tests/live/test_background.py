# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""tcpwatch as a daemon: only problems are printed, and systemd hears how it is."""

import os
import re
import select
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from check import SLOW
from machine import cpu_wait
from puppets import connect_pair
from runner import PATIENCE, check_stderr, command, own_words

# Others on this host may leak, too: those of this name are of this worker's tests.
FORGETFUL = f"forget-{os.getpid()}"
TIME = r"\d\d:\d\d:\d\d\.\d{6}  "
MODE = re.compile(f"{TIME}Mode: tracepoints, not seen here: ")
LOST = re.compile(TIME + r"LOST ([\d,]+) events? \(.*ring_full [\d,]+.*\), lifetimes are missing"
                  r": make the ring larger, --ring-size=16K$")
LOST_ANY = re.compile(rf"(<4>)?{TIME}LOST [\d,]+ events? \(")


class Daemon:
    """tcpwatch that serves; every line of its output, and its datagrams to systemd."""

    def __init__(self, *args, notify=None, env=None, stdout=subprocess.PIPE):
        self.notify, self.said = notify, []
        self.output = b""
        self.errors = tempfile.TemporaryFile()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = probe.getsockname()
        self.process = subprocess.Popen(
            command(f"--web.listen-address=127.0.0.1:{self.address[1]}", *args,
                    *(() if "-t" in args else ("-n", FORGETFUL))),
            stdin=subprocess.DEVNULL, stdout=stdout, stderr=self.errors,
            env={**os.environ, "TZ": "UTC", **(env or {})})

    def answers(self):
        """Is the page there?"""
        with socket.create_connection(self.address, 5) as client:
            client.settimeout(5)
            client.sendall(b"GET /-/ready HTTP/1.0\r\n\r\n")
            return client.recv(100).startswith(b"HTTP/1.1 200")

    def wait_served(self):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if self.answers():
                    return self
            except OSError:
                pass
            assert time.monotonic() < deadline and self.process.poll() is None
            time.sleep(0.05)

    def wait_line(self, pattern, timeout=PATIENCE):
        """Waits for a line of the output that has this in it."""
        deadline = time.monotonic() + timeout * SLOW
        while True:
            found = [line for line in self.lines() if re.search(pattern, line)]
            if found:
                return found[0]
            left = deadline - time.monotonic()
            assert left > 0, f"no {pattern!r}: {self.output!r} {self.stderr()}"
            if select.select([self.process.stdout], [], [], left)[0]:
                self.output += os.read(self.process.stdout.fileno(), 65536)

    def lines(self):
        return self.output.decode("utf-8", "strict").splitlines()

    def stderr(self):
        self.errors.seek(0)
        return self.errors.read().decode("utf-8", "strict")

    def hear(self, timeout):
        """The next datagram, as a list of its lines; None if there is none in time."""
        if not select.select([self.notify], [], [], timeout)[0]:
            return None
        said = self.notify.recv(4096).decode("ascii").splitlines()
        self.said += said
        return said

    def wait_heard(self, wanted, timeout=PATIENCE):
        """Waits for a datagram with such a line, and returns it."""
        deadline = time.monotonic() + timeout * SLOW
        while True:
            said = self.hear(max(0, deadline - time.monotonic()))
            assert said is not None, f"{wanted!r} was not said: {self.said} {self.stderr()}"
            if any(re.fullmatch(wanted, line) for line in said):
                return said

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        rest = b""
        if self.process.stdout:
            rest = self.process.stdout.read()
        assert self.process.wait(PATIENCE) == 0, self.stderr()
        self.output += rest
        check_stderr(self.stderr())
        return self.lines()


@pytest.fixture
def daemon():
    started = []

    def start(*args, **kwargs):
        started.append(Daemon(*args, **kwargs))
        return started[-1]
    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()
        if each.process.stdout:
            each.process.stdout.close()
        each.errors.close()


@pytest.fixture(params=["path", "abstract"])
def notify(request, tmp_path):
    """systemd's socket and its name for $NOTIFY_SOCKET."""
    name = {"path": str(tmp_path / "notify"), "abstract": f"@tcpwatch-test-{os.getpid()}"}
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(name[request.param].replace("@", "\0"))
    yield listener, {"NOTIFY_SOCKET": name[request.param]}
    listener.close()


def leak_one(puppet):
    client, server = puppet("client"), puppet(FORGETFUL)
    pair = connect_pair(client, server)
    client.close(pair.client_fd)
    server.recv_all(pair.server_fd)
    return server, pair


def without_mode(lines):
    """What is missing here is said in one line, the first; nothing where nothing is."""
    assert not any("Mode:" in line for line in lines[1:]), lines
    return lines[1:] if lines and MODE.search(lines[0]) else lines


def about_sockets(lines):
    """Without what is said of the mode, and of losses: the floods of others may be too much for a
    machine."""
    return [line for line in without_mode(lines) if not LOST_ANY.match(line)]


def test_only_problems_are_printed(daemon, puppet):
    tcpwatch = daemon("-w", "300ms").wait_served()
    server, pair = leak_one(puppet)
    leak = tcpwatch.wait_line("LEAK")
    assert re.match(TIME + rf"LEAK unclosed    {FORGETFUL}\[{server.pid}\]  ", leak), leak
    server.close(pair.server_fd)
    end = tcpwatch.wait_line("END")
    assert re.match(TIME + rf"END  unclosed    {FORGETFUL}\[{server.pid}\]  ", end), end
    assert about_sockets(tcpwatch.stop()) == [leak, end]
    assert own_words(tcpwatch.stderr()) == ""


@pytest.mark.alone
def test_losses_are_said_once(daemon, helper, spawn, network):
    """A ring of one page, and churn: one line in a minute, with the number and what to do."""
    tcpwatch = daemon("--ring-size=4K").wait_served()
    network().call(lambda: spawn(helper("churn"), 3, 2, 0, 0, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)).stdout.readline()
    lines = without_mode(tcpwatch.stop())
    lost = [line for line in lines if "LOST" in line]
    assert len(lost) == 1 and LOST.match(lost[0]), lines
    assert int(LOST.match(lost[0])[1].replace(",", "")) > 0


@pytest.mark.alone
def test_a_large_ring_has_nothing_to_say(daemon, helper, spawn, network):
    tcpwatch = daemon().wait_served()
    network().call(lambda: spawn(helper("churn"), 1, 2, 0, 0, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)).stdout.readline()
    assert not [line for line in tcpwatch.stop() if "ring_full" in line]


def wait_written(path, word):
    deadline = time.monotonic() + PATIENCE
    while word not in path.read_text():
        assert time.monotonic() < deadline, path.read_text()
        time.sleep(0.05)


@pytest.mark.parametrize("to_journal", [True, False])
def test_priorities_for_the_journal(daemon, puppet, tmp_path, to_journal):
    """Only what really goes there begins with one: the variable alone does not say that."""
    with open(tmp_path / "journal", "wb") as file:
        status = os.fstat(file.fileno())
        inode = status.st_ino if to_journal else status.st_ino + 1
        tcpwatch = daemon("-w", "300ms", stdout=file,
                          env={"JOURNAL_STREAM": f"{status.st_dev}:{inode}"}).wait_served()
        server, pair = leak_one(puppet)
        wait_written(tmp_path / "journal", "LEAK")
        server.close(pair.server_fd)
        wait_written(tmp_path / "journal", "END")
        tcpwatch.stop()
    lines = (tmp_path / "journal").read_text().splitlines()
    lines = about_sockets(lines)
    begins = [f"{prefix if to_journal else ''}{TIME}{word}" for prefix, word in
              (("<4>", "LEAK "), ("<5>", "END  "))]
    assert len(lines) == 2 and all(map(re.match, begins, lines)), lines


def test_ready_status_reload_stop(daemon, puppet, notify, tmp_path):
    """READY when the page is there and not before; each state in its order."""
    listener, env = notify
    config = tmp_path / "web.yml"
    config.write_text("")
    tcpwatch = daemon("-w", "300ms", f"--web.config.file={config}", notify=listener, env=env)
    assert tcpwatch.hear(PATIENCE) == ["READY=1"], tcpwatch.said
    assert tcpwatch.answers()
    tcpwatch.wait_heard(r"STATUS=0 leaked sockets open now, 0 reported in all; \d+ events? lost")
    server, pair = leak_one(puppet)
    tcpwatch.wait_heard("STATUS=1 leaked socket open now, 1 reported in all; .*")
    server.close(pair.server_fd)
    tcpwatch.wait_heard("STATUS=0 leaked sockets open now, 1 reported in all; .*")
    for content in ("", "wrong: 1\n"):
        config.write_text(content)
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        tcpwatch.process.send_signal(signal.SIGHUP)
        reloading = tcpwatch.wait_heard("RELOADING=1")
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        assert before <= int(re.fullmatch(r"MONOTONIC_USEC=(\d+)", reloading[1])[1]) <= after
        assert tcpwatch.hear(PATIENCE) == ["READY=1"], tcpwatch.said
    assert "the previous web config stays in force" in tcpwatch.stderr()
    tcpwatch.process.send_signal(signal.SIGTERM)
    tcpwatch.wait_heard("STOPPING=1")
    tcpwatch.stop()
    assert tcpwatch.said[-1] == "STOPPING=1" and "WATCHDOG=1" not in tcpwatch.said


def test_status_does_not_chatter(daemon, notify):
    """Without news there is none."""
    listener, env = notify
    tcpwatch = daemon(notify=listener, env=env)
    tcpwatch.wait_heard("STATUS=.*")
    assert tcpwatch.hear(3) is None, tcpwatch.said
    tcpwatch.stop()


def test_watchdog(daemon, notify):
    """At half the time, by the main loop: stopped, it says nothing."""
    listener, env = notify
    within = 1.0 * SLOW
    tcpwatch = daemon(notify=listener, env={**env, "WATCHDOG_USEC": str(int(within * 1e6))})
    tcpwatch.wait_heard("WATCHDOG=1")
    heard = [(time.monotonic(), cpu_wait(tcpwatch.process.pid, os.getpid()))]
    while len(heard) < 6:
        tcpwatch.wait_heard("WATCHDOG=1")
        heard.append((time.monotonic(), cpu_wait(tcpwatch.process.pid, os.getpid())))
    # Without what it, and we, waited for a processor.
    pauses = [after - before - (waited_after - waited_before)
              for (before, waited_before), (after, waited_after) in zip(heard, heard[1:])]
    assert max(pauses) < within and sum(pauses) / len(pauses) < 0.75 * within, pauses
    assert (heard[-1][0] - heard[0][0]) / len(pauses) > 0.4 * within, pauses
    tcpwatch.process.send_signal(signal.SIGSTOP)
    while tcpwatch.hear(0.3 * SLOW):
        pass
    assert tcpwatch.hear(2 * within) is None, tcpwatch.said
    tcpwatch.process.send_signal(signal.SIGCONT)
    tcpwatch.wait_heard("WATCHDOG=1")
    tcpwatch.stop()


def test_watchdog_of_a_hung_loop(daemon, notify):
    """Standard output that nobody reads holds up the loop: the pings end, though it is not stopped."""
    listener, env = notify
    tcpwatch = daemon("-t", "-p", str(os.getpid()), notify=listener,
                      env={**env, "WATCHDOG_USEC": "500000"})
    tcpwatch.wait_heard("WATCHDOG=1")
    deadline = time.monotonic() + 30 * SLOW
    while True:
        for _ in range(200):
            churn_once()
        said = [tcpwatch.hear(0.6 * SLOW)]
        if said == [None]:
            break
        while tcpwatch.hear(0):
            pass
        assert time.monotonic() < deadline, "it never hung"
    assert tcpwatch.hear(1.0) is None and tcpwatch.process.poll() is None
    os.set_blocking(tcpwatch.process.stdout.fileno(), False)
    while not tcpwatch.hear(0.01):  # read again, it goes on
        try:
            os.read(tcpwatch.process.stdout.fileno(), 1 << 20)
        except BlockingIOError:
            pass
        assert time.monotonic() < deadline, "it hangs"
    os.set_blocking(tcpwatch.process.stdout.fileno(), True)
    tcpwatch.stop()


def churn_once():
    with socket.create_server(("127.0.0.1", 0)) as listener, \
            socket.create_connection(listener.getsockname()[:2]) as client:
        accepted, _ = listener.accept()
        client.close()
        accepted.close()


def test_not_for_another_process(daemon, notify):
    """WATCHDOG_PID of somebody else: the pings are not ours to send."""
    listener, env = notify
    tcpwatch = daemon(notify=listener, env={**env, "WATCHDOG_USEC": "200000", "WATCHDOG_PID": "1"})
    tcpwatch.wait_heard("STATUS=.*")
    assert tcpwatch.hear(0.5) is None, tcpwatch.said
    tcpwatch.stop()
