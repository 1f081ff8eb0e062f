# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""tcpwatch -- COMMAND: what COMMAND is given, its descendants, signals, its status."""

import concurrent.futures
import json
import os
import signal
import socket
import subprocess
import time

import pytest

import runner
from puppets import PYTHON
from runner import check_stderr, run

HERE = os.path.dirname(os.path.abspath(__file__))
LEAVER = os.path.join(HERE, "leaver.py")
# How often a program that connects at once must be seen from its first transition on.
RUNS = int(os.environ.get("TCPWATCH_COMMAND_RUNS", "60"))


class Ended:
    """A run of tcpwatch -j -- COMMAND: its records, its status, and what COMMAND wrote."""

    def __init__(self, results, *arguments, timeout=120, status=0, **kwargs):
        result = run("-j", f"--output={results}", *arguments, timeout=timeout, **kwargs)
        self.out, self.err = result.stdout, runner.own_words(result.stderr)
        assert result.returncode == status, result
        with open(results, encoding="utf-8") as file:
            self.records = [json.loads(line) for line in file]
        assert self.records[-1]["type"] == "end", self.records

    def all(self, kind, **fields):
        return [r for r in self.records if r["type"] == kind
                and all(r[name] == value for name, value in fields.items())]


@pytest.fixture
def command(tmp_path):
    return lambda *args, **kwargs: Ended(tmp_path / "results", *args, **kwargs)


@pytest.fixture
def listener():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(512)
        yield sock.getsockname()[1]


@pytest.fixture
def started(spawn):
    """started(option, ..., '--', command, ...) runs; its stdout is what COMMAND says."""
    def start(*arguments, **kwargs):
        process = spawn(*runner.command("--output=/dev/null", *arguments), text=True,
                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)
        return process
    return start


@pytest.mark.parametrize("words,status", [
    (["true"], 0), (["sh", "-c", "exit 7"], 7), (["sh", "-c", "exit 255"], 255),
    (["sh", "-c", "kill -9 $$"], 137), (["sh", "-c", "kill -SEGV $$"], 139)])
def test_status(command, words, status):
    """As a shell says it: its own, or 128 and the signal."""
    ended = command("--", *words, status=status)
    assert ended.err == "" and ended.out == ""
    assert ended.records[0]["command"] == words
    assert len(ended.records[0]["pids"]) == 1


@pytest.mark.parametrize("program,status,message", [
    ("no-such-program", 127, "tcpwatch: 'no-such-program': command not found\n"),
    ("/no/such/program", 127, "tcpwatch: '/no/such/program': command not found\n"),
    ("/etc/passwd", 126, "tcpwatch: '/etc/passwd' cannot be run: Permission denied\n"),
    ("/etc", 126, "tcpwatch: '/etc' cannot be run: Is a directory\n")])
def test_no_program(program, status, message):
    """Known before anything is loaded, so there are no results."""
    result = run("--", program)
    assert (result.returncode, result.stdout, result.stderr) == (status, "", message)


def test_wrong_usage(tmp_path):
    for arguments in (["--"], ["true"], ["-p", "1", "--", "true"], ["-n", "a", "--", "true"],
                      ["--user=nobody"], ["--user=no-such-user", "--", "true"],
                      ["--error-exitcode=0"], ["--error-exitcode=256"],
                      [f"--output={tmp_path}/no/file", "--", "true"]):
        result = run(*arguments)
        assert result.returncode == 2 and result.stdout == "", result
        assert len(result.stderr.splitlines()) <= 2, result
        assert result.stderr.startswith("tcpwatch: "), result


def test_arguments_are_its_own(command):
    words = ["printf", "<%s>", "--", "-p", "", "--help", "a b", "-j"]
    assert command("-t", "--", *words).out == "<--><-p><><--help><a b><-j>"


