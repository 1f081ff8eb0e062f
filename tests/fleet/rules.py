# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""deploy's rules for a test: the expressions as they are, waits of seconds, not minutes."""

import os
import re

import yaml

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "../../deploy/prometheus/tcpwatch.rules.yml")
FOR = "3s"
WINDOW = "15s"  # several scrapes
RANGE = re.compile(r"\[\d+[smhd]\]")
OFFSET = re.compile(r"\boffset \d+[smhd]\b")


def shortened(path):
    """The text of this file of rules, with each `for` FOR, each range and offset WINDOW."""
    with open(path, encoding="utf-8") as file:
        rules = yaml.safe_load(file)
    for group in rules["groups"]:
        group.pop("interval", None)
        for rule in group["rules"]:
            rule["expr"] = OFFSET.sub(f"offset {WINDOW}", RANGE.sub(f"[{WINDOW}]", rule["expr"]))
            if "alert" in rule:
                rule["for"] = FOR
    return yaml.safe_dump(rules)
