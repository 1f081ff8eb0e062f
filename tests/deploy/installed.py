# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""An installation by `make install`, a systemd that runs what is in it, and pages that it serves."""

import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
DEPLOY = os.path.join(ROOT, "deploy")
UNITS = "usr/local/lib/systemd/system"
PORT = 10433  # of the unit and of the documentation


def run(*command, status=0, **kwargs):
    """Runs a command to its end; returns what it said, stderr included."""
    kwargs.setdefault("cwd", ROOT)
    done = subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=300, check=False, **kwargs)
    assert status is None or done.returncode == status, f"{command}:\n{done.stdout}"
    return done.stdout


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, called=None, seconds=60):
    """Calls what() until it gives something true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        found = what()
        if found or time.monotonic() > deadline:
            assert found, f"{called or what} did not come true within {seconds} s"
            return found
        time.sleep(0.1)


def page(port, path="/metrics"):
    """The text of a page, or "" where nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return response.read().decode()
    except OSError:
        return ""


def headers(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/healthy", timeout=5) as response:
        return response.headers


def value(text, name, **labels):
    """The value of the one series with these labels and no others, or None."""
    for line in text.rstrip("\n").split("\n"):
        match = re.match(r"(\w+)(?:\{(.*)\})? (\S+)\Z", line)
        if match and match[1] == name and dict(
                re.findall(r'(\w+)="([^"]*)"', match[2] or "")) == labels:
            return float(match[3])
    return None


class Tree:
    """What `make install DESTDIR=...` makes, with a user and options on a free port."""

    def __init__(self, path):
        self.path = path
        self.port = free_port()
        # The tree is built by `make`, or by who gave TCPWATCH; here it is only put in place.
        run("make", "-s", "install", f"DESTDIR={path}")
        if os.environ.get("TCPWATCH"):
            shutil.copy(os.environ["TCPWATCH"], self.at("usr/local/sbin/tcpwatch"))

    def at(self, *names):
        return os.path.join(self.path, *names)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.at(name)), exist_ok=True)
        with open(self.at(name), "w", encoding="utf-8") as file:
            file.write(text)

    def options(self, *options):
        self.write("etc/default/tcpwatch", f'OPTIONS="{" ".join(options)}"\n')

    def drop_in(self, name, text):
        self.write(f"etc/systemd/system/tcpwatch.service.d/{name}", text)

    def containers(self):
        with open(self.at("usr/local/share/tcpwatch/containers.conf"), encoding="utf-8") as file:
            self.drop_in("containers.conf", file.read())

    def add_user(self):
        """As the documentation says, by systemd-sysusers; beside the users of this machine."""
        os.makedirs(self.at("etc/systemd/system"), exist_ok=True)
        for name in ("passwd", "group"):
            shutil.copy(os.path.join("/etc", name), self.at("etc", name))
        run("systemd-sysusers", f"--root={self.path}")
        with open(self.at("etc/passwd"), encoding="utf-8") as file:
            assert "\ntcpwatch:" in file.read()


class Systemd:
    """A systemd that sees the tree as its own /usr/local and /etc; see the script `manager`."""

    def __init__(self, tree, unit):
        tree.add_user()
        self.log = tree.at("systemd.log")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", os.path.join(HERE, "manager"), tree.path, unit],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.pid = int(wait_for(self._pid)[1])

    def _pid(self):
        return re.search(r"^pid (\d+)$", self.said(), re.MULTILINE)

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def systemctl(self, *words, status=0):
        return run("nsenter", "-t", self.pid, "-m", "env", "XDG_RUNTIME_DIR=/run/manager",
                   "systemctl", "--user", *words, status=status)

    def file(self, path):
        return run("nsenter", "-t", self.pid, "-m", "cat", path)

    def show(self, name, unit="tcpwatch.service"):
        return self.systemctl("show", "-P", name, unit, status=None).strip()

    def wait_state(self, state, seconds=60):
        """Waits until tcpwatch.service is in it; returns its main process."""
        deadline = time.monotonic() + seconds
        while self.show("ActiveState") != state:
            assert time.monotonic() < deadline, (
                f"tcpwatch.service is {self.show('ActiveState')}, not {state}:\n{self.said()}\n"
                f"{self.systemctl('status', 'tcpwatch.service', status=None)}")
            time.sleep(0.1)
        return int(self.show("MainPID"))

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
