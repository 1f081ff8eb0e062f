# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Text mode, colour, and process names that try to break the output."""

import calendar
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

import runner
from machine import cpu_wait
from puppets import connect_pair

CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")


class Text:
    """A running tcpwatch in text mode, its output read from a pipe or a terminal."""

    def __init__(self, *args, terminal=False, env=None):
        environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "LC_ALL")}
        environment.update({"TERM": "xterm-256color", **(env or {})})
        self.fd, write = pty.openpty() if terminal else os.pipe()
        self.process = subprocess.Popen(runner.command(*args), stdin=subprocess.DEVNULL,
                                        stdout=write, stderr=subprocess.PIPE, env=environment)
        os.close(write)
        self.output = b""

    def read(self, until=None, timeout=runner.PATIENCE):
        """Reads until this is in the output, or to its end."""
        deadline = time.monotonic() + timeout
        while until is None or until not in self.output:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.fd], [], [], left)[0], \
                f"no {until!r} in {self.output!r}"
            try:
                data = os.read(self.fd, 65536)
            except OSError:  # a terminal's end
                data = b""
            if not data:
                assert until is None, f"no {until!r} in {self.output!r}"
                break
            self.output += data
        return self.output

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.read()
        assert self.process.wait(runner.PATIENCE) == 0
        runner.check_stderr(self.process.stderr.read().decode())
        return self.output

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()
        os.close(self.fd)


@pytest.fixture
def text():
    started = []

    def start(*args, **kwargs):
        started.append(Text(*args, **kwargs))
        started[-1].read(until=b"\n")
        return started[-1]
    yield start
    for each in started:
        each.close()


def leak_one(client, server):
    pair = connect_pair(client, server)
    client.close(pair.client_fd)
    server.recv_all(pair.server_fd)
    return pair


def test_leak_table_and_summary(text, puppet):
    """One line for the leak that says who holds what, a table of states, and the SUMMARY."""
    client, server = puppet("client"), puppet("forgetful")
    out = text("-w", "300ms", "-p", f"{client.pid},{server.pid}")
    pair = leak_one(client, server)
    out.read(until=b"LEAK")
    output = out.stop().decode()
    leak = [line for line in output.splitlines() if "LEAK" in line][0]
    for part in ("unclosed", "forgetful", str(server.pid), pair.server_end["local"],
                 pair.server_end["remote"], str(pair.server_fd)):
        assert part in leak, (part, leak)
    summary = output[output.index("SUMMARY"):]
    assert re.match(r"SUMMARY: 1 leak", summary), summary
    assert "unclosed" in summary and "forgetful" in summary
    table = output[:output.index("SUMMARY")]
    assert "client" in table and "ESTABLISHED" in table and "P99" in table.upper()
    assert "CLOSE_WAIT" in table


def test_other_namespaces_are_named(text, puppet, network):
    """Addresses are of tcpwatch's own network namespace, or of the one that all -p are in; others
    are named."""
    def lines(output):
        found = [line for line in output.decode().splitlines() if "LEAK" in line]
        summary = [line for line in output.decode().splitlines() if " listener " in line]
        return found, summary

    inside = network()
    named = f" netns {inside.inode} "
    client, server = puppet("inner", inside), puppet("forgetful", inside)
    near_client, near = puppet("outer"), puppet("forgetful")
    together = text("-w", "300ms", "-p", f"{near.pid},{server.pid}")
    alone = text("-w", "300ms", "-p", server.pid)
    leak_one(client, server)
    leak_one(near_client, near)
    alone.read(until=b"LEAK")
    found, summary = lines(alone.stop())
    assert len(found) == 1 and len(summary) == 1 and "netns" not in found[0] + summary[0]
    for process in (near, server):
        together.read(until=f"LEAK unclosed    forgetful[{process.pid}]".encode())
    found, summary = lines(together.stop())
    assert len(found) == 2 and len(summary) == 2
    for line in found:
        assert (named in line) == (str(server.pid) in line), line
    for line in summary:
        assert (named.strip() + "," in line) == (f"[{server.pid}]" in line), line


def test_summary_without_leaks(text, puppet):
    out = text("-p", puppet("quiet").pid)
    assert b"SUMMARY: no leaks" in out.stop()


def test_trace_lines(text, puppet):
    """-t: a line for each transition, with both names, as it happens."""
    out = text("-t")
    client, server = puppet("client"), puppet("server")
    pair = connect_pair(client, server)
    out.read(until=pair.client_end["local"].encode())
    client.close(pair.client_fd)
    out.read(until=b"CLOSE_WAIT")
    lines = out.stop().decode().splitlines()
    ours = [line for line in lines if pair.client_end["local"] in line
            and "SYN_SENT" in line and "ESTABLISHED" in line]
    assert len(ours) == 1 and pair.client_end["remote"] in ours[0]
    assert "client" in ours[0] and str(client.pid) in ours[0]


