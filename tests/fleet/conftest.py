# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Fixtures of the exporter's tests with the programs that people use it with. Run: make check-fleet

The helpers are those of the live tests and of the web server's.
"""

import importlib.util
import os
import sys

import pytest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHOTS = os.path.join(os.path.dirname(TESTS), ".output", "fleet")
sys.path[1:1] = [os.path.join(TESTS, "live"), os.path.join(TESTS, "http")]


def module_of(path, name):
    """All folders have a conftest.py, so theirs gets another name."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


live = module_of(os.path.join(TESTS, "live", "conftest.py"), "live_fixtures")
pytest_configure = live.pytest_configure
built, watch, hub, puppet = live.built, live.watch, live.hub, live.puppet
network, helper, spawn = live.network, live.helper, live.spawn

web = module_of(os.path.join(TESTS, "http", "conftest.py"), "web_fixtures")
record, pytest_terminal_summary = web.record, web.pytest_terminal_summary


@pytest.fixture(scope="session")
def shots():
    """Where pictures of pages are left for people to look at."""
    os.makedirs(SHOTS, exist_ok=True)
    return SHOTS
