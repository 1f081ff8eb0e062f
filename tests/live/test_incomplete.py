# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""An answer with many lost records is not "no leaks": text, JSON and exit status say so."""

import json
import subprocess

import pytest

from runner import own_words, run

pytestmark = pytest.mark.alone  # it loads the host

TINY = ("--ring-size", "4096")
GATE = "--error-exitcode=23"
PATIENCE = 300  # on a busy machine


@pytest.fixture
def churn(helper):
    """Connections as fast as they go for a second, and an end with this status; none leaks."""
    return lambda status=0: ["sh", "-c", f"{helper('churn')} 1 2 0 0 </dev/null >/dev/null; "
                             f"exit {status}"]


def end_of(result):
    return [json.loads(line) for line in result.stdout.splitlines()][-1]


def test_many_lost(churn):
    result = run(*TINY, GATE, "-j", "--", *churn(), timeout=PATIENCE)
    end = end_of(result)
    assert sum(end["lost"].values()) > end["events_seen"] / 100, end
    assert end["incomplete"] is True
    assert result.returncode == 125, result.stderr
    assert own_words(result.stderr).endswith(
        "tcpwatch: --error-exitcode: no leak was seen, but some may have been missed (see SUMMARY): "
        "exit status 125\n")


def test_many_lost_in_text(churn):
    result = run(*TINY, "--", *churn(), timeout=PATIENCE)
    assert result.returncode == 0, result.stderr  # without --error-exitcode
    lines = result.stdout.splitlines()
    at = lines.index("SUMMARY: no leaks were seen, but the answer is incomplete")
    assert "events were lost" in lines[at + 1] and "--ring-size" in lines[at + 1], lines[at + 1]


def test_the_status_of_command_is_kept(churn):
    """It has failed by itself, which says more."""
    assert run(*TINY, GATE, "--", *churn(7), timeout=PATIENCE).returncode == 7


def test_without_command(helper, spawn):
    spawn(helper("churn"), 3, 2, 0, 0)
    result = run(*TINY, GATE, "-j", "-w", "50ms", "-n", "churn-client", "-d", "2s", timeout=PATIENCE)
    assert (result.returncode, end_of(result)["incomplete"]) == (125, True), result.stderr


def test_no_leak_fits_in(helper, spawn):
    """What leaks after 20 minutes cannot have come and gone meanwhile, whatever was lost."""
    spawn(helper("churn"), 3, 2, 0, 0)
    result = run(*TINY, GATE, "-j", "-w", "20m", "-n", "churn-client", "-d", "2s", timeout=PATIENCE)
    end = end_of(result)
    assert sum(end["lost"].values()) > end["events_seen"] / 100, end
    assert (result.returncode, end["incomplete"]) == (0, False), result.stderr


def test_a_leak_is_a_leak(helper, spawn, network):
    """What is still open is found by a scan, whatever was lost. In a namespace of its own: where
    the tests before have left as many TIME_WAIT as the kernel keeps, a client's FIN_WAIT2 is
    dropped, a new connection gets its port, and its SYN ends the leak with a reset."""
    network().call(lambda: spawn(helper("churn"), 3, 2, 0, 3, stdin=subprocess.PIPE))
    result = run(*TINY, GATE, "-j", "-w", "500ms", "-n", "churn-server", "-d", "6s", timeout=PATIENCE)
    assert (result.returncode, end_of(result)["incomplete"]) == (23, True), result.stderr


def test_nothing_lost(churn):
    """The same connections, and a ring that has room for them."""
    result = run("--ring-size", "256M", GATE, "-j", "--", *churn(), timeout=PATIENCE)
    assert (result.returncode, end_of(result)["incomplete"]) == (0, False), end_of(result)
