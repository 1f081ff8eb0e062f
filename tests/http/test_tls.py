# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""TLS: versions, certificates of both sides, changes while it runs, handshakes that drag on."""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

import server


def client(one, low=None, high=None, cert=None, alpn=None, ciphers=None, ca="ca"):
    context = ssl.create_default_context(cafile=os.path.join(one.folder, ca + ".pem"))
    if low:
        context.minimum_version = low
    if high:
        context.maximum_version = high
    if cert:
        context.load_cert_chain(
            os.path.join(one.folder, cert + ".pem"), os.path.join(one.folder, cert + ".key")
        )
    if alpn:
        context.set_alpn_protocols(alpn)
    if ciphers:
        context.set_ciphers(ciphers)
    return context


@contextlib.contextmanager
def session(one, **options):
    with one.connect() as plain:
        with client(one, **options).wrap_socket(plain, server_hostname="127.0.0.1") as secure:
            yield secure


def ask(one, **options):
    """The first line of an answer. With TLS 1.3 a client learns late that it is not let in."""
    with session(one, **options) as secure:
        secure.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
        return secure.recv(4096).split(b"\r\n")[0]


def shut_out(one, version, cert):
    try:
        return ask(one, high=version, cert=cert) == b""
    except (ssl.SSLError, ConnectionError):
        return True


V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
OK = b"HTTP/1.1 200 OK"


def serial(one):
    with session(one) as secure:
        return secure.getpeercert()["serialNumber"]


def test_pages_over_tls(serve):
    one = serve(config=server.tls())
    assert one.tls
    assert one.get("/-/healthy").body == b"OK\n"
    big = one.get("/big")
    assert server.gunzip(one.get("/big", Accept_Encoding="gzip").body) == big.body
    assert len(big.body) > 2 * 1024 * 1024
    ca = ["--cacert", os.path.join(one.folder, "ca.pem")]
    for more in (["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3"], ["--http2"], ["-0"], ["-I"]):
        done = subprocess.run(["curl", "-sS", *ca, *more, one.url], capture_output=True, timeout=20)
        assert done.returncode == 0 and done.stdout, done.stderr


def test_versions(serve):
    one = serve(config=server.tls())
    assert ask(one, high=V12) == ask(one, low=V13) == OK
    one = serve(config=server.tls("min_version: TLS13"))
    assert ask(one) == OK
    with pytest.raises(ssl.SSLError):
        ask(one, high=V12)
    one = serve(config=server.tls("max_version: TLS12"))
    assert ask(one) == OK
    with pytest.raises(ssl.SSLError):
        ask(one, low=V13)


def s_client(one, *arguments):
    done = server.openssl(
        "s_client", "-connect", f"127.0.0.1:{one.port}", *arguments,
        text="GET /-/healthy HTTP/1.0\r\n\r\n",
    )  # fmt: skip
    return done.stdout + done.stderr


def test_old_versions_when_asked_for(serve):
    one = serve(config=server.tls("min_version: TLS10"))
    for version in ("-tls1", "-tls1_1"):
        assert "Cipher is (NONE)" not in s_client(one, version, "-cipher", "ALL:@SECLEVEL=0")
    one = serve(config=server.tls())
    for version in ("-tls1", "-tls1_1"):
        assert "Cipher is (NONE)" in s_client(one, version, "-cipher", "ALL:@SECLEVEL=0")


def test_alpn_and_ciphers(serve):
    one = serve(config=server.tls())
    with session(one, alpn=["h2", "http/1.1"]) as secure:
        assert secure.selected_alpn_protocol() == "http/1.1"
    with session(one, alpn=["h2"]) as secure:
        assert secure.selected_alpn_protocol() is None
    # No forward secrecy.
    with pytest.raises(ssl.SSLError):
        ask(one, high=V12, ciphers="AES128-GCM-SHA256")
    assert ask(one, high=V12, ciphers="ECDHE-RSA-AES128-GCM-SHA256") == OK


