# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Requests: pages, methods, encodings, what clients get wrong."""

import subprocess

import pytest

import server


@pytest.fixture
def one(serve):
    return serve(limits=["header_ms=1500"])


def raw(one, data, half_close=False):
    """What comes for these bytes."""
    with one.connect() as connection:
        try:
            connection.sendall(data)
            if half_close:
                connection.shutdown(1)
        except OSError:  # refused before all of it was sent
            pass
        return server.read_all(connection)


def curl(*arguments):
    done = subprocess.run(["curl", "-sS", *arguments], capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/-/ready", "/empty"])
def test_page_and_head(one, path):
    got = one.get(path)
    head = one.get(path, "HEAD")
    assert got.status == head.status == 200
    assert int(got["Content-Length"]) == int(head["Content-Length"]) == len(got.body)
    assert head.body == b""
    assert got["Content-Type"] == head["Content-Type"]


def test_curl_reads_all_pages(one):
    assert b"<title>serve</title>" in curl(one.url + "/")
    assert curl(one.url + "/-/healthy") == b"OK\n"
    assert len(curl(one.url + "/big")) > 2 * 1024 * 1024
    assert curl("--compressed", one.url + "/big") == curl(one.url + "/big")
    assert b"200 OK" in curl("-I", one.url + "/metrics")
    assert curl("-0", one.url + "/-/ready") == b"OK\n"


def test_headers(one):
    got = one.get("/metrics")
    assert got["X-Content-Type-Options"] == "nosniff"
    assert got["X-Frame-Options"] == "deny"
    assert "default-src 'none'" in got["Content-Security-Policy"]
    assert got["Vary"] == "Accept, Accept-Encoding"
    assert got["Server"] is None
    assert got["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_gzip(one):
    plain = one.get("/big")
    packed = one.get("/big", Accept_Encoding="gzip")
    assert plain["Content-Encoding"] is None and packed["Content-Encoding"] == "gzip"
    assert server.gunzip(packed.body) == plain.body
    assert len(packed.body) * 5 < len(plain.body)
    head = one.get("/big", "HEAD", Accept_Encoding="gzip")
    assert head["Content-Encoding"] == "gzip" and head["Content-Length"] is None
    # Small ones are not worth it.
    assert one.get("/-/healthy", Accept_Encoding="gzip")["Content-Encoding"] is None
    assert one.get("/big", Accept_Encoding="gzip;q=0")["Content-Encoding"] is None


def test_gzip_for_http_1_0(one):
    text = raw(one, b"GET /big HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n")
    head, body = text.split(b"\r\n\r\n", 1)
    assert b"chunked" not in head
    assert server.gunzip(body) == one.get("/big").body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "FOO"])
def test_other_methods(one, method):
    got = one.get("/metrics", method)
    assert got.status == 405
    assert got["Allow"] == "GET, HEAD"
    got = one.get("/metrics", method, b"body")
    assert got.status == 405
    assert got["Connection"].lower() == "close"


def test_a_body_is_not_read(one):
    got = one.get("/metrics", body=b"x" * 10)
    assert got.status == 413
    assert got["Connection"].lower() == "close"
    chunked = b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    text = raw(one, chunked)
    assert text.startswith(b"HTTP/1.1 411 ")
    # It is no second request either.
    smuggled = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n"
    head = b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: "
    text = raw(one, head + b"%d\r\n\r\n" % len(smuggled) + smuggled)
    assert text.count(b"HTTP/1.1 ") == 1
    both = head + b"0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert raw(one, both + smuggled).count(b" 200 ") == 0


def test_no_page(one):
    assert one.get("/none").status == 404
    assert one.get("/fault").status == 500


def test_query_and_absolute_form(one):
    assert one.get("/-/healthy?a=b&c").body == b"OK\n"
    assert one.get("/-/healthy?").body == b"OK\n"
    rest = b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert raw(one, b"GET http://a.example/-/healthy" + rest).endswith(b"OK\n")
    text = raw(one, b"GET http://a.example" + rest)
    assert b"<title>serve</title>" in text


@pytest.mark.parametrize("path", ["/metrics%00", "/%2d/healthy", "//metrics", "/metrics/", "*"])
def test_paths_are_taken_as_they_come(one, path):
    text = raw(one, b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % path.encode())
    assert text.startswith(b"HTTP/1.1 404 ")


def test_accept_is_passed_on(one):
    accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
    assert one.get("/accept", Accept=accept).body.decode() == accept
    assert raw(one, b"GET /accept HTTP/1.0\r\n\r\n").endswith(b"\r\n\r\n-")


def test_keep_alive_and_pipelining(one):
    with one.connect() as connection:
        request = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n"
        for _ in range(3):
            connection.sendall(request)
            assert connection.recv(65536).endswith(b"OK\n")
        connection.sendall(request * 20 + b"GET /-/ready HTTP/1.0\r\n\r\n")
        assert server.read_all(connection).count(b"OK\n") == 21
    assert one.stats()["accepted"] == 2


def test_half_closed(one):
    text = raw(one, b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n", half_close=True)
    assert text.startswith(b"HTTP/1.1 200 ") and len(text) > 2 * 1024 * 1024
    assert raw(one, b"GET / HTT", half_close=True) == b""
    assert raw(one, b"", half_close=True) == b""


def test_too_long(one):
    assert one.get("/" + "x" * 600).status == 414
    assert one.get("/" + "x" * 20000).status in (414, 431)
    assert one.get("/", X="x" * 20000).status == 431
    many = {f"X{i}": "y" for i in range(3000)}
    assert one.get("/", **many).status == 431
    # Up to there, it works.
    assert one.get("/", X="x" * 7000).status == 200


GARBAGE = [
    b"\r\n\r\n\r\n",
    b"\0" * 100,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 600,
    b"GET\r\n\r\n",
    b"GET /\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n : b\r\n\r\n",
    b"GET  /  HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    bytes(range(256)) * 40,
    b"GET /" + bytes(range(128, 256)) + b" HTTP/1.1\r\nHost: a\r\n\r\n",
]


@pytest.mark.parametrize("number", range(len(GARBAGE)))
def test_garbage(one, number):
    text = raw(one, GARBAGE[number], half_close=True)
    assert text == b"" or text.startswith(b"HTTP/1.")
    assert b" 500 " not in text[:20]
    assert one.get().body == b"OK\n"


def test_clients_that_leave(one):
    for path in (b"/big", b"/metrics"):
        for encoding in (b"gzip", b"identity"):
            with one.connect() as connection:
                connection.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER: leaves with a reset
                connection.sendall(
                    b"GET %s HTTP/1.1\r\nHost: a\r\nAccept-Encoding: %s\r\n\r\n" % (path, encoding)
                )
                connection.recv(10)
    stats = server.wait_for(lambda: (s := one.stats())["connections"] == 1 and s)
    assert stats and stats["page_bytes"] == 0
