# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""serve under test, its certificates, and clients that do what a browser never would."""

import crypt  # what the server uses too
import gzip
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time
import zlib

import machine

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILDS = {name: os.path.join(ROOT, ".output/http", name) for name in ("serve", "serve-asan")}
LONGEST_S = 0.020
OFTEN = 6  # what takes long in the server itself does so each time
ONCE_S = 0.100  # ... and what takes longer than this does not come from the machine


def bcrypt(password, cost=4):
    return crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=1 << cost))


def users(cost=4, **passwords):
    lines = [f"  {name}: {bcrypt(password, cost)}\n" for name, password in passwords.items()]
    return "basic_auth_users:\n" + "".join(lines)


def tls(*more):
    return "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n" + "".join(
        f"  {line}\n" for line in more
    )


def wait_for(what, timeout=60):
    """Waits until what() is true, and returns it."""
    end = time.monotonic() + timeout
    while True:
        found = what()
        if found or time.monotonic() > end:
            return found
        time.sleep(0.02)


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def __getitem__(self, name):
        return self.headers.get(name)


class Server:
    """One running serve. `build` is serve-asan but for what is measured."""

    def __init__(self, folder, *addresses, build="serve-asan", config=None, limits=(), **popen):
        self.folder = folder
        self.config = None
        command = [BUILDS[build]]
        if config is not None:
            self.config = os.path.join(folder, "web.yml")
            self.write(config)
            command += ["-c", self.config]
        for limit in limits:
            command += ["-L", limit]
        command = popen.pop("before", []) + command + popen.pop("options", [])
        self.errors = open(os.path.join(folder, "stderr"), "w+")
        self.process = subprocess.Popen(
            command + list(addresses or ["127.0.0.1:0"]) if addresses != (None,) else command,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            **popen,
        )
        self.urls = []
        for line in self.process.stdout:
            if line == "ready\n":
                break
            self.urls.append(line.strip())
        else:
            status = self.process.wait()
            raise RuntimeError(f"serve ended with {status}: {self.stderr()}")
        self.url = self.urls[0]
        self.tls = self.url.startswith("https")
        self.host, self.port = re.fullmatch(r"https?://\[?(.*?)\]?:(\d+)", self.url).groups()
        self.port = int(self.port)

    def stderr(self):
        with open(self.errors.name) as errors:
            return errors.read()

    def write(self, text):
        """A new web config, in place of the old one at once."""
        with open(self.config + ".new", "w") as file:
            file.write(text)
        os.rename(self.config + ".new", self.config)

    def reload(self):
        """SIGHUP; returns what was said."""
        before = len(self.stderr())
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(self.stderr()) > before)
        return self.stderr()[before:]

    def connect(self, source=None, host=None):
        address = None if source is None else (source, 0)
        return socket.create_connection((host or self.host, self.port), 60, address)

    def context(self):
        return ssl.create_default_context(cafile=os.path.join(self.folder, "ca.pem"))

    def get(self, path="/-/healthy", method="GET", body=None, source=None, **headers):
        """One request over a connection of its own."""
        arguments = {"timeout": 60, "source_address": None if source is None else (source, 0)}
        if self.tls:
            client = http.client.HTTPSConnection(
                self.host, self.port, context=self.context(), **arguments
            )
        else:
            client = http.client.HTTPConnection(self.host, self.port, **arguments)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers.setdefault("Accept-Encoding", "identity")
        try:
            client.request(method, path, body, headers)
            response = client.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            client.close()

    def stats(self, source=None, **headers):
        return json.loads(self.get("/stats", source=source, **headers).body)

    def check_hold(self, record, what, longest=LONGEST_S, **headers):
        """The loop was never held up for long, be it busy or waiting; but for a processor. On a
        virtual machine the processor itself is slow, or away, now and then: what is judged comes
        at least OFTEN times, but for holds that are far too long."""
        stats = self.stats(**headers)
        holds = machine.longest_of(stats["longest"], self.stalls)
        often, once = (holds[i] / 1e9 for i in (OFTEN - 1, 0))
        took = f"longest holds, {what}: {once * 1e3:.2f} ms, and {often * 1e3:.2f} ms {OFTEN} times, " \
            f"in {stats['runs']} runs"
        record(took)
        assert often < longest, f"{took}; {longest * 1e3:.0f} ms are too often"
        assert once < longest / LONGEST_S * ONCE_S, took

    def rss_kb(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))

    def stat(self):
        """The fields of /proc/PID/stat from the state on."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()

    def cpu_s(self):
        fields = self.stat()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wait_idle(self):
        """Waits until it has worked off what came, and waits for more."""
        before = None
        while (now := (self.cpu_s(), self.stat()[0])) != before or now[1] != "S":
            before = now
            time.sleep(0.2)

    def stop(self):
        """It must end well: with the sanitizers, leaks show here."""
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(60)
        self.process.stdout.close()
        errors = self.stderr()
        self.errors.close()
        assert status == 0 and "Sanitizer" not in errors, f"ended with {status}: {errors}"


def read_all(connection, timeout=60):
    """What comes until the server closes; a reset is an end too."""
    connection.settimeout(timeout)
    data = b""
    try:
        while piece := connection.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


def seconds_to_end(connection, timeout=60):
    start = time.monotonic()
    read_all(connection, timeout)
    return time.monotonic() - start


def gunzip(data):
    """With the checks of the whole stream."""
    assert zlib.decompressobj(31).decompress(data) == gzip.decompress(data)
    return gzip.decompress(data)


def openssl(*arguments, text=""):
    return subprocess.run(
        ["openssl", *arguments], input=text, capture_output=True, text=True, timeout=60
    )


def certificates_make(folder):
    """A CA with a server and clients, a second server, and a CA that nobody trusts."""

    def run(*arguments):
        done = openssl(*arguments)
        assert done.returncode == 0, done.stderr

    def path(name):
        return os.path.join(folder, name)

    def key_make(name, kind):
        options = ["rsa_keygen_bits:2048"] if kind == "RSA" else ["ec_paramgen_curve:P-256"]
        run("genpkey", "-algorithm", kind, "-pkeyopt", *options, "-out", path(name + ".key"))

    def ca_make(name):
        key_make(name, "EC")
        run("req", "-x509", "-key", path(name + ".key"), "-subj", f"/CN={name}", "-days", "2",
            "-out", path(name + ".pem"))  # fmt: skip

    def make(name, ca, purpose, kind="EC"):
        key_make(name, kind)
        run("req", "-new", "-key", path(name + ".key"), "-subj", f"/CN={name}", "-out",
            path(name + ".csr"))  # fmt: skip
        with open(path("extensions"), "w") as file:
            file.write(f"subjectAltName=IP:127.0.0.1,IP:::1\nextendedKeyUsage={purpose}\n")
        run("x509", "-req", "-in", path(name + ".csr"), "-CA", path(ca + ".pem"), "-CAkey",
            path(ca + ".key"), "-CAcreateserial", "-days", "2", "-extfile", path("extensions"),
            "-out", path(name + ".pem"))  # fmt: skip

    ca_make("ca")
    ca_make("stranger-ca")
    make("server", "ca", "serverAuth", "RSA")
    make("other", "ca", "serverAuth")
    make("client", "ca", "clientAuth")
    make("stranger", "stranger-ca", "clientAuth")
