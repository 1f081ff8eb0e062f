# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""A finding as people see it: a block on a terminal, one line when it is over."""

import os
import re
import time

import pytest

from check import SLOW
from test_text import Text

pytestmark = pytest.mark.long

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
EVIDENCE_COLUMN = 4 + 18 + 1


@pytest.fixture
def terminal():
    started = []

    def start(*args):
        started.append(Text(*args, terminal=True))
        started[-1].read(until=b"\n")
        return started[-1]
    yield start
    for each in started:
        each.close()


def plain(output):
    return COLOUR.sub("", output.decode().replace("\r\n", "\n"))


def assert_block(block, server, listener):
    """What, who, how bad; one sentence; evidence in two columns; what to do; where more is."""
    assert re.match(r"\d\d:\d\d:\d\d\.\d{6}  FINDING accept-stall  "
                    rf"{server.comm}\[{server.pid}\]  {listener['local']}  warning$", block[0])
    assert max(map(len, block)) <= 80
    assert all(re.match(r"    \S", line) for line in block[1:])
    evidence = dict(re.match(r"    ([a-z ]{18}) (\S.*)", line).groups() for line in block
                    if line[EVIDENCE_COLUMN - 1:EVIDENCE_COLUMN] == " "
                    and re.match(r"    [a-z ]+  +\S", line))
    evidence = {name.strip(): value for name, value in evidence.items()}
    assert (evidence["queue"], evidence["limit"], evidence["full"]) == ("4", "64", "no")
    assert re.fullmatch(r"\d+\.\d+s", evidence["oldest"])
    text = " ".join(line.strip() for line in block)
    assert "the process does not accept them." in text and '"ss -ltn" shows the queue' in text
    assert block[-1] == "    tcpwatch --explain=accept-stall"


def test_block(terminal, network, puppet):
    ns = network()
    client, server = puppet("client", ns), puppet("shop", ns)
    out = terminal("-p", server.pid)
    listener = server.listen(backlog=64)
    client.connect_many(listener["port"], 4)
    out.read(until=b"--explain=accept-stall", timeout=120 * SLOW)
    before = time.monotonic()
    server.accept_many(listener["fd"], 4)
    out.read(until=b"OVER", timeout=120 * SLOW)
    waited = time.monotonic() - before
    output = out.stop()
    if os.environ.get("TCPWATCH_SHOW"):  # for a look at it
        print(output.decode())
    assert b"\x1b[" in output
    lines = plain(output).splitlines()
    begin = next(number for number, line in enumerate(lines) if "FINDING" in line)
    end = next(number for number, line in enumerate(lines) if "--explain" in line)
    assert_block(lines[begin:end + 1], server, listener)
    over, = [line for line in lines if "OVER" in line]
    told = re.match(rf"\d\d:\d\d:\d\d\.\d{{6}}  OVER    accept-stall  shop\[{server.pid}\]  "
                    rf"{listener['local']}  after (\d+\.\d+)s$", over)
    assert told and 9 <= float(told[1]) <= waited + 1
    assert "still open" not in plain(output)
