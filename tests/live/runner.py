# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Runs ./tcpwatch and reads what it says: JSON Lines with a thread, text as it is."""

import calendar
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from machine import cpu_wait

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# TCPWATCH=/path/to/another/build runs the same tests on, say, a sanitized build.
TCPWATCH = os.environ.get("TCPWATCH", os.path.join(ROOT, "tcpwatch"))

# What `go build` has made once, for all tests and workers.
GO_CACHE = os.environ.get("TCPWATCH_GOCACHE", os.path.join(ROOT, ".output/go-cache"))

# A busy machine may need long for what takes it milliseconds; nothing waits longer than it must.
PATIENCE = 60 if os.environ.get("TCPWATCH_SLOW", "1") == "1" else 240
# full or tracepoints: a run under a kernel that must have it fails where it has not.
EXPECT_MODE = os.environ.get("TCPWATCH_EXPECT_MODE")
FORBIDDEN_STDERR = re.compile(
    r"Sanitizer|runtime error:|libbpf: |Assertion|assertion|corrupt|Segmentation|\(core dumped\)")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z\Z")


def command(*args):
    return [TCPWATCH, *map(str, args)]


def run(*args, timeout=PATIENCE, **kwargs):
    """Runs tcpwatch to its end; for everything that ends by itself."""
    kwargs.setdefault("stdout", subprocess.PIPE)
    kwargs.setdefault("stderr", subprocess.PIPE)
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    kwargs.setdefault("text", True)
    return subprocess.run(command(*args), timeout=timeout, check=False, **kwargs)


def run_as_nobody(*args):
    """The same without any privilege; the program is copied to where everyone may run it."""
    directory = tempfile.mkdtemp(prefix="tcpwatch-nobody-")
    try:
        os.chmod(directory, 0o755)
        binary = shutil.copy(TCPWATCH, directory)
        os.chmod(binary, 0o755)
        return subprocess.run([binary, *args], capture_output=True, text=True, timeout=PATIENCE,
                              user=65534, group=65534, extra_groups=[], check=False)
    finally:
        shutil.rmtree(directory)


def check_stderr(text):
    assert not FORBIDDEN_STDERR.search(text), f"tcpwatch wrote on stderr:\n{text}"
    for line in text.splitlines():
        assert line.startswith("tcpwatch: "), f"unexpected line on stderr: {line!r}"


STRANGER = re.compile(r"tcpwatch: cannot enter network namespace (\d+) \(of pid \d+\): .*\n")


def own_words(text):
    """What was said, but not of namespaces that tests beside this one make and leave."""
    mine = os.stat("/proc/self/ns/net").st_ino
    return STRANGER.sub(lambda said: said[0] if int(said[1]) == mine else "", text)


def check_time(stamp):
    assert TIME.match(stamp), f"not RFC 3339 UTC with nanoseconds: {stamp!r}"


