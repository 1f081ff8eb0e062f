# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Requests whose end two readers may see at different places (request smuggling)."""

import re

import pytest

import server

# If a part of it is taken for the body of the request before, a proxy and the server disagree.
NEXT = b"GET /second HTTP/1.1\r\nHost: a\r\n\r\n"


def ask(one, headers, body=NEXT, version=b"1.1"):
    """The statuses of all answers, and whether the server closed the connection."""
    with one.connect() as connection:
        connection.sendall(
            b"GET /-/healthy HTTP/" + version + b"\r\nHost: a\r\n" + headers + b"\r\n" + body
        )
        try:
            text = server.read_all(connection, 3)
        except TimeoutError:
            return None
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", text)]


LENGTH = b"Content-Length: 0\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        LENGTH * 2,
        LENGTH + b"Content-Length: 34\r\n",
        b"Content-Length: 34\r\n" + LENGTH,
        LENGTH + b"content-length: 0\r\n",
        b"Content-Length: 0, 0\r\n",
        b"Content-Length: 0, 34\r\n",
        b"Content-Length: +0\r\n",
        b"Content-Length: 0x0\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 0 0\r\n",
        b"Content-Length:\r\n",
        b"Content-Length : 34\r\n",
        b"Content-Length\t: 34\r\n",
        b"Content-Length:\r\n 34\r\n",
        b"Content-Length: 0\r\n\t34\r\n",
        b"Transfer-Encoding:\r\n chunked\r\n",
        b"X: y\r\n Content-Length: 34\r\n",
        b"X: y\rContent-Length: 34\r\n",
        LENGTH + b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\n" + LENGTH,
        b"Transfer-Encoding: chunked\r\n" * 2,
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: \x0bchunked\r\n",
        b"Transfer-Encoding:\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Host: b\r\n",
    ],
    ids=lambda headers: headers.decode("latin-1").strip().replace("\r\n", "|"),
)
def test_two_readings(serve, headers):
    one = serve()
    statuses = ask(one, headers)
    # libmicrohttpd 0.9.75 sends the head of its own answer twice.
    assert statuses and set(statuses) == {400}
    assert one.get().status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"0\r\n\r\n",
        b"22\r\n" + NEXT + b"\r\n0\r\n\r\n",
        b"zz\r\n\r\n" + NEXT,
        b"-1\r\n\r\n" + NEXT,
        b"fffffffffffffffff\r\n" + NEXT,
        b"0\n\n" + NEXT,
        b"\r\n" + NEXT,
    ],
)
def test_chunks_are_never_read(serve, body):
    """No page takes a body: it is refused before its first byte, right or wrong."""
    one = serve()
    assert ask(one, b"Transfer-Encoding: chunked\r\n", body) == [411]
    assert ask(one, b"Transfer-Encoding: chunked\r\n", body, version=b"1.0") == [400]
    assert one.get().status == 200


def test_a_length_is_never_read(serve):
    one = serve()
    for length in (b"00", b"1", b"34", b"99999999999999999999999"):
        assert set(ask(one, b"Content-Length: " + length + b"\r\n")) == {413}


def test_what_is_clear_is_answered(serve):
    one = serve()
    for headers in (b"", LENGTH, b"X-Y: a b\tc\r\n", b"Accept: */*\r\nAccept: text/plain\r\n"):
        assert ask(one, headers + b"Connection: close\r\n", b"") == [200]
