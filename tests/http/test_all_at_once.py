# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Slow clients, 200 connections, a fuzzer, guesses and scrapes, all at once."""

import base64
import contextlib
import random
import socket
import threading
import time

import server

SECONDS = 5
WORDS = [b"GET ", b"HEAD ", b"POST ", b"/", b"/big", b"/metrics", b" HTTP/1.1", b" HTTP/1.0",
         b"\r\n", b"\r\n\r\n", b"Host: a", b"Content-Length: ", b"1", b": ", b"\0", b"\xff" * 9,
         b"Transfer-Encoding: chunked", b"Authorization: Basic ", b"YTpi", b"Accept-Encoding: gzip",
         b"Expect: 100-continue", b"x" * 5000]  # fmt: skip


def fuzz(one, until, counts):
    chance = random.Random(1)
    while time.monotonic() < until:
        with contextlib.suppress(OSError), one.connect(source="127.0.2.1") as connection:
            connection.settimeout(0.02)
            for _ in range(chance.randrange(1, 5)):
                connection.sendall(b"".join(chance.choices(WORDS, k=chance.randrange(1, 30))))
                with contextlib.suppress(TimeoutError):
                    connection.recv(chance.randrange(1, 65536))
        counts["fuzzed"] += 1


def guess(one, until, counts):
    number = 0
    while time.monotonic() < until:
        number += 1
        text = base64.b64encode(b"user%d:guess" % number).decode()
        with contextlib.suppress(OSError):
            one.get(source=f"127.0.3.{number % 8 + 1}", Authorization="Basic " + text)
            counts["guessed"] += 1


def slow_reader(one, stack, authorization):
    connection = stack.enter_context(socket.socket())
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.bind(("127.0.4.1", 0))
    connection.connect((one.host, one.port))
    connection.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\n\r\n" % authorization)


def drip(connections, until, counts):
    while time.monotonic() < until:
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.send(b"X-A: b\r\n")
                counts["dripped"] += 1
        time.sleep(0.1)


def check(one, record, name, longest=server.LONGEST_S):
    good = "Basic " + base64.b64encode(b"alice:secret").decode()
    assert one.get(source="127.0.5.1", Authorization=good).status == 200
    one.get("/reset", source="127.0.5.1", Authorization=good)
    counts = {"fuzzed": 0, "guessed": 0, "dripped": 0}
    until = time.monotonic() + SECONDS
    with contextlib.ExitStack() as stack:
        held = []
        for i in range(200):
            connection = stack.enter_context(one.connect(source=f"127.0.6.{i // 50 + 1}"))
            if not one.tls:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
            held.append(connection)
        if not one.tls:
            slow_reader(one, stack, good.encode())
        work = [(fuzz, one), (fuzz, one), (guess, one), (guess, one), (drip, held[:20])]
        threads = [threading.Thread(target=do, args=[what, until, counts]) for do, what in work]
        for thread in threads:
            thread.start()
        scrapes = []
        while time.monotonic() < until:
            start = time.monotonic()
            got = one.get("/big", source="127.0.5.1", Authorization=good, Accept_Encoding="gzip")
            assert got.status == 200 and len(server.gunzip(got.body)) > 2 * 1024 * 1024
            scrapes.append(time.monotonic() - start)
        for thread in threads:
            thread.join()
    record(
        f"{name}: {counts['fuzzed']} fuzzed, {counts['guessed']} guesses, "
        f"{counts['dripped']} drips, {len(scrapes)} scrapes of 2 MB, slowest {max(scrapes) * 1e3:.0f} ms"
    )
    one.check_hold(record, name, longest, source="127.0.5.1", Authorization=good)


def test_plain(serve, record):
    one = serve(build="serve", config=server.users(cost=10, alice="secret"))
    check(one, record, "all at once")


def test_tls(serve, record):
    one = serve(build="serve", config=server.tls() + server.users(cost=10, alice="secret"))
    check(one, record, "all at once, TLS")


def test_with_sanitizers(serve):
    one = serve(config=server.users(cost=8, alice="secret"))
    check(one, lambda text: None, "sanitizers", longest=10 * server.LONGEST_S)
