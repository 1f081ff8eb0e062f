# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Names of programs that only their own mount namespace, their root or their user knows."""

import http.server
import os
import re
import shutil
import subprocess
import threading

import pytest

# One build for all.
pytestmark = pytest.mark.xdist_group("symbols")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCES = os.path.join(ROOT, "tests/unit/symbols")
TOOL = os.path.join(ROOT, ".output/symbols/symbolize")


@pytest.fixture(name="victim", scope="module")
def built_victim(tmp_path_factory):
    subprocess.run(["make", "-s", "-C", ROOT, "symbols-build"], check=True)
    program = str(tmp_path_factory.mktemp("victim") / "victim")
    subprocess.run(["gcc", "-O2", "-g", "-static", "-fno-omit-frame-pointer", "-w",
                    f"{SOURCES}/victim.c", "-o", program], check=True)
    return program


def names_of(command, then=lambda: None):
    """What is said of the stack of a program that `command` becomes, after `then` was done."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            callers = process.stdout.readline().decode().split()
            then()
            return subprocess.run([TOOL, str(process.pid), *callers], check=True,
                                  capture_output=True, text=True).stdout
        finally:
            process.stdin.close()


def check(names, module):
    lines = names.splitlines()
    assert "inlined_deep" in lines[0] and "victim.c:7 " in lines[0], names
    assert "handle_conn" in lines[2] and "victim.c:20 " in lines[2], names
    assert "main" in lines[3] and "victim.c:28 " in lines[3], names
    assert f"({module})" in lines[3], names


def test_mount_namespace(victim, tmp_path):
    """Where it is, we have another program by that name."""
    hidden = tmp_path / "here"
    hidden.mkdir()
    shutil.copy("/bin/true", hidden / "victim")
    check(names_of(["unshare", "-m", "sh", "-c",
                    f"mount -t tmpfs none {hidden} && cp {victim} {hidden} && exec {hidden}/victim"]),
          hidden / "victim")


def test_root(victim, tmp_path):
    shutil.copy(victim, tmp_path / "inside")
    check(names_of(["unshare", f"--root={tmp_path}", "/inside"]), tmp_path / "inside")


def test_only_its_user_may_read_it(victim, tmp_path):
    program = tmp_path / "own"
    shutil.copy(victim, program)
    os.chmod(program, 0o700)
    os.chown(program, 65534, 65534)
    for folder in [tmp_path, *tmp_path.parents][:-2]:
        os.chmod(folder, os.stat(folder).st_mode | 0o011)
    check(names_of(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(program)]),
          program)


def test_deleted(victim, tmp_path):
    program = tmp_path / "gone"
    shutil.copy(victim, program)
    check(names_of([program], lambda: os.remove(program)), program)


def test_debuginfod(victim, tmp_path, monkeypatch):
    """Nobody downloads what the program's build id names, and keeps it."""
    program, debug = tmp_path / "stripped", tmp_path / "debug"
    subprocess.run(["objcopy", "--only-keep-debug", victim, debug], check=True)
    subprocess.run(["objcopy", "--strip-all", victim, program], check=True)
    notes = subprocess.run(["readelf", "-n", victim], check=True, capture_output=True,
                           text=True).stdout
    wanted = f"/buildid/{re.search('Build ID: ([0-9a-f]+)', notes)[1]}/debuginfo"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # pylint: disable=invalid-name
            self.send_response(200 if self.path == wanted else 404)
            self.end_headers()
            if self.path == wanted:
                self.wfile.write(debug.read_bytes())

        def log_message(self, *args):  # pylint: disable=arguments-differ
            pass

    cache = tmp_path / "cache"
    cache.mkdir()
    os.chown(cache, 65534, 65534)
    for folder in [tmp_path, *tmp_path.parents][:-2]:
        os.chmod(folder, os.stat(folder).st_mode | 0o011)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("DEBUGINFOD_URLS", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("DEBUGINFOD_CACHE_PATH", str(cache))
        check(names_of([str(program)]), program)
        server.shutdown()
    kept = [os.path.join(folder, name) for folder, _, names in os.walk(cache) for name in names]
    assert any(name.endswith("/debuginfo") for name in kept), kept
    assert all(os.stat(name).st_uid == 65534 for name in kept)
