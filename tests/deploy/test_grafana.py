# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""The dashboard: its form, and every expression in it."""

import json
import os
import re

import pytest

import metrics
from installed import DEPLOY

VALUES = {"job": ".*", "instance": "web1|web2", "comm": "nginx", "state": "CLOSE_WAIT",
          "__rate_interval": "5m", "datasource": "prometheus"}


@pytest.fixture(name="dashboard")
def dashboard_fixture():
    with open(os.path.join(DEPLOY, "grafana/tcpwatch.json"), encoding="utf-8") as file:
        return json.load(file)


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def targets(dashboard):
    return [(panel["title"], target) for panel in panels(dashboard) for target in panel["targets"]]


def substituted(expression):
    found = re.sub(r"\$\{?(\w+)\}?", lambda match: VALUES[match[1]], expression)
    assert "$" not in found, found
    return found


def test_expressions(dashboard, tmp_path):
    expressions = [substituted(target["expr"]) for _, target in targets(dashboard)]
    assert len(expressions) >= 20
    metrics.assert_parses(expressions, tmp_path / "rules.yml")
    known = {**metrics.documented(), **metrics.OF_PROMETHEUS}
    for title, target in targets(dashboard):
        metrics.assert_known(substituted(target["expr"]), known, title)


def test_variables(dashboard, tmp_path):
    variables = {each["name"]: each for each in dashboard["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    known = metrics.documented()
    for name in ("job", "instance", "comm"):
        query = variables[name]["query"]["query"]
        selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", query).groups()
        metrics.assert_parses([substituted(selector)], tmp_path / "rules.yml")
        metrics.assert_known(substituted(selector), known, name)
        assert label in {"job", "instance", "comm"}
    named = {name for _, target in targets(dashboard)
             for name in re.findall(r"\$\{?(\w+)", target["expr"])}
    assert named - {"__rate_interval"} <= set(variables)
    assert {"job", "instance", "comm", "state"} <= named, "a variable that nothing uses"


def test_no_datasource_of_ours(dashboard):
    """Each panel takes the one that the reader chose."""
    for panel in panels(dashboard):
        assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])
    assert dashboard.get("id") is None and dashboard["uid"] == "tcpwatch"


def test_layout(dashboard):
    """Nothing over something else or beyond the 24 columns; every id once."""
    cells = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        mine = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])}
        assert not mine & cells, panel["title"]
        cells |= mine
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    for panel in panels(dashboard):
        refs = [target["refId"] for target in panel["targets"]]
        assert len(refs) == len(set(refs)), panel["title"]


def test_what_an_operator_looks_for_is_there(dashboard):
    everything = " ".join(target["expr"] for _, target in targets(dashboard))
    for name in metrics.documented():
        if name.startswith("tcpwatch_") and not name.startswith("tcpwatch_accept_wait_seconds_"):
            assert name in everything, name
    assert "tcpwatch_accept_wait_seconds_bucket" in everything
