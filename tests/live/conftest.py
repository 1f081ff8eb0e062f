# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Fixtures of the live tests. Run as root: /usr/bin/python3 -m pytest -q tests/live"""

import os
import shutil
import signal
import subprocess
import tempfile

import pytest

import machine
import netns
import puppets
import runner

MARKERS = (
    "alone: looks at the whole host, loads it or measures time: no other test runs beside it",
    "long: takes many seconds: begins before the others",
    "xdist_group(name): tests that share what is costly to make: one worker of pytest-xdist")


def pytest_configure(config):
    """Ended by `timeout` or a CI job, the tests still clean up behind them."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker:
        netns.isolate(int(worker[2:]), int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the groups
def pytest_collection_modifyitems(items):
    """The tests of one minute stay together, and what takes long begins first."""
    for item in items:
        if "minute" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("minute"))
    items.sort(key=lambda item: (item.get_closest_marker("xdist_group") is None,
                                 item.get_closest_marker("long") is None))


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

    yield lambda name: machine.helper_build(name, directory)
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