def test_curves(serve):
    one = serve(config=server.tls("curve_preferences: [CurveP384]"))
    assert "Server Temp Key: ECDH, secp384r1" in s_client(one)
    assert "Cipher is (NONE)" in s_client(one, "-groups", "X25519")


def test_plain_http_on_the_tls_port(serve):
    one = serve(config=server.tls())
    with one.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        text = server.read_all(connection)
    assert text.startswith(b"HTTP/1.0 400 ") and b"use https://" in text


def test_client_certificates(serve):
    one = serve(
        config=server.tls(
            "client_auth_type: RequireAndVerifyClientCert", "client_ca_file: ca.pem"
        )
    )
    for version in (V12, V13):
        assert ask(one, high=version, cert="client") == OK
        # None; of a CA that is not trusted; one for servers.
        for cert in (None, "stranger", "other"):
            assert shut_out(one, version, cert)
    one = serve(
        config=server.tls("client_auth_type: VerifyClientCertIfGiven", "client_ca_file: ca.pem")
    )
    for version in (V12, V13):
        assert ask(one, high=version, cert="client") == ask(one, high=version) == OK
        for cert in ("stranger", "other"):
            assert shut_out(one, version, cert)


@pytest.mark.parametrize(
    "config, said",
    [
        ("cert_file: none.pem\n  key_file: server.key", "cert_file: {}/none.pem: No such file"),
        ("cert_file: server.pem\n  key_file: none", "key_file: {}/none: No such file"),
        (
            "cert_file: server.pem\n  key_file: other.key",
            "key_file: {0}/other.key does not match cert_file {0}/server.pem",
        ),
        (
            "cert_file: server.key\n  key_file: server.key",
            "cert_file: {}/server.key has no PEM certificate",
        ),
        (
            "cert_file: server.pem\n  key_file: server.pem",
            "key_file: {}/server.pem has no PEM key without a password",
        ),
        ("cert_file: .\n  key_file: server.key", "cert_file: {}/.: Is a directory"),
        (
            "cert_file: /dev/zero\n  key_file: server.key",
            "cert_file: /dev/zero: is not a regular file",
        ),
        (
            "cert_file: server.pem\n  key_file: server.key\n  client_ca_file: server.key\n"
            "  client_auth_type: RequireAndVerifyClientCert",
            "client_ca_file: {}/server.key has no PEM certificate",
        ),
    ],
)  # fmt: skip
def test_wrong_files_at_the_start(serve, tmp_path, config, said):
    with pytest.raises(RuntimeError) as fault:
        serve(config="tls_server_config:\n  " + config + "\n")
    assert "serve: --web.config.file: " + said.format(tmp_path / "0") in str(fault.value)


@pytest.mark.parametrize("how", ["SIGHUP", "by itself"])
def test_a_new_certificate(serve, how):
    one = serve(config=server.tls())
    old = serial(one)
    with session(one) as there:
        there.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        first = there.recv(1000)
        # The certificate changes first: for a moment the two do not fit.
        shutil.copy(os.path.join(one.folder, "other.pem"), os.path.join(one.folder, "server.pem"))
        if how == "SIGHUP":
            assert "key_file: " in one.reload()
            assert serial(one) == old
        else:
            assert server.wait_for(lambda: serial(one) and "does not match" in one.stderr())
        shutil.copy(os.path.join(one.folder, "other.key"), os.path.join(one.folder, "server.key"))
        if how == "SIGHUP":
            assert "reloaded" in one.reload()
        assert server.wait_for(lambda: serial(one) != old)
        # Who is there may finish, but not begin again.
        size = len(first)
        while piece := there.recv(65536):
            size += len(piece)
            if size > 2 * 1024 * 1024:
                break
        assert size > 2 * 1024 * 1024
    assert one.get().status == 200


def test_tls_goes_on_and_off(serve):
    one = serve(config="")
    with one.connect() as idle:
        idle.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.recv(4096).endswith(b"OK\n")
        one.write(server.tls())
        one.reload()
        # Nobody stays on a connection that is not protected any more.
        assert server.read_all(idle) == b""
    one.tls = True
    assert one.get().status == 200
    for i in range(12):
        one.write(server.tls("min_version: TLS1" + "23"[i % 2]))
        one.reload()
        assert one.get().status == 200
    one.write("tls_server_config: {}\n")
    one.reload()
    one.tls = False
    assert one.get().status == 200
    assert one.stats()["reloads"] == 14


