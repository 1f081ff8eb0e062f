# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Idle pooled connections whose server has closed are no leaks; responses that a client forgot, or
does not read, are. Real clients, and puppets that do what others do."""

import http.server
import re
import threading
import time

import pytest

from check import SLOW
from puppets import PYTHON, connect
from runner import PATIENCE, run

# The server closes a connection that was idle for this long; -w is less.
KEEP = 0.4
W = ("-w", "300ms")
TURNS = 3

POLL = """
import sys, time
import {module}
client = {client}
for _ in range(%d):
    {get}
    time.sleep(3)
""" % TURNS

# Scripts that poll the server at `url`, each with one pooled connection.
CLIENTS = {
    "requests": [PYTHON, "-c", POLL.format(
        module="requests", client="requests.Session()",
        get="assert client.get(sys.argv[1]).text == 'hello'")],
    "urllib3": [PYTHON, "-c", POLL.format(
        module="urllib3", client="urllib3.PoolManager()",
        get="assert client.request('GET', sys.argv[1]).data == b'hello'")],
    "LWP": ["perl", "-MLWP::UserAgent", "-e",
            "my $ua = LWP::UserAgent->new(keep_alive => 4);"
            "for (1 .. %d) { die unless $ua->get($ARGV[0])->content eq 'hello';"
            " select(undef, undef, undef, 3) }" % TURNS],
}

FORGET = """
import http.client, select, sys, time
host, count = sys.argv[1].split("/")[2], int(sys.argv[2])
kept = []
for _ in range(count):
    connection = http.client.HTTPConnection(host)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"hello"
    kept.append(connection)
    time.sleep(0.8)
for connection in kept:
    select.select([connection.sock], [], [])  # it has ended, and nothing is read
time.sleep(0.5)
"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = KEEP

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *args):
        pass


