# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""-s: each leak shows where its socket was made, in real programs, as compilers make them."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from puppets import PYTHON
from runner import GO_CACHE

SITES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sites")
FRAME_POINTERS = "-fno-omit-frame-pointer"
BUILDS = {
    "frame-pointers": ["-O2", "-g", FRAME_POINTERS],
    "none": ["-O2", "-g"],
    "O0": ["-O0", "-g"],
    "no-pie": ["-O2", "-g", FRAME_POINTERS, "-no-pie"],
    "static": ["-O2", "-g", FRAME_POINTERS, "-static"],
    "compressed": ["-O2", "-g", FRAME_POINTERS, "-gz"],
    "dwarf-4": ["-O2", "-gdwarf-4", FRAME_POINTERS],
}


def line_of(source, text):
    with open(os.path.join(SITES, source)) as file:
        return 1 + next(i for i, line in enumerate(file) if text in line)


@pytest.fixture
def build(tmp_path):
    def make(source, *flags):
        path = str(tmp_path / source.split(".")[0])
        compiler = "g++" if source.endswith(".cpp") else "gcc"
        subprocess.run([compiler, "-D_GNU_SOURCE", "-Wall", "-Werror", *flags, "-o", path,
                        os.path.join(SITES, source)], check=True)
        return path
    return make


@pytest.fixture
def serve(spawn):
    """Starts a server that prints its port."""
    def start(*command, **kwargs):
        process = spawn(*command, stdout=subprocess.PIPE, text=True, **kwargs)
        process.port = int(process.stdout.readline())
        return process
    return start


@pytest.fixture
def close_at_once(request):
    """A server that answers HTTP and closes; its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    accepted = []

    def answer():
        def run():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                accepted.append(connection)
                connection.settimeout(1)
                try:
                    if connection.recv(4096):
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n"
                                           b"Connection: close\r\n\r\n" + b"x" * 1000)
                except OSError:
                    pass
                connection.close()
        threading.Thread(target=run, daemon=True).start()
    answer()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def visit(port):
    """Connects and closes; returns our end's address, as records show it."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        return "{}:{}".format(*client.getsockname())


def names(leak):
    return [frame["function"] for frame in leak["stack"]]


def places(leak, source):
    """(function, line) of the frames in this source file, innermost first."""
    return [(frame["function"], frame["line"]) for frame in leak["stack"]
            if frame["file"] and os.path.basename(frame["file"]) == source]


def in_order(wanted, found):
    """Are all of `wanted` there, in this order, among others?"""
    rest = iter(found)
    return all(any(one == other for other in rest) for one in wanted)


@pytest.mark.parametrize("flags", BUILDS.values(), ids=BUILDS.keys())
def test_server(watch, build, serve, flags):
    """The line of accept(), and its callers where the compiler leaves a way to them."""
    server = serve(build("server.c", *flags))
    tcpwatch = watch("-s", "-w", "300ms", "-p", server.pid)
    clients = [visit(server.port), visit(server.port)]
    first, other = (tcpwatch.wait_for("leak", remote=client) for client in clients)
    for leak, function, text in ((first, "take_first", "/* first */"),
                                 (other, "take_other", "/* other */")):
        found = places(leak, "server.c")
        assert found[0] == (function, line_of("server.c", text)), leak
        assert leak["stack"][0]["module"] and leak["stack"][0]["ip"].startswith("0x")
        if FRAME_POINTERS in flags or "-O0" in flags:
            assert in_order(["serve", "main"], [name for name, _ in found]), leak
    tcpwatch.stop()


def test_names_of_templates(watch, build, spawn, close_at_once):
    tcpwatch = watch("-s", "--strict", "-w", "300ms", "-n", "client")
    client = spawn(build("client.cpp", "-O2", "-g", FRAME_POINTERS), close_at_once)
    leak = tcpwatch.wait_for("leak", pid=client.pid)
    found = places(leak, "client.cpp")
    assert found[0] == ("pool::Connections<long>::open(long)", line_of("client.cpp", "// here"))
    assert found[1][0] == "main"
    tcpwatch.stop()


def test_stripped(watch, build, serve, tmp_path):
    """Without symbols there are still the module, its build id, and addresses for addr2line."""
    program = build("server.c", "-O2", "-g", FRAME_POINTERS)
    whole = shutil.copy(program, tmp_path / "whole")
    subprocess.run(["strip", program], check=True)
    server = serve(program)
    tcpwatch = watch("-s", "-w", "300ms", "-p", server.pid)
    visit(server.port)
    leak = tcpwatch.wait_for("leak")
    frame = next(frame for frame in leak["stack"] if frame["module"] == program)
    assert frame["function"] is None and frame["file"] is None
    notes = subprocess.run(["readelf", "-n", program], check=True, capture_output=True, text=True)
    assert frame["build_id"] and frame["build_id"] in notes.stdout
    found = subprocess.run(["addr2line", "-f", "-e", whole, hex(frame["offset"] - 1)], check=True,
                           capture_output=True, text=True).stdout
    assert found.split()[0] == "take_first" and "server.c" in found
    tcpwatch.stop()


def check_separate_debug_file(watch, serve, program):
    for command in (["objcopy", "--only-keep-debug", program, program + ".debug"],
                    ["strip", program],
                    ["objcopy", "--add-gnu-debuglink=" + program + ".debug", program]):
        subprocess.run(command, check=True)
    server = serve(program)
    tcpwatch = watch("-s", "-w", "300ms", "-p", server.pid)
    visit(server.port)
    leak = tcpwatch.wait_for("leak")
    assert places(leak, "server.c")[0] == ("take_first", line_of("server.c", "/* first */"))
    tcpwatch.stop()


