# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""The command line: what is refused and how, what is needed, how a run ends."""

import contextlib
import json
import os
import re
import select
import shutil
import signal
import stat
import subprocess
import tempfile
import time

import pytest

import runner
from check import SLOW
from machine import cpu_wait
from puppets import PYTHON, connect_pair
from runner import PATIENCE, check_stderr, own_words, run


def free_pid():
    """A process id that just was in use and is not any more."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


WRONG = [
    (["-p", "0"], "0"), (["-p", "1,x"], "x"), (["-p", "-1"], "-1"), (["-p", ""], ""),
    (["-p", "99999999999999999999"], "99999999999999999999"), (["-p", "1,,2"], ""),
    (["-w", "-1"], "-1"), (["-w", "5parsecs"], "5parsecs"), (["-w", "s"], "s"),
    (["-w", "1e999"], "1e999"), (["-w", "nan"], "nan"),
    (["-L", "70000"], "70000"), (["-L", "0"], "0"), (["-L", "http"], "http"),
    (["-D", "80,x"], "x"), (["-D", "-5"], "-5"),
    (["--ring-size", "3"], "3"), (["--ring-size", "4T"], "4T"), (["--ring-size", "-4K"], "-4K"),
    (["-d", "0"], "0"), (["-d", "-1s"], "-1s"), (["-i", "0"], "0"), (["-i", "soon"], "soon"),
    (["--explain", "CLOSED"], "CLOSED"), (["--explain", "time"], "time"),
    (["-n", ""], ""), (["--btf", "/nonexistent"], "/nonexistent"), (["stray"], "stray"),
]


@pytest.mark.parametrize("arguments,value", WRONG, ids=[" ".join(a) for a, _ in WRONG])
def test_wrong_value(arguments, value):
    """Status 2; the message names the option and the value; stdout stays empty."""
    result = run(*arguments)
    assert result.returncode == 2, result
    assert result.stdout == "", result
    first = result.stderr.splitlines()[0]
    assert first.startswith("tcpwatch: "), first
    assert value in first, first
    if arguments[0].startswith("-"):
        assert arguments[0] in first, first
    assert len(result.stderr.splitlines()) <= 4, result.stderr


@pytest.mark.parametrize("arguments", [["--no-such-option"], ["-Z"], ["-p"], ["-w"]])
def test_unknown_option_or_missing_value(arguments):
    result = run(*arguments)
    assert result.returncode == 2 and result.stdout == "", result
    assert result.stderr.startswith(f"tcpwatch: {arguments[0]}: "), result
    assert len(result.stderr.splitlines()) == 1, result
    assert arguments[0].lstrip("-") in result.stderr, result.stderr
    assert "--help" in result.stderr or "usage" in result.stderr.lower(), result.stderr


def test_missing_pid_is_noticed_before_anything_is_loaded():
    pid = free_pid()
    with tempfile.NamedTemporaryFile("r") as trace:
        result = subprocess.run(
            ["strace", "-f", "-e", "trace=bpf", "-o", trace.name, *runner.command("-p", pid)],
            capture_output=True, text=True, timeout=PATIENCE, check=False,
            env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})  # which strace does not allow
        calls = trace.read()
    assert result.returncode == 2 and str(pid) in result.stderr and "-p" in result.stderr, result
    assert "bpf(" not in calls, calls
    assert result.stdout == ""


def test_one_missing_pid_of_two():
    pid = free_pid()
    result = run("-p", f"{os.getpid()},{pid}")
    assert result.returncode == 2 and str(pid) in result.stderr, result


def test_control_characters_in_a_value_do_not_reach_the_terminal():
    result = run("-w", "1\x1b[31m\n2")
    assert result.returncode == 2
    assert "\x1b" not in result.stderr


def test_without_privileges():
    """Not root: status 3; cause and one remedy."""
    directory = tempfile.mkdtemp(prefix="tcpwatch-nobody-")
    try:
        os.chmod(directory, 0o755)
        binary = shutil.copy(runner.TCPWATCH, directory)
        os.chmod(binary, 0o755)
        result = subprocess.run([binary, "-d", "1s"], capture_output=True, text=True,
                                timeout=PATIENCE, user=65534, group=65534, extra_groups=[],
                                check=False)
    finally:
        shutil.rmtree(directory)
    assert result.returncode == 3, result
    assert result.stdout == ""
    check_stderr(result.stderr)
    assert re.search(r"root|CAP_", result.stderr), result.stderr
    assert re.search(r"sudo|root|setcap|capabilit", result.stderr, re.I), result.stderr
    assert len(result.stderr.splitlines()) <= 3, result.stderr


def test_without_capabilities_as_root():
    """uid 0 in a box: the capabilities count, not the uid."""
    result = subprocess.run(["setpriv", "--bounding-set=-all", "--inh-caps=-all",
                             *runner.command("-d", "1s")],
                            capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert result.returncode == 3, result
    assert "CAP_" in result.stderr, result.stderr
    check_stderr(result.stderr)


def test_closed_stdout_ends_quietly(puppet):
    """tcpwatch -t | head -1"""
    read, write = os.pipe()
    process = subprocess.Popen(runner.command("-t"), stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        assert pipe.readline()
    client, server = puppet("client"), puppet("server")
    for _ in range(3):
        pair = connect_pair(client, server)
        client.close(pair.client_fd)
        time.sleep(0.1)
    try:
        assert process.wait(PATIENCE) == 0
        assert own_words(process.stderr.read().decode()) == ""
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.parametrize("output", [[], ["-j"]])
def test_full_disk(output):
    """/dev/full: what could not be written is a fault that is said."""
    with open("/dev/full", "wb") as full:
        result = run("-d", "300ms", *output, stdout=full)
    assert result.returncode == 1, result
    assert "No space left" in result.stderr, result.stderr
    check_stderr(result.stderr)


def seconds_to_end(tcpwatch):
    """How long it goes on, and how much of that it, and we, had no processor."""
    pidfd = os.pidfd_open(tcpwatch.process.pid)
    begin, before = time.monotonic(), cpu_wait(os.getpid())
    assert select.select([pidfd], [], [], PATIENCE)[0], "it does not end"
    os.close(pidfd)
    seconds, waited = time.monotonic() - begin, tcpwatch.waited() - before
    tcpwatch.wait_end()
    return seconds, waited


def test_duration(watch):
    """-d 1s: ends by itself, with a summary."""
    tcpwatch = watch("-d", "1s")
    seconds, waited = seconds_to_end(tcpwatch)
    assert seconds < 3 + waited
    assert 10**9 <= tcpwatch.end["duration_ns"] < (2 + waited) * 10**9


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_with_the_summary(watch, puppet, signal_number):
    tcpwatch = watch()
    client, server = puppet("client"), puppet("server")
    connect_pair(client, server)
    time.sleep(0.1)
    tcpwatch.process.send_signal(signal_number)
    seconds, waited = seconds_to_end(tcpwatch)
    assert seconds < 3 + waited
    assert tcpwatch.process_of(client.pid)["open"] == {"ESTABLISHED": 1}
    assert tcpwatch.process_of(server.pid)["open"]["ESTABLISHED"] == 1


def test_sigint_in_a_pipeline(puppet):
    """Ctrl-C reaches `tcpwatch | cat` as a whole: the summary still comes out."""
    client, server = puppet("client"), puppet("server")
    connect_pair(client, server)
    process = subprocess.Popen(runner.command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0 and "SUMMARY" in out
    check_stderr(err)


BTF = "/sys/kernel/btf/vmlinux"
FEATURES = ("transitions", "descriptors", "tables", "namespaces", "closes", "forks",
            "accept_stacks", "go_requests", "go_starts", "accept", "time_wait", "fin_wait2",
            "overflow", "half_open", "retransmits", "synacks", "resets_sent", "resets_received")
FULL = FEATURES[9:14]


def features(*arguments):
    """The screen: its first line, {row: value}, {feature: (hook, state)}, {what: loss}, remedy."""
    result = run("--features", *arguments)
    assert result.returncode == 0, result
    check_stderr(result.stderr)
    assert "\x1b" not in result.stdout
    assert all(len(line) <= 100 for line in result.stdout.splitlines()), result.stdout
    head, rows, *more = result.stdout.rstrip("\n").split("\n\n")
    table = dict(re.split(r" {2,}", line, maxsplit=1) for line in rows.splitlines())
    programs = {name: tuple(re.split(r" {2,}", table.pop(name))) for name in FEATURES}
    losses = {}
    if len(more) == 2:
        title, *lines = more[0].splitlines()
        assert title == "What is lost:", title
        losses = dict(re.split(r" {2,}", line.strip(), maxsplit=1) for line in lines)
    assert more[-1].startswith("Remedy: "), result.stdout
    return head, table, programs, losses, more[-1][len("Remedy: "):]


def test_features(watch):
    """Status 0; what is attached, and the mode, are those of a run; what is lost; one remedy."""
    head, table, programs, losses, remedy = features()
    start = watch().start
    assert head == f"{run('-V').stdout.strip()} on Linux {os.uname().release} " \
        f"{os.uname().machine}: {start['mode']} mode"
    assert table["types"] == BTF
    assert table["privileges"].startswith("CAP_BPF CAP_PERFMON"), table
    missing = [name for name, (_, state) in programs.items() if state != "attached"]
    assert [name for name in missing if name != "forks"] == start["missing"]
    assert set(missing) == set(FULL if start["mode"] == "tracepoints" else ()), missing
    assert all(programs[name][1].startswith(("refused: ", "absent: ")) for name in missing)
    assert [name for name in losses if name in FEATURES] == missing, losses
    assert programs["transitions"][0] == "tp_btf/inet_sock_set_state"
    assert all(programs[name][0].startswith(("fentry/", "fexit/")) for name in FULL), programs
    assert remedy.endswith(".") and len(remedy) > 10, remedy
    assert ("nothing" in remedy or "None" in remedy or "none" in remedy) or losses, remedy
    assert features() == (head, table, programs, losses, remedy), "the same again"


def test_btf_of_a_file(watch, tmp_path):
    """--btf=PATH: a copy of the kernel's own is as good; the screen names it."""
    copy = tmp_path / "copy of btf"
    shutil.copyfile(BTF, copy)
    _, table, programs, _, _ = features(f"--btf={copy}")
    assert table["types"] == str(copy) and programs == features()[2]
    plain, tcpwatch = watch(), watch("-t", f"--btf={copy}")
    for name in ("mode", "missing"):
        assert tcpwatch.start[name] == plain.start[name]
    tcpwatch.stop()