def test_cannot_start(tmp_path):
    """Status 3, and COMMAND did not run."""
    mark = tmp_path / "mark"
    result = subprocess.run(["setpriv", "--bounding-set=-all", "--inh-caps=-all",
                             *runner.command("--", "touch", mark)],
                            capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 3 and result.stdout == "", result
    assert not mark.exists()


WITHIN = f"""
import os, resource, signal, sys
print(*sorted(os.listdir('/proc/self/fd')))
print(*[line for line in open('/proc/self/status')
        if line.startswith(('Sig', 'Shd', 'Cap', 'NoNew', 'Seccomp', 'Uid', 'Gid', 'Groups',
                            'Umask', 'CoreDumping')) and not line.startswith('SigQ')])
print(os.getpgrp(), os.getsid(0), os.getcwd(), os.nice(0))
print(open('/proc/self/oom_score_adj').read(), sorted(os.environ.items()))
print([resource.getrlimit(limit) for limit in range(16)])
print(sys.stdin.read())
"""


def test_it_is_given_what_tcpwatch_was(tmp_path):
    """Signals, descriptors, privileges, limits, environment, stdin: as without tcpwatch."""
    def look(*before):
        with open(tmp_path / "input", "w+", encoding="utf-8") as stdin:
            stdin.write("what came in")
            stdin.seek(0)
            return subprocess.run(
                ["nice", "-n", "3", "env", "-i", "A=b", "PATH=/usr/bin:/bin", *before, PYTHON,
                 "-E", "-S", "-c", WITHIN], stdin=stdin, capture_output=True, text=True,
                timeout=30, check=False, pass_fds=(extra,), cwd="/tmp",
                preexec_fn=lambda: (os.umask(0o27), signal.signal(signal.SIGUSR2, signal.SIG_IGN),
                                    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])))
    extra = os.open("/dev/null", os.O_RDONLY)
    try:
        alone = look()
        within = look(*runner.command("--output=/dev/null", "--"))
    finally:
        os.close(extra)
    assert within.returncode == alone.returncode == 0, within
    assert runner.own_words(within.stderr) == "" and "what came in" in alone.stdout
    assert within.stdout == alone.stdout


FOR_THE_SERVICE = ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS",
                   "LISTEN_PIDFDID", "LISTEN_FDNAMES"]


def test_what_systemd_gave_to_tcpwatch(tmp_path):
    """COMMAND could report tcpwatch as ready or dead, and answer on its sockets."""
    said = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, socket.socket() as passed:
        manager.bind(str(said))
        passed.bind(("127.0.0.1", 0))
        passed.listen()
        variables = {"NOTIFY_SOCKET": str(said), "WATCHDOG_USEC": "60000000", "LISTEN_FDS": "1",
                     "LISTEN_FDNAMES": "web", "KEPT": "kept"}
        script = "env; readlink /proc/self/fd/3 || echo no descriptor"
        # The shell becomes tcpwatch, so that LISTEN_PID is tcpwatch's.
        ended = subprocess.run(
            ["sh", "-c", 'LISTEN_PID=$$ WATCHDOG_PID=$$ exec "$@"', "sh",
             *runner.command("--output=/dev/null", "--", "sh", "-c", script)],
            env={**os.environ, **variables}, pass_fds=(3,), preexec_fn=lambda: os.dup2(passed.fileno(), 3),
            capture_output=True, text=True, timeout=30, check=False)
        assert ended.returncode == 0 and runner.own_words(ended.stderr) == "", ended
        manager.settimeout(10)
        assert b"READY=1" in manager.recv(4096)
    lines = ended.stdout.splitlines()
    assert "KEPT=kept" in lines and lines[-1] == "no descriptor", lines
    assert not [line for line in lines if line.split("=")[0] in FOR_THE_SERVICE], lines


def test_setuid_programs_work(command):
    assert "NoNewPrivs:\t0" in command("--", "cat", "/proc/self/status").out
    assert command("--", "setpriv", "--reuid=65534", "--clear-groups", "id", "-u").out == "65534\n"


@pytest.mark.parametrize("user", ["nobody", "65534"])
def test_user(command, user):
    """--user: its groups, its HOME; all else stays."""
    ended = command(f"--user={user}", "--", "sh", "-c",
                    "id -u; id -G; echo $HOME $USER $LOGNAME $SHELL $KEPT; "
                    "grep -E 'Cap(Prm|Eff)|NoNew' /proc/self/status",
                    env={**os.environ, "KEPT": "kept"})
    assert ended.out == ("65534\n65534\n/nonexistent nobody nobody /usr/sbin/nologin kept\n"
                         "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
                         "NoNewPrivs:\t0\n")


