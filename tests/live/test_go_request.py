# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""-s of Go programs: net/http dials in a goroutine of its own; what is shown is who used the
connection last, and forgot to close the body."""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

from runner import GO_CACHE, PATIENCE, command

# Programs that are built once for all.
pytestmark = pytest.mark.xdist_group("go")
HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "leaky.go")
KINDS = {
    "static": ([], {"CGO_ENABLED": "0"}),
    "cgo": (["-tags=netcgo"], {"CGO_ENABLED": "1"}),
    "external": (["-ldflags=-linkmode=external"], {"CGO_ENABLED": "1"}),
    "stripped": (["-ldflags=-s -w"], {"CGO_ENABLED": "0"}),
}
STACK = re.compile(r"tcpwatch: stack of socket ([0-9a-f]+) by (\d+), how (\d):((?: [0-9a-f]+)+)")
REQUEST = "3"
# Starts of a program that sends its request at once, and how many of them must be seen.
STARTS, SEEN = 10, 5


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """programs(kind) is leaky.go, built once."""
    directory = tmp_path_factory.mktemp("go")
    built = {}

    def build(kind):
        if kind not in built:
            flags, environment = KINDS[kind]
            path = str(directory / kind)
            subprocess.run(["go", "build", *flags, "-o", path, SOURCE], check=True,
                           env={**os.environ, **environment, "GO111MODULE": "off",
                                "GOCACHE": GO_CACHE})
            built[kind] = path
        return built[kind]
    return build


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("tls") / "pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost", "-days",
                    "2", "-keyout", path + ".key", "-out", path + ".crt"],
                   check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path + ".crt", path + ".key")
    return context


def answer(conn, context):
    """/keep: all of it, and the connection stays. /leave: a part of it, and goodbye."""
    raw = conn.dup()
    if context:
        conn = context.wrap_socket(conn, server_side=True)
    while True:
        request = conn.recv(65536)
        if not request.startswith(b"GET /keep"):
            break
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    if request:
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 9999)
    conn.close()
    raw.close()


@pytest.fixture
def server():
    """server(context) serves; what it gives is the URL without a path."""
    listeners = []

    def start(context=None):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        listeners.append(listener)

        def serve():
            while True:
                try:
                    conn = listener.accept()[0]
                except OSError:
                    return
                threading.Thread(target=answer, args=(conn, context), daemon=True).start()
        threading.Thread(target=serve, daemon=True).start()
        return f"http{'s' if context else ''}://127.0.0.1:{listener.getsockname()[1]}"
    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


class Watch:
    """tcpwatch -j -s -v, and what it wrote."""

    def __init__(self, directory, *arguments):
        self.out, self.err = str(directory / "out"), str(directory / "err")
        with open(self.out, "w", encoding="utf-8") as out, \
                open(self.err, "w", encoding="utf-8") as err:
            self.process = subprocess.Popen(
                command("-j", "-s", "-v", "-w", "300ms", *arguments), stdin=subprocess.PIPE,
                stdout=out, stderr=err, text=True)
        self.wait_for(lambda: self.records("start"))

    def records(self, kind):
        with open(self.out, encoding="utf-8") as file:
            return [r for r in map(json.loads, (x for x in file if x.endswith("\n")))
                    if r["type"] == kind]

    def wait_for(self, what, timeout=PATIENCE):
        deadline = time.monotonic() + timeout
        while not (found := what()):
            assert time.monotonic() < deadline, (self.text(), self.records("leak"))
            time.sleep(0.02)
        return found

    def text(self):
        with open(self.err, encoding="utf-8") as file:
            return file.read()

    def attached(self, pid):
        return f"the Go program of process {pid}: " in self.text()

    def leak(self, pid):
        return self.wait_for(lambda: [r for r in self.records("leak") if r["pid"] == pid])[0]

    def stacks(self, cookie):
        """[(how, frames)], in the order they came."""
        return [(how, ips.split()) for found, _, how, ips in STACK.findall(self.text())
                if found == cookie]

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.wait(PATIENCE) == 0, self.text()


@pytest.fixture
def watch(tmp_path):
    started = []

    def start(*arguments):
        started.append(Watch(tmp_path, *arguments))
        return started[-1]
    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


@pytest.fixture
def begin(tmp_path):
    """begin(program, argument...): a copy of it, which nobody has seen before."""
    begun = []

    def start(program, *arguments, name="gopher"):
        path = str(tmp_path / name)
        if os.path.exists(path):
            os.unlink(path)
        shutil.copy(program, path)
        begun.append(subprocess.Popen([path, *arguments], stdin=subprocess.PIPE,
                                      stdout=subprocess.DEVNULL, text=True))
        return begun[-1]
    yield start
    for process in begun:
        process.kill()
        process.communicate()


def go_on(process):
    process.stdin.write("\n")
    process.stdin.flush()


def functions(program, frames):
    """Innermost first; a frame is where a call returns to."""
    asked = "".join(f"{int(frame, 16) - 1:#x}\n" for frame in frames)
    told = subprocess.run(["go", "tool", "addr2line", program], input=asked, text=True,
                          check=True, stdout=subprocess.PIPE).stdout
    return told.split("\n")[0:-1:2]


def last_user(watching, pid, program):
    """The functions by whom the leaked connection was used last."""
    stacks = watching.stacks(watching.leak(pid)["socket"])
    assert stacks[0][0] == "1", stacks
    assert stacks[-1][0] == REQUEST, stacks
    return functions(program, stacks[-1][1])


@pytest.mark.parametrize("kind", ["static", "cgo", "external"])
def test_who_forgot(watch, begin, programs, server, kind):
    """The dialing goroutine shows nothing of the program, the request does."""
    url = server()
    watching = watch("-n", "gopher")
    process = begin(programs(kind), "-", "forgetful", url + "/leave")
    watching.wait_for(lambda: watching.attached(process.pid))
    go_on(process)
    names = last_user(watching, process.pid, programs(kind))
    assert names[0] == "net/http.(*Transport).roundTrip", names
    assert names.index("main.get") + 1 == names.index("main.forgetful"), names
    assert names.index("main.forgetful") + 1 == names.index("main.main"), names
    dialed = functions(programs(kind), watching.stacks(
        watching.leak(process.pid)["socket"])[0][1])
    assert not any(name.startswith("main.") for name in dialed), dialed
    watching.stop()


def test_stripped(watch, begin, programs, server):
    """Without symbols it is found by the runtime's own table; the same code, so the same places."""
    url = server()
    watching = watch("-n", "gopher")
    process = begin(programs("stripped"), "-", "forgetful", url + "/leave")
    watching.wait_for(lambda: watching.attached(process.pid))
    go_on(process)
    assert "main.forgetful" in last_user(watching, process.pid, programs("static"))
    watching.stop()