@pytest.mark.parametrize("content", ["missing", "empty", "garbage", "cut", "folder", "program"])
@pytest.mark.parametrize("more", [["-d", "1s"], ["--features"]], ids=["run", "features"])
def test_btf_that_is_none(tmp_path, content, more):
    """Status 2; option and value, and what to give instead; nothing on stdout."""
    path = tmp_path / content
    if content == "empty":
        path.touch()
    elif content == "garbage":
        path.write_bytes(os.urandom(100000))
    elif content == "cut":
        with open(BTF, "rb") as file:
            path.write_bytes(file.read(1000000))
    elif content == "folder":
        path.mkdir()
    elif content == "program":
        shutil.copyfile("/bin/true", path)
    result = run(f"--btf={content}", *more, cwd=tmp_path)
    assert result.returncode == 2 and result.stdout == "", result
    check_stderr(result.stderr)
    first = result.stderr.splitlines()[0]
    assert first.startswith(f"tcpwatch: --btf: '{content}' cannot be "), first
    assert BTF in first and len(result.stderr.splitlines()) == 1, result.stderr


def test_btf_that_must_not_be_read(tmp_path):
    """Of another user: said as it is."""
    path = tmp_path / "secret"
    shutil.copyfile(BTF, path)
    path.chmod(0)
    directory = tempfile.mkdtemp(prefix="tcpwatch-nobody-")
    try:
        os.chmod(directory, 0o755)
        binary = shutil.copy(runner.TCPWATCH, directory)
        os.chmod(binary, 0o755)
        result = subprocess.run([binary, f"--btf={path}"], capture_output=True, text=True,
                                timeout=PATIENCE, user=65534, group=65534, extra_groups=[],
                                check=False)
    finally:
        shutil.rmtree(directory)
    assert result.returncode == 2 and result.stdout == "", result
    assert "Permission denied" in result.stderr and "--btf" in result.stderr, result.stderr


