# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Least privilege: what is kept after the start, what works with little, what is said of the rest."""

import os
import re
import shutil
import socket
import subprocess
import tempfile

import pytest

import runner
from check import assert_leak
from puppets import connect_pair
from runner import PATIENCE, check_stderr, own_words

NOBODY = 65534
BITS = {"cap_dac_read_search": 2, "cap_sys_ptrace": 19, "cap_sys_admin": 21, "cap_perfmon": 38,
        "cap_bpf": 39}
CORE = ("cap_bpf", "cap_perfmon")
W = ("-w", "300ms")


def mask(*names):
    return sum(1 << BITS[name] for name in names)


KEPT = mask("cap_bpf", "cap_sys_admin", "cap_sys_ptrace")


def statuses(pid):
    """The privileges of every thread."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="utf-8") as file:
            fields = dict(line.rstrip("\n").split(":\t", 1) for line in file)
        found.append({name: int(fields[name], 16) for name in
                      ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs")})
    return found


def assert_kept(pid, kept, bounding=0):
    for status in statuses(pid):
        assert status == {"CapInh": 0, "CapPrm": kept, "CapEff": kept, "CapBnd": bounding,
                          "CapAmb": 0, "NoNewPrivs": 1}, {n: hex(v) for n, v in status.items()}


@pytest.fixture
def open_folder():
    """A directory that every user can look into."""
    directory = tempfile.mkdtemp(prefix="tcpwatch-nobody-")
    os.chmod(directory, 0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def confine(open_folder, monkeypatch):
    """confine('cap_bpf'): from here on tcpwatch is run by nobody, with these capabilities only."""
    binary = shutil.copy(runner.TCPWATCH, os.path.join(open_folder, "tcpwatch"))
    os.chmod(binary, 0o755)

    def limit(*names, uid=NOBODY, bounding=False):
        only = ",".join(["-all", *("+" + name[4:] for name in names)])
        more = [f"--bounding-set={only}"] if bounding else []
        wrapper = os.path.join(open_folder, "confined")
        command = ["setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", *more,
                   f"--inh-caps={only}", f"--ambient-caps={only}", binary]
        with open(wrapper, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\nexec {' '.join(map(str, command))} \"$@\"\n")
        os.chmod(wrapper, 0o755)
        monkeypatch.setattr(runner, "TCPWATCH", wrapper)
    return limit


@pytest.fixture
def address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def serving(address, *more):
    return [f"--web.listen-address={address}", *more]


def wait_text(spawn, *args):
    """tcpwatch in text mode, at work: attached, its first scan done."""
    process = spawn(*runner.command(*args), stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().startswith("Watching ")
    return process


@pytest.mark.parametrize("options", [[], ["-t"], ["-i", "100ms"]], ids=" ".join)
def test_kept_in_text_mode(spawn, options):
    process = wait_text(spawn, *options)
    assert_kept(process.pid, KEPT)


def test_kept_with_a_target(spawn, puppet):
    process = wait_text(spawn, "-f", "-p", puppet("target").pid)
    assert_kept(process.pid, KEPT)


def test_kept_as_exporter(watch, address):
    tcpwatch = watch(*serving(address))
    assert_kept(tcpwatch.process.pid, KEPT)
    tcpwatch.stop()


def test_kept_as_exporter_with_passwords(watch, address, tmp_path):
    """The config is of another user and is read again; the thread for passwords has no more."""
    config = tmp_path / "web.yml"
    config.write_text("basic_auth_users:\n  anna: "
                      "$2y$04$5jyKDQjPNuBpEPMnCYBJ6.3FkQ7cTSY0hwWhiCYbtjyZ5CmFH2oPG\n")
    config.chmod(0)
    tcpwatch = watch(*serving(address, f"--web.config.file={config}"))
    status = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-u", "anna:no",
                             f"http://{address}/metrics"], capture_output=True, text=True,
                            timeout=PATIENCE, check=True).stdout
    assert status == "401"
    assert len(statuses(tcpwatch.process.pid)) == 2, "no thread for passwords"
    assert_kept(tcpwatch.process.pid, KEPT | mask("cap_dac_read_search"))
    tcpwatch.stop()


def test_securebits_are_locked():
    """Nothing shows them from outside."""
    with tempfile.NamedTemporaryFile("r") as trace:
        subprocess.run(["strace", "-f", "-e", "trace=prctl", "-o", trace.name,
                        *runner.command("-d", "100ms")], stdout=subprocess.DEVNULL,
                       timeout=PATIENCE, check=True,
                       env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        calls = trace.read()
    locked = re.search(r"prctl\(PR_SET_SECUREBITS, ([^)]*)\) += 0", calls)
    assert locked, calls
    for bit in ("NOROOT_LOCKED", "NO_SETUID_FIXUP_LOCKED", "NO_CAP_AMBIENT_RAISE_LOCKED"):
        assert bit in locked[1], locked[1]


@pytest.mark.parametrize("exporter", [False, True], ids=["plain", "exporter"])
def test_all_works_with_what_is_kept(watch, puppet, network, address, exporter):
    """A leak with its holder; what nobody accepted in a namespace that is younger than tcpwatch."""
    tcpwatch = watch(*W, *(serving(address) if exporter else ()))
    assert_kept(tcpwatch.process.pid, KEPT)
    leak_and_check(tcpwatch, puppet)
    assert unaccepted_in(network(), puppet, tcpwatch)
    tcpwatch.stop()
    assert not own_words(tcpwatch.stderr_text())


def leak_and_check(tcpwatch, puppet):
    client, server = puppet("client"), puppet("forgetful")
    pair = connect_pair(client, server)
    client.close(pair.client_fd)
    server.recv_all(pair.server_fd)
    leak = tcpwatch.wait_for("leak", socket=pair.server_cookie)
    assert_leak(leak, server, pair.server_end, "unclosed", "taken", "server")
    assert leak["holders"] == [
        {"pid": server.pid, "comm": "forgetful", "fd": pair.server_fd}], leak


def unaccepted_in(ns, puppet, tcpwatch, expected=True):
    """Is a leak without a descriptor seen in this namespace? One with a descriptor there is."""
    client, server = puppet("client", ns), puppet("listener", ns)
    pair = connect_pair(client, server)
    port = server.listen()["port"]
    waiting = client.connect(port)
    client.close(waiting["fd"])
    client.close(pair.client_fd)
    server.recv_all(pair.server_fd)
    tcpwatch.wait_for("leak", socket=pair.server_cookie)
    # The inode number alone may have been another test's namespace before.
    wanted = {"kind": "unaccepted", "netns": ns.inode, "local": f"127.0.0.1:{port}"}
    if not expected:
        tcpwatch.settle(3)
        if not tcpwatch.all("leak", **wanted):
            return False
    leak = tcpwatch.wait_for("leak", **wanted)
    assert leak["pid"] == server.pid, leak
    return True


# From Linux 6.18 on, namespaces have file handles, and no process is needed to enter one.
HANDLES = tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 18)
NO_PTRACE = None if HANDLES else "other users' processes: CAP_SYS_PTRACE is missing"
COSTS = {
    CORE: "in other network namespaces: CAP_SYS_ADMIN and CAP_SYS_PTRACE are missing",
    (*CORE, "cap_sys_ptrace"): "in other network namespaces: CAP_SYS_ADMIN is missing",
    (*CORE, "cap_sys_admin"): NO_PTRACE,
    ("cap_sys_admin",): NO_PTRACE,
    (*CORE, "cap_sys_admin", "cap_sys_ptrace"): None,
}


@pytest.mark.parametrize("capabilities,cost", COSTS.items(),
                         ids=[" ".join(name[4:] for name in names) for names in COSTS])
def test_another_user(watch, puppet, network, confine, capabilities, cost):
    """Other users' leaks are caught; what is missing is said once, and is what is missing."""
    confine(*capabilities, bounding=True)
    tcpwatch = watch(*W)
    for status in statuses(tcpwatch.process.pid):
        assert status["CapEff"] == status["CapPrm"] == mask(*capabilities) & ~mask("cap_perfmon")
        assert status["CapAmb"] == status["CapInh"] == 0 and status["NoNewPrivs"] == 1
    leak_and_check(tcpwatch, puppet)
    assert unaccepted_in(network(), puppet, tcpwatch, cost is None) == (cost is None)
    tcpwatch.stop()
    lines = own_words(tcpwatch.stderr_text()).splitlines()
    assert len(lines) == (cost is not None), lines
    if cost:
        assert cost in lines[0] and "unaccepted" in lines[0] and "Run it as root" in lines[0], lines