def seconds_of(stamp):
    """RFC 3339 UTC with nanoseconds, as seconds since the epoch."""
    check_time(stamp)
    whole, fraction = stamp[:-1].split(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + int(fraction) / 1e9


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def monotonic_of(stamp):
    """The same, as time.monotonic() has it."""
    return seconds_of(stamp) - time.time() + time.monotonic()


def settle(seconds, pid):
    """Gives this process so much time; what it waits for a processor does not count."""
    begin, waited = time.monotonic(), cpu_wait(pid)
    while time.monotonic() < begin + seconds + cpu_wait(pid) - waited:
        time.sleep(0.02)


class Record(dict):
    """One JSON line; `arrival` is when it was read (time.monotonic), `waited` how many seconds
    tcpwatch and its reader had waited for a processor by then, since the record `start`."""

    arrival = 0.0
    waited = 0.0


class Tcpwatch:
    """A running `tcpwatch -j`: attached, its first scan done, its records collected by a thread."""

    def __init__(self, *args, env=None):
        self.args = args
        self.records = []
        self.fault = None
        self.ended = False
        self.waited_before, self.sampled = None, (0.0, 0.0)
        self.news = threading.Condition()
        self.stderr = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command("-j", *args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self.stderr, env=env)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        try:
            start = self.wait_for("start")
            assert EXPECT_MODE in (None, "", start["mode"]), start
        except BaseException:
            self.kill()
            raise

    def _read(self):
        told = 0.0
        for line in self.process.stdout:
            arrival = time.monotonic()
            try:
                record = Record(json.loads(line.decode("utf-8", "strict")))
                record.arrival = arrival
                record.waited = self._waited(arrival)
                assert next(iter(record)) == "type", f"`type` is not first: {line!r}"
            except Exception as fault:  # the test's thread reports it
                self.fault = self.fault or AssertionError(f"bad line {line!r}: {fault}")
                continue
            self.records.append(record)
            # Not each time: on a busy host the one that waits would hold up the one that reads.
            if arrival > told + 0.01:
                told = arrival
                with self.news:
                    self.news.notify_all()
        with self.news:
            self.ended = True
            self.news.notify_all()

    def waited(self):
        """Seconds that tcpwatch and this process have waited for a processor."""
        return cpu_wait(self.process.pid, os.getpid())

    def _waited(self, now):
        """The same since the first record; asked again when that was some time ago."""
        if self.waited_before is None:
            self.waited_before = self.waited()
        if now - self.sampled[0] > 0.02:
            self.sampled = now, self.waited() - self.waited_before
        return self.sampled[1]

    def settle(self, seconds):
        """Gives tcpwatch so much time; what it waits for a processor does not count."""
        settle(seconds, self.process.pid)

    def all(self, kind, /, where=None, among=None, **fields):
        """Records of this type with these fields, and for which where() holds; of all so far, or
        `among` these."""
        return [r for r in (list(self.records) if among is None else among) if r["type"] == kind
                and all(r.get(name) == value for name, value in fields.items())
                and (where is None or where(r))]

    def wait_for(self, kind, /, where=None, timeout=PATIENCE, count=1, **fields):
        """Waits for `count` such records and returns the first, or all of them where count > 1."""
        deadline = time.monotonic() + timeout
        found, looked_at = [], 0
        with self.news:
            while True:
                news = self.records[looked_at:]  # more may come meanwhile
                looked_at += len(news)
                found += self.all(kind, where, among=news, **fields)
                if len(found) >= count:
                    return found[0] if count == 1 else found
                left = deadline - time.monotonic()
                if left <= 0 or self.ended or self.fault:
                    break
                self.news.wait(min(left, 0.02))
            tail = "\n".join(str(dict(r)) for r in self.records[-15:])
        if self.fault:
            raise self.fault
        ended = f"ended with status {self.process.wait()}" if self.ended else f"gave {len(found)}"
        raise AssertionError(f"tcpwatch {self.args}: waited {timeout} s for {count} x {kind} "
                             f"{fields}, tcpwatch {ended}; last records:\n{tail}\n"
                             f"{self._of_socket(fields.get('socket'))}{self._last_words()}"
                             f"{self.stderr_text()}")

    def _of_socket(self, cookie):
        """What was said of a socket that something did not come of."""
        return "" if cookie is None else "of the socket:\n" + "".join(
            f"{dict(r)}\n" for r in list(self.records) if r.get("socket") == cookie)

    def _last_words(self):
        """The counts of lost records, of a run in which something did not come."""
        self.process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
            self.reader.join(10)
        return "".join(f"{dict(r)}\n" for r in list(self.records) if r["type"] == "end")

    def stderr_text(self):
        self.stderr.seek(0)
        return self.stderr.read().decode("utf-8", "replace")

    def wait_end(self, timeout=PATIENCE, status=0):
        """Waits until it ends; checks its status, its ledger and its last words."""
        assert self.process.wait(timeout) == status, self.stderr_text()
        self.reader.join(timeout)
        if self.fault:
            raise self.fault
        check_stderr(self.stderr_text())
        assert [r["type"] for r in self.records].count("end") == 1
        assert self.records[-1]["type"] == "end", "the `end` record is not the last"
        end = self.end
        lost = sum(end["lost"].values())
        assert end["events_seen"] == end["events_delivered"] + lost, f"the ledger is wrong: {end}"
        assert all(n >= 0 for n in end["lost"].values()), end
        check_sanity(self)
        return self

    def stop(self, signal_number=signal.SIGINT, status=0):
        self.process.send_signal(signal_number)
        return self.wait_end(status=status)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def start(self):
        return self.all("start")[0]

    @property
    def end(self):
        return self.all("end")[0]

    def processes(self):
        """The last `process` record of each process, by pid."""
        return {r["pid"]: r for r in self.all("process")}

    def process_of(self, pid):
        """The one `process` record of the summary for this pid."""
        found = self.all("process", pid=pid)
        assert len(found) == 1, f"{len(found)} process records for pid {pid}: {found}"
        return found[0]

    def transitions(self, cookie):
        return self.all("transition", socket=cookie)

    def path(self, cookie):
        """The socket's transitions as a list of 'FROM>TO'."""
        return [f"{r['from']}>{r['to']}" for r in self.transitions(cookie) if r["from"] != r["to"]]

    def wait_closed(self, *cookies, timeout=PATIENCE):
        """Waits until their sockets are gone; what is left of one may be in TIME_WAIT."""
        for cookie in cookies:
            self.wait_for("transition", lambda r: r["to"] in ("CLOSE", "TIME_WAIT"),
                          socket=cookie, timeout=timeout)


STATES = {"ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE",
          "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING"}


def check_sanity(watch):
    """What must hold of every record of every run: no nonsense, whatever the sockets did."""
    longest = 8 * 86400 * 10**9
    for r in watch.all("transition"):
        assert {r["from"], r["to"]} <= STATES, r
        assert r["lifetime_ns"] is None or 0 <= r["lifetime_ns"] < longest, r
        assert r["family"] in ("inet", "inet6"), r
        check_time(r["time"])
        if r["to"] == "TIME_WAIT" or r["from"] == "TIME_WAIT":
            assert watch.start["mode"] == "full", r
    for r in watch.all("accept"):
        assert r["role"] == "server" and r["family"] in ("inet", "inet6"), r
        assert r["accept_wait_ns"] is None or 0 <= r["accept_wait_ns"] < longest, r
        assert watch.start["mode"] == "full", r
        check_time(r["time"])
    for r in watch.all("leak") + watch.all("idle"):
        assert r["kind"] in ("unclosed", "unread", "unaccepted", "stalled"), r
        assert r["eof"] in ("unread", "taken", "returned"), r
        assert r["state"] == "CLOSE_WAIT" and 0 <= r["age_ns"] < longest, r
        assert r["recv_queue"] >= 0 and r["send_queue"] >= 0, r
        assert r["sent_since"] in (None, False, True), r
    for r in watch.all("idle"):
        assert (r["kind"], r["eof"], r["recv_queue"], r["send_queue"]) == ("unread", "unread", 1, 0)
        assert r["role"] == "client" and r["sent_since"] is not True, r
    checked = {}
    for r in watch.all("process"):
        assert "CLOSE" not in r["states"], f"CLOSE is never a lifetime: {r}"
        for name, state in r["states"].items():
            assert name in STATES, r
            # Each summary repeats it, and most have not changed.
            if checked.get((r["pid"], name)) != state:
                checked[r["pid"], name] = state
                check_histogram((r["pid"], name, state))
        if r["accept_wait"]:
            check_histogram((r["pid"], "accept_wait", r["accept_wait"]))
        if watch.start["mode"] != "full":
            assert "TIME_WAIT" not in r["states"] and r["accept_wait"] is None, r
        assert all(n > 0 for n in r["open"].values()), r


def check_histogram(where):
    """where: pid, name of the state, and its times."""
    state = where[2]
    if state["count"] == 0:
        return
    assert 0 <= state["min_ns"] <= state["max_ns"], where
    assert state["min_ns"] * state["count"] <= state["sum_ns"], where
    assert state["sum_ns"] <= state["max_ns"] * state["count"], where
    for quantile in ("p50_ns", "p90_ns", "p99_ns"):
        assert state["min_ns"] <= state[quantile] <= state["max_ns"], where
    assert state["p50_ns"] <= state["p90_ns"] <= state["p99_ns"], where
    assert all(isinstance(le, (int, type(None), str)) for le, _ in state["buckets"]), where
