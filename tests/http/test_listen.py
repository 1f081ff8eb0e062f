# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Where it listens: addresses, systemd, what is refused."""

import os
import socket
import subprocess

import pytest

import server


def refused(*arguments, **options):
    done = subprocess.run(
        [server.BUILDS["serve-asan"], *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        **options,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def answers(host, port):
    with socket.create_connection((host, port), 10) as connection:
        connection.sendall(b"GET /-/healthy HTTP/1.0\r\n\r\n")
        return server.read_all(connection).endswith(b"OK\n")


def ports(one):
    return [int(url.rsplit(":", 1)[1]) for url in one.urls]


def test_every_address(serve):
    one = serve(":0")
    assert one.urls == [f"http://[::]:{one.port}"]
    assert answers("127.0.0.1", one.port) and answers("::1", one.port)


def test_several(serve):
    one = serve("127.0.0.1:0", "[::1]:0", "127.0.0.2:0")
    assert [url.rsplit(":", 1)[0] for url in one.urls] == [
        "http://127.0.0.1", "http://[::1]", "http://127.0.0.2",
    ]  # fmt: skip
    for host, port in zip(("127.0.0.1", "::1", "127.0.0.2"), ports(one)):
        assert answers(host, port)
    with pytest.raises(ConnectionRefusedError):
        answers("127.0.0.3", ports(one)[2])


def test_a_name(serve):
    one = serve("localhost:0")
    assert one.urls
    for url in one.urls:
        assert answers("::1" if "[" in url else "127.0.0.1", int(url.rsplit(":", 1)[1]))


@pytest.mark.parametrize(
    "address, why",
    [
        ("", "is empty"),
        ("10433", "has no port"),
        ("localhost", "has no port"),
        (":", "needs a port from 0 to 65535"),
        (":http", "needs a port from 0 to 65535"),
        (":65536", "needs a port from 0 to 65535"),
        ("::1:10433", "has an IPv6 address without brackets"),
        ("[::1]10433", "has no port"),
        ("[]:1", "has no IPv6 address in its brackets"),
        ("a b:1", "has no valid host name"),
    ],
)
def test_wrong_usage(address, why):
    status, text = refused("127.0.0.1:0", address)
    assert status == 2
    assert text == (
        f"serve: --web.listen-address: '{address}' {why}; write [HOST]:PORT, as in :10433, "
        "127.0.0.1:10433 or [::1]:10433\n"
    )


def test_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        status, text = refused(address)
    assert status == 1
    assert text == (
        f"serve: --web.listen-address: cannot listen at {address}: Address already in use; "
        "'ss -ltnp' shows which program uses it\n"
    )


def test_not_an_address_of_this_host():
    status, text = refused("192.0.2.1:0")
    assert status == 1 and "cannot listen at 192.0.2.1:0: Cannot assign requested address" in text


def test_a_name_that_is_none():
    status, text = refused("no-such-host.invalid:1")
    assert status == 1
    assert text.startswith("serve: --web.listen-address: 'no-such-host.invalid:1' has no address: ")


def pass_sockets(count):
    """Does what systemd does: descriptors from 3 on, and the pid in LISTEN_PID."""
    return ["sh", "-c", f'LISTEN_FDS={count} LISTEN_PID=$$ exec "$@"', "sh"]


def with_descriptors(sockets):
    numbers = [one.fileno() for one in sockets]

    def place():
        copies = [os.dup2(number, 100 + i) for i, number in enumerate(numbers)]
        for i, copy in enumerate(copies):
            os.dup2(copy, 3 + i)
            os.set_inheritable(3 + i, True)
            os.close(copy)

    return {"preexec_fn": place, "pass_fds": [3 + i for i in range(len(sockets))]}


def test_sockets_of_systemd(serve):
    with socket.create_server(("127.0.0.1", 0)) as v4, socket.create_server(
        ("::1", 0), family=socket.AF_INET6
    ) as v6:
        one = serve(None, options=["-s"], before=pass_sockets(2), **with_descriptors([v4, v6]))
        assert ports(one) == [v4.getsockname()[1], v6.getsockname()[1]]
        assert answers("127.0.0.1", ports(one)[0]) and answers("::1", ports(one)[1])


def test_systemd_socket_activate(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen(
        ["systemd-socket-activate", "-l", f"127.0.0.1:{port}", server.BUILDS["serve-asan"], "-s"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        process.stderr.readline()  # "Listening on ..."
        try:
            assert answers("127.0.0.1", port)
        finally:
            process.terminate()
    assert process.returncode == 0


def test_systemd_passed_nothing():
    status, text = refused("-s")
    assert status == 1
    assert text == (
        "serve: --web.systemd-socket: systemd passed no socket; start tcpwatch by its .socket unit, "
        "or use --web.listen-address\n"
    )


def test_systemd_passed_what_is_no_listener():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        done = subprocess.run(
            pass_sockets(1) + [server.BUILDS["serve-asan"], "-s"],
            capture_output=True,
            text=True,
            **with_descriptors([datagram]),
        )
    assert done.returncode == 1
    assert "descriptor 3 is not a listening TCP socket; use ListenStream=PORT" in done.stderr