def test_own_namespace_needs_no_more(watch, puppet, confine):
    """With CAP_BPF and CAP_PERFMON only: unaccepted sockets of the own namespace are seen."""
    confine(*CORE)
    tcpwatch = watch(*W)
    client, server = puppet("client"), puppet("listener")
    listener = server.listen()
    client.close(client.connect(listener["port"])["fd"])
    leak = tcpwatch.wait_for("leak", kind="unaccepted")
    assert leak["pid"] == server.pid and leak["holders"][0]["fd"] == listener["fd"], leak
    tcpwatch.stop()


def test_serves_as_another_user(watch, puppet, confine, address):
    """/metrics, its own numbers in /proc included; -p of root's process."""
    server = puppet("of-root")
    confine(*CORE)
    tcpwatch = watch("-p", server.pid, *serving(address, "--label=pid,cgroup,netns"))
    server.listen()
    page = subprocess.run(["curl", "-s", f"http://{address}/metrics"], capture_output=True,
                          text=True, timeout=PATIENCE, check=True).stdout
    assert re.search(r'tcpwatch_sockets\{comm="of-root",[^}]*state="LISTEN"\} 1', page), page
    assert re.search(r"^process_open_fds \d+$", page, re.M), page
    assert re.search(r"^process_resident_memory_bytes \d+$", page, re.M), page
    tcpwatch.stop()


