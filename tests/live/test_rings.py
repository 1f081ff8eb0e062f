# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""The rings of the CPUs, and those that they share: what goes through both is complete and in
order."""

import json
import re
import signal
import subprocess
import sys
import time

import pytest

from check import count_of
from runner import PATIENCE, command, run

pytestmark = pytest.mark.alone

# A CPU has at most 1M for itself. A connection makes 9 records, of 104 or 136 bytes in a ring, so
# these ones fill the rings of two CPUs more than once, but not the 16M of all.
CONNECTIONS = 3000
CONNECT = f"""
import os, socket, sys
cpus = sorted(os.sched_getaffinity(0))[:2]
listener = socket.create_server(("127.0.0.1", 0))
for i in range({CONNECTIONS}):
    if not i % 16:
        os.sched_setaffinity(0, [cpus[i // 16 % len(cpus)]])
    client = socket.create_connection(listener.getsockname())
    server = listener.accept()[0]
    client.close()
    server.recv(1)
    server.close()
print("done", flush=True)
sys.stdin.readline()
last = socket.create_server(("127.0.0.1", 0))
print(last.getsockname()[1], flush=True)
sys.stdin.readline()
"""


def wait_for(path, process, mark):
    """Waits for a line that has all of these."""
    end = time.monotonic() + PATIENCE
    while True:
        if any(all(word in line for word in mark) for line in path.read_text().splitlines()):
            return
        assert process.poll() is None and time.monotonic() < end, mark
        time.sleep(0.1)


def breaks(transitions):
    """How often a socket leaves another state than the one that it went to."""
    known, count = {}, 0
    for record in transitions:
        count += known.get(record["socket"], record["from"]) != record["from"]
        known[record["socket"]] = record["to"]
    return count


def test_shared_rings(spawn, network, tmp_path):
    """tcpwatch is stopped, and each CPU's own ring is too small: nothing is lost or confused."""
    shown, said = tmp_path / "out", tmp_path / "err"
    with shown.open("w") as out, said.open("w") as err:
        tcpwatch = spawn(*command("-j", "-t", "-v"), stdout=out, stderr=err)
    wait_for(shown, tcpwatch, ['"start"'])
    load = network().call(lambda: spawn(sys.executable, "-c", CONNECT, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    tcpwatch.send_signal(signal.SIGSTOP)
    assert load.stdout.readline() == "done\n"
    tcpwatch.send_signal(signal.SIGCONT)
    print(file=load.stdin, flush=True)
    wait_for(shown, tcpwatch, ['"to":"LISTEN"', f'127.0.0.1:{int(load.stdout.readline())}"'])
    tcpwatch.send_signal(signal.SIGINT)
    assert tcpwatch.wait(PATIENCE) == 0
    records = [json.loads(line) for line in shown.read_text().splitlines()]
    end, missing = records[-1], sum(records[-1]["lost"].values())
    assert end["lost"]["ring_full"] == 0 and end["lost"]["malformed"] == 0, end
    assert end["events_seen"] == end["events_delivered"] + missing, end
    words = re.search(r"(\d+) of (\d+) events went through rings that all", said.read_text())
    assert words and CONNECTIONS < int(words[1]) < int(words[2]), said.read_text()
    assert breaks(r for r in records if r["type"] == "transition") <= missing
    process, = (r for r in records if r["type"] == "process" and r["pid"] == load.pid)
    for state, count in (("SYN_SENT", CONNECTIONS), ("ESTABLISHED", 2 * CONNECTIONS),
                         ("CLOSE_WAIT", CONNECTIONS), ("LAST_ACK", CONNECTIONS)):
        assert count - 2 * missing <= count_of(process, state) <= count, (state, process, end)


@pytest.mark.parametrize("size, shown", [
    ("4K", r"4K \(--ring-size\)"),
    ("1G", r"\d+M: \d+ CPUs? with \d+[KM]( each)?, and \d+M for all \(--ring-size\)")])
def test_features_show_the_memory(size, shown):
    lines = run("--features", "--ring-size", size).stdout.splitlines()
    assert any(re.fullmatch("rings         " + shown, line) for line in lines), lines
