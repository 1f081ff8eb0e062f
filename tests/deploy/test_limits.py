# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Limits of memory and tasks: there are some, and large hosts do not reach them."""

import os
import re
import signal
import socket
import time

import yaml

from installed import DEPLOY, UNITS, page, wait_for

WARM, PROCESSES, LARGE_HOST = 150, 500, 10000
UNIT_OF = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def limits_of(tree):
    """What the unit has, as numbers."""
    with open(tree.at(UNITS, "tcpwatch.service"), encoding="utf-8") as file:
        unit = dict(re.findall(r"^(MemoryMax|TasksMax|OOMPolicy)=(.*)$", file.read(), re.M))
    memory = unit["MemoryMax"]
    return int(memory[:-1]) * UNIT_OF[memory[-1]], int(unit["TasksMax"]), unit["OOMPolicy"]


def test_unit_daemonset_and_documentation_agree(tree):
    memory, tasks, policy = limits_of(tree)
    with open(os.path.join(DEPLOY, "kubernetes/daemonset.yaml"), encoding="utf-8") as file:
        daemonset = next(each for each in yaml.safe_load_all(file) if each["kind"] == "DaemonSet")
    limit = daemonset["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]
    assert limit == f"{memory >> 20}Mi"
    assert policy == "continue"
    with open("docs/fleet.md", encoding="utf-8") as file:
        text = " ".join(file.read().split())
    assert f"`MemoryMax={memory >> 20}M` and `TasksMax={tasks}`" in text
    assert f"limited to {memory >> 20} MB" in text


def resident(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        return int(re.search(r"^Rss: +(\d+) kB", file.read(), re.M)[1]) << 10


def connect_some(port, number):
    """In a child: a name of its own, connections that end in different ways; then it waits."""
    with open("/proc/self/comm", "w", encoding="utf-8") as file:
        file.write(f"limit-{number}")
    for i in range(3):
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(b"x")
        if i:
            client.shutdown(socket.SHUT_WR)
            client.recv(1)
        client.close()


def serve(listener):
    while True:
        server = listener.accept()[0]
        server.recv(1)
        server.close()


def start_processes(count):
    """Live processes that have had connections; returns their pids, the server's first."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    pids = []
    for i in range(count + 1):
        ready, done = os.pipe()
        pid = os.fork()
        if not pid:
            try:
                if i:
                    connect_some(listener.getsockname()[1], i)
                os.close(done)
                if i:
                    signal.pause()
                serve(listener)
            finally:
                os._exit(0)
        pids.append(pid)
        os.close(done)
        os.read(ready, 1)
        os.close(ready)
    listener.close()
    return pids


def test_a_large_host_does_not_reach_them(tree, spawn):
    """What some hundred live processes add, for ten thousand of them."""
    memory = limits_of(tree)[0]
    exporter = spawn(tree.at("usr/local/sbin/tcpwatch"),
                     f"--web.listen-address=127.0.0.1:{tree.port}")
    wait_for(lambda: page(tree.port))
    pids = []
    try:
        # The first ones fill the groups and the page, which do not grow further.
        pids += start_processes(WARM)
        wait_for(lambda: 'comm="other"' in page(tree.port))
        before = resident(exporter.pid)
        pids += start_processes(PROCESSES)
        time.sleep(1)
        page(tree.port)
        added = resident(exporter.pid) - before
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    assert before + added * LARGE_HOST // PROCESSES < memory // 4, (before, added)


def test_tasks(tree, spawn):
    tasks = limits_of(tree)[1]
    exporter = spawn(tree.at("usr/local/sbin/tcpwatch"), "-s",
                     f"--web.listen-address=127.0.0.1:{tree.port}")
    wait_for(lambda: page(tree.port))
    with open(f"/proc/{exporter.pid}/status", encoding="utf-8") as file:
        threads = int(re.search(r"^Threads:\s+(\d+)$", file.read(), re.M)[1])
    with open(f"/proc/{exporter.pid}/task/{exporter.pid}/children", encoding="utf-8") as file:
        assert (threads + len(file.read().split())) * 4 <= tasks
