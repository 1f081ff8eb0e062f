# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""What tcpwatch exports, by docs/metrics.md, and what expressions use of it."""

import os
import re

from installed import ROOT, run

# Those that Prometheus itself makes for each target.
OF_PROMETHEUS = {"up": set(), "scrape_samples_scraped": set()}
OF_TARGETS = {"job", "instance"}
PROCESS = {"process_cpu_seconds_total", "process_open_fds", "process_max_fds",
           "process_virtual_memory_bytes", "process_resident_memory_bytes",
           "process_start_time_seconds"}
NAME = re.compile(r"(?<![\w:$\"])((?:tcpwatch|process|scrape)_\w+|up)(?![\w:(])")
STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')


def documented():
    """{sample name: its labels}, of the tables in docs/metrics.md."""
    with open(os.path.join(ROOT, "docs/metrics.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| `(tcpwatch_\w+)` \| (\w+) \| ([^|]*)\|", file.read(), re.MULTILINE)
    found = {name: set() for name in PROCESS}
    grouped = True
    for name, kind, labels in rows:
        grouped = grouped and name != "tcpwatch_events_total"  # the second table
        labels = set(re.findall(r"`(\w+)`", labels)) | ({"comm"} if grouped else set())
        if kind == "histogram":
            found.update({name + "_bucket": labels | {"le"}, name + "_sum": labels,
                          name + "_count": labels})
        else:
            found[name] = labels
    assert len(rows) == 17, f"docs/metrics.md has other tables now: {rows}"
    return found


def recorded(groups):
    """{name: labels} of the recording rules; what they aggregate is not worked out."""
    return {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}


def used(expression):
    """Names of metrics, and (name, label) of each matcher, in an expression."""
    bare = STRINGS.sub('""', expression)
    names = set(NAME.findall(re.sub(r"\b(?:by|without|on|ignoring) *\([^)]*\)", "", bare)))
    pairs = {(name, label) for name, matchers in re.findall(r"([\w:]+) *\{([^}]*)\}", bare)
             for label in re.findall(r"(\w+) *(?:=~|!~|!=|=)", matchers)}
    return names, pairs


def assert_known(expression, known, where):
    names, pairs = used(expression)
    assert names, f"{where}: no metric in {expression}"
    for name in names:
        assert name in known, f"{where}: tcpwatch has no {name}"
    for name, label in pairs:
        assert name not in known or label in known[name] | OF_TARGETS, (
            f"{where}: {name} has no label {label}")


def assert_parses(expressions, path):
    """By promtool: each is a rule of its own."""
    lines = ["groups:", "  - name: parsed", "    rules:"]
    for number, expression in enumerate(expressions):
        lines += [f"      - record: parsed:{number}", "        expr: |",
                  *("          " + line for line in expression.splitlines())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    said = run("promtool", "check", "rules", path)
    assert f"{len(expressions)} rules found" in said, said
