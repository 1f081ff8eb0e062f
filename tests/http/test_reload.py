# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""A reload never leads to less protection than what runs, unless the new file says so in full."""

import base64
import contextlib
import os
import ssl
import time

import pytest

import server

ALICE = "Basic " + base64.b64encode(b"alice:secret").decode()
USERS = server.users(alice="secret")
CLIENTS = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
HSTS = "http_server_config:\n  headers:\n    Strict-Transport-Security: max-age=9\n"
PLAIN_REQUEST = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"


def refused(one, how, text, cause):
    """The new file is refused with this cause. It takes the first look after the change."""
    before = len(one.stderr())
    one.write(text)
    if how == "SIGHUP":
        one.reload()
    else:
        end = time.monotonic() + 20
        while len(one.stderr()) == before and time.monotonic() < end:
            with one.connect() as connection:
                connection.sendall(b"\0")
            time.sleep(0.1)
    said = one.stderr()[before:]
    assert f"serve: --web.config.file: {one.config}: {cause}" in said, said
    assert "reloaded" not in said


def accepted(one, text, given_up=None):
    before = len(one.stderr())
    one.write(text)
    one.reload()
    said = lambda: one.stderr()[before:]
    assert server.wait_for(lambda: "reloaded" in said(), 20), said()
    if given_up:
        assert f"web.yml gives up: {given_up}\n" in said()
    else:
        assert "gives up" not in said()


def is_closed_to_strangers(one):
    """No page without a password, and none over plain HTTP."""
    with one.connect() as connection:
        connection.sendall(PLAIN_REQUEST)
        assert b" 200 " not in server.read_all(connection)
    assert one.get("/metrics").status == 401
    assert one.get("/metrics", Authorization=ALICE).status == 200


HOW = pytest.mark.parametrize("how", ["SIGHUP", "by itself"])


@HOW
@pytest.mark.parametrize(
    "text, cause",
    [
        ("", "is empty"),
        ("# nothing\n", "is empty"),
        ("---\n", "is empty"),
        (server.tls(), "basic_auth_users is missing"),
        (server.tls() + "basic_auth_users:\n", "basic_auth_users is missing"),
        (USERS, "tls_server_config is missing"),
        (USERS + "tls_server_config:\n", "tls_server_config is missing"),
        ("http_server_config:\n  http2: false\n", "tls_server_config is missing"),
    ],
    ids=["empty", "comment", "document", "no-users", "cut-users", "no-tls", "cut-tls", "neither"],
)
def test_tls_and_users(serve, how, text, cause):
    one = serve(config=server.tls() + USERS)
    refused(one, how, text, cause)
    is_closed_to_strangers(one)
    accepted(one, server.tls() + USERS)
    is_closed_to_strangers(one)


@HOW
def test_truncated_in_place(serve, how):
    """What `: > web.yml` does, and an editor that does not write by rename."""
    one = serve(config=server.tls() + USERS)
    with open(one.config, "w"):
        pass
    if how == "SIGHUP":
        assert "is empty" in one.reload()
    else:
        assert server.wait_for(
            lambda: one.get("/metrics", Authorization=ALICE) and "is empty" in one.stderr()
        )
    is_closed_to_strangers(one)


@pytest.mark.parametrize("how", ["removed", "directory", "loop"])
def test_a_file_that_cannot_be_read(serve, how):
    one = serve(config=server.tls() + USERS)
    os.unlink(one.config)
    if how == "directory":
        os.mkdir(one.config)
    elif how == "loop":
        os.symlink("web.yml", one.config)
    assert "--web.config.file: " in one.reload()
    is_closed_to_strangers(one)


def test_every_length_of_the_file(serve):
    """Wherever a writer stops, the server stays closed."""
    text = server.tls() + USERS
    one = serve(build="serve", config=text)
    cuts = {0, 1, len(text) // 3, len(text) - 1, len(text) - 2}
    cuts |= {i + d for i in range(len(text)) if text[i] in "\n:" for d in (0, 1)}
    for cut in sorted(cuts):
        one.write(text[:cut])
        one.reload()
        with one.connect() as connection:
            connection.sendall(PLAIN_REQUEST)
            assert b" 200 " not in server.read_all(connection), text[:cut]
        assert one.get("/metrics").status == 401, text[:cut]


@HOW
def test_client_certificates(serve, how):
    one = serve(config=server.tls() + CLIENTS)

    def is_open():
        with contextlib.suppress(OSError, ssl.SSLError):
            return one.get("/metrics").status == 200
        return False

    assert not is_open()
    refused(one, how, server.tls(), "client_auth_type is missing")
    assert not is_open()
    weaker = CLIENTS.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven")
    accepted(one, server.tls() + weaker, "client_auth_type")
    assert is_open()
    refused(one, how, server.tls(), "client_auth_type is missing")
    accepted(one, server.tls("client_auth_type: NoClientCert"), "client_auth_type")


@HOW
def test_versions_curves_and_headers(serve, how):
    strict = server.tls("min_version: TLS13", "curve_preferences: [CurveP384]") + HSTS
    one = serve(config=strict)
    curves = "curve_preferences: [CurveP384]"
    refused(one, how, server.tls(curves) + HSTS, "min_version is missing")
    refused(one, how, server.tls("min_version: TLS13") + HSTS, "curve_preferences is missing")
    refused(
        one, how, server.tls("min_version: TLS13", "curve_preferences:") + HSTS,
        "curve_preferences is missing",
    )  # fmt: skip
    refused(
        one, how, server.tls("min_version: TLS13", curves), "Strict-Transport-Security is missing"
    )
    accepted(
        one,
        server.tls("min_version: TLS12", "curve_preferences: []")
        + HSTS.replace("max-age=9", "''"),
        "min_version, curve_preferences, Strict-Transport-Security",
    )


def test_given_up_in_full(serve):
    one = serve(config=server.tls() + USERS)
    accepted(one, server.tls() + "basic_auth_users: {}\n", "basic_auth_users")
    assert one.get("/metrics").status == 200
    accepted(one, server.tls() + USERS)
    assert one.get("/metrics").status == 401
    accepted(one, "tls_server_config: {}\n" + USERS, "tls_server_config")
    one.tls = False
    assert one.get("/metrics").status == 401
    accepted(one, "basic_auth_users: {}\n", "basic_auth_users")
    assert one.get("/metrics").status == 200
    # What is not there cannot be lost.
    accepted(one, "http_server_config:\n  http2: false\n")


def test_fewer_users_and_other_certificates(serve):
    """These are changes, not losses."""
    one = serve(config=server.tls() + server.users(alice="secret", bob="b"))
    accepted(one, server.tls("max_version: TLS12") + USERS)
    is_closed_to_strangers(one)