def test_the_last_one_counts(watch, begin, programs, server):
    """A connection that was kept alive is shown with who used it last."""
    url = server()
    watching = watch("-n", "gopher")
    process = begin(programs("static"), "-", "careful", url + "/keep", "forgetful", url + "/leave")
    watching.wait_for(lambda: watching.attached(process.pid))
    go_on(process)
    names = last_user(watching, process.pid, programs("static"))
    assert "main.forgetful" in names and "main.careful" not in names
    stacks = watching.stacks(watching.leak(process.pid)["socket"])
    assert [how for how, _ in stacks] == ["1", REQUEST, REQUEST], stacks
    assert "main.careful" in functions(programs("static"), stacks[1][1])
    watching.stop()


@pytest.mark.parametrize("wrapped", [[], ["wrap"]], ids=["bare", "wrapped"])
def test_connections_in_connections(watch, begin, programs, server, certificate, wrapped):
    """TLS, and TLS in a connection of the program's own."""
    url = server(certificate)
    watching = watch("-n", "gopher")
    process = begin(programs("static"), *wrapped, "-", "forgetful", url + "/leave")
    watching.wait_for(lambda: watching.attached(process.pid))
    go_on(process)
    assert "main.forgetful" in last_user(watching, process.pid, programs("static"))
    watching.stop()


@pytest.mark.parametrize("how", ["pid", "comm", "all"])
def test_programs_that_run(watch, begin, programs, server, how):
    """Those that were started before are attached to at the start."""
    url = server()
    process = begin(programs("static"), "-", "forgetful", url + "/leave")
    while not os.readlink(f"/proc/{process.pid}/exe").endswith("/gopher"):
        time.sleep(0.01)
    watching = watch(*{"pid": ["-p", str(process.pid)], "comm": ["-n", "gopher"], "all": []}[how])
    assert watching.attached(process.pid)
    go_on(process)
    assert "main.forgetful" in last_user(watching, process.pid, programs("static"))
    watching.stop()


