# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""tcpwatch -- COMMAND on a terminal: Ctrl-C, Ctrl-\\, Ctrl-Z, hanging up, its size."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

import pytest

import runner

TIMEOUT = 60
INTERRUPT, QUIT, STOP = b"\x03", b"\x1c", b"\x1a"


class Terminal:
    """A program in the foreground of a terminal of its own."""

    def __init__(self, *words):
        self.text = b""
        self.status = None
        self.pid, self.master = pty.fork()
        if not self.pid:
            os.environ.update(PS1="$ ", TERM="dumb")
            os.execvp(words[0], list(map(str, words)))

    def wait_for(self, wanted):
        """Reads until these bytes come; what came before them."""
        deadline = time.monotonic() + TIMEOUT
        while wanted not in self.text:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.master], [], [], left)[0], self.text
            try:
                self.text += os.read(self.master, 65536)
            except OSError:  # nobody has it open any more
                assert wanted in self.text, self.text
        before, self.text = self.text.split(wanted, 1)
        return before

    def type(self, keys):
        os.write(self.master, keys)

    def wait(self):
        """Its status, as a shell says it, and what it still wrote."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            if self.master < 0:
                time.sleep(0.05)
            elif select.select([self.master], [], [], 0.05)[0]:
                try:
                    self.text += os.read(self.master, 65536)
                except OSError:
                    pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
                return self.status, self.text.decode()
            assert time.monotonic() < deadline, self.text

    def end(self):
        if self.master >= 0:
            os.close(self.master)
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


@pytest.fixture
def terminal():
    made = []

    def make(*words):
        made.append(Terminal(*words))
        return made[-1]
    yield make
    for each in made:
        each.end()


def child_of(pid):
    (child,) = runner.children_of(pid)
    return child


def state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(") ")[2][0]


def wait_state(pid, states):
    deadline = time.monotonic() + TIMEOUT
    while state_of(pid) not in states:
        assert time.monotonic() < deadline, (pid, state_of(pid))
        time.sleep(0.02)


def test_interrupt(terminal):
    """Ctrl-C ends COMMAND, once; tcpwatch reports and says how it ended."""
    on = terminal(*runner.command("--", "sh", "-c", "echo ready; exec sleep 60"))
    on.wait_for(b"ready")
    on.type(INTERRUPT)
    status, text = on.wait()
    assert status == 130 and "SUMMARY: no leaks" in text


def test_command_that_goes_on_after_an_interrupt(terminal):
    """It gets each Ctrl-C once, and tcpwatch ends with it only."""
    on = terminal(*runner.command(
        "--", "sh", "-c", "trap 'n=$((n+1)); echo got $n.; [ $n = 3 ] && exit 5' INT; n=0; "
        "echo ready; while :; do sleep 0.1; done"))
    on.wait_for(b"ready")
    for number in (b"1", b"2", b"3"):
        on.type(INTERRUPT)
        on.wait_for(b"got " + number + b".")
        time.sleep(0.3)
        assert b"got" not in on.text
    status, text = on.wait()
    assert status == 5 and "SUMMARY" in text


def test_quit(terminal):
    on = terminal(*runner.command("--", "sh", "-c", "ulimit -c 0; echo ready; exec sleep 60"))
    on.wait_for(b"ready")
    on.type(QUIT)
    status, text = on.wait()
    assert status == 131 and "SUMMARY" in text


def test_hangup(terminal, tmp_path):
    """The terminal is gone: COMMAND hears of it, and tcpwatch ends with it."""
    on = terminal(*runner.command(
        f"--output={tmp_path}/results", "--", "sh", "-c",
        f"trap 'echo hangup >>{tmp_path}/said; exit 6' HUP; echo ready; "
        "while :; do sleep 0.1; done"))
    on.wait_for(b"ready")
    os.close(on.master)
    on.master = -1
    assert on.wait()[0] == 6
    assert (tmp_path / "said").read_text() == "hangup\n"
    assert "SUMMARY" in (tmp_path / "results").read_text()


def test_reads_the_terminal(terminal):
    on = terminal(*runner.command("--", "sh", "-c", "echo ready; read line; echo \"<$line>\"; tty"))
    on.wait_for(b"ready")
    on.type(b"typed\n")
    on.wait_for(b"<typed>")
    on.wait_for(b"/dev/pts/")
    assert on.wait()[0] == 0


def test_window_size(terminal):
    on = terminal(*runner.command("--", "sh", "-c", "trap 'stty size; exit 0' WINCH; echo ready; "
                                  "while :; do sleep 0.1; done"))
    on.wait_for(b"ready")
    fcntl.ioctl(on.master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    on.wait_for(b"33 77")
    assert on.wait()[0] == 0


def test_stop_and_go_on(terminal):
    """Ctrl-Z stops both, fg goes on with both, and the shell knows the status."""
    shell = terminal("bash", "--norc", "--noprofile", "-i")
    shell.wait_for(b"$ ")
    words = " ".join(runner.command("--", "sh", "-c", "'echo rea''dy; exec sleep 60'"))
    shell.type(words.encode() + b"\n")
    shell.wait_for(b"\nready")
    tcpwatch = child_of(shell.pid)
    command = child_of(tcpwatch)
    shell.type(STOP)
    shell.wait_for(b"Stopped")
    wait_state(tcpwatch, "T")
    wait_state(command, "T")
    shell.type(b"fg\n")
    wait_state(tcpwatch, "SR")
    wait_state(command, "SR")
    shell.type(INTERRUPT)
    shell.wait_for(b"SUMMARY")
    shell.wait_for(b"$ ")
    shell.type(b"echo status=$?.\n")
    shell.wait_for(b"\nstatus=130.")
    shell.type(b"exit\n")
    shell.wait()


def test_in_the_background(terminal):
    """`tcpwatch -- COMMAND &`: Ctrl-C is for others."""
    shell = terminal("bash", "--norc", "--noprofile", "-i")
    shell.wait_for(b"$ ")
    words = " ".join(runner.command("--output=/dev/null", "--", "sh", "-c", "'sleep 1.5; exit 4'"))
    shell.type(words.encode() + b" &\n")
    time.sleep(1)
    shell.wait_for(b"$ ")
    shell.type(INTERRUPT)
    shell.wait_for(b"$ ")
    shell.type(b"wait $!; echo status=$?.\n")
    shell.wait_for(b"\nstatus=4.")
    shell.type(b"exit\n")
    shell.wait()
