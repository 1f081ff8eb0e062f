# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Fixtures of the web server's tests. Run with: make http"""

import shutil
import sys

import pytest
from _pytest.runner import runtestprotocol

import server

TRIES = 3

figures = []
held_up = set()


def pytest_runtest_makereport(item, call):
    if call.excinfo is not None and call.excinfo.errisinstance(server.HeldUp):
        held_up.add(item.nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """A hold of ours comes every time; one that the machine made, being busy, does not."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for left in reversed(range(TRIES)):
        held_up.discard(item.nodeid)
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if item.nodeid not in held_up or left == 0:
            break
        print(f"\n{item.nodeid} was held up: once more", file=sys.stderr)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.fixture
def record():
    """Keeps a figure for the end of the run."""
    return figures.append


def pytest_terminal_summary(terminalreporter):
    for figure in figures:
        terminalreporter.write_line(figure)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    server.certificates_make(folder)
    return folder


@pytest.fixture
def serve(tmp_path, certificates):
    """Starts servers, in a folder with certificates, and sees that they end well."""
    started = []

    def start(*addresses, **options):
        folder = tmp_path / str(len(started))
        shutil.copytree(certificates, folder)
        started.append(server.Server(str(folder), *addresses, **options))
        return started[-1]

    yield start
    for one in started:
        one.stop()
