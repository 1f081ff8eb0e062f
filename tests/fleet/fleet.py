# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""A Prometheus and the hosts that it scrapes: network namespaces joined to its own by veth pairs.

Nothing of it is in the namespace of the tests, and all of it is gone with its last process.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

import puppets
import rules
import server
from check import SLOW
from netns import NetNs
from runner import Tcpwatch

PORT = 10433
API = "http://127.0.0.1:9090"
PASSWORD = "correct horse"
PATIENCE = 60 * SLOW


def wait_until(what, why, timeout=PATIENCE):
    """Waits until what() is true, and returns it."""
    deadline = time.monotonic() + timeout
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < deadline, f"{why}: {found!r} after {timeout} s"
        time.sleep(0.1)


class Host:
    """A namespace with a tcpwatch that watches one command, and the two ends of its connections."""

    def __init__(self, fleet, number, name, config=None):
        self.name, self.config = name, config
        self.address = f"10.88.{number}.2"
        self.ns = NetNs()
        fleet.ns.run("ip", "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0",
                     "netns", f"/proc/{os.getpid()}/fd/{self.ns.fd}")
        for ns, device, address in ((fleet.ns, f"to-{name}", f"10.88.{number}.1"),
                                    (self.ns, "eth0", self.address)):
            ns.run("ip", "addr", "add", f"{address}/24", "dev", device)
            ns.run("ip", "link", "set", device, "up")
        self.comm = f"shop-{name}"
        self.server = fleet.hub.puppet(self.comm, self.ns)
        self.client = fleet.hub.puppet("client", self.ns)
        self.listener = self.server.listen()
        self.start()

    def start(self):
        options = ["-n", self.comm, "-w", "1s", f"--web.listen-address=:{PORT}"]
        if self.config:
            options.append(f"--web.config.file={self.config}")
        self.tcpwatch = self.ns.call(lambda: Tcpwatch(*options))

    def connect(self):
        return puppets.connect(self.client, self.server, self.listener)

    def half_close(self, pair):
        """The peer is gone; from here on it is in CLOSE_WAIT."""
        self.client.close(pair.client_fd)
        self.server.recv_all(pair.server_fd)

    def visits(self, count, seconds):
        """Makes so many connections that are in CLOSE_WAIT for at least this time; returns the
        longest that it can have been."""
        pairs = [self.connect() for _ in range(count)]
        begin = time.monotonic()
        for pair in pairs:
            self.half_close(pair)
        time.sleep(seconds)
        for pair in pairs:
            self.server.close(pair.server_fd)
        return time.monotonic() - begin

    def close(self):
        self.tcpwatch.kill()
        self.ns.close()


class Fleet:
    """Hosts alpha, beta (TLS and a password) and gamma, and a running Prometheus."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="tcpwatch-fleet-")
        self.ns = NetNs()
        self.hub = puppets.Hub(self.folder)
        self.hosts, self.prometheus = {}, None
        try:
            server.certificates_make(self.folder)
            self.write("web.yml", server.tls() + server.users(prometheus=PASSWORD))
            for number, name in enumerate(("alpha", "beta", "gamma"), 1):
                config = self.path("web.yml") if name == "beta" else None
                self.hosts[name] = Host(self, number, name, config)
            self.start()
        except BaseException:
            self.close()
            raise

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def scrape_config(self, host):
        # The rules want this name; Prometheus, a different one for each config.
        config = {"job_name": f"{host.name}/tcpwatch", "static_configs": [
            {"targets": [f"{host.address}:{PORT}"], "labels": {"host": host.name}}]}
        if host.config:
            # The certificate is for the loopback address.
            config.update(scheme="https", tls_config={
                "ca_file": self.path("ca.pem"), "server_name": "127.0.0.1"},
                basic_auth={"username": "prometheus", "password": PASSWORD})
        return config

    def start(self):
        self.write("rules.yml", rules.shortened(rules.PATH))
        self.write("prometheus.yml", json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s",
                       "evaluation_interval": "1s"},
            "rule_files": [self.path("rules.yml")],
            "scrape_configs": list(map(self.scrape_config, self.hosts.values()))}))
        self.log = open(self.path("prometheus.log"), "w+", encoding="utf-8")
        self.prometheus = self.ns.call(lambda: subprocess.Popen(
            ["prometheus", f"--config.file={self.path('prometheus.yml')}", "--log.level=debug",
             f"--storage.tsdb.path={self.path('data')}", "--web.listen-address=127.0.0.1:9090"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log))
        wait_until(self.is_ready, "Prometheus is not ready")

    def get(self, path):
        def fetch():
            with urllib.request.urlopen(API + path, timeout=PATIENCE) as response:
                return response.read().decode()
        return self.ns.call(fetch)

    def is_ready(self):
        assert self.prometheus.poll() is None, self.log_text()
        try:
            return self.get("/-/ready")
        except OSError:
            return None

    def api(self, path, **query):
        answer = json.loads(self.get(f"/api/v1/{path}?{urllib.parse.urlencode(query)}"))
        assert answer["status"] == "success" and not answer.get("warnings"), answer
        return answer["data"]

    def query(self, expression):
        """[(labels, number)] of an instant query."""
        data = self.api("query", query=expression)
        assert data["resultType"] == "vector", data
        return [(sample["metric"], float(sample["value"][1])) for sample in data["result"]]

    def number(self, expression):
        """Of an expression that has at most one; None if there is none."""
        found = self.query(expression)
        assert len(found) <= 1, found
        return found[0][1] if found else None

    def alerts(self, host, **labels):
        """{alert: state} of what this host's metrics cause."""
        return {alert["labels"]["alertname"]: alert["state"]
                for alert in self.api("alerts")["alerts"]
                if alert["labels"].get("host") == host.name
                and labels.items() <= alert["labels"].items()}

    def log_text(self):
        with open(self.log.name, encoding="utf-8") as file:
            return file.read()

    def close(self):
        if self.prometheus:
            self.prometheus.terminate()
            try:
                self.prometheus.wait(PATIENCE)
            finally:
                self.prometheus.kill()
                self.log.close()
        for host in self.hosts.values():
            host.close()
        self.hub.close()
        self.ns.close()
        shutil.rmtree(self.folder, ignore_errors=True)
