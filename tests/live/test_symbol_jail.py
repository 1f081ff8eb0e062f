# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""-s: the process that reads other users' programs has no rights, in its first instance and in
every later one, and does not outlive tcpwatch in whatever state it is."""

import os
import re
import signal
import subprocess
import time
import zlib

import pytest

from check import SLOW, assert_leak
from puppets import connect_pair
from runner import PATIENCE
from test_privileges import confine, open_folder  # noqa: F401 pylint: disable=unused-import
from test_symbols import TOOL, built_victim  # noqa: F401 pylint: disable=unused-import

pytestmark = pytest.mark.xdist_group("symbols")
W = ("-w", "300ms")
GIB = 1 << 30
BOMB = 1200 << 20  # bytes of .debug_info in a file of 1 MB


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file)


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def has_ended(pid):
    try:
        return status_of(pid)["State"].startswith(("Z", "X"))
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait(condition, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return result


def find_worker(pid):
    """A descendant, at work: it limits its system calls last."""
    for child in children_of(pid):
        if has_ended(child):
            continue
        if status_of(child)["Name"].startswith("tcpwatch-symbol"):
            return child
        if found := find_worker(child):
            return found
    return None


def wait_worker(pid, last=None):
    worker = wait(lambda: (found := find_worker(pid)) != last and found)
    time.sleep(0.3 * SLOW)  # what it does after its name is set
    return worker


def assert_jailed(pid, uid=65534):
    status = status_of(pid)
    assert status["Uid"].split() == status["Gid"].split() == [str(uid)] * 4, status
    assert status["Groups"].strip() == "", status
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[name], 16) == 0, status
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        space = re.search(r"^Max address space +(\d+) +(\d+)", file.read(), re.M)
    assert space and space.groups() == (str(GIB), str(GIB)), "no limit of 1 GB"
    with open(f"/proc/{pid}/oom_score_adj", encoding="ascii") as file:
        assert file.read() == "1000\n"


def leak(tcpwatch, puppet, name):
    client, server = puppet("client"), puppet(name)
    pair = connect_pair(client, server)
    client.close(pair.client_fd)
    server.recv_all(pair.server_fd)
    found = tcpwatch.wait_for("leak", socket=pair.server_cookie)
    assert_leak(found, server, pair.server_end, "unclosed", "taken", "server")
    return found


@pytest.mark.parametrize("urls", [None, "http://127.0.0.1:9"], ids=["plain", "debuginfod"])
def test_second_worker(watch, puppet, monkeypatch, urls):
    """It is started when tcpwatch itself may not change its user any more. No other process is
    watched: a worker that is killed while it reads a file does not read that one again."""
    if urls:
        monkeypatch.setenv("DEBUGINFOD_URLS", urls)
    tcpwatch = watch("-s", "-n", "forgetful", *W)
    first = wait_worker(tcpwatch.process.pid)
    assert_jailed(first)
    os.kill(first, signal.SIGKILL)
    wait(lambda: has_ended(first))
    time.sleep(1.1)  # no restart before
    assert leak(tcpwatch, puppet, "forgetful")["stack"][0]["function"]
    assert_jailed(wait_worker(tcpwatch.process.pid, first))
    tcpwatch.stop()


def test_debuginfod_is_nobody(watch, monkeypatch):
    monkeypatch.setenv("DEBUGINFOD_URLS", "http://127.0.0.1:9")
    tcpwatch = watch("-s", "--debuginfod", *W)
    assert_jailed(wait_worker(tcpwatch.process.pid))
    tcpwatch.stop()


@pytest.mark.parametrize("spawner_too", [False, True], ids=["worker", "and-spawner"])
def test_stopped_worker_ends_with_tcpwatch(watch, spawner_too):
    tcpwatch = watch("-s", *W)
    worker = wait_worker(tcpwatch.process.pid)
    stopped = [worker]
    if spawner_too:
        stopped.append(int(status_of(worker)["PPid"]))
    try:
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
            wait(lambda pid=pid: status_of(pid)["State"].startswith("T"))
        tcpwatch.process.kill()
        tcpwatch.process.wait()
        for pid in stopped:
            wait(lambda pid=pid: has_ended(pid), 5)
    finally:
        for pid in stopped:
            if not has_ended(pid):
                os.kill(pid, signal.SIGKILL)


def test_worker_ends_with_its_spawner(watch):
    tcpwatch = watch("-s", *W)
    worker = wait_worker(tcpwatch.process.pid)
    os.kill(worker, signal.SIGSTOP)
    spawner = int(status_of(worker)["PPid"])
    assert spawner != tcpwatch.process.pid
    assert_spawner_jailed(spawner)
    os.kill(spawner, signal.SIGKILL)
    wait(lambda: has_ended(worker), 5)
    tcpwatch.stop()


def assert_spawner_jailed(pid):
    status = status_of(pid)
    assert status["Uid"].split() == status["Gid"].split() == ["65534"] * 4, status
    assert int(status["CapPrm"], 16) == 0 and status["Seccomp"] == "2", status
    with open(f"/proc/{pid}/oom_score_adj", encoding="ascii") as file:
        assert file.read() != "1000\n", "the spawner would be killed before any other process"


def test_without_a_spawner(watch, puppet):
    """It is said once; leaks are reported, with modules and offsets."""
    tcpwatch = watch("-s", *W)
    os.kill(int(status_of(wait_worker(tcpwatch.process.pid))["PPid"]), signal.SIGKILL)
    time.sleep(1.1)
    for name in ("one", "two"):
        frame = leak(tcpwatch, puppet, name)["stack"][0]
        assert frame["module"] and not frame["function"], frame
    tcpwatch.stop()
    said = [line for line in tcpwatch.stderr_text().splitlines() if "-s: " in line]
    assert len(said) == 1 and "modules and offsets: tcpwatch-spawn" in said[0], said


def test_root_that_cannot_be_given_up(watch, puppet, confine):  # noqa: F811
    """Then there is no such process, names are missing, and one message says so."""
    confine("cap_bpf", "cap_perfmon", "cap_sys_ptrace", "cap_sys_admin", uid=0, bounding=True)
    tcpwatch = watch("-s", *W)
    found = leak(tcpwatch, puppet, "forgetful")
    assert all(not frame["function"] for frame in found["stack"]), found
    names = [status_of(child)["Name"] for child in children_of(tcpwatch.process.pid)]
    assert not [name for name in names if name.startswith("tcpwatch-s")], names
    tcpwatch.stop()
    said = [line for line in tcpwatch.stderr_text().splitlines() if "-s: " in line]
    assert len(said) == 1 and "CAP_SETUID and CAP_SETGID" in said[0], said


def test_other_user_keeps_its_uid(watch, confine):  # noqa: F811
    confine("cap_bpf", "cap_perfmon", uid=65533, bounding=True)
    tcpwatch = watch("-s", *W)
    assert_jailed(wait_worker(tcpwatch.process.pid), 65533)
    tcpwatch.stop()


def make_bomb(program, to):
    """Its .debug_info, compressed, becomes that many bytes of nothing when it is read."""
    with open(program, "rb") as file:
        elf = bytearray(file.read())
    start, size, count, names = (int.from_bytes(elf[0x28:0x30], "little"),
                                 *(int.from_bytes(elf[at:at + 2], "little")
                                   for at in (0x3a, 0x3c, 0x3e)))
    heads = [start + i * size for i in range(count)]
    strings = int.from_bytes(elf[heads[names] + 0x18:heads[names] + 0x20], "little")
    packer = zlib.compressobj(1)
    body = b"".join(packer.compress(bytes(1 << 20)) for _ in range(BOMB >> 20)) + packer.flush()
    body = (1).to_bytes(8, "little") + BOMB.to_bytes(8, "little") + bytes([1]) + bytes(7) + body
    for head in heads:
        name = strings + int.from_bytes(elf[head:head + 4], "little")
        if elf[name:name + 12] == b".debug_info\0":
            elf[head + 8:head + 16] = (0x800).to_bytes(8, "little")  # SHF_COMPRESSED
            elf[head + 0x18:head + 0x20] = len(elf).to_bytes(8, "little")
            elf[head + 0x20:head + 0x28] = len(body).to_bytes(8, "little")
    with open(to, "wb") as file:
        file.write(elf + body)
    os.chmod(to, 0o755)


def test_memory_bomb(victim, tmp_path, monkeypatch):  # noqa: F811
    """Debug information that would take 1.2 GB costs less than the limit, and only its own lines."""
    program = str(tmp_path / "bomb")
    make_bomb(victim, program)
    monkeypatch.setenv("SYMBOLIZE_HOLD", "1")
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        callers = process.stdout.readline().decode().split()
        with subprocess.Popen([TOOL, str(process.pid), *callers], text=True, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as tool:
            names = ""
            while (line := tool.stdout.readline()) not in ("held\n", ""):
                names += line
            most = int(status_of(find_worker(tool.pid))["VmPeak"].split()[0])
            tool.stdin.close()
        process.stdin.close()
    assert 0 < most << 10 <= GIB, f"{most} kB"
    assert "handle_conn" in names and f"({program})" in names, names