def test_features_without_privileges():
    """Asking is allowed to everyone, and is what one does when it does not work."""
    result = runner.run_as_nobody("--features")
    assert result.returncode in (0, 3), result
    assert re.search(r"^privileges +not CAP_BPF", result.stdout, re.M), result.stdout
    assert re.search(r"^Remedy: run as root", result.stdout, re.M), result.stdout
    check_stderr(result.stderr)


def test_version():
    result = run("-V")
    assert result.returncode == 0 and re.fullmatch(r"tcpwatch \d+\.\d+\S*\n", result.stdout)
    assert run("--version").stdout == result.stdout


def test_help_and_usage():
    result = run("--help")
    assert result.returncode == 0 and result.stderr == ""
    for option in ("--pid", "--follow-forks", "--comm", "-4", "-6", "--local-port", "--remote-port",
                   "--close-wait", "--trace", "--interval", "--duration", "--json", "--features",
                   "--btf", "--explain",
                   "--ring-size", "--verbose", "--version"):
        assert option in result.stdout, option
    assert run("-?").stdout == result.stdout
    usage = run("--usage")
    assert usage.returncode == 0 and usage.stdout


def test_ends_with_its_target(watch, spawn):
    """-p: as soon as the process is dead, though its parent has not waited for it."""
    target = spawn(PYTHON, "-c", "import time; time.sleep(60)")
    tcpwatch = watch("-p", target.pid)
    assert tcpwatch.start["pids"] == [target.pid]
    target.kill()  # a zombie from here on
    seconds, waited = seconds_to_end(tcpwatch)
    assert seconds < 2 + waited


