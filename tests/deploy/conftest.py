# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Fixtures of the tests of deploy/, some of them those of the live tests. Run as root."""

import importlib.util
import os
import sys

import pytest

LIVE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "live")
sys.path.insert(0, LIVE)

import installed  # noqa: E402


def live_fixtures():
    """Its module is called conftest too, so it cannot be imported by name."""
    spec = importlib.util.spec_from_file_location("live_conftest", os.path.join(LIVE, "conftest.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


live = live_fixtures()
built, hub, puppet, network, spawn = live.built, live.hub, live.puppet, live.network, live.spawn


@pytest.fixture
def tree(tmp_path):
    """An installation in a folder of its own."""
    return installed.Tree(str(tmp_path / "root"))


@pytest.fixture
def systemd(tree):
    """systemd() is a real systemd that has started tcpwatch.service as installed."""
    started = []

    def start(unit="tcpwatch.service"):
        started.append(installed.Systemd(tree, unit))
        return started[-1]
    yield start
    for each in started:
        each.close()
