# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""The program as it was built: what makes faults harder to exploit, and the same bytes anywhere."""

import glob
import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(ROOT, "tcpwatch")
OUT = os.path.join(ROOT, ".output")
# Those that are linked: replay/ is only for tests.
OBJECTS = [os.path.join(OUT, os.path.relpath(each, os.path.join(ROOT, "user"))[:-1] + "o")
           for pattern in ("user/*.c", "user/*/*.c") for each in glob.glob(os.path.join(ROOT, pattern))
           if "/replay/" not in each]
# What a build needs.
SOURCES = ["Makefile", "bpf", "user", "vmlinux", "tools", "docs", "deploy", "tests/tests.mk"]


def output_of(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout


def readelf(*options, path=PROGRAM):
    return output_of("readelf", "-W", *options, path)


def imported(path):
    """Names of the functions that it takes from libraries, or an object from others."""
    lines = readelf("--dyn-syms" if path == PROGRAM else "--symbols", path=path).splitlines()
    return {line.split()[7].partition("@")[0] for line in lines
            if re.search(r" GLOBAL +DEFAULT +UND .", line)}


def test_position_independent():
    assert re.search(r"Type: +DYN ", readelf("-h"))
    assert re.search(r"\(FLAGS_1\) .*\bPIE\b", readelf("-d"))
    assert "TEXTREL" not in readelf("-d")


def test_relocations_are_read_only_from_the_start():
    assert "GNU_RELRO" in readelf("-l")
    assert re.search(r"\(FLAGS\) +BIND_NOW", readelf("-d"))
    assert re.search(r"\(FLAGS_1\) .*\bNOW\b", readelf("-d"))


def test_nothing_is_writable_and_executable():
    segments = re.findall(r"^ +(LOAD|GNU_STACK) .* ([R ][W ][E ]) 0x", readelf("-l"), re.M)
    assert {name for name, _ in segments} == {"LOAD", "GNU_STACK"}
    assert not [each for each in segments if each[1] in ("RWE", " WE")], segments
    assert ("GNU_STACK", "RW ") in segments


def test_libraries_are_searched_where_the_system_says():
    assert not re.search(r"\((RPATH|RUNPATH)\)", readelf("-d"))


def test_stack_protector():
    assert "__stack_chk_fail" in imported(PROGRAM)
    without = [each for each in OBJECTS if "__stack_chk_fail" not in imported(each)]
    # "strong" protects every function with an array: few modules have none.
    assert len(without) < len(OBJECTS) / 2, without


def test_fortified():
    """Level 3 also checks blocks whose size is only known at run time: of these names, level 2 has
    none for memset() and read(), and a build without it has none at all."""
    names = imported(PROGRAM)
    assert {"__memcpy_chk", "__snprintf_chk", "__memset_chk", "__read_chk"} <= names, names
    assert not {"sprintf", "strcpy", "strcat", "gets"} & names


@pytest.mark.skipif(platform.machine() != "x86_64", reason="a feature of x86-64")
def test_targets_of_indirect_jumps():
    """Each object allows IBT and SHSTK. The C library's own start files may not, so the program
    as a whole need not say so."""
    assert OBJECTS
    for each in OBJECTS:
        assert re.search(r"x86 feature: .*IBT.*SHSTK", readelf("-n", path=each)), each


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def digest_object(path, scratch):
    """Without what is there for optimizing the program as a whole, and for debugging: they have the
    object's folder, of which nothing is left in the program."""
    subprocess.run(["objcopy", "-g", "-R", ".gnu.lto_*", "-R", ".gnu.debuglto_*", path, scratch],
                   check=True)
    return digest(scratch)


def test_the_same_bytes_in_another_folder(tmp_path):
    other = tmp_path / "a-folder-with-a-longer-name" / "tcpwatch-src"
    for each in [*SOURCES, *glob.glob("tests/*/*.mk", root_dir=ROOT)]:
        source, target = os.path.join(ROOT, each), other / each
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, target)
    # The variables that this make was given, without its job server.
    given = os.environ.get("MAKEFLAGS", "").partition("-- ")[2]
    env = {name: value for name, value in os.environ.items()
           if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    subprocess.run(["make", "-j2", "-C", other, *shlex.split(given)], check=True,
                   stdout=subprocess.DEVNULL, env={**env, "TZ": "Asia/Tokyo"})
    differ = [name for name in (os.path.relpath(each, OUT) for each in OBJECTS)
              if digest_object(os.path.join(OUT, name), tmp_path / "object") !=
              digest_object(other / ".output" / name, tmp_path / "object")]
    assert not differ
    assert digest(os.path.join(OUT, "tcpwatch.skel.h")) == digest(other / ".output/tcpwatch.skel.h")
    assert digest(PROGRAM) == digest(other / "tcpwatch")
