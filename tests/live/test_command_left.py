# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""tcpwatch -- COMMAND: sockets without a descriptor that a process leaves when it ends: those that an
io_uring held, and connections that nobody had accepted."""

import os

import pytest

from puppets import PYTHON
from test_command import LEAVER, Ended, leave

COUNT = 6


@pytest.fixture
def command(tmp_path):
    return lambda *args, **kwargs: Ended(tmp_path / "results", *args, **kwargs)


@pytest.mark.parametrize("side", ["client", "server"])
@pytest.mark.parametrize("end,status", [("exit", 0), ("kill", 137)])
def test_fixed_files_at_exit(command, helper, side, end, status):
    """A kernel thread closes what an io_uring held alone, some time after the process has ended."""
    words = [helper("fixed"), COUNT, side, end]
    ended = command("--strict", "--error-exitcode=23", "--", *words, status=23)
    leaks = ended.all("leak")
    assert len(leaks) == COUNT == len({leak["socket"] for leak in leaks})
    for leak in leaks:
        assert leak["at_exit"] and leak["kind"] == "unread" and leak["role"] == side, leak
        assert leak["pid"] == ended.records[0]["pids"][0] and leak["age_ns"] >= 0.3e9, leak
    assert ended.all("leak_end") == []
    command("--", *words, status=status)


@pytest.mark.parametrize("side", ["client", "server"])
@pytest.mark.parametrize("how", ["unregister", "close"])
def test_fixed_files_given_up(command, helper, side, how):
    """The process itself gives them up, and then ends."""
    ended = command("--ring-size", "64M", "--strict", "--error-exitcode=23", "--", helper("fixed"),
                    COUNT, side, how)
    assert ended.all("leak") == []


@pytest.mark.parametrize("end", ["exit", "kill"])
def test_unaccepted_at_exit(command, end):
    """Three connections wait in a listener that dies with its process, and one was left by it."""
    ended = leave(command, "--error-exitcode=23", seconds=0.3, read=1, waiting=3, end=end, status=23)
    leaks = ended.all("leak")
    assert sorted(leak["kind"] for leak in leaks) == ["unaccepted"] * 3 + ["unclosed"], leaks
    for leak in leaks:
        assert leak["at_exit"] and leak["pid"] == ended.records[0]["pids"][0], leak
        assert leak["role"] == ("server" if leak["kind"] == "unaccepted" else "client"), leak


@pytest.mark.parametrize("how", [{"seconds": 0.3, "close": 1}, {"seconds": 0.01, "within": 0.05}])
def test_unaccepted_and_no_leak(command, how):
    """The listener was closed; the clients left just before the end."""
    assert leave(command, read=1, waiting=3, **how).all("leak") == []


PREFORK = """
import os, socket, sys, time
reuseport = sys.argv[1] == "own"
def listen(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind(("127.0.0.1", port))
    s.listen(16)
    return s
first = listen(0)
pids = []
ready, tell = os.pipe()
for _ in range(3):
    pids.append(os.fork())
    if not pids[-1]:
        if reuseport:
            own = listen(first.getsockname()[1])
            first.close()
        os.write(tell, b"x")
        time.sleep(300)
for _ in pids:
    os.read(ready, 1)
address = first.getsockname()
first.close()
for _ in range(8):
    socket.create_connection(address).close()
time.sleep(0.3)
for pid in pids:
    os.kill(pid, 9)
    os.waitpid(pid, 0)
print(*pids, flush=True)
"""


@pytest.mark.parametrize("listeners", ["own", "shared"])
def test_unaccepted_of_workers(command, listeners):
    """They belong to the worker that was the last to have their listener, not to one that lives
    or to the parent that has closed its copy."""
    ended = command("--", PYTHON, "-c", PREFORK, listeners)
    workers = list(map(int, ended.out.split()))
    leaks = ended.all("leak")
    assert len(leaks) == 8 and {leak["kind"] for leak in leaks} == {"unaccepted"}, leaks
    if listeners == "shared":
        assert {leak["pid"] for leak in leaks} == {workers[-1]}, leaks
    else:
        assert {leak["pid"] for leak in leaks} <= set(workers), leaks


def test_unaccepted_of_a_daemon(command):
    """COMMAND ends, the listener's process goes on: it has what it has not accepted."""
    script = f"setsid -f {PYTHON} -E -S {LEAVER} seconds=300 close=1 waiting=2 >/dev/null 2>&1; " \
        f"sleep 1; pgrep -n -f '{LEAVER} seconds=300 close=1'"
    ended = command("--", "sh", "-c", script)
    os.kill(int(ended.out), 9)
    waiting = [leak for leak in ended.all("leak") if leak["kind"] == "unaccepted"]
    assert len(waiting) == 2 and {leak["pid"] for leak in waiting} == {int(ended.out)}
    assert not any(leak["at_exit"] for leak in waiting)
