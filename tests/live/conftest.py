# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Fixtures of the live tests. Run as root: /usr/bin/python3 -m pytest -q tests/live"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest
from _pytest.runner import runtestprotocol

import netns
import puppets
import runner

HERE = os.path.dirname(os.path.abspath(__file__))


def pytest_configure():
    """Ended by `timeout` or a CI job, the tests still clean up behind them."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """The kernel may leave a record out, and counts it: a program that is interrupted keeps others
    of its processor from running (`recursion`). What fails for want of a record runs once more."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for last in (False, True):
        before = runner.Tcpwatch.lost_by_all
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        lost = runner.Tcpwatch.lost_by_all - before
        if last or not lost or not any(report.failed for report in reports):
            break
        print(f"\n{item.nodeid} failed with {lost} records lost: once more", file=sys.stderr)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.fixture(scope="session", autouse=True)
def built():
    """These tests fail, and never skip, where the tool or the rights are missing."""
    if not os.access(runner.TCPWATCH, os.X_OK):
        pytest.exit(f"{runner.TCPWATCH} is missing: run make first", returncode=2)
    if os.geteuid() != 0:
        pytest.exit("the live tests load BPF programs: run them as root", returncode=2)


@pytest.fixture
def watch():
    """watch('-t', '-w', '300ms') is a running Tcpwatch."""
    started = []

    def start(*args, **kwargs):
        started.append(runner.Tcpwatch(*args, **kwargs))
        return started[-1]
    yield start
    for each in started:
        each.kill()


@pytest.fixture
def hub():
    directory = tempfile.mkdtemp(prefix="tcpwatch-live-")
    hub = puppets.Hub(directory)
    yield hub
    hub.close()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def puppet(hub):
    """puppet('name') is a new process of that name; puppet('name', ns) one in that namespace."""
    return hub.puppet


@pytest.fixture
def network():
    """network() is a new network namespace, gone with its last process."""
    made = []

    def make():
        made.append(netns.NetNs())
        return made[-1]
    yield make
    for each in made:
        each.close()


@pytest.fixture
def wire(network):
    """Two namespaces joined by a wire that the test can hold, cut and listen to."""
    wire = netns.Wire(network(), network())
    yield wire
    wire.close()


@pytest.fixture(scope="session")
def helper():
    """helper('churn') is the path of helper_churn.c, compiled."""
    directory = tempfile.mkdtemp(prefix="tcpwatch-helpers-")

    def build(name):
        path = os.path.join(directory, name)
        if not os.path.exists(path):
            subprocess.run([os.environ.get("CC", "cc"), "-O2", "-Wall", "-Wextra", "-Werror",
                            "-D_GNU_SOURCE", "-o", path, os.path.join(HERE, f"helper_{name}.c"),
                            "-pthread"], check=True)
        return path
    yield build
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def spawn():
    """Starts a program that is killed at the end, should it still run."""
    started = []

    def start(*command, **kwargs):
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        started.append(subprocess.Popen(list(map(str, command)), **kwargs))
        return started[-1]
    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()
