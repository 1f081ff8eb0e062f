# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Limits and deadlines: what one client can take from the others."""

import contextlib
import resource
import signal
import socket
import threading
import time

import pytest

import server

REQUEST = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n"


def drip(connection, data, every=0.05):
    """Sends byte for byte until the server has enough; returns how long it took."""
    start = time.monotonic()
    connection.settimeout(every)
    for byte in data:
        try:
            connection.send(bytes([byte]))
            if connection.recv(100) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - start


@pytest.mark.parametrize("sent", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: a\r\n"])
def test_silence_is_cut(serve, sent):
    one = serve(limits=["header_ms=600"])
    with one.connect() as connection:
        connection.sendall(sent)
        assert 0.5 < server.seconds_to_end(connection) < 8
    assert one.stats()["timed_out"] == 1


def test_drip_feeding_is_cut_at_an_absolute_deadline(serve):
    one = serve(limits=["header_ms=1000"])
    with one.connect() as connection:
        took = drip(connection, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-Slow: yes\r\n" * 100)
        assert 0.8 < took < 8
    assert one.stats()["timed_out"] == 1


def test_drip_feeding_a_later_request(serve):
    one = serve(limits=["header_ms=1000", "idle_ms=60000"])
    with one.connect() as connection:
        connection.sendall(REQUEST)
        assert connection.recv(4096).endswith(b"OK\n")
        connection.sendall(b"GET / HTTP/1.1\r\n")
        took = drip(connection, b"Host: a\r\n" + b"X-Slow: yes\r\n" * 100)
        assert 0.8 < took < 8


def test_idle_is_closed(serve):
    one = serve(limits=["idle_ms=700"])
    with one.connect() as connection:
        connection.sendall(REQUEST)
        assert 0.5 < server.seconds_to_end(connection) < 8
    assert one.stats()["timed_out"] == 0


def test_a_client_that_does_not_read(serve):
    one = serve(limits=["response_ms=1000"])
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((one.host, one.port))
        connection.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        assert server.wait_for(lambda: one.stats()["page_bytes"] > 2 * 1024 * 1024)
        assert server.wait_for(lambda: one.stats()["page_bytes"] == 0, 20)
        assert len(server.read_all(connection)) < 1024 * 1024
    assert one.stats()["timed_out"] == 1


def test_two_hundred_connections(serve, record):
    """All of them half-way through a request, and others are served."""
    one = serve(build="serve", limits=["connections=256", "peer=250"])
    one.get("/metrics")
    before = one.rss_kb()
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(one.connect()) for _ in range(200)]
        for connection in connections:
            connection.sendall(REQUEST[:-2] + b"X: y\r\n")
        assert one.stats()["connections"] == 201
        after = one.rss_kb()
        record(f"200 connections in their headers: {(after - before) / 200:.1f} KB each")
        assert one.get("/metrics").status == 200
        for connection in connections:
            connection.sendall(b"\r\n")
        for connection in connections:
            assert connection.recv(4096).endswith(b"OK\n")
        record(f"200 idle connections: {(one.rss_kb() - before) / 200:.1f} KB each")
        one.check_hold(record, "200 connections")
    assert (after - before) / 200 < 40


def test_limit_of_one_address(serve):
    one = serve(limits=["peer=5", "slow_ms=60000"])
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(one.connect())
        server.wait_for(lambda: one.stats(source="127.0.0.2")["connections"] == 6)
        with one.connect() as refused:
            assert server.read_all(refused) == b""
        assert one.get(source="127.0.0.2").status == 200
        assert one.stats(source="127.0.0.2")["refused"] == 1
    assert server.wait_for(lambda: one.stats(source="127.0.0.2")["connections"] == 1)
    assert one.get().status == 200


def test_limit_in_all_and_idle_ones_make_room(serve):
    one = serve(limits=["connections=6", "slow_ms=60000"])
    with contextlib.ExitStack() as stack:
        idle = stack.enter_context(one.connect())
        idle.sendall(REQUEST)
        assert idle.recv(4096).endswith(b"OK\n")
        for i in range(5):
            stack.enter_context(one.connect(source=f"127.0.0.{i + 2}"))
        # Full, but one of them is idle: it goes, and the newcomer is served.
        assert one.get(source="127.0.0.9").status == 200
        assert server.read_all(idle) == b""
        stack.enter_context(one.connect(source="127.0.0.10"))
        with one.connect(source="127.0.0.11") as refused:
            assert server.read_all(refused) == b""


def test_pages_that_nobody_takes(serve):
    """A dozen clients ask for 2 MB and do not read: memory is bounded, others are served."""
    one = serve(build="serve", limits=["page_kb=8192", "response_ms=3000", "slow_ms=60000"])
    one.get("/big")
    before = one.rss_kb()
    with contextlib.ExitStack() as stack:
        statuses = []
        for _ in range(12):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect((one.host, one.port))
            connection.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
            statuses.append(connection.recv(12)[9:])
        assert statuses == [b"200"] * 2 + [b"503"] * 10
        assert one.rss_kb() - before < 10 * 1024
        # Half of it is for other addresses.
        got = one.get("/big", source="127.0.0.2")
        assert got.status == 200 and len(got.body) > 2 * 1024 * 1024
        refused = one.get("/metrics")
        assert refused.status == 503 and refused["Retry-After"] == "5"
    assert server.wait_for(lambda: one.get("/metrics").status == 200)


def test_no_descriptors_left(serve):
    """It neither spins nor stops for ever."""
    one = serve(
        build="serve",
        limits=["peer=100"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24)),
    )
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(one.connect())
        time.sleep(0.3)
        before = one.cpu_s()
        time.sleep(1.5)
        assert one.cpu_s() - before < 0.2
    assert server.wait_for(lambda: one.get().status == 200)