def test_start_record(watch):
    tcpwatch = watch("-w", "1500us")
    start = tcpwatch.start
    tcpwatch.stop()
    assert tcpwatch.records[0] is start, "the first line"
    assert start["kernel"] == os.uname().release
    assert (start["mode"], start["missing"]) in (("full", []), ("tracepoints", list(FULL)))
    assert start["version"] == run("-V").stdout.split()[1]
    assert start["pids"] == [] and start["close_wait_ns"] == 1500 * 1000
    assert start["sockets_found"] >= 0


def test_mode_in_text(watch):
    """The second line says how much is seen, and where to read about what is not."""
    lines = run("-d", "100ms").stdout.splitlines()
    start = watch().start
    if start["missing"]:
        assert lines[1] == f"Mode: {start['mode']}, not seen here: {', '.join(start['missing'])} " \
            "(see tcpwatch --features)."
    else:
        assert lines[1] == "Mode: full."


@pytest.mark.alone
def test_verbose_says_what_can_be_read():
    """libbpf's thousands of lines are for those who ask twice."""
    once = run("-v", "-d", "0.1").stderr.splitlines()
    assert once and all(line.startswith(("scan: ", "tcpwatch: ")) for line in once), once[:5]
    twice = run("-vv", "-d", "0.1").stderr
    assert "scan: " in twice and "libbpf: " in twice


