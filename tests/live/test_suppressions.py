# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""--suppressions and --gen-suppressions: what is ignored, what is not, and what is said of it."""

import os
import signal
import subprocess

import pytest

import runner
from check import assert_leak
from puppets import connect, connect_pair
from runner import run

# The pool's connection is one of the two leaks.
W = ("-w", "300ms", "--strict")


@pytest.fixture
def write(tmp_path):
    """write(text) is the path of a file that has it."""
    def write(text):
        path = tmp_path / "suppressions"
        path.write_bytes(text.encode())
        return str(path)
    return write


class Scene:
    """A server that forgets close(), and a client whose pool idles: a leak of each."""

    def __init__(self, puppet):
        self.client, self.server = puppet("guest"), puppet("forgetful")
        self.pool, self.far = puppet("pooled"), puppet("backend")
        self.listener, self.backend = self.server.listen(), self.far.listen()

    def leak(self):
        """tcpwatch runs: only so it knows who called."""
        self.forgotten = connect(self.client, self.server, self.listener)
        self.idle = connect(self.pool, self.far, self.backend)
        self.client.close(self.forgotten.client_fd)
        assert self.server.recv_all(self.forgotten.server_fd) == 0
        self.far.close(self.idle.server_fd)

    def close(self):
        self.server.close(self.forgotten.server_fd)
        self.pool.close(self.idle.client_fd)

    @property
    def pids(self):
        return f"{self.client.pid},{self.server.pid},{self.pool.pid},{self.far.pid}"


@pytest.fixture
def scene(puppet):
    return Scene(puppet)


# Which of the two leaks each of them ignores; {peer} and so on are known only when it runs.
SUPPRESSIONS = [
    ("leak:forgetful", "server"), ("unclosed:^forgetful$", "server"),
    ("unclosed:^{listener}$", "server"), ("leak:{listener} <- 127.0.0.1:*$", "server"),
    ("leak:<-", "server"), ("unclosed:*", "server"), ("leak:get*ul", "server"),
    ("unread:pooled", "pool"), ("leak:^{peer}$", "pool"), ("unread:->", "pool"),
    ("unread:{peer}", "pool"), ("unread:^-> 127.0.0.1:*$", "pool"),
    ("leak:*", "both"), ("leak:127.0.0.1", "both"),
    ("unread:forgetful", None), ("unclosed:{peer}", None), ("stalled:*", None),
    ("leak:^forget$", None), ("leak:pooled\\$", None),
]


@pytest.mark.parametrize("text,ignored", SUPPRESSIONS, ids=[text for text, _ in SUPPRESSIONS])
def test_what_is_ignored(watch, write, scene, text, ignored):
    text = text.format(listener=scene.listener["local"], peer=scene.backend["local"])
    tcpwatch = watch(*W, "-p", scene.pids, f"--suppressions={write(text)}")
    scene.leak()
    tcpwatch.settle(1.5)
    scene.close()
    tcpwatch.stop()
    wanted = {"server": ["pool"], "pool": ["server"], "both": [], None: ["pool", "server"]}[ignored]
    found = {scene.forgotten.server_cookie: "server", scene.idle.client_cookie: "pool"}
    assert sorted(found[r["socket"]] for r in tcpwatch.all("leak")) == wanted
    assert sorted(found[r["socket"]] for r in tcpwatch.all("leak_end")) == wanted
    assert tcpwatch.end["suppressed"] == [
        {"suppression": text, "line": 1, "count": 2 - len(wanted)}]
    counted = sum(sum(r["leaks"].values()) for r in tcpwatch.processes().values())
    assert counted == len(wanted)


def test_no_finding_of_what_is_ignored(watch, write, puppet):
    """Twelve leaks would be close-wait-leak; without the file they are."""
    client, server = puppet("guest"), puppet("forgetful")
    pairs = [connect_pair(client, server) for _ in range(12)]
    ignoring = watch(*W, "-p", server.pid, f"--suppressions={write('leak:forgetful')}")
    telling = watch(*W, "-p", server.pid)
    client.close_many([pair.client_fd for pair in pairs])
    server.recv_all_many([pair.server_fd for pair in pairs])
    telling.wait_for("finding", id="close-wait-leak", pid=server.pid, timeout=runner.PATIENCE)
    ignoring.settle(1.5)
    telling.stop()
    ignoring.stop()
    assert len(telling.all("leak")) == 12
    assert "suppressed" not in telling.end and not telling.all("suppression")
    assert not ignoring.all("leak") and not ignoring.all("finding")
    assert ignoring.end["suppressed"] == [
        {"suppression": "leak:forgetful", "line": 1, "count": 12}]


