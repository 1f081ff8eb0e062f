# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""What the measurements share: starting tracers and loads, and asking the kernel what they cost."""
import argparse
import collections
import glob
import json
import os
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.join(TOP, ".output", "bench")
TCPWATCH = os.path.join(TOP, "tcpwatch")
TCPSTATES = "/usr/sbin/tcpstates"
BPFTRACE = "/usr/bin/bpftrace"


def arguments(doc, add=lambda parser: None):
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("-q", "--quick", action="store_true", help="short: to see that it works")
    parser.add_argument("--ring-size", metavar="SIZE", help="tcpwatch's ring")
    add(parser)
    return parser.parse_args()


def ring(args):
    return ["--ring-size=" + args.ring_size] if args.ring_size else []


def spread(values, form="{:,.0f}"):
    """Median (minimum .. maximum)."""
    return (form + " (" + form + " .. " + form + ")").format(
        statistics.median(values), min(values), max(values))


def row(name, *cells):
    print("  {:<32}{}".format(name, "  ".join(cells)), flush=True)


def churn(seconds, *options):
    """Connections a second and in all, and the share of all CPU time that churn itself got."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run([BIN + "/churn", *options, str(seconds)], check=True,
                         stdout=subprocess.PIPE, text=True).stdout.split()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return int(out[0]), int(out[1]), cpu / seconds / os.cpu_count()


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit("%s: not within %g s" % (what, seconds))
        time.sleep(0.02)


class Tracer:
    """A running tracer. With -j its stdout is kept to be parsed, else it is thrown away."""

    def __init__(self, *command):
        self.json = "-j" in command
        # In memory: the disk must not decide.
        self.out = tempfile.TemporaryFile("w+", dir="/dev/shm") if self.json else subprocess.DEVNULL
        self.read_to, self.types = 0, collections.Counter()
        self.err = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdout=self.out, stderr=self.err)
        self.pid = self.process.pid
        try:
            wait_until(self._is_up, 30, command[0] + " starts")
            time.sleep(0.3)
        except BaseException:
            self.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _is_up(self):
        if self.process.poll() is not None:
            sys.exit("tracer ended with %d: %s" % (self.process.returncode, self.errors().strip()))
        if self.json:  # the start record comes after the programs are attached
            return os.fstat(self.out.fileno()).st_size > 0
        for path in glob.glob("/proc/%d/fdinfo/*" % self.pid):
            try:
                with open(path) as file:
                    if "link_type" in file.read():
                        return True
            except FileNotFoundError:
                pass  # closed meanwhile
        return False

    def errors(self):
        self.err.seek(0)
        return self.err.read()

    def records(self, kind):
        """What it has written so far of one type."""
        with open("/proc/self/fd/%d" % self.out.fileno()) as file:  # an offset of our own
            mark = '"%s"' % kind
            lines = (line for line in file if mark in line[:40] and line.endswith("\n"))
            return [json.loads(line) for line in lines]

    def count(self, kind):
        """How many of them, cheaply: to be asked again and again."""
        with open("/proc/self/fd/%d" % self.out.fileno(), "rb") as file:
            file.seek(self.read_to)
            new = file.read()
            new = new[:new.rfind(b"\n") + 1]
            self.read_to += len(new)
            self.types.update(re.findall(rb'^{"type": ?"(\w+)"', new, re.M))
        return self.types[kind.encode()]

    def cpu_ns(self):
        """CPU time so far, of all its threads."""
        total = 0
        for path in glob.glob("/proc/%d/task/*/schedstat" % self.pid):
            with open(path) as file:
                total += int(file.read().split()[0])
        return total

    def user_ns(self):
        """User CPU time so far; the kernel counts it in hundredths of a second."""
        with open("/proc/%d/stat" % self.pid) as file:
            return int(file.read().rpartition(")")[2].split()[11]) * 1e9 / os.sysconf("SC_CLK_TCK")

    def proc(self, file, key):
        """A number in /proc/PID/file."""
        with open("/proc/%d/%s" % (self.pid, file)) as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith(key + ":"))

    def stop(self):
        """Ends it as a user would; its end record if it wrote one."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            sys.exit("tracer does not stop")
        return self.records("end")[0] if self.json else None


def tcpwatch(*options):
    return Tracer(TCPWATCH, *options)


def empty():
    """The cheapest program that can be: what no tracer of this tracepoint can do better than."""
    return Tracer(BIN + "/attach", BIN + "/empty.bpf.o")


def tcpstates():
    # It needs tracefs: mounted in a mount namespace that goes with it.
    return Tracer("unshare", "-m", "sh", "-c", "mount -t tracefs tracefs /sys/kernel/tracing; "
                  "exec " + TCPSTATES)


class Bpftrace(Tracer):
    """A script. It is attached by perf events and not by links, with tracefs mounted for it alone."""

    def __init__(self, script):
        super().__init__("unshare", "-m", "sh", "-c", "mount -t tracefs tracefs /sys/kernel/tracing; "
                         "exec env BPFTRACE_MAP_KEYS_MAX=1000000 %s %s" % (BPFTRACE, script))

    def _is_up(self):
        if self.process.poll() is not None:
            sys.exit("bpftrace ended with %d: %s" % (self.process.returncode, self.errors().strip()))
        for path in glob.glob("/proc/%d/fd/*" % self.pid):
            try:
                if "perf_event" in os.readlink(path):
                    return True
            except FileNotFoundError:
                pass  # closed meanwhile
        return False


def bpftrace():
    return Bpftrace(os.path.join(TOP, "tests", "bench", "states.bt"))


def ledger(ends):
    """Rows that say whether each record of tcpwatch's runs is accounted for, from its end records."""
    seen = sum(end["events_seen"] for end in ends)
    delivered = sum(end["events_delivered"] for end in ends)
    lost = sum(sum(end["lost"].values()) for end in ends)
    row("tcpwatch's ledger", "%d seen, %d delivered, %d lost" % (seen, delivered, lost))
    exact = all(end["events_seen"] == end["events_delivered"] + sum(end["lost"].values())
                for end in ends)
    row("seen = delivered + lost", "yes, in every round" if exact else "NO")


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % probe.getsockname()[1]


class Exporter(Tracer):
    """tcpwatch as it serves metrics, and nothing else."""

    def __init__(self, *options):
        self.address = free_address()
        super().__init__(TCPWATCH, "--web.listen-address=" + self.address, *options)

    def _is_up(self):
        return super()._is_up() and self._answers()

    def _answers(self):
        try:
            with urllib.request.urlopen("http://%s/-/ready" % self.address, timeout=5):
                return True
        except OSError:
            return False

    def page(self):
        request = urllib.request.Request("http://%s/metrics" % self.address, headers={
            "Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()


def series(page):
    return sum(1 for line in page.splitlines() if not line.startswith("#"))


def groups(page):
    """The names that something is counted for."""
    return set(re.findall(r'^tcpwatch_leaks_total\{comm="(.*?)",', page, re.M))


class Hold:
    """A process that holds many sockets (see hold.c)."""

    def __init__(self, *options):
        self.process = subprocess.Popen([BIN + "/hold", *options], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        answer = self.process.stdout.readline().split()
        if answer[:1] != ["ready"]:
            sys.exit("hold failed")
        self.processes = int(answer[2])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