def test_it_does_nothing_when_nothing_happens(serve):
    """No deadline, slow client or half-sent request makes the loop spin."""
    one = serve(build="serve", limits=["response_ms=20000"])
    with contextlib.ExitStack() as stack:
        stack.enter_context(one.connect()).sendall(b"GET / HT")
        stack.enter_context(one.connect()).sendall(REQUEST)
        for encoding in (b"gzip", b"identity"):
            slow = stack.enter_context(socket.socket())
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect((one.host, one.port))
            slow.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\nAccept-Encoding: %s\r\n\r\n" % encoding)
        time.sleep(1)
        runs, before = one.stats()["runs"], one.cpu_s()
        time.sleep(2)
        assert one.cpu_s() - before <= 0.2
        assert one.stats()["runs"] - runs < 20


def test_big_pages_for_many_at_once(serve, record):
    """What they ask for is made and compressed in steps, in turn."""
    one = serve(build="serve", limits=["page_kb=80000"])
    want = one.get("/big").body
    one.get("/reset")
    failures = []

    def fetch(encoding):
        got = one.get("/big", Accept_Encoding=encoding)
        body = server.gunzip(got.body) if encoding == "gzip" else got.body
        if body != want:
            failures.append(encoding)

    for _ in range(server.OFTEN):
        threads = [
            threading.Thread(target=fetch, args=[("gzip", "identity")[i % 2]]) for i in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures
    one.check_hold(record, "12 pages of 2 MB at once, half of them gzip")
    one.get("/reset")
    for _ in range(server.OFTEN):
        one.get("/big", Accept_Encoding="gzip")
    one.check_hold(record, "one page of 2 MB at a time, gzip")


@pytest.mark.parametrize(
    "what, text",
    [
        ("8 KB of headers", b"GET /x HTTP/1.1\r\nHost: a\r\n" + b"X-Y: %s\r\n" % (b"z" * 100) * 75),
        ("300 pipelined requests", b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n" * 300),
        ("20 KB of garbage", b"\r\n" * 10000),
    ],
    ids=["headers", "pipelined", "garbage"],
)
def test_all_arrives_in_one_moment(serve, record, what, text):
    """The server is stopped while 200 clients send, so that everything is ready at once."""
    one = serve(build="serve", limits=["connections=256", "peer=250"])
    one.get("/reset")
    for _ in range(server.OFTEN):
        with contextlib.ExitStack() as stack:
            connections = [stack.enter_context(one.connect()) for _ in range(200)]
            one.wait_idle()  # it must not be stopped in a run
            one.process.send_signal(signal.SIGSTOP)
            for connection in connections:
                connection.sendall(text)
            time.sleep(0.1)
            one.process.send_signal(signal.SIGCONT)
            one.wait_idle()
        server.wait_for(lambda: one.stats()["connections"] == 1)
    one.check_hold(record, f"200 clients in one moment, {what}")