def test_user_may_not_run_it(tmp_path):
    """Whether the program can be run is asked as that user."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    assert run("--user=nobody", "--", program).returncode == 126
    assert run("--", program).returncode == 0


def test_user_is_passed_signals(started):
    """tcpwatch gives up what it does not need, but can still signal another user's process."""
    process = started("--user=nobody", "--", "sh", "-c", "echo ready; exec sleep 60")
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    assert process.wait(runner.PATIENCE) == 143
    check_stderr(process.stderr.read())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT,
                                    signal.SIGUSR1, signal.SIGUSR2])
def test_signals_are_passed_on(started, number):
    """Each as often as it is sent; the end is COMMAND's."""
    process = started("--", PYTHON, "-u", "-c", f"""
import signal, sys
got = 0
def on_signal(number, frame):
    global got
    got += 1
    print('got', number)
    if got == 2:
        sys.exit(9)
signal.signal({int(number)}, on_signal)
print('ready')
while True:
    signal.pause()
""")
    assert process.stdout.readline() == "ready\n"
    for _ in range(2):
        process.send_signal(number)
        assert process.stdout.readline() == f"got {int(number)}\n"
    assert process.wait(runner.PATIENCE) == 9
    check_stderr(process.stderr.read())


def test_duration_ends_it(command):
    """-d is a bound for COMMAND, too, which may clean up. It has to be there first."""
    begin = time.monotonic()
    ended = command("-d", "3s", "--", "sh", "-c",
                    "trap 'echo bye; exit 4' TERM; while :; do sleep 0.1; done", status=4)
    assert ended.out == "bye\n" and time.monotonic() - begin < 60
    command("-d", "300ms", "--", "sleep", "60", status=143)


def test_duration_ends_the_stubborn(command):
    begin = time.monotonic()
    # COMMAND inherits that, so it ignores the signal from its first instruction on.
    command("-d", "100ms", "--", "sh", "-c", "while :; do sleep 0.1; done", status=137,
            preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN))
    assert 10 <= time.monotonic() - begin < 60