@pytest.fixture
def url():
    """A server that closes connections which were idle for KEEP seconds."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def gate(*words):
    """A CI run; the text that it prints, and its status."""
    ended = run(*W, "--error-exitcode=23", *words, timeout=PATIENCE * SLOW)
    return ended.stdout, ended.returncode


@pytest.mark.parametrize("client", CLIENTS)
def test_a_poll_passes(url, client):
    """Each turn finds the connection closed, and replaces it."""
    out, status = gate("--", *CLIENTS[client], url)
    assert status == 0 and "SUMMARY: no leaks" in out and "LEAK" not in out, out
    assert "IDLE unread" in out and f"-> {url.split('/')[2]}" in out, out
    # On a busy machine a connection may be replaced before it was looked at.
    assert re.search(r"^IDLE: [1-9]\d* idle connections? whose peer has closed, 0 still open$", out,
                     re.MULTILINE), out


def test_strict_fails(url):
    out, status = gate("--strict", "--", *CLIENTS["requests"], url)
    assert status == 23 and re.search(r"^SUMMARY: [1-9]", out, re.MULTILINE), out
    assert "IDLE" not in out, out


def test_forgotten_responses_fail(url):
    """The same connections to the kernel, but they pile up."""
    out, status = gate("--", PYTHON, "-c", FORGET, url, "12")
    assert status == 23 and "SUMMARY: 12 leaked sockets, 0 still open" in out, out
    assert "\nIDLE: " not in out and "\n        12 unread " in out, out


def pooled(watch, puppet, count=3, ns=None, host=None, **options):
    client, server = puppet("pool", ns and ns[0]), puppet("server", ns and ns[1])
    listener = server.listen(**({"host": host} if host else {}))
    pairs = [connect(client, server, listener, **({"host": host} if host else {}), **options)
             for _ in range(count)]
    return client, server, listener, pairs


def test_data_unread_is_a_leak(watch, puppet):
    """Twelve responses that the client does not read, and the finding about them."""
    tcpwatch = watch(*W)
    client, server, listener, pairs = pooled(watch, puppet, 12)
    for pair in pairs:
        server.send(pair.server_fd, 11869)
    server.close_many([pair.server_fd for pair in pairs])
    tcpwatch.wait_for("leak", pid=client.pid, kind="unread", recv_queue=11870, count=12)
    finding = tcpwatch.wait_for("finding", id="close-wait-leak", pid=client.pid,
                                timeout=PATIENCE * SLOW)
    tcpwatch.stop()
    assert finding["severity"] == "warning" and finding["evidence"]["unread"] >= 10, finding
    assert "idle_in_pool" not in finding["evidence"]
    assert finding["evidence"]["peer"] == listener["local"]
    assert not tcpwatch.all("idle", pid=client.pid)


def test_one_that_is_read_later_is_a_leak(watch, puppet):
    """The client takes the end of stream of one of two, and does not close it."""
    tcpwatch = watch(*W)
    client, server, _, pairs = pooled(watch, puppet, 2)
    server.close_many([pair.server_fd for pair in pairs])
    tcpwatch.wait_for("idle", pid=client.pid, count=2)
    assert client.recv(pairs[0].client_fd) == 0
    tcpwatch.stop()
    (leak,) = tcpwatch.all("leak", pid=client.pid)
    assert (leak["socket"], leak["kind"]) == (pairs[0].client_cookie, "unclosed"), leak
    process = tcpwatch.process_of(client.pid)
    assert process["leaks"] == {"unclosed": 1} and process["idle"] == 1


def test_older_than_tcpwatch_in_two_namespaces(watch, puppet, wire):
    """No listener is to be seen where the client is: the kernel has counted the SYN."""
    ns = (wire.netns["left"], wire.netns["right"])
    client, server, _, pairs = pooled(watch, puppet, ns=ns, host=wire.right)
    server.send(pairs[0].server_fd, 100)
    assert client.recv(pairs[0].client_fd) == 100
    client.send(pairs[1].client_fd, 1000)
    server.close_many([pair.server_fd for pair in pairs if pair is not pairs[1]])
    server.shutdown(pairs[1].server_fd)
    time.sleep(0.5)
    tcpwatch = watch(*W)
    idle = tcpwatch.wait_for("idle", pid=client.pid, count=3)
    tcpwatch.stop()
    assert {record["role"] for record in idle} == {"client"}
    assert {record["socket"] for record in idle} == {pair.client_cookie for pair in pairs}
    assert not tcpwatch.all("leak", pid=client.pid)


def test_a_server_without_its_listener_is_none(watch, puppet, wire):
    """It accepted, and closed the listener; its port is one of clients'. Nothing says client."""
    ns = (wire.netns["left"], wire.netns["right"])
    client, server, listener, pairs = pooled(watch, puppet, ns=ns, host=wire.right)
    client.send(pairs[0].client_fd, 100)
    assert server.recv(pairs[0].server_fd) == 100
    server.send(pairs[1].server_fd, 1)
    server.close(listener["fd"])
    client.recv(pairs[1].client_fd)
    client.close_many([pair.client_fd for pair in pairs])
    time.sleep(0.5)
    tcpwatch = watch(*W)
    leaks = tcpwatch.wait_for("leak", pid=server.pid, count=3)
    tcpwatch.stop()
    assert {leak["role"] for leak in leaks} == {None} and {leak["kind"] for leak in leaks} == {"unread"}
    assert not tcpwatch.all("idle", pid=server.pid)


def test_threads_with_a_pool_each(watch, puppet):
    """Eight thread-local pools of one connection, used in turn: each use replaces one."""
    tcpwatch = watch(*W)
    client, server, listener, pairs = pooled(watch, puppet, 8)
    server.close_many([pair.server_fd for pair in pairs])
    for turn in range(12):
        client.close(pairs[turn].client_fd)
        pairs.append(connect(client, server, listener))
        server.close(pairs[-1].server_fd)
        time.sleep(0.35)
    for pair in pairs[-8:]:  # those that it holds at the end
        tcpwatch.wait_for("idle", socket=pair.client_cookie)
    tcpwatch.stop()
    assert not tcpwatch.all("leak", pid=client.pid)


def test_a_slow_answer(watch, puppet):
    """After a half-close: nothing was sent yet, and then something was, with the end still open."""
    tcpwatch = watch(*W)
    client, server, _, (silent, answering) = pooled(watch, puppet, 2)
    for pair in (silent, answering):
        client.send(pair.client_fd, 10)
        client.shutdown(pair.client_fd)
        assert server.recv_all(pair.server_fd) == 10
    server.send(answering.server_fd, 10)
    leaks = {leak["socket"]: leak
             for leak in tcpwatch.wait_for("leak", pid=server.pid, count=2)}
    tcpwatch.stop()
    assert leaks[silent.server_cookie]["sent_since"] is False
    assert leaks[answering.server_cookie]["sent_since"] is True
    assert {leak["kind"] for leak in leaks.values()} == {"unclosed"}
    assert {leak["eof"] for leak in leaks.values()} == {"taken"}