def test_no_escape_sequences_in_a_pipe(text, puppet):
    out = text("-t", "-w", "300ms")
    leak_one(puppet("client"), puppet("server"))
    out.read(until=b"LEAK")
    assert not CONTROL.search(out.stop())


def test_no_color_on_a_terminal(text, puppet):
    out = text("-t", "-w", "300ms", terminal=True, env={"NO_COLOR": "1"})
    leak_one(puppet("client"), puppet("server"))
    out.read(until=b"LEAK")
    assert b"\x1b" not in out.stop()


def test_dumb_terminal(text, puppet):
    out = text("-w", "300ms", terminal=True, env={"TERM": "dumb"})
    leak_one(puppet("client"), puppet("server"))
    out.read(until=b"LEAK")
    assert b"\x1b" not in out.stop()


def test_lines_come_as_they_happen(text, puppet):
    """Unbuffered line by line, into a pipe too: the leak is read before the end."""
    client, server = puppet("client"), puppet("prompt")
    out = text("-w", "300ms", "-p", server.pid)
    leak_one(client, server)
    begin, waited = time.monotonic(), cpu_wait(out.process.pid, os.getpid())
    out.read(until=b"LEAK")
    waited = cpu_wait(out.process.pid, os.getpid()) - waited
    assert time.monotonic() - begin < 3 + waited
    assert out.process.poll() is None
    out.stop()


# As bytes, by latin-1. The kernel keeps the first 15.
EVIL = ['q"uo\\te', "new\nline", "\x1b[31mred\x1b[0m", "\xff\xfe\xc3(", "tab\tbel\x07\x7f",
        "{\"a\":1}", "\xc2\x9b31mcsi", "\xe2\x80\xaertl", "<b>&amp;", "%s%n%x", "a\rb", " "]


@pytest.mark.parametrize("comm", EVIL, ids=range(len(EVIL)))
def test_evil_names_in_json(watch, puppet, comm):
    """Each line is valid JSON in valid UTF-8; what can be shown as it is, is."""
    tcpwatch = watch("-t", "-w", "200ms")
    client, server = puppet(comm.replace("\x00", "")), puppet("server")
    server.name(comm)
    pair = leak_one(client, server)
    leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
    tcpwatch.stop()  # its reader decodes strictly
    try:
        expected = comm.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        expected = None
    names = {leak["comm"], leak["holders"][0]["comm"], tcpwatch.process_of(server.pid)["comm"]}
    assert len(names) == 1, names
    if expected is not None:
        assert names == {expected}
    else:
        assert "(" in names.pop(), "the valid bytes stay"


def test_evil_names_in_text(text, puppet):
    """No control character, no escape sequence, no invalid UTF-8 reaches the reader."""
    out = text("-t", "-w", "200ms")
    client = puppet("client")
    servers = [puppet("server") for _ in EVIL]
    for server, comm in zip(servers, EVIL):
        server.name(comm)
        leak_one(client, server)
    for server in servers:
        deadline = time.monotonic() + runner.PATIENCE
        while not re.search(rb"LEAK[^\n]*\b%d\b" % server.pid, out.output):
            assert time.monotonic() < deadline, f"no leak of {server.pid}: {out.output!r}"
            select.select([out.fd], [], [], 0.2)
            out.output += os.read(out.fd, 65536)
    output = out.stop()
    assert not CONTROL.search(output), CONTROL.findall(output)
    decoded = output.decode("utf-8", "strict")
    assert not re.search("[\x80-\x9f]", decoded), "C1 controls"


def test_start_time_is_right(watch, puppet):
    """`start_time` is the moment the process was made, as the kernel says."""
    tcpwatch = watch()
    client, server = puppet("client"), puppet("server")
    connect_pair(client, server)
    with open(f"/proc/{client.pid}/stat", encoding="latin-1") as file:
        ticks = int(file.read().rsplit(")", 1)[1].split()[19])
    # The smallest: nothing came between the two clocks.
    boot = min(time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) for _ in range(1000))
    tcpwatch.stop()
    told = runner.seconds_of(tcpwatch.process_of(client.pid)["start_time"])
    assert abs(told - (boot + ticks / os.sysconf("SC_CLK_TCK"))) < 0.05


def test_transition_times_are_wall_clock(watch, puppet):
    tcpwatch = watch("-t")
    client, server = puppet("client"), puppet("server")
    before = time.time()
    pair = connect_pair(client, server)
    after = time.time()
    tcpwatch.wait_for("transition", socket=pair.client_cookie, to="ESTABLISHED")
    tcpwatch.stop()
    for record in tcpwatch.transitions(pair.client_cookie):
        assert before - 0.01 <= runner.seconds_of(record["time"]) <= after + 0.01
    assert calendar.timegm(time.gmtime(before)) <= after
