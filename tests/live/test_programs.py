# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Real programs (scenario 28): the numbers agree with the programs' own."""

import os
import re
import shutil
import socket
import subprocess
import time

import pytest

from check import count_of
from puppets import PYTHON
from runner import GO_CACHE, PATIENCE

WORKERS = 3
NGINX = """
daemon off;
user root;
worker_processes %(workers)d;
pid %(dir)s/nginx.pid;
error_log %(dir)s/error.log;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path %(dir)s; proxy_temp_path %(dir)s; fastcgi_temp_path %(dir)s;
    uwsgi_temp_path %(dir)s; scgi_temp_path %(dir)s;
    keepalive_timeout 60;
    keepalive_requests 100000;
    server {
        listen 127.0.0.1:%(port)d;
        location = /status { stub_status; }
        location = /close { keepalive_timeout 0; return 200 "bye"; }
        location / { return 200 "hello"; }
    }
}
"""

GO = """
package main

import (
	"fmt"
	"net"
	"net/http"
)

var leaked []net.Conn

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") })
	http.HandleFunc("/leak", func(w http.ResponseWriter, r *http.Request) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		buffered.WriteString("HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
		buffered.Flush()
		for {
			if _, err := buffered.ReadByte(); err != nil {
				break // the end of stream, and then: nothing
			}
		}
		leaked = append(leaked, conn)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	http.Serve(listener, nil)
}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_port(port):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, f"nothing listens on {port}"
            time.sleep(0.05)


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


@pytest.fixture
def nginx(spawn, tmp_path):
    """(master pid, worker pids, port) of an nginx of our own."""
    port = free_port()
    config = tmp_path / "nginx.conf"
    config.write_text(NGINX % {"workers": WORKERS, "dir": tmp_path, "port": port})
    master = spawn("nginx", "-p", tmp_path, "-c", config, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE
    while len(children_of(master.pid)) < WORKERS:
        assert time.monotonic() < deadline and master.poll() is None, "nginx does not start"
        time.sleep(0.05)
    wait_port(port)
    yield master.pid, children_of(master.pid), port
    master.terminate()  # a killed master would leave its workers behind
    master.wait(10)


def curl(*args):
    return subprocess.run(["curl", "-sS", "--noproxy", "*", *args], check=True,
                          capture_output=True, text=True, timeout=PATIENCE).stdout


def accepted_by_nginx(port):
    """stub_status: connections accepted so far, this one included."""
    status = curl(f"http://127.0.0.1:{port}/status")
    return int(re.search(r"requests\s+(\d+) (\d+) (\d+)", status).group(1))


def finished(tcpwatch, pids):
    """Connections that ended in these processes, and those still open."""
    records = [record for record in tcpwatch.all("process") if record["pid"] in pids]
    return (sum(count_of(record, "ESTABLISHED") for record in records),
            sum(record["open"].get("ESTABLISHED", 0) for record in records))


@pytest.mark.parametrize("path", ["/", "/close"])
def test_nginx_with_curl(watch, nginx, path):
    """Client closes first, or the server does: the workers' sum is what nginx accepted."""
    master, workers, port = nginx
    before = accepted_by_nginx(port)
    tcpwatch = watch("-L", port)
    for _ in range(20):
        assert curl(f"http://127.0.0.1:{port}{path}") in ("hello", "bye")
    accepted = accepted_by_nginx(port) - before
    assert accepted == 21  # the question is a connection too
    time.sleep(0.3)
    tcpwatch.stop()
    assert finished(tcpwatch, workers) == (accepted, 0)
    assert finished(tcpwatch, [master])[0] == 0
    for record in tcpwatch.all("process"):
        assert record["comm"] == "nginx" and record["pid"] in [master, *workers], record
    assert not tcpwatch.all("leak")


@pytest.mark.alone
@pytest.mark.parametrize("path", ["/", "/close"])
def test_nginx_with_wrk(watch, nginx, path):
    """A load of thousands of connections: not one too many, not one too few."""
    master, workers, port = nginx
    before = accepted_by_nginx(port)
    tcpwatch = watch()
    url = f"http://127.0.0.1:{port}{path}"
    wrk = subprocess.run(["wrk", "-t", "2", "-c", "32", "-d", "2s", url], check=True,
                         capture_output=True, text=True, timeout=60).stdout
    assert "Requests/sec" in wrk
    time.sleep(0.3)
    accepted = accepted_by_nginx(port) - before
    time.sleep(0.3)
    tcpwatch.stop()
    lost = sum(tcpwatch.end["lost"].values())
    done, still_open = finished(tcpwatch, [master, *workers])
    assert accepted - 2 * lost <= done + still_open <= accepted, (done, still_open, lost)
    for record in tcpwatch.all("process", pid=master):
        assert not count_of(record, "ESTABLISHED"), record
    assert accepted >= 32 and (path == "/" or accepted > 500)
    assert not tcpwatch.all("leak", lambda r: r["pid"] in workers)