def hello(one):
    """A ClientHello, as bytes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = client(one).wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with contextlib.suppress(ssl.SSLWantReadError):
        secure.do_handshake()
    return outgoing.read()


def test_handshakes_that_drag_on(serve):
    one = serve(config=server.tls(), limits=["header_ms=1000"])
    text = hello(one)
    for sent in (b"", text[:3], text[:100], text):
        with one.connect() as connection:
            connection.sendall(sent)
            assert 0.8 < server.seconds_to_end(connection) < 8
    with one.connect() as connection:
        start = time.monotonic()
        with contextlib.suppress(OSError):
            for byte in text:
                connection.send(bytes([byte]))
                time.sleep(0.02)
        assert 0.8 < time.monotonic() - start < 8
    # Byte by byte is allowed, if it is in time.
    with one.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(0, len(text), 100):
            connection.sendall(text[i : i + 100])
            time.sleep(0.01)
        assert connection.recv(5)[:1] == b"\x16"
    assert one.get().status == 200


def test_it_does_not_spin_on_half_a_hello(serve):
    one = serve(build="serve", config=server.tls())
    text = hello(one)
    with contextlib.ExitStack() as stack:
        for sent in (b"", text[:4], text[:200], text):
            stack.enter_context(one.connect()).sendall(sent)
        stack.enter_context(session(one))
        stack.enter_context(session(one, high=V12))
        idle = stack.enter_context(session(one))
        idle.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
        idle.recv(4096)
        time.sleep(0.5)
        before = one.cpu_s()
        time.sleep(1.5)
        assert one.cpu_s() - before <= 0.15


@pytest.mark.parametrize(
    "text",
    [
        b"\x16\x03\x01\x00\x04\x01\x00\x01\x00",  # a ClientHello in pieces
        b"\x16\x03\x01\xff\xff\x01\x00\x01\x00",
        b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00",
        b"\x15\x03\x01\x00\x02\x02\x00\x00\x00",
        b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00",
        b"\0" * 20,
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
    ],
)
def test_what_is_no_hello(serve, text):
    one = serve(config=server.tls())
    with one.connect() as connection:
        connection.sendall(text)
        assert server.seconds_to_end(connection) < 8
    assert one.get().status == 200


def test_two_hundred_handshakes_at_once(serve, record):
    """All ClientHellos arrive together; each costs a signature."""
    one = serve(build="serve", config=server.tls(), limits=["connections=256", "peer=250"])
    text = hello(one)
    one.get("/reset")
    before = one.rss_kb()
    for _ in range(server.OFTEN):
        with contextlib.ExitStack() as stack:
            connections = [stack.enter_context(one.connect()) for _ in range(200)]
            for connection in connections:
                connection.sendall(text[:-1])
            for connection in connections:
                connection.sendall(text[-1:])
            for connection in connections:
                assert connection.recv(5)[:1] == b"\x16"
            size_kb = one.rss_kb() - before
        server.wait_for(lambda: one.stats()["connections"] == 1)
    record(f"200 TLS connections: {size_kb / 200:.1f} KB each")
    one.check_hold(record, "200 handshakes at once, RSA 2048")


def test_requests_at_once_over_tls(serve, record):
    one = serve(build="serve", config=server.tls(), limits=["page_kb=80000"])
    want = one.get("/big").body
    one.get("/reset")
    bad = []

    def fetch(number):
        got = one.get("/big", Accept_Encoding="gzip" if number % 2 else "identity")
        if (server.gunzip(got.body) if number % 2 else got.body) != want:
            bad.append(number)

    for _ in range(server.OFTEN):
        threads = [threading.Thread(target=fetch, args=[i]) for i in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not bad
    one.check_hold(record, "12 pages of 2 MB over TLS at once")
