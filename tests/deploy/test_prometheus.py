# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Scrape config and rules by promtool; rules against what tcpwatch exports and the documentation."""

import os
import re
import shutil

import pytest
import yaml

import metrics
from installed import DEPLOY, ROOT, page, run, wait_for

RULES = os.path.join(DEPLOY, "prometheus/tcpwatch.rules.yml")
TESTS = os.path.join(DEPLOY, "prometheus/tcpwatch.rules.test.yml")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def rules(kind):
    return [rule for group in yaml.safe_load(read(RULES))["groups"] for rule in group["rules"]
            if kind in rule]


def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_rules():
    said = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", RULES)
    assert "SUCCESS" in said and "WARN" not in said, said
    assert "SUCCESS" in run("promtool", "test", "rules", TESTS)


def test_each_alert_is_tested_both_ways():
    cases = [case for test in yaml.safe_load(read(TESTS))["tests"]
             for case in test.get("alert_rule_test", [])]
    for rule in rules("alert"):
        both = {bool(case["exp_alerts"]) for case in cases if case["alertname"] == rule["alert"]}
        assert both == {True, False}, rule["alert"]


def weaker(rule):
    """Two mutants of an alert: one that always fires at once, one that never does."""
    return [{**rule, "expr": "vector(1)", "for": "0s"}, {**rule, "expr": "vector(1) > 2"}]


@pytest.mark.parametrize("name", [rule["alert"] for rule in rules("alert")])
def test_tests_fail_where_an_alert_is_wrong(name, tmp_path):
    shutil.copy(TESTS, tmp_path)
    for number in (0, 1):
        wrong = yaml.safe_load(read(RULES))
        for group in wrong["groups"]:
            group["rules"] = [weaker(rule)[number] if rule.get("alert") == name else rule
                              for rule in group["rules"]]
        (tmp_path / "tcpwatch.rules.yml").write_text(yaml.safe_dump(wrong), encoding="utf-8")
        said = run("promtool", "test", "rules", tmp_path / os.path.basename(TESTS), status=1)
        assert name in said, said


def test_alerts_say_what_to_do():
    headings = {slug(line) for line in re.findall(r"^#+ (.*)$", read(f"{ROOT}/docs/fleet.md"),
                                                  re.MULTILINE)}
    for rule in rules("alert"):
        assert rule["labels"]["severity"] in ("warning", "critical"), rule
        assert {"summary", "description", "runbook_url"} <= set(rule["annotations"]), rule
        page_name, anchor = rule["annotations"]["runbook_url"].split("#")
        assert page_name == "docs/fleet.md" and anchor in headings, rule["alert"]


def test_rules_use_what_there_is():
    known = {**metrics.documented(), **metrics.OF_PROMETHEUS}
    for rule in rules("expr"):
        own = set(re.findall(r"\b\w+:\w+:\w+", rule["expr"]))
        assert own <= {each["record"] for each in rules("record")}, rule
        if not own:
            metrics.assert_known(rule["expr"], known, rule.get("alert") or rule["record"])


def test_the_documentation_has_what_is_served(spawn, tree):
    """The tables that the other tests trust, against a page."""
    spawn(tree.at("usr/local/sbin/tcpwatch"), "-s", f"--web.listen-address=127.0.0.1:{tree.port}")
    text = wait_for(lambda: page(tree.port))
    served = {}
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", text, re.MULTILINE):
        served.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    known = metrics.documented()
    assert set(served) <= set(known)
    for name, labels in served.items():
        assert labels == known[name], name
    # Not there: what this kernel does not show, and the oldest where there is none.
    assert all(name.startswith(("tcpwatch_accept_wait_seconds", "tcpwatch_oldest_close_wait"))
               for name in set(known) - set(served)), set(known) - set(served)


def check_config(text, tmp_path):
    """As a whole config, beside the files that it names."""
    shutil.copy(RULES, tmp_path)
    os.makedirs(tmp_path / "targets", exist_ok=True)
    for name in ("tcpwatch-ca.crt", "tcpwatch.crt", "tcpwatch.password", "remote.password"):
        (tmp_path / name).touch()
    (tmp_path / "targets/tcpwatch-all.json").write_text('[{"targets": ["web1:10433"]}]')
    config = tmp_path / "prometheus.yml"
    config.write_text(text, encoding="utf-8")
    said = run("promtool", "check", "config", config)
    assert "SUCCESS" in said and "WARNING" not in said, said


def test_config(tmp_path):
    text = read(os.path.join(DEPLOY, "prometheus/prometheus.yml"))
    check_config(text, tmp_path)
    commented = re.search(r"((?:^    # [ \w].*\n)+)(?=    # Prometheus refuses)", text, re.MULTILINE)
    secure = re.sub(r"^    # ", "    ", commented[1].split("\n", 1)[1], flags=re.MULTILINE)
    check_config(text.replace(commented[1], secure), tmp_path)
    assert "password_file" in secure


def test_sample_limit_fits_max_groups():
    """A full page must pass: 248 a group, with the oldest CLOSE_WAIT, for 100 groups and other."""
    limit = yaml.safe_load(read(os.path.join(DEPLOY, "prometheus/prometheus.yml")))[
        "scrape_configs"][0]["sample_limit"]
    assert 248 * 101 < limit < 2 * 248 * 101


def configs_of(path):
    """The YAML examples of Prometheus's config in a page."""
    return [text for text in re.findall(r"^```yaml\n(.*?)^```", read(path), re.DOTALL | re.MULTILINE)
            if re.search(r"^(scrape_configs|remote_write|global|rule_files):", text, re.MULTILINE)]


@pytest.mark.parametrize("name,least", [("fleet.md", 3), ("metrics.md", 1)])
def test_examples_in_the_documentation(name, least, tmp_path):
    examples = configs_of(os.path.join(ROOT, "docs", name))
    assert len(examples) >= least
    for text in examples:
        check_config(text, tmp_path)
        for match in re.findall(r"""'\{__name__=~"(.*?)"\}'""", text):
            names = {rule["record"] for rule in rules("record")} | set(metrics.documented())
            assert any(re.fullmatch(match, each) for each in names), match
