# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""A real Prometheus with the shipped rules scrapes a real tcpwatch that sees real leaks."""

import json
import os
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request

import pytest
import yaml

import metrics
from installed import DEPLOY, ROOT, free_port, page, wait_for
from puppets import connect_pair
from test_grafana import VALUES

LEAKS = 12  # enough to be a finding as well
RULES = os.path.join(DEPLOY, "prometheus/tcpwatch.rules.yml")


class Prometheus:
    def __init__(self, spawn, tree, folder):
        """As prometheus.yml, but every second."""
        self.port = free_port()
        with open(os.path.join(DEPLOY, "prometheus/prometheus.yml"), encoding="utf-8") as file:
            config = yaml.safe_load(file)
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s",
                            "scrape_timeout": "1s"}
        os.makedirs(folder / "targets")
        (folder / "targets/tcpwatch-all.json").write_text(
            json.dumps([{"targets": [f"127.0.0.1:{tree.port}"]}]))
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        shutil.copy(RULES, folder)
        spawn("prometheus", f"--config.file={folder}/prometheus.yml",
              f"--storage.tsdb.path={folder}/data", "--log.level=error",
              f"--web.listen-address=127.0.0.1:{self.port}")

    def ask(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}?{query}",
                                        timeout=5) as response:
                return response.read().decode()
        except urllib.error.HTTPError as error:
            if error.code == 503:  # it is not up yet
                return None
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error
        except OSError:
            return None

    def query(self, expression):
        """[(labels, value)], or [] where there is nothing, or no Prometheus yet."""
        answer = self.ask("/api/v1/query", query=expression)
        return [(each["metric"], float(each["value"][1]))
                for each in json.loads(answer)["data"]["result"]] if answer else []


@pytest.fixture(name="prometheus")
def prometheus_fixture(spawn, tree, tmp_path, puppet):
    spawn(tree.at("usr/local/sbin/tcpwatch"), f"--web.listen-address=127.0.0.1:{tree.port}",
          "-w", "300ms")
    client, server = puppet("client"), puppet(comm())
    wait_for(lambda: page(tree.port))
    pairs = [connect_pair(client, server) for _ in range(LEAKS)]
    waiting = client.connect(server.listen("ipv4")["port"], "ipv4")
    client.close(waiting["fd"])
    for pair in pairs:
        client.close(pair.client_fd)
        server.recv_all(pair.server_fd)
    folder = tmp_path / "prometheus"
    folder.mkdir()
    prometheus = Prometheus(spawn, tree, folder)
    wait_for(lambda: prometheus.query(
        f'instance_comm:tcpwatch_leaked_sockets:sum{{comm="{comm()}"}} == {LEAKS + 1}'), "leaks")
    yield prometheus


def comm():
    return f"shop-{os.getpid()}"


def test_rules_and_dashboard_with_real_data(prometheus):
    """Every rule is evaluated without a fault, and what happened here is in what they record."""
    labels = {"comm": comm(), "job": "tcpwatch"}
    groups = json.loads(prometheus.ask("/api/v1/rules"))["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) == sum(
        len(group["rules"]) for group in yaml.safe_load(open(RULES, encoding="utf-8"))["groups"])

    def evaluated():
        fresh = json.loads(prometheus.ask("/api/v1/rules"))["data"]["groups"]
        states = {rule["name"]: rule["health"] for group in fresh for rule in group["rules"]}
        assert "err" not in states.values(), fresh
        return set(states.values()) == {"ok"}
    wait_for(evaluated)
    wait_for(lambda: [each for each in json.loads(prometheus.ask("/api/v1/alerts"))["data"]["alerts"]
                      if each["labels"]["alertname"] == "TcpwatchAcceptStall"
                      and each["labels"]["comm"] == comm() and each["state"] == "pending"],
             "an alert that is pending")
    age = prometheus.query(f'instance_comm:tcpwatch_close_wait_age_seconds:max{{comm="{comm()}"}}')
    assert 0 < age[0][1] < 120 and labels.items() <= age[0][0].items()
    wait_for(lambda: prometheus.query(
        f'instance_comm:tcpwatch_transitions:rate5m{{comm="{comm()}"}}'), "a rate")
    wait_for(lambda: prometheus.query("instance:tcpwatch_events_lost:ratio_rate5m"), "a ratio")
    wait_for(lambda: prometheus.query(
        f'tcpwatch_findings{{comm="{comm()}",finding="close-wait-leak"}} == 1'), "a finding")

    with open(os.path.join(DEPLOY, "grafana/tcpwatch.json"), encoding="utf-8") as file:
        dashboard = json.load(file)
    values = {**VALUES, "instance": ".*", "comm": ".*"}
    empty = set()
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            expression = re.sub(r"\$\{?(\w+)\}?", lambda match: values[match[1]], target["expr"])
            if not prometheus.query(expression):
                empty.add(panel["title"])
    # Nothing was lost or sent again; accept may not be seen; nothing has left CLOSE_WAIT.
    assert empty <= {"Events, stacks and answers lost a second", "Wait for accept",
                     "Leaks reported an hour",
                     "Time in CLOSE_WAIT by command", "Segments sent again a second",
                     "Resets a second"}


def test_federation_as_documented(prometheus):
    with open(os.path.join(ROOT, "docs/fleet.md"), encoding="utf-8") as file:
        match = re.search(r"- '(\{__name__=~\"job_comm.*?\})'", file.read())[1]
    wanted = {"job_comm_kind:tcpwatch_leaked_sockets:sum", "job_comm_state:tcpwatch_sockets:sum"}

    def names():
        answer = prometheus.ask("/federate", **{"match[]": match})
        return {re.match(r"[\w:]+", line)[0] for line in answer.splitlines()
                if not line.startswith("#")}
    wait_for(lambda: wanted <= names())
    assert not names() & set(metrics.documented()), "only what was recorded"
