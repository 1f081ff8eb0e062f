# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""--explain: the pages of findings and states, as they are in the documentation."""

import os

import pytest

import runner
from runner import run

IDS = ("close-wait-leak accept-stall time-wait-churn pool-thrash connect-stuck syn-flood "
       "fin-wait2-stuck last-ack-stuck dead-peer reset-storm descriptor-leak").split()
STATES = ("SYN_SENT SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK FIN_WAIT1 FIN_WAIT2 CLOSING TIME_WAIT "
          "LISTEN CLOSE").split()


def document(name):
    """A file of docs/ as --explain shows it, in one line: its words only."""
    path = os.path.join(runner.ROOT, "docs", name)
    with open(path, encoding="utf-8") as file:
        return " ".join(file.read().replace("**", "").replace("`", '"').split())


def test_explain_list():
    """Every id in one line of 80 columns; needs no privileges; help is another name of it."""
    result = runner.run_as_nobody("--explain=list")
    assert result.returncode == 0 and result.stderr == "", result
    lines = [line for line in result.stdout.splitlines() if line.startswith("  ")]
    assert [line.split()[0] for line in lines] == IDS + STATES
    assert all(len(line) <= 80 for line in lines), result.stdout
    assert run("--explain=help").stdout == result.stdout


@pytest.mark.parametrize("page", IDS + STATES)
def test_explain(page):
    """The page of the documentation, plain, in 80 columns; for states the ways in and out."""
    result = run(f"--explain={page}")
    assert result.returncode == 0 and result.stderr == "", result
    text, ways = (result.stdout.split("\nWays in, from:\n") + [""])[:2]
    assert text.startswith(f"{page}: ")
    assert " ".join(text[len(page) + 2:].split()) in document(
        "tcp-states.md" if page in STATES else "findings.md")
    assert all(len(line) <= 80 for line in result.stdout.splitlines()), result.stdout
    assert bool(ways) == (page in STATES)
    for other in (page.upper(), page.lower().replace("-", "_"), page.replace("_", "-")):
        assert run("--explain", other).stdout == result.stdout


def test_explain_unknown():
    """Status 2, with the ids that there are; the same without privileges."""
    result = runner.run_as_nobody("--explain=NONE-SUCH")
    assert result.returncode == 2 and result.stdout == "", result
    first, *more = result.stderr.splitlines()
    assert first == "tcpwatch: --explain: 'NONE-SUCH' is not a finding or a state"
    assert [line.split()[1:] for line in more] == [IDS, STATES]


def test_explain_to_a_full_disk():
    with open("/dev/full", "w", encoding="utf-8") as full:
        result = run("--explain=LISTEN", stdout=full)
    assert result.returncode == 1 and "standard output" in result.stderr, result
