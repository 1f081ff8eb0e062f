# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Programs that the kernel refuses are left out one by one; only the core is needed."""

import errno
import os
import subprocess

import pytest

from puppets import connect
from runner import run

HERE = os.path.dirname(os.path.abspath(__file__))
FULL = {"accept": "on_accept", "time_wait": "on_mini_free", "fin_wait2": "on_mini_timed",
        "overflow": "on_mini_alloc", "half_open": "on_request"}
SEGMENTS = {"retransmits": "on_repeated", "synacks": "on_synack",
            "resets_sent": "on_reset_sent", "resets_received": "on_reset_got"}


@pytest.fixture(scope="module")
def refusing(tmp_path_factory):
    """refusing(*programs) is the environment of a tcpwatch whose kernel refuses these."""
    library = str(tmp_path_factory.mktemp("refuse") / "refuse.so")
    subprocess.run([os.environ.get("CC", "gcc"), "-D_GNU_SOURCE", "-shared", "-fPIC", "-Wall",
                    "-Werror", "-o", library, os.path.join(HERE, "preload_refuse.c")], check=True)

    def environment(*programs, error=errno.EACCES):
        return dict(os.environ, LD_PRELOAD=library, REFUSE=",".join(programs),
                    REFUSE_ERRNO=str(error))
    return environment


def missing(watch, env, *args):
    tcpwatch = watch(*args, env=env)
    tcpwatch.stop()
    return set(tcpwatch.start["missing"])


def test_nothing_refused(watch, refusing):
    """What this kernel itself refuses is all or nothing of the full mode."""
    assert missing(watch, refusing()) in (set(), set(FULL))


@pytest.mark.parametrize("feature", sorted(FULL | SEGMENTS))
def test_one_program_refused(watch, refusing, feature):
    everything = missing(watch, refusing())
    assert missing(watch, refusing((FULL | SEGMENTS)[feature])) == everything | {feature}


def test_closes_without_accept(watch, refusing):
    """The program that is only needed without accept() is missed where neither is there."""
    everything = missing(watch, refusing())
    left = missing(watch, refusing("on_accept", "on_destroy"))
    assert left == everything | {"accept", "closes"}
    assert "closes" not in missing(watch, refusing("on_accept"))


def test_all_optional_programs_refused(watch, puppet, refusing, monkeypatch):
    """It still does its work."""
    monkeypatch.delenv("TCPWATCH_EXPECT_MODE", raising=False)
    env = refusing("on_destroy", *FULL.values(), *SEGMENTS.values())
    tcpwatch = watch("-t", env=env)
    assert tcpwatch.start["mode"] == "tracepoints"
    assert set(tcpwatch.start["missing"]) == {*FULL, *SEGMENTS, "closes"}
    client, server = puppet("client"), puppet("server")
    pair = connect(client, server, server.listen())
    client.close(pair.client_fd)
    server.recv_all(pair.server_fd)
    server.close(pair.server_fd)
    tcpwatch.wait_closed(pair.client_cookie, pair.server_cookie)
    tcpwatch.stop()
    process = tcpwatch.process_of(server.pid)
    assert process["transitions"]["CLOSE_WAIT>LAST_ACK"] == 1
    assert process["resets"] == {"sent": None, "received": None}


@pytest.mark.parametrize("program", ["on_set_state", "scan_fds", "scan_tcp"])
def test_the_core_is_needed(refusing, program):
    result = run("-d", "1", env=refusing(program, error=errno.EINVAL))
    assert result.returncode == 3 and not result.stdout
    assert result.stderr.startswith("tcpwatch: ") and program in result.stderr


def test_follow_forks_needs_its_program(refusing):
    env = refusing("on_fork", error=errno.EINVAL)
    result = run("-f", "-p", os.getpid(), "-d", "1", env=env)
    assert result.returncode == 3 and "on_fork" in result.stderr
    assert run("-p", os.getpid(), "-d", "0.1", env=env).returncode == 0


def test_features_names_what_is_refused(refusing):
    result = run("--features", env=refusing("on_mini_free", "on_destroy"))
    assert result.returncode == 0
    programs = result.stdout.partition("\nWhat is lost:")[0]
    lines = {line.split()[0]: line for line in programs.splitlines() if line.strip()}
    assert "refused: Permission denied" in lines["closes"]
    assert "refused: " in lines["time_wait"]
    assert "attached" in lines["transitions"]
