# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Test suites of a C, a Go and a Python project under tcpwatch: docs/ci.md in action."""

import json
import os
import re
import shutil

import pytest

import runner
from puppets import PYTHON

SUITES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ci")


class Suite:
    """A project's folder in a place of its own, its test command, its bug and what mends it."""

    def __init__(self, folder, name, command, source, guilty, bug, mended):
        self.folder = shutil.copytree(os.path.join(SUITES, name), os.path.join(folder, name))
        self.command, self.guilty = command, guilty
        self.source = os.path.join(self.folder, source)
        self.bug, self.mended = bug, mended
        self.env = dict(os.environ, GOCACHE=runner.GO_CACHE, GOFLAGS="-mod=mod",
                        GOPATH=os.path.join(folder, "gopath"), PYTHONDONTWRITEBYTECODE="1")

    def line_of(self, text):
        with open(self.source) as source:
            lines = source.read().splitlines()
        return 1 + next(i for i, line in enumerate(lines) if text in line)

    def mend(self):
        with open(self.source) as source:
            text = source.read()
        assert self.bug in text
        with open(self.source, "w") as source:
            source.write(text.replace(self.bug, self.mended))

    def run(self, *options):
        # On a busy host the default ring may lose records, which is a status of its own.
        return runner.run("--ring-size", "64M", "-s", "--error-exitcode=23", *options, "--",
                          *self.command, cwd=self.folder, env=self.env, timeout=300)


@pytest.fixture
def suite(tmp_path):
    def make(name):
        return Suite(tmp_path, name, **{
            "c": {
                "command": ["make", "-s", "check"],
                "source": "fetch.c",
                "guilty": "connect(fd, ",
                "bug": "errno = EBUSY;\n",
                "mended": "close(fd);\n\t\terrno = EBUSY;\n",
            },
            "go": {
                "command": ["go", "test", "-count=1", "./..."],
                "source": "status.go",
                "guilty": "http.Get(url)",
                "bug": "return resp.StatusCode, nil",
                "mended": "resp.Body.Close()\n\treturn resp.StatusCode, nil",
            },
            "python": {
                "command": [PYTHON, "-m", "unittest", "-q"],
                "source": "greeting.py",
                "guilty": "create_connection",
                "bug": "    if not line:",
                "mended": "    if not line:\n        del connections[port]\n        connection.close()",
            },
        }[name])
    return make


def records_of(ended, kind):
    """The command writes to the same place: lines of its own are between ours."""
    lines = [line for line in ended.stdout.splitlines() if line.startswith('{"type":')]
    return [record for record in map(json.loads, lines) if record["type"] == kind]


def frames_of(leak, source):
    return [(frame["function"], frame["line"]) for frame in leak["stack"]
            if frame["file"] and os.path.basename(frame["file"]) == source]


def is_nameless(leak):
    """docs/call-sites.md: on a busy host the program may have ended before its mappings were read."""
    return all(frame["function"] is None and frame["module"] is None for frame in leak["stack"])


def is_dialled(leak):
    """tcpwatch --features, go_starts: the first request may come before the probe; then net/http's
    own goroutine is named, which has no frame of the program."""
    functions = [frame["function"] for frame in leak["stack"]]
    return "net.socket" in functions and not frames_of(leak, "status.go")


def check_mended(one, *options):
    one.mend()
    ended = one.run("-j", *options)
    if ended.returncode == 125:  # lost among the traffic of other tests: docs/losses.md
        end, = records_of(ended, "end")
        assert end["incomplete"] and sum(end["lost"].values()) > 0, ended
    else:
        assert ended.returncode == 0, ended.stdout + ended.stderr
    assert not records_of(ended, "leak")


def test_c(suite):
    one = suite("c")
    ended = one.run("-j")
    assert ended.returncode == 23, ended.stdout + ended.stderr
    assert "not ok" not in ended.stdout and "ok 3 - something slow" in ended.stdout
    (leak,) = records_of(ended, "leak")
    assert (leak["comm"], leak["kind"], leak["role"]) == ("test_fetch", "unclosed", "client")
    assert leak["at_exit"]
    if not is_nameless(leak):
        assert frames_of(leak, "fetch.c") == [("fetch", one.line_of(one.guilty))]
        assert "main" in [frame["function"] for frame in leak["stack"]]
    text = one.run()
    assert text.returncode == 23
    site = r"fetch \(fetch\.c:%d\) <- main|0x[0-9a-f]+$" % one.line_of(one.guilty)
    assert re.search(f"connected at ({site})", text.stdout, re.M), text.stdout
    check_mended(one)


def test_go(suite):
    one = suite("go")
    ended = one.run("-j")
    assert ended.returncode == 23, ended.stdout + ended.stderr
    (leak,) = records_of(ended, "leak")
    assert (leak["comm"], leak["role"]) == ("status.test", "client")
    if not is_nameless(leak) and not is_dialled(leak):
        assert frames_of(leak, "status.go") == [("example.org/status.Of", one.line_of(one.guilty))]
    text = one.run()
    site = r"connected at (net\.|0x[0-9a-f]+$)|status\.Of \(status\.go:%d\)" % one.line_of(one.guilty)
    assert re.search(site, text.stdout, re.M), text.stdout
    check_mended(one)


def test_python(suite):
    """CPython closes what is left when it ends: what lingers before that is a leak."""
    one = suite("python")
    ended = one.run("-j", "-w", "200ms")
    assert ended.returncode == 23, ended.stdout + ended.stderr
    (leak,) = records_of(ended, "leak")
    assert (leak["kind"], leak["role"], leak["at_exit"]) == ("unclosed", "client", False)
    assert any("python" in os.path.basename(frame["module"] or "") for frame in leak["stack"]), leak
    check_mended(one, "-w", "200ms")
