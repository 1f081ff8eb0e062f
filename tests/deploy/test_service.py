# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""The units as installed, run by a real systemd with all that they forbid, on real sockets."""

import os
import signal
import time

from installed import free_port, headers, page, value, wait_for
from puppets import connect_pair

# The whole machine is watched, and others may test on it: names that nobody else has.
SHOP, BOXED, OLDER = (f"{name}-{os.getpid()}" for name in ("shop", "boxed", "older"))
BPF, PERFMON, SYS_ADMIN, SYS_PTRACE = 1 << 39, 1 << 38, 1 << 21, 1 << 19


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def assert_confined(pid, capabilities):
    status = status_of(pid)
    assert "0" not in status["Uid"].split(), "it runs as root"
    # PERFMON is for loading, and given up then.
    for which, wanted in (("CapBnd", capabilities), ("CapPrm", capabilities & ~PERFMON),
                          ("CapEff", capabilities & ~PERFMON)):
        assert int(status[which], 16) == wanted, (which, status[which])
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status
    # What it sees of the files is what the unit says, not what this systemd could do of it.
    root = f"/proc/{pid}/root"
    for place in ("/", "/usr", "/sys", "/proc/sys", "/sys/fs/cgroup"):
        assert os.statvfs(root + place).f_flag & os.ST_RDONLY, place
    for place in ("/root", "/home", "/tmp"):
        assert os.listdir(root + place) == [], place
    assert not os.path.exists(root + "/dev/mem") and os.path.exists(root + "/dev/null")


def leaked(port, comm, kind):
    return value(page(port), "tcpwatch_leaked_sockets", comm=comm, kind=kind)


def forget(puppet, comm, ns=None):
    """A server that has not closed a connection that its client has, and has not accepted another."""
    client, server = puppet("client", ns), puppet(comm, ns)
    pair = connect_pair(client, server)
    listener = server.listen("ipv4")
    waiting = client.connect(listener["port"], "ipv4")
    client.close(pair.client_fd)
    client.close(waiting["fd"])
    server.recv_all(pair.server_fd)
    return server


def test_what_the_unit_allows_is_enough(tree, systemd, puppet, network):
    tree.options(f"--web.listen-address=127.0.0.1:{tree.port}", "-w", "500ms")
    pid = systemd().wait_state("active")
    assert_confined(pid, BPF | PERFMON)
    forget(puppet, SHOP)
    elsewhere = network()
    forget(puppet, BOXED, elsewhere)
    wait_for(lambda: leaked(tree.port, SHOP, "unclosed") == 1)
    wait_for(lambda: leaked(tree.port, SHOP, "unaccepted") == 1)
    wait_for(lambda: leaked(tree.port, BOXED, "unclosed") == 1)
    text = page(tree.port)
    for feature in ("transitions", "descriptors", "tables", "closes"):
        assert value(text, "tcpwatch_features", feature=feature) == 1, feature
    # What the unit says is missing without containers.conf. If it is not, the unit can say less.
    assert leaked(tree.port, BOXED, "unaccepted") == 0


def test_containers_conf_adds_what_no_descriptor_holds(tree, systemd, puppet, network):
    tree.options(f"--web.listen-address=127.0.0.1:{tree.port}", "-w", "500ms")
    tree.containers()
    forget(puppet, OLDER, network())
    pid = systemd().wait_state("active")
    assert_confined(pid, BPF | PERFMON | SYS_ADMIN | SYS_PTRACE)
    forget(puppet, BOXED, network())
    for comm in (OLDER, BOXED):
        for kind in ("unclosed", "unaccepted"):
            wait_for(lambda comm=comm, kind=kind: leaked(tree.port, comm, kind) == 1)