def test_separate_debug_file(watch, build, serve):
    """Found by libdw's rules, by a process that may read what everybody may."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program = shutil.copy(build("server.c", "-O2", "-g", FRAME_POINTERS), folder)
        check_separate_debug_file(watch, serve, program)


def test_process_that_ended(watch, build, spawn, tmp_path):
    """A child goes on with the socket; the program that made it is gone, with its file."""
    source = tmp_path / "starter.c"
    source.write_text("""
        #include <arpa/inet.h>
        #include <stdlib.h>
        #include <sys/socket.h>
        #include <unistd.h>
        __attribute__((noinline)) int open_one(int port) {
            struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
            int fd = socket(AF_INET, SOCK_STREAM, 0);
            return connect(fd, (struct sockaddr *)&server, sizeof(server)) ? -1 : fd;
        }
        int main(int argc, char **argv) {
            int fd = open_one(atoi(argv[1]));
            if (fd < 0 || dup2(fd, 7) < 0)
                return 1;
            usleep(50000);
            if (fork())
                return 0;
            execlp("sleep", "sleep", "60", NULL);
            return 1;
        }
    """)
    program = str(tmp_path / "starter")
    subprocess.run(["gcc", "-O2", "-g", FRAME_POINTERS, "-o", program, source], check=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        tcpwatch = watch("-s", "--strict", "-w", "300ms", "-D", listener.getsockname()[1])
        starter = spawn(program, listener.getsockname()[1])
        connection, _ = listener.accept()
        assert starter.wait(10) == 0
        os.unlink(program)
        connection.close()
        leak = tcpwatch.wait_for("leak")
        holder = leak["holders"][0]["pid"]
    try:
        assert leak["holders"][0]["comm"] == "sleep"
        assert "connect" in names(leak)[0]
        assert any(frame["module"] and frame["module"].startswith(program)
                   for frame in leak["stack"]), leak
    finally:
        os.kill(holder, 9)
    tcpwatch.stop()


def test_container(watch, build, serve, spawn, tmp_path):
    """Paths are those of the process: it has a root and a mount namespace of its own."""
    program = build("server.c", "-O2", "-g", FRAME_POINTERS, "-static")
    root = tmp_path / "root"
    (root / "srv").mkdir(parents=True)
    shutil.move(program, root / "srv" / "server")
    (root / "old").mkdir()
    server = serve("unshare", "--mount", "sh", "-ec",
                   f"mount --bind {root} {root}; cd {root}; pivot_root . old; exec /srv/server")
    tcpwatch = watch("-s", "-w", "300ms", "-L", server.port)
    visit(server.port)
    leak = tcpwatch.wait_for("leak")
    frame = next(frame for frame in leak["stack"] if frame["function"] == "take_first")
    assert frame["module"] == "/srv/server"
    assert places(leak, "server.c")[0] == ("take_first", line_of("server.c", "/* first */"))
    tcpwatch.stop()


def test_go(watch, spawn, tmp_path, close_at_once):
    """net/http dials in a goroutine of its own; what counts is who asked."""
    program = str(tmp_path / "gofetch")
    env = dict(os.environ, GO111MODULE="off", GOCACHE=GO_CACHE, HOME=str(tmp_path))
    subprocess.run(["go", "build", "-o", program, os.path.join(SITES, "fetch_once.go")], check=True,
                   env=env)
    tcpwatch = watch("-s", "-w", "300ms", "-D", close_at_once)
    # The first process of a program may ask before the probe is there; test_go_request.py has that.
    command = program, f"http://127.0.0.1:{close_at_once}/"
    first = spawn(*command, stdout=subprocess.DEVNULL)
    tcpwatch.wait_for("leak", pid=first.pid)
    client = spawn(*command, stdout=subprocess.DEVNULL)
    leak = tcpwatch.wait_for("leak", pid=client.pid)
    assert leak["role"] == "client"
    assert places(leak, "fetch_once.go")[0] == ("main.fetch", line_of("fetch_once.go", "http.Get(url)"))
    assert in_order(["net/http.Get", "main.fetch", "main.main"], names(leak)), leak
    tcpwatch.stop()


def test_asyncio(watch, serve):
    """CPython as Debian builds it has no frame pointers: who called accept() is shown, no more."""
    server = serve(PYTHON, os.path.join(SITES, "server.py"))
    tcpwatch = watch("-s", "-w", "300ms", "-p", server.pid)
    visit(server.port)
    leak = tcpwatch.wait_for("leak")
    assert leak["kind"] == "unclosed"
    assert "accept" in names(leak)[0]
    assert any("python" in os.path.basename(frame["module"] or "") for frame in leak["stack"]), leak
    tcpwatch.stop()


def test_without_s(watch, build, serve):
    server = serve(build("server.c", "-O2", "-g", FRAME_POINTERS))
    tcpwatch = watch("-w", "300ms", "-p", server.pid)
    visit(server.port)
    assert "stack" not in tcpwatch.wait_for("leak")
    tcpwatch.stop()


def test_older_than_tcpwatch(watch, build, serve):
    """Nobody saw it being made."""
    server = serve(build("server.c", "-O2", "-g", FRAME_POINTERS))
    visit(server.port)
    time.sleep(0.2)
    tcpwatch = watch("-s", "-w", "300ms", "-p", server.pid)
    assert tcpwatch.wait_for("leak")["stack"] is None
    tcpwatch.stop()