def test_results_that_nobody_reads(helper, listener):
    """`tcpwatch -- COMMAND | head -1`: COMMAND runs on, and its status is told."""
    read, write = os.pipe()
    process = subprocess.Popen(
        runner.command("-t", "--", "sh", "-c",
                       f"for i in 1 2 3 4; do {helper('connector')} once {listener} c; sleep 0.2;"
                       " done >/dev/null; exit 9"), stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        assert pipe.readline()
    assert process.wait(runner.PATIENCE) == 9
    assert runner.own_words(process.stderr.read().decode()) == ""
    process.stderr.close()


def test_first_microseconds(helper, listener, tmp_path):
    """A program that connects at once: from its first transition on, each time."""
    connector = helper("connector")

    def once(number):
        ended = Ended(tmp_path / f"results.{number}", "-t", "--", connector, "once", listener, "c")
        ways = [f"{r['from']}>{r['to']}" for r in ended.all("transition", role="client")]
        lost = sum(ended.records[-1]["lost"].values())
        return lost or ways[:2] == ["CLOSE>SYN_SENT", "SYN_SENT>ESTABLISHED"] or ways
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        seen = list(pool.map(once, range(RUNS)))
    assert [s for s in seen if s is not True and not isinstance(s, int)] == []
    assert sum(s is True for s in seen) > RUNS * 0.9, seen


DOUBLE_FORK = """
import os, sys
if os.fork():
    sys.exit(0)
os.setsid()
if os.fork():
    os._exit(0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_every_descendant(command, helper, listener):
    """Children of children, daemons, exec chains, vfork, threads: also of parents that are gone."""
    once = f"{helper('connector')} once {listener}"
    script = "\n".join([
        f"{once} child",
        f"{once} background &",
        f"sh -c '(({once} subshell &) &)'",
        f"sh -c 'exec sh -c \"exec env {once} chain\"'",
        f"setsid -f {once} setsid",
        f"{PYTHON} -E -S -c '{DOUBLE_FORK}' {once} double",
        f"{PYTHON} -E -S -c 'import subprocess; subprocess.run(\"{once} spawn\".split())'",
        f"{helper('connector')} vfork {listener} vfork </dev/null >/dev/null",
        f"{PYTHON} -E -S -c 'import threading, subprocess; t = threading.Thread("
        f"target=lambda: subprocess.run(\"{once} thread\".split())); t.start(); t.join()'",
        *[f"(({once} quick{i} &) &)" for i in range(20)],
        "wait; sleep 0.5"])
    ended = command("-t", "--", "sh", "-c", script)
    found = {r["comm"] for r in ended.all("transition", **{"from": "CLOSE", "to": "SYN_SENT"})}
    wanted = {"child", "background", "subshell", "chain", "setsid", "double", "spawn", "vfork",
              "thread", *[f"quick{i}" for i in range(20)]}
    assert wanted <= found, wanted - found
    first = {r["comm"]: r for r in ended.all("transition")}
    assert all(first[comm]["owner"] == "connect" for comm in wanted)


def test_more_descendants_than_descriptors(tmp_path):
    """Each takes a descriptor of tcpwatch, which may have few at first; COMMAND's limit stays.
    Leaks are judged meanwhile."""
    script = "ulimit -Sn; for i in $(seq 300); do sleep 300 & done; " \
        f"setsid -f {PYTHON} -E -S {LEAVER} seconds=300 read=1 >/dev/null 2>&1; " \
        f"until grep -q '\"leak\"' {tmp_path}/results; do sleep 0.2; done; kill $(jobs -p)"
    result = subprocess.run(
        ["sh", "-c", 'ulimit -Sn 128; exec "$@"', "sh",
         *runner.command("-j", "-w", "300ms", f"--output={tmp_path}/results", "--", "bash", "-c",
                         f"({script}) 2>{tmp_path}/errors")],
        capture_output=True, text=True, timeout=120, check=False)
    assert (result.returncode, runner.own_words(result.stderr), result.stdout) == (0, "", "128\n")
    with open(tmp_path / "results", encoding="utf-8") as file:
        leaks = [r for r in map(json.loads, file) if r["type"] == "leak"]
    # Not at the end, for which it has waited.
    assert len(leaks) == 1 and len(leaks[0]["holders"]) == 1, leaks
    os.kill(leaks[0]["pid"], signal.SIGKILL)
    assert leaks[0]["age_ns"] < 100e9, leaks


def test_strangers_are_not_shown(command, helper, listener):
    other = subprocess.Popen(["sh", "-c", f"while {helper('connector')} once {listener} other; "
                              "do sleep 0.05; done"])
    try:
        ended = command("-t", "--", "sh", "-c", f"{helper('connector')} once {listener} own; sleep 1")
    finally:
        other.kill()
        other.wait()
    assert {r["comm"] for r in ended.all("transition")} == {"own"}


def test_ends_with_it(command):
    """A daemon that it leaves behind runs on, and does not keep tcpwatch."""
    ended = command("--", "setsid", "-f", "sh", "-c", "echo $$; exec sleep 300 >/dev/null 2>&1")
    daemon = int(ended.out)
    with open(f"/proc/{daemon}/stat", encoding="ascii") as file:
        assert file.read().split()[2] in "RSD", "tcpwatch ended only with the daemon"
    os.kill(daemon, signal.SIGTERM)


def leave(command, *options, status=0, **how):
    words = [PYTHON, "-E", "-S", LEAVER, *[f"{name}={value}" for name, value in how.items()]]
    return command(*options, "--", *words, status=status)


@pytest.mark.parametrize("end,status", [("return", 0), ("exit", 3), ("kill", 137)])
def test_left_at_exit(command, end, status):
    """In CLOSE_WAIT for 300 ms, and then its process ends: a leak, whatever -w is."""
    ended = leave(command, seconds=0.3, read=1, end=end, status=status)
    (leak,) = ended.all("leak")
    assert leak["at_exit"] is True and leak["kind"] == "unclosed" and leak["eof"] == "taken"
    assert leak["pid"] == ended.records[0]["pids"][0] and leak["role"] == "client"
    assert 0.3e9 <= leak["age_ns"] < 100e9 and leak["age_at_least"] is False
    assert leak["holders"] == [] and leak["recv_queue"] == 0
    assert ended.all("leak_end") == []
    assert ended.all("process", pid=leak["pid"])[0]["leaks"] == {"unclosed": 1}


def test_left_unread(command):
    (leak,) = leave(command, seconds=0.3, read=0).all("leak")
    assert leak["kind"] == "unread" and leak["at_exit"] is True and leak["recv_queue"] > 0


def test_left_by_a_child_that_ended_long_before(command):
    ended = command("--", "sh", "-c", f"sh -c '{PYTHON} -E -S {LEAVER} seconds=0.2 read=1; :'; "
                    "sleep 1")
    (leak,) = ended.all("leak")
    assert leak["at_exit"] is True and leak["pid"] != ended.records[0]["pids"][0]


@pytest.mark.parametrize("how", [{"seconds": 0.3, "close": 1}, {"seconds": 0.01, "within": 0.05},
                                 {"seconds": 0.3, "answer": 1}])
def test_not_left(command, how):
    """Closed after all; closed by the peer only now; answered after the peer's shutdown()."""
    assert leave(command, read=1, **how).all("leak") == []


def test_w_0_has_every_one(command):
    for how in ({"seconds": 0.01}, {"seconds": 0.3, "answer": 1}):
        leaks = leave(command, "-w", "0", read=1, **how).all("leak")
        assert len(leaks) == 1, leaks


def test_reported_while_it_was_open(command):
    """One leak, though its process ends later without closing it."""
    ended = leave(command, "-w", "200ms", seconds=2, read=1)
    (leak,) = ended.all("leak")
    assert leak["at_exit"] is False and leak["holders"]
    assert len(ended.all("leak_end", socket=leak["socket"])) == 1


def test_still_open_in_a_daemon(command):
    """What a descendant has in CLOSE_WAIT at COMMAND's end is reported, 10 s or not."""
    ended = command("--", "sh", "-c", f"setsid -f {PYTHON} -E -S {LEAVER} seconds=20 read=1 "
                    f">/dev/null 2>&1; sleep 1; pgrep -n -f '{LEAVER} seconds=20'")
    daemon = int(ended.out)
    os.kill(daemon, signal.SIGKILL)
    (leak,) = ended.all("leak")
    assert leak["at_exit"] is False and leak["pid"] == daemon
    assert [holder["pid"] for holder in leak["holders"]] == [daemon]


def test_exits_are_minded_with_a_command_only(watch, spawn):
    tcpwatch = watch("-t")
    process = spawn(PYTHON, "-E", "-S", LEAVER, "seconds=0.3", "read=1")
    process.wait()
    tcpwatch.wait_for("transition", pid=process.pid, **{"from": "CLOSE_WAIT"})
    assert tcpwatch.stop().all("leak", pid=process.pid) == []


def test_error_exitcode(command):
    assert leave(command, "--error-exitcode=23", seconds=0.3, read=1, end="exit",
                 status=23).all("leak")
    assert not leave(command, "--error-exitcode=23", seconds=0.3, close=1, end="exit",
                     status=3).all("leak")
    leave(command, seconds=0.3, read=1, end="exit", status=3)


def test_error_exitcode_without_command(spawn):
    leaver = spawn(PYTHON, "-E", "-S", "-u", LEAVER, "seconds=30", "read=1",
                   stdout=subprocess.PIPE)
    assert leaver.stdout.readline() == b"left\n"
    arguments = ["-p", leaver.pid, "--error-exitcode=42"]
    assert run("-w", "300ms", "-d", "2s", *arguments).returncode == 42
    assert run("-w", "1h", "-d", "1s", *arguments).returncode == 0


def test_text():
    """The results on stdout, between what COMMAND says, and what was left is told."""
    result = run("--", "sh", "-c", f"echo begin; {PYTHON} -E -S {LEAVER} seconds=0.3 read=1")
    lines = result.stdout.splitlines()
    assert result.returncode == 0 and runner.own_words(result.stderr) == ""
    assert lines[0].startswith("Watching sh[") and ", and when their process ends." in lines[0]
    assert lines.index("begin") == 2 and "left" in lines
    (leak,) = [line for line in lines if "LEAK" in line]
    assert "LEAK unclosed" in leak and leak.endswith("  left when its process ended"), leak
    assert any(line.startswith("SUMMARY: 1 leaked socket, 0 still open, 1 left at exit")
               for line in lines), lines
