# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Fixtures of the web server's tests. Run with: make http"""

import os
import shutil
import sys

import pytest

# The helpers of the live tests.
sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "live"))

import machine  # noqa: E402
import server  # noqa: E402

figures = []


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


@pytest.fixture(scope="session")
def stalls(tmp_path_factory):
    stalls = machine.Stalls(tmp_path_factory.mktemp("helpers"))
    yield stalls
    stalls.close()


@pytest.fixture
def serve(tmp_path, certificates, stalls):
    """Starts servers, in a folder with certificates, and sees that they end well."""
    started = []

    def start(*addresses, **options):
        folder = tmp_path / str(len(started))
        shutil.copytree(certificates, folder)
        started.append(server.Server(str(folder), *addresses, **options))
        started[-1].stalls = stalls
        return started[-1]

    yield start
    for one in started:
        one.stop()