def test_what_is_made_ignores_exactly_what_was_reported(watch, write, scene):
    """What --gen-suppressions prints goes into a file, and that ignores the same leaks again."""
    first = watch(*W, "-p", scene.pids, "--gen-suppressions")
    scene.leak()
    leak = first.wait_for("leak", socket=scene.forgotten.server_cookie)
    first.wait_for("leak", socket=scene.idle.client_cookie)
    first.stop()
    assert_leak(leak, scene.server, scene.forgotten.server_end, "unclosed", "taken", "server")
    made = {r["suppression"]: r["count"] for r in first.all("suppression")}
    assert made == {"unclosed:^forgetful$": 1, "unread:^pooled$": 1}
    path = write("\n".join(made))
    again = watch(*W, "-p", scene.pids, f"--suppressions={path}", "--gen-suppressions")
    again.settle(1.5)
    again.stop()
    assert not again.all("leak") and not again.all("suppression")
    assert {s["suppression"]: s["count"] for s in again.end["suppressed"]} == made


def text_of(scene, *args):
    """What is printed for people while the scene leaks and closes."""
    with subprocess.Popen(runner.command(*W, "-p", scene.pids, *args),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        first = process.stdout.readline()
        scene.leak()
        runner.settle(1.5, process.pid)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=runner.PATIENCE)
        assert first.startswith("Watching "), first
    assert process.returncode == 0 and runner.own_words(err) == "", err
    return out


def test_text(write, scene):
    """The uses at the end; then what would ignore the rest, to be pasted as it is."""
    path = write("# the pool\nunread:pooled\nleak:nobody\n")
    out = text_of(scene, f"--suppressions={path}", "--gen-suppressions")
    assert "pooled" not in out.split("Suppressions used:")[0].split("SUMMARY:")[1], out
    assert "SUMMARY: 1 leaked socket, 1 still open" in out, out
    assert ("\nSuppressions used:\n     count  pattern\n         1  unread:pooled\n"
            "  1 of 2 was not used; -j lists them all.\n") in out, out
    made = out[out.index("# With these"):]
    assert made == ("# With these lines in FILE, --suppressions=FILE ignores what was reported:\n"
                    "# 1 unclosed of forgetful\nunclosed:^forgetful$\n"), out
    assert "SUMMARY: no leaks" in text_of(scene, f"--suppressions={write(made + 'leak:pooled')}")


@pytest.mark.parametrize("text,said", [
    ("leak:ok\nhandle_conn\n", ":2: 'handle_conn': a suppression is KIND:PATTERN"),
    ("leak:", ":1: 'leak:': there is no pattern"),
    ("leak:a\x07", ":1: 'leak:a?': this is no text"),
    ("leak:x\n" * 10001, ":10001: 'leak:x': there are too many"),
    ("#" * 1048577, ": the file is too big"),
    ("leak:" + "x" * 4092, ":1: 'leak:xxx"),
], ids=["no colon", "no pattern", "no text", "too many", "too big", "too long"])
def test_wrong_file(write, text, said):
    """Status 2, file and line, one line; and nothing was loaded: it needs no privileges."""
    path = write(text)
    result = run("--suppressions", path)
    assert result.returncode == 2 and result.stdout == "", result
    assert result.stderr.startswith(f"tcpwatch: --suppressions: {path}{said}"), result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    assert runner.run_as_nobody("--suppressions", "/dev/zero").returncode == 2


def test_no_file(tmp_path):
    for path in (str(tmp_path / "missing"), str(tmp_path)):
        result = run(f"--suppressions={path}")
        assert result.returncode == 2 and result.stdout == "", result
        assert f"--suppressions: {path}: cannot be read: " in result.stderr, result.stderr


def test_the_file_is_read_at_the_start_only(watch, write, scene):
    path = write("unread:pooled\n")
    tcpwatch = watch(*W, "-p", scene.pids, f"--suppressions={path}")
    os.unlink(path)
    scene.leak()
    tcpwatch.wait_for("leak", socket=scene.forgotten.server_cookie)
    tcpwatch.settle(0.7)
    tcpwatch.stop()
    assert len(tcpwatch.all("leak")) == 1
    assert tcpwatch.end["suppressed"][0]["count"] == 1
