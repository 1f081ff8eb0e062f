# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""The tcpwatch under test: what it says, what it answers, and what it takes."""

import collections
import contextlib
import http.client
import json
import os
import re
import select
import subprocess
import tempfile
import threading
import time

from machine import cpu_wait
from runner import check_stderr, command

PATIENCE = 30


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def family(pid):
    """(pid, status) of all descendants that are there right now."""
    found = []
    try:
        for child in children_of(pid):
            found.append((child, status_of(child)))
            found += family(child)
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


class Watched:
    """Leaks and their ends are kept for the sockets that expect() names; all else is counted."""

    def __init__(self, port, *options):
        self.port = port
        self.expected, self.leaks, self.leak_ends = set(), {}, {}
        self.innocent, self.wrong, self.refused = set(), [], 0
        self.counts, self.processes, self.end = collections.Counter(), {}, None
        self.news = threading.Condition()
        self.stderr = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command("-j", f"--web.listen-address=127.0.0.1:{port}", *options),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.stderr)
        self.pid = self.process.pid
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.await_that(lambda: self.counts["start"], "the start record")

    def _read(self):
        for line in self.process.stdout:
            try:
                record = json.loads(line.decode("utf-8", "strict"))
            except ValueError as fault:
                self.wrong.append(f"not JSON: {line!r}: {fault}")
                continue
            with self.news:
                self._take(record)
                self.news.notify_all()

    def _take(self, record):
        kind, socket = record["type"], record.get("socket")
        self.counts[kind] += 1
        if kind == "leak":
            if socket in self.expected:
                self.leaks[socket] = record
            elif record["pid"] in self.innocent:
                self.wrong.append(f"a leak that is none: {record}")
        elif kind == "leak_end" and socket in self.expected:
            self.leak_ends[socket] = record
        elif kind == "process" and record["pid"] in self.innocent:
            self.processes[record["pid"]] = record
        elif kind == "end":
            self.end = record

    def await_that(self, condition, what):
        """Seconds that it took; what it waits for a processor does not count."""
        began, waited = time.monotonic(), cpu_wait(self.pid, os.getpid())
        with self.news:
            while not condition():
                more = cpu_wait(self.pid, os.getpid()) - waited
                if time.monotonic() - began > PATIENCE + more:
                    raise AssertionError(f"waited in vain for {what}")
                if self.process.poll() is not None and not self.reader.is_alive():
                    raise AssertionError(f"tcpwatch ended before {what}: {self.said()}")
                self.news.wait(0.1)
        return time.monotonic() - began

    def said(self):
        self.stderr.seek(0)
        return self.stderr.read().decode("utf-8", "replace")

    def _ask(self, path):
        """(status, body). On a machine with 48 programs for two processors tcpwatch needs 13 s to
        use half a second of one: for as long as it waits for that, the answer may be late."""
        began, waited = time.monotonic(), cpu_wait(self.pid, os.getpid())
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port,
                                                           timeout=PATIENCE)) as client:
            client.request("GET", path, headers={"Connection": "close"})
            while not select.select([client.sock], [], [], 1)[0]:
                more = cpu_wait(self.pid, os.getpid()) - waited
                assert time.monotonic() - began < PATIENCE + more, f"{path}: no answer"
            answer = client.getresponse()
            return answer.status, answer.read().decode("utf-8", "strict")

    def get(self, path):
        """(seconds, body); what it waits for a processor does not count. A page of metrics that is
        refused or, since it is not read for a second, given up, is asked for again, as a scraper
        does at its next turn."""
        began, waited = time.monotonic(), cpu_wait(self.pid, os.getpid())
        for _ in range(5):
            try:
                status, body = self._ask(path)
            except (http.client.IncompleteRead, ConnectionError) as fault:
                status, body = 503, str(fault)
            if status == 200:
                break
            assert path == "/metrics" and status == 503, f"{path}: {status} {body}"
            self.refused += 1
            time.sleep(0.1)
        else:
            raise AssertionError(f"{path} was refused five times")
        took = time.monotonic() - began
        return max(took - (cpu_wait(self.pid, os.getpid()) - waited), 0.0), body

    def metrics(self):
        """(seconds, {name with labels: number})"""
        took, page = self.get("/metrics")
        return took, {name: float(value) for name, value in
                      (line.rsplit(" ", 1) for line in page.rstrip("\n").split("\n")
                       if line.startswith(("tcpwatch_events", "tcpwatch_stacks", "tcpwatch_host",
                                           "process_")))}

    def helper(self, start):
        """The pid of a descendant whose name begins like this; None if there is none."""
        for pid, status in family(self.pid):
            if status["Name"].startswith(start) and not status["State"].startswith(("Z", "X")):
                return pid
        return None

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.reader.join(60)
        assert self.process.returncode == 0, self.said()
        check_stderr(re.sub(r"tcpwatch: cannot enter network namespace .*\n", "", self.said()))

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