def test_capabilities_of_the_file(watch, puppet, confine, open_folder, monkeypatch):
    """setcap, as the message and the man page say; the process cannot be looked into by its user."""
    confine()
    binary = os.path.join(open_folder, "tcpwatch")
    subprocess.run(["setcap", "cap_bpf,cap_perfmon,cap_sys_admin,cap_sys_ptrace+ep", binary],
                   check=True)
    tcpwatch = watch(*W)
    bounding = statuses(os.getpid())[0]["CapBnd"]
    assert_kept(tcpwatch.process.pid, KEPT, bounding)  # no CAP_SETPCAP: it cannot be made less
    leak_and_check(tcpwatch, puppet)
    tcpwatch.stop()
    assert not own_words(tcpwatch.stderr_text())


REFUSED = {(): "CAP_BPF and CAP_PERFMON", ("cap_bpf",): "CAP_PERFMON", ("cap_perfmon",): "CAP_BPF",
           ("cap_sys_ptrace", "cap_dac_read_search"): "CAP_BPF and CAP_PERFMON"}


@pytest.mark.parametrize("uid", [NOBODY, 0])
@pytest.mark.parametrize("capabilities,missing", REFUSED.items(),
                         ids=[" ".join(names) or "none" for names in REFUSED])
def test_refused(confine, uid, capabilities, missing):
    """Status 3: cause, evidence and one remedy, in one line."""
    confine(*capabilities, uid=uid, bounding=True)
    result = runner.run("-d", "1s")
    assert result.returncode == 3 and result.stdout == "", result
    check_stderr(result.stderr)
    assert result.stderr.count("\n") == 1
    assert f" without {missing}: Operation not permitted as uid {uid}. " in result.stderr
    remedy = "grant it." if uid == 0 else "setcap cap_bpf,cap_perfmon,"
    assert remedy in result.stderr, result.stderr


@pytest.mark.parametrize("capabilities", [CORE, ("cap_sys_admin",)], ids=" ".join)
def test_features_of_another_user(confine, capabilities):
    """CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON; what is not there is among the losses."""
    confine(*capabilities, bounding=True)
    result = runner.run("--features")
    assert result.returncode == 0, result
    check_stderr(result.stderr)
    assert re.search(r"^privileges +CAP_BPF CAP_PERFMON\b", result.stdout, re.M), result.stdout
    losses = re.search("What is lost:\n(.*?)\n\n", result.stdout, re.S)[1]
    lost = re.findall(r"^  (CAP_\w+)", losses, re.M)
    wanted = ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"]
    assert lost == [name for name in wanted if name.lower() not in capabilities], result.stdout
