# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""pool-thrash (scenario 14): Go's net/http keeps 2 idle connections to a host; 100 are in flight."""

import os
import shutil
import subprocess
import time

import pytest

from check import SLOW
from runner import GO_CACHE, seconds_of

pytestmark = [pytest.mark.xdist_group("pool"), pytest.mark.long]

AT_ONCE = 100 if SLOW == 1 else 20  # an emulated machine takes seconds for a hundred
PAUSE_MS = int(400 * min(SLOW, 4))
GO = """
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

func serve() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(20 * time.Millisecond)
		fmt.Fprint(w, "hello")
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	http.Serve(listener, nil)
}

// Bursts of requests until stdin ends; then says how many connections that took.
func main() {
	if os.Args[1] == "serve" {
		serve()
	}
	idle, _ := strconv.Atoi(os.Args[2])
	atOnce, _ := strconv.Atoi(os.Args[3])
	pause, _ := strconv.Atoi(os.Args[4])
	var dials int64
	transport := &http.Transport{MaxIdleConnsPerHost: idle, DisableKeepAlives: idle == 0,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			atomic.AddInt64(&dials, 1)
			var dialer net.Dialer
			return dialer.DialContext(ctx, network, address)
		}}
	client := &http.Client{Transport: transport}
	done := make(chan bool)
	go func() { io.ReadAll(os.Stdin); close(done) }()
	for {
		var group sync.WaitGroup
		for i := 0; i < atOnce; i++ {
			group.Add(1)
			go func() {
				defer group.Done()
				response, err := client.Get("http://127.0.0.1:" + os.Args[1] + "/")
				if err != nil {
					panic(err)
				}
				io.Copy(io.Discard, response.Body)
				response.Body.Close()
			}()
		}
		group.Wait()
		select {
		case <-done:
			fmt.Println(atomic.LoadInt64(&dials))
			return
		case <-time.After(time.Duration(pause) * time.Millisecond):
		}
	}
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    directory = tmp_path_factory.mktemp("go")
    (directory / "gopool.go").write_text(GO)
    go = "/usr/bin/go" if os.path.exists("/usr/bin/go") else shutil.which("go")
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "GO111MODULE": "off", "GOPROXY": "off",
                   "GOCACHE": GO_CACHE, "GOPATH": str(directory / "path"), "CGO_ENABLED": "0"}
    subprocess.run([go, "build", "-o", str(directory / "gopool"), str(directory / "gopool.go")],
                   check=True, env=environment, timeout=300)
    return directory / "gopool"


@pytest.fixture
def run(program, spawn):
    """run(idle): a client that keeps so many idle connections, and its server's port."""
    server = spawn(program, "serve", stdout=subprocess.PIPE, text=True)
    port = int(server.stdout.readline())

    def start(idle):
        client = spawn(program, port, idle, AT_ONCE, PAUSE_MS, stdin=subprocess.PIPE,
                       stdout=subprocess.PIPE, text=True)
        return client, port
    return start


def dials(client):
    return int(client.communicate(timeout=30)[0])


def opened_per_second(tcpwatch, finding, pid):
    """What the records say of the time that the finding is about: six slots of 5 s, of
    CLOCK_MONOTONIC, from the first one on in which a connection was opened."""
    wall = time.time() - time.monotonic()
    now = seconds_of(finding["time"]) - wall
    times = [seconds_of(record["time"]) - wall
             for record in tcpwatch.all("transition", pid=pid, to="ESTABLISHED")]
    times = [one for one in times if one <= now]
    since = 5 * max(now // 5 - 5, min(times) // 5)
    return sum(one >= since for one in times) / (now - since)


def test_pool_of_two(watch, run):
    client, port = run(2)
    tcpwatch = watch("-t", "-p", client.pid)
    began = time.time()
    finding = tcpwatch.wait_for("finding", id="pool-thrash", timeout=120 * SLOW)
    seconds = seconds_of(finding["time"]) - began
    assert dials(client) > AT_ONCE
    tcpwatch.stop()
    assert (finding["pid"], finding["comm"]) == (client.pid, "gopool"), finding
    assert finding["subject"] == f"127.0.0.1:{port}" and seconds > 5
    evidence = finding["evidence"]
    assert 1 <= evidence["kept"] <= 2
    assert AT_ONCE / 2 <= evidence["at_once"] <= AT_ONCE + 2
    assert evidence["kept_share_percent"] == \
        pytest.approx(evidence["kept"] * 100 / evidence["at_once"], rel=1e-3)
    # The latest ones, up to AT_ONCE, may not have been taken in when it was judged.
    rate = opened_per_second(tcpwatch, finding, client.pid)
    assert evidence["opened_per_second"] == pytest.approx(rate, rel=0.1)
    assert evidence["closed_per_second"] == pytest.approx(evidence["opened_per_second"], rel=0.3)
    assert 20e6 / 2 < evidence["lifetime_ns"] < 1e9 * SLOW
    assert finding["severity"] == ("warning" if evidence["closed_per_second"] >= 10 else "info")


@pytest.mark.parametrize("idle", [AT_ONCE, 0], ids=["large_pool", "no_pool"])
def test_silent(watch, run, idle):
    """A pool that is large enough; and a client that means to have none."""
    client, port = run(idle)
    tcpwatch = watch("-p", client.pid)
    time.sleep(13 if SLOW == 1 else 25)
    count = dials(client)
    tcpwatch.stop()
    assert count > 4 * AT_ONCE if not idle else count < 3 * AT_ONCE
    assert not tcpwatch.all("finding", subject=f"127.0.0.1:{port}")