def test_cgroups_are_seen_by_the_service(tree, systemd):
    """Another service's, of the same systemd: the test's own cgroup is outside of what that sees."""
    tree.options(f"--web.listen-address=127.0.0.1:{tree.port}", "--label=cgroup")
    tree.write("etc/systemd/system/labelled.service", "[Service]\nExecStart=/usr/bin/python3 -c "
               "'import socket, time; s = socket.create_server((\"127.0.0.1\", 0)); "
               "time.sleep(99)'\n")
    service = systemd()
    service.wait_state("active")
    service.systemctl("start", "labelled.service")
    mine = wait_for(lambda: service.show("ControlGroup", "labelled.service"))
    # Without its own root: that is the manager's.
    wait_for(lambda: f'comm="python3",cgroup="{mine}"' in page(tree.port))


def test_it_is_started_again(tree, systemd):
    tree.options(f"--web.listen-address=127.0.0.1:{tree.port}")
    tree.drop_in("soon.conf", "[Service]\nRestartSec=100ms\nWatchdogSec=2\n")
    service = systemd()
    first = service.wait_state("active")
    os.kill(first, signal.SIGKILL)
    second = wait_for(lambda: service.show("MainPID") not in ("0", str(first)) and
                      service.wait_state("active"))
    os.kill(second, signal.SIGSTOP)  # hangs: the watchdog sees that
    wait_for(lambda: service.show("NRestarts") == "2")
    third = service.wait_state("active")
    assert third != second and page(tree.port)
    # One that lives is left alone.
    time.sleep(5)
    assert service.show("NRestarts") == "2" and int(service.show("MainPID")) == third


def test_wrong_options_are_not_tried_again(tree, systemd):
    tree.options("--web.listen-address=nonsense")
    tree.drop_in("soon.conf", "[Service]\nRestartSec=100ms\n")
    service = systemd()
    service.wait_state("failed")
    time.sleep(0.5)
    assert service.show("NRestarts") == "0" and service.show("ExecMainStatus") == "2"


def test_reload_reads_the_web_config_again(tree, systemd):
    config = "usr/local/etc/tcpwatch/web.yml"
    header = "http_server_config:\n  headers:\n    X-Frame-Options: {}\n"
    tree.write(config, "")
    tree.options(f"--web.listen-address=127.0.0.1:{tree.port}",
                 f"--web.config.file=/{config}")
    tree.drop_in("said.conf", "[Service]\nStandardError=append:/run/tcpwatch.err\n")
    service = systemd()
    pid = service.wait_state("active")
    # TLS keys are for the group only.
    tree.write(config, header.format("deny"))
    group = int(status_of(pid)["Gid"].split()[0])
    os.chown(tree.at(config), 0, group)
    os.chmod(tree.at(config), 0o640)
    service.systemctl("reload", "tcpwatch.service")
    wait_for(lambda: headers(tree.port)["X-Frame-Options"] == "deny")
    tree.write(config, "nonsense: 1\n")
    service.systemctl("reload", "tcpwatch.service")
    wait_for(lambda: "the previous web config stays in force" in service.file("/run/tcpwatch.err"))
    assert headers(tree.port)["X-Frame-Options"] == "deny"
    assert page(tree.port) and service.wait_state("active") == pid


def test_the_socket_unit_keeps_the_port(tree, systemd):
    port = free_port()
    tree.options("--web.systemd-socket")
    tree.write("etc/systemd/system/tcpwatch.socket.d/port.conf",
               f"[Socket]\nListenStream=\nListenStream=127.0.0.1:{port}\n")
    service = systemd("tcpwatch.socket")
    wait_for(lambda: service.show("ActiveState", "tcpwatch.socket") == "active")
    assert service.show("ActiveState") == "inactive"
    assert "tcpwatch_build_info" in page(port), "the first scrape starts it"
    pid = service.wait_state("active")
    service.systemctl("restart", "tcpwatch.service")
    assert page(port) and service.wait_state("active") != pid


def test_it_ends_when_told_to(tree, systemd):
    tree.options(f"--web.listen-address=127.0.0.1:{tree.port}")
    service = systemd()
    service.wait_state("active")
    service.systemctl("stop", "tcpwatch.service")
    assert service.show("ActiveState") == "inactive" and service.show("Result") == "success"
    assert not page(tree.port)
