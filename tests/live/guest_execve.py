# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Processes that never come back from execve(), which any user can make: a FUSE file system that
does not answer FLUSH. Readers of their /proc files may wait for ever, so this runs in guests only
(tests/vm/tests), and its name keeps it out of `make live`."""

import os
import signal
import socket
import subprocess
import threading
import time
import urllib.request

from check import SLOW
from puppets import connect
from test_neighbours import free_address, seconds_to_end

STUCK = 4
ANSWER = 2.0


def reads(path):
    """Whether a process that may be lost gets an answer from this file within a second, or on a
    slow machine within many."""
    child = os.fork()
    if child == 0:
        with open(path, "rb") as file:
            file.read()
        os._exit(0)
    deadline = time.monotonic() + SLOW
    while time.monotonic() < deadline:
        if os.waitpid(child, os.WNOHANG)[0]:
            return True
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    return False


class Shop(threading.Thread):
    """Accepts, and closes at once: what the others keep is in CLOSE_WAIT."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            self.listener.accept()[0].close()


def test_processes_that_stay_in_execve(watch, puppet, helper, spawn, tmp_path, record_property):
    assert socket.gethostname() == "guest", "not on a machine that anybody needs"
    os.chmod("/dev/fuse", 0o666)  # as udev has it
    os.chmod(tmp_path, 0o755)
    folder = tmp_path / "fuse"
    folder.mkdir()
    for above in folder.parents:
        os.chmod(above, os.stat(above).st_mode | 0o055)
    os.chown(folder, 1000, 1000)
    shop, address = Shop(), free_address()
    tcpwatch = watch("-s", "--strict", "-w", "300ms", "-i", "1s", f"--web.listen-address={address}")
    stuck = spawn(helper("stuck"), folder, shop.port, STUCK, stdin=subprocess.PIPE,
                  stdout=subprocess.PIPE, text=True, start_new_session=True)
    pids = [int(stuck.stdout.readline()) for _ in range(STUCK)]
    time.sleep(2)
    for pid in pids:
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            assert file.read() == "stuck\n", "it has left execve()"
    silent = [name for name in ("maps", "stat", "environ") if not reads(f"/proc/{pids[0]}/{name}")]
    print(f"files of a process in execve() that are not answered: {silent}")
    record_property("silent", silent)

    took = []
    for _ in range(10):
        began, waited = time.monotonic(), tcpwatch.waited()
        urllib.request.urlopen(f"http://{address}/-/healthy", timeout=60).read()
        took.append(time.monotonic() - began - (tcpwatch.waited() - waited))
    print(f"health page: {max(took):.3f} s at most")
    assert max(took) < ANSWER * SLOW, took
    # Others are reported as ever, with their site.
    client, server = puppet("healthy"), puppet("server")
    pair = connect(client, server, server.listen())
    server.close(pair.server_fd)
    client.recv_all(pair.client_fd)
    leak = tcpwatch.wait_for("leak", socket=pair.client_cookie)
    assert leak["pid"] == client.pid and leak["stack"] and leak["stack"][0]["function"], leak
    # And so are these: the kernel told who they are.
    for pid in pids:
        tcpwatch.wait_for("leak", pid=pid, comm="stuck")
    page = urllib.request.urlopen(f"http://{address}/metrics", timeout=60).read().decode()
    unanswered, = (float(line.split()[1]) for line in page.splitlines()
                   if line.startswith("tcpwatch_host_questions_unanswered_total"))
    print(f"questions without an answer: {unanswered:g}")
    assert not silent or unanswered > 0
    ending = seconds_to_end(tcpwatch)
    print(f"SIGTERM: {ending:.3f} s")
    assert ending < 2 * ANSWER * SLOW
    tcpwatch.wait_end()
    stuck.stdin.close()
    stuck.wait(60)
