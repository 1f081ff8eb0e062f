# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""The units by systemd's own checks, and what make install and make uninstall leave."""

import os
import re
import shutil

import pytest

from installed import DEPLOY, UNITS, run

MOST_EXPOSED = 2.0
WITH_CONTAINERS = 2.1  # CAP_SYS_ADMIN and CAP_SYS_PTRACE: docs/fleet.md says so


def exposure(unit):
    said = run("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    match = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert match, said
    return float(match[1])


def test_exposure(tree):
    figure = exposure(tree.at(UNITS, "tcpwatch.service"))
    assert figure <= MOST_EXPOSED
    documented = re.search(r"systemd-analyze security.*?\n.*?exposure level for tcpwatch.service: "
                           r"([0-9.]+)", open("docs/fleet.md", encoding="utf-8").read(), re.DOTALL)
    assert documented and float(documented[1]) == figure, "docs/fleet.md has another figure"


def test_exposure_with_containers(tree, tmp_path):
    for name in ("tcpwatch.service", "tcpwatch.service.d/containers.conf"):
        os.makedirs(os.path.dirname(tmp_path / name), exist_ok=True)
    shutil.copy(tree.at(UNITS, "tcpwatch.service"), tmp_path)
    shutil.copy(tree.at("usr/local/share/tcpwatch/containers.conf"),
                tmp_path / "tcpwatch.service.d")
    figure = exposure(tmp_path / "tcpwatch.service")
    assert exposure(tree.at(UNITS, "tcpwatch.service")) < figure <= WITH_CONTAINERS


@pytest.mark.parametrize("unit", ["tcpwatch.service", "tcpwatch.socket"])
def test_verify(tree, unit, tmp_path):
    """A copy that names the program where it is here; the page of the manual is not installed."""
    for name in ("tcpwatch.service", "tcpwatch.socket"):
        with open(tree.at(UNITS, name), encoding="utf-8") as file:
            text = file.read()
        with open(tmp_path / name, "w", encoding="utf-8") as file:
            file.write(text.replace("/usr/local/sbin/", tree.at("usr/local/sbin/")))
    said = run("systemd-analyze", "verify", "--man=no", tmp_path / unit,
               env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"})
    # Other units of this machine are looked at too.
    assert "tcpwatch" not in said, said


def files_below(path):
    return sorted(os.path.relpath(os.path.join(folder, name), path)
                  for folder, _, names in os.walk(path) for name in names)


def test_install_and_uninstall(tree):
    assert files_below(tree.path) == sorted([
        "etc/default/tcpwatch", "usr/local/lib/sysusers.d/tcpwatch.conf",
        f"{UNITS}/tcpwatch.service", f"{UNITS}/tcpwatch.socket", "usr/local/sbin/tcpwatch",
        "usr/local/share/man/man8/tcpwatch.8",
        *("usr/local/share/tcpwatch/" + name for name in (
            "containers.conf", "daemonset.yaml", "podmonitor.yaml", "prometheus.yml",
            "tcpwatch.json", "tcpwatch.rules.yml"))])
    assert os.stat(tree.at("usr/local/sbin/tcpwatch")).st_mode & 0o7777 == 0o755
    assert run(tree.at("usr/local/sbin/tcpwatch"), "--version").startswith("tcpwatch ")
    run("make", "-s", "uninstall", f"DESTDIR={tree.path}")
    assert files_below(tree.path) == []


def test_options_of_the_operator_stay(tree):
    tree.options("--web.listen-address=:1")
    for target in ("install", "uninstall"):
        run("make", "-s", target, f"DESTDIR={tree.path}")
        with open(tree.at("etc/default/tcpwatch"), encoding="utf-8") as file:
            assert file.read() == 'OPTIONS="--web.listen-address=:1"\n'
    assert files_below(tree.path) == ["etc/default/tcpwatch"]


def test_prefix(tmp_path):
    run("make", "-s", "install", f"DESTDIR={tmp_path}", "PREFIX=/opt/tcpwatch", "SYSCONFDIR=/opt/etc",
        "UNITDIR=/lib/systemd/system")
    with open(f"{tmp_path}/lib/systemd/system/tcpwatch.service", encoding="utf-8") as file:
        unit = file.read()
    assert "\nExecStart=/opt/tcpwatch/sbin/tcpwatch $OPTIONS\n" in unit
    assert "\nEnvironmentFile=-/opt/etc/default/tcpwatch\n" in unit
    assert "/usr/local" not in unit and "/etc/default" not in unit.replace("/opt/etc", "")


def test_shipped_options_are_those_of_the_unit():
    """Who removes the file gets what it says."""
    with open(os.path.join(DEPLOY, "systemd/tcpwatch.default"), encoding="utf-8") as file:
        options = re.search(r'^OPTIONS="(.*)"$', file.read(), re.MULTILINE)[1]
    with open(os.path.join(DEPLOY, "systemd/tcpwatch.service"), encoding="utf-8") as file:
        assert f'Environment="OPTIONS={options}"' in file.read()