def test_nothing_is_left_behind(watch):
    """Programs, maps and links go with the process. Other tests have loaded some of their own."""
    def loaded(kind):
        output = subprocess.run(["bpftool", "-j", kind, "list"], capture_output=True, text=True,
                                check=True).stdout
        return {entry["id"] for entry in json.loads(output or "[]")}

    def held(pid):
        ids = {"prog": set(), "map": set(), "link": set()}
        for fd in os.listdir(f"/proc/{pid}/fdinfo"):
            with contextlib.suppress(FileNotFoundError):
                with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as file:
                    found = re.findall(r"^(prog|map|link)_id:\s*(\d+)$", file.read(), re.M)
                for kind, number in found:
                    ids[kind].add(int(number))
        return ids

    tcpwatch = watch()
    mine = held(tcpwatch.process.pid)
    assert all(mine[kind] and mine[kind] <= loaded(kind) for kind in mine), mine
    tcpwatch.stop()
    deadline = time.monotonic() + runner.PATIENCE  # the kernel frees them a grace period later
    while any(loaded(kind) & mine[kind] for kind in mine):
        assert time.monotonic() < deadline, "BPF objects stay"
        time.sleep(0.1)


NEEDS_A_FILE = ["--btf", "--web.config.file"]
FILE_OPTIONS = [*NEEDS_A_FILE, "--output", "--suppressions"]


def refused_at_once(option, path, seconds=8):
    """Before anything is loaded, with the option and the file; never a wait without end. Status 2,
    or 1 where the host refuses a web config."""
    more = ["--web.listen-address=127.0.0.1:0"] if option == "--web.config.file" else []
    start = time.monotonic()
    result = run(f"{option}={path}", *more, "-d", "1s")
    assert time.monotonic() - start < seconds * SLOW
    assert result.returncode in ((1, 2) if more else (2,)) and result.stdout == "", result
    first = result.stderr.splitlines()[0]
    assert first.startswith("tcpwatch: ") and option in first and str(path) in first, first
    return first


@pytest.mark.parametrize("option", FILE_OPTIONS)
def test_a_fifo_without_another_end(tmp_path, option):
    os.mkfifo(tmp_path / "fifo")
    refused_at_once(option, tmp_path / "fifo", 1 if option in NEEDS_A_FILE else 8)


@pytest.mark.parametrize("option", FILE_OPTIONS)
def test_a_device(tmp_path, option):
    device = tmp_path / "device"
    os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, 5))  # as /dev/zero
    assert "is not a regular file" in refused_at_once(option, device)


@pytest.mark.parametrize("option", FILE_OPTIONS)
def test_a_link_of_somebody_else(option):
    """In a folder as /tmp, where everybody can put one; whatever fs.protected_symlinks says."""
    with tempfile.TemporaryDirectory(prefix="tcpwatch-shared-") as shared:
        with tempfile.NamedTemporaryFile("w+") as secret:
            secret.write("kept\n")
            secret.flush()
            os.chmod(shared, 0o777)  # without the sticky bit, the kernel does not protect
            link = os.path.join(shared, "link")
            os.symlink(secret.name, link)
            os.lchown(link, 65534, 65534)
            assert "may be somebody else's" in refused_at_once(option, link)
            assert open(secret.name).read() == "kept\n"


def test_streams_that_are_meant(tmp_path):
    """/dev/stdout, /dev/null and what the shell makes of <(...) and >(...)."""
    words = " ".join(runner.command("-d", "1s", "-j"))
    for more in [
        "--output=/dev/stdout", "--output=/dev/stdout | cat", "--suppressions=/dev/null",
        "--output=/dev/null; echo '{\"type\":\"end\"}'",
        f"--output=>(cat >{tmp_path}/out); until grep -q '\"end\"' {tmp_path}/out; do sleep 0.1; done;"
        f" cat {tmp_path}/out",
        "--suppressions=<(sleep 0.5; echo leak:nobody)",
        "--suppressions=/dev/stdin <<<leak:nobody",
    ]:
        result = subprocess.run(["bash", "-c", f"{words} {more}"], capture_output=True, text=True,
                                timeout=PATIENCE, check=False)
        assert result.returncode == 0 and own_words(result.stderr) == "", (more, result)
        assert json.loads(result.stdout.splitlines()[-1])["type"] == "end", (more, result)