def test_python_http_server(watch, spawn, tmp_path):
    """python3 -m http.server: HTTP/1.0, the server closes first."""
    (tmp_path / "file").write_text("x" * 1000)
    port = free_port()
    server = spawn(PYTHON, "-m", "http.server", port, "--bind", "127.0.0.1", cwd=tmp_path,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_port(port)
    time.sleep(0.2)
    tcpwatch = watch("-t", "-L", port)
    for _ in range(10):
        assert len(curl(f"http://127.0.0.1:{port}/file")) == 1000
    tcpwatch.wait_for("transition", lambda r: r["to"] in ("CLOSE", "TIME_WAIT"), role="server",
                      count=10)
    tcpwatch.stop()
    record = tcpwatch.process_of(server.pid)
    assert record["comm"] == "python3"
    assert count_of(record, "ESTABLISHED") == 10
    changes = record["transitions"]
    closed_first = changes.get("ESTABLISHED>FIN_WAIT1", 0)
    assert record["open"] == {"LISTEN": 1, "TIME_WAIT": closed_first}, record
    assert changes.get("ESTABLISHED>FIN_WAIT1", 0) + changes.get("ESTABLISHED>CLOSE_WAIT", 0) == 10
    assert not tcpwatch.all("leak")


def test_curl_is_named(watch, nginx):
    """The client side: a process of milliseconds with its name and its one connection."""
    port = nginx[2]
    tcpwatch = watch("-D", port)
    for _ in range(5):
        curl(f"http://127.0.0.1:{port}/")
    time.sleep(0.2)
    tcpwatch.stop()
    # Nobody's: what an earlier test has left in TIME_WAIT at this port.
    records = tcpwatch.all("process", lambda r: r["pid"] is not None)
    assert len(records) == 5 and {record["comm"] for record in records} == {"curl"}
    assert all(count_of(record, "ESTABLISHED") == 1 for record in records)


@pytest.fixture(scope="session")
def go_server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("go")
    (directory / "goleaky.go").write_text(GO)
    go = "/usr/bin/go" if os.path.exists("/usr/bin/go") else shutil.which("go")
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "GO111MODULE": "off", "GOPROXY": "off",
                   "GOCACHE": GO_CACHE, "GOPATH": str(directory / "path"), "CGO_ENABLED": "0"}
    subprocess.run([go, "build", "-o", str(directory / "goleaky"), str(directory / "goleaky.go")],
                   check=True, env=environment, timeout=300)
    return directory / "goleaky"


def test_go_handler_that_leaks(watch, go_server, spawn):
    """Go's net/http, threads and all: three hijacked connections leak, the others do not."""
    server = spawn(go_server, stdout=subprocess.PIPE, text=True)
    port = int(server.stdout.readline())
    tcpwatch = watch("-w", "300ms", "-p", server.pid)
    for number in range(9):
        answer = curl(f"http://127.0.0.1:{port}/{'leak' if number % 3 == 0 else ''}")
        assert answer == ("ok" if number % 3 == 0 else "hello")
    leaks = tcpwatch.wait_for("leak", count=3)
    time.sleep(0.5)
    tcpwatch.stop()
    assert len(tcpwatch.all("leak")) == 3
    for leak in leaks:
        assert leak["kind"] == "unclosed" and leak["eof"] in ("taken", "returned"), leak
        assert (leak["pid"], leak["comm"], leak["role"]) == (server.pid, "goleaky", "server"), leak
        assert leak["local"] == f"127.0.0.1:{port}" and len(leak["holders"]) == 1, leak
        target = os.readlink(f"/proc/{server.pid}/fd/{leak['holders'][0]['fd']}")
        assert target.startswith("socket:"), target
    record = tcpwatch.process_of(server.pid)
    assert count_of(record, "ESTABLISHED") == 9
    assert count_of(record, "CLOSE_WAIT") == 6
    assert record["open"]["CLOSE_WAIT"] == 3
    assert record["leaks"] == {"unclosed": 3}