def test_first_request(watch, begin, programs, server):
    """A program may send its first request before the probe is there: breakpoints are, most
    times."""
    url = server()
    watching = watch("-n", "gopher")
    seen = 0
    for _ in range(STARTS):
        process = begin(programs("static"), "forgetful", url + "/leave")
        stacks = watching.stacks(watching.leak(process.pid)["socket"])
        seen += stacks[-1][0] == REQUEST
        process.kill()
    assert seen >= SEEN, watching.text()
    watching.stop()


def test_program_written_anew(watch, begin, programs, server, tmp_path):
    """A file is let go when it is written to: what was found there is elsewhere now."""
    url = server()
    watching = watch("-n", "gopher")
    first = begin(programs("static"), "-", "forgetful", url + "/leave")
    watching.wait_for(lambda: watching.attached(first.pid))
    first.kill()
    first.wait()
    with open(programs("external"), "rb") as new, open(tmp_path / "gopher", "r+b") as old:
        inode = os.fstat(old.fileno()).st_ino
        old.truncate(0)
        shutil.copyfileobj(new, old)
    second = subprocess.Popen([tmp_path / "gopher", "-", "forgetful", url + "/leave"],
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        assert os.stat(tmp_path / "gopher").st_ino == inode
        watching.wait_for(lambda: watching.attached(second.pid))
        go_on(second)
        assert "main.forgetful" in last_user(watching, second.pid, programs("external"))
    finally:
        second.kill()
        second.communicate()
    watching.stop()


def test_command(watch, programs, server):
    """tcpwatch -s -- COMMAND, where COMMAND starts the Go program."""
    url, go = server(), programs("static")
    watching = watch("--", "sh", "-c", f"{go} - forgetful {url}/leave >/dev/null; true")
    watching.wait_for(lambda: "the Go program of process " in watching.text())
    go_on(watching.process)
    leak = watching.wait_for(lambda: watching.records("leak"))[0]
    how, frames = watching.stacks(leak["socket"])[-1]
    assert how == REQUEST and "main.forgetful" in functions(go, frames)
    go_on(watching.process)
    assert watching.process.wait(PATIENCE) == 0, watching.text()


def links_of(pid):
    """Numbers of the kernel's BPF links that the process holds."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        with open(f"/proc/{pid}/fdinfo/{fd}", encoding="utf-8") as file:
            found |= {int(line.split()[1]) for line in file if line.startswith("link_id:")}
    return found


def test_nothing_is_left(watch, begin, programs):
    """The kernel has no more of it than before, and the program goes on."""
    watching = watch("-n", "gopher")
    before = links_of(watching.process.pid)
    process = begin(programs("static"), "-")
    watching.wait_for(lambda: watching.attached(process.pid))
    held = watching.wait_for(lambda: links_of(watching.process.pid) - before)
    watching.stop()
    shown = subprocess.run(["bpftool", "-j", "link", "show"], check=True, stdout=subprocess.PIPE,
                           text=True).stdout
    assert not (held | before) & {link["id"] for link in json.loads(shown)}
    assert process.poll() is None


TEST = """package gopher

import (
	"net/http"
	"os"
	"testing"
	"time"
)

func forgetful(url string) { http.Get(url) }

func TestLeak(t *testing.T) {
	forgetful(os.Getenv("URL"))
	time.Sleep(time.Second)
}
"""


def test_go_test(watch, server, tmp_path, monkeypatch):
    """The program of a test is made, started and gone: its first request is seen, most times."""
    monkeypatch.setenv("GOCACHE", GO_CACHE)
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    package = tmp_path / "gopher"
    package.mkdir()
    (package / "go.mod").write_text("module gopher\n")
    (package / "leak_test.go").write_text(TEST)
    seen = 0
    for number in range(STARTS // 2):
        monkeypatch.setenv("URL", server() + f"/leave{number}")
        watching = watch("--", "sh", "-c", f"cd {package} && go test -count=1 . >&2")
        assert watching.process.wait(120) == 0, watching.text()
        leak = watching.records("leak")[0]
        seen += watching.stacks(leak["socket"])[-1][0] == REQUEST
    assert seen >= SEEN // 2, watching.text()
