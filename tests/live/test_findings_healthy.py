# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""A busy and healthy host has no findings: real programs under load, watched with every rule."""

import os
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from check import SLOW, own_netns
from test_programs import NGINX, children_of, free_port, wait_port

pytestmark = pytest.mark.alone

# Longer than any rule needs to see a thing that stays.
LOAD = 13
POSTGRES = "/usr/lib/postgresql/15/bin"
POOL = """
[databases]
bench = host=127.0.0.1 port=%(postgres)d dbname=postgres user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %(port)d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 10
max_client_conn = 200
"""


def load(*command, **kwargs):
    """The load's own output; it must have succeeded."""
    kwargs.setdefault("stdout", subprocess.PIPE)
    return subprocess.run(list(map(str, command)), check=True, text=True, timeout=120 * SLOW,
                          **kwargs).stdout


def stop_healthy(tcpwatch):
    """It saw the load, and had no finding to tell."""
    time.sleep(1)
    tcpwatch.stop()
    # Not those of namespaces of tests that run at the same time.
    found = tcpwatch.all("finding", lambda r: r["netns"] in (None, own_netns()))
    assert not found, found
    assert tcpwatch.end["events_delivered"] > 100


@pytest.fixture
def nginx(spawn, tmp_path):
    """The port of an nginx; /close ends each connection."""
    port = free_port()
    config = tmp_path / "nginx.conf"
    config.write_text(NGINX % {"workers": 2, "dir": tmp_path, "port": port})
    master = spawn("nginx", "-p", tmp_path, "-c", config, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60 * SLOW
    while len(children_of(master.pid)) < 2:
        assert time.monotonic() < deadline and master.poll() is None, "nginx does not start"
        time.sleep(0.05)
    wait_port(port)
    yield port
    master.terminate()  # a killed master would leave its workers behind
    master.wait(60)


@pytest.mark.parametrize("path", ["/", "/close"])
def test_nginx_with_wrk(watch, nginx, path):
    """With keep-alive, and with a connection for each request."""
    tcpwatch = watch("-i", "5s")
    assert "Requests/sec" in load("wrk", "-t", 2, "-c", 64, "-d", f"{LOAD}s",
                                  f"http://127.0.0.1:{nginx}{path}")
    stop_healthy(tcpwatch)


def test_redis(watch, spawn, tmp_path):
    """Fifty clients, again and again, and one that idles for all the time."""
    port = free_port()
    spawn("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", tmp_path,
          stdout=subprocess.DEVNULL)
    wait_port(port)
    idle = spawn("redis-cli", "-p", port, "subscribe", "news", stdout=subprocess.DEVNULL)
    tcpwatch = watch("-i", "5s")
    end = time.monotonic() + LOAD
    while time.monotonic() < end:
        assert "requests per second" in load("redis-benchmark", "-p", port, "-q", "-n", 20000,
                                             "-c", 50, "-t", "get,set")
    assert idle.poll() is None
    stop_healthy(tcpwatch)


@pytest.fixture
def postgres(spawn):
    """(the port of a pgbouncer in front of a PostgreSQL, a directory that both may use)."""
    directory = tempfile.mkdtemp(prefix="tcpwatch-postgres-")
    shutil.chown(directory, "postgres", "postgres")
    user = {"user": "postgres", "group": "postgres", "extra_groups": [], "cwd": directory,
            "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    ports = {"postgres": free_port(), "port": free_port()}
    subprocess.run([f"{POSTGRES}/initdb", "-D", f"{directory}/data", "-A", "trust", "--no-sync"],
                   check=True, timeout=120 * SLOW, **user)
    server = spawn(f"{POSTGRES}/postgres", "-D", f"{directory}/data", "-p", ports["postgres"],
                   "-h", "127.0.0.1", "-k", directory, "-F", **user)
    wait_port(ports["postgres"])
    config = os.path.join(directory, "pgbouncer.ini")
    with open(config, "w", encoding="ascii") as file:
        file.write(POOL % ports)
    spawn("pgbouncer", config, **user)
    wait_port(ports["port"])
    yield ports["port"], user
    server.send_signal(signal.SIGINT)  # a killed one would leave its shared memory behind
    server.wait(60 * SLOW)
    shutil.rmtree(directory, ignore_errors=True)


def test_postgres_with_a_pool(watch, postgres):
    """40 clients on 10 server connections; then a connection for each transaction."""
    port, user = postgres
    user = {**user, "stdout": subprocess.PIPE}
    bench = (f"{POSTGRES}/pgbench", "-h", "127.0.0.1", "-p", port, "-U", "postgres", "-n")

    def run(*args):
        return load(*bench, *args, "bench", **user)
    run("-i", "-s", 1, "-q")
    tcpwatch = watch("-i", "5s")
    assert "tps = " in run("-c", 40, "-S", "-T", LOAD)
    assert "tps = " in run("-c", 4, "-S", "-C", "-T", 3)
    stop_healthy(tcpwatch)
