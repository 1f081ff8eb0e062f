# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""What Prometheus sees of real sockets: pages, leaks, lifetimes, counters that only grow."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import pytest

from puppets import connect, connect_pair
from runner import PATIENCE

SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? ([0-9.]+)\Z")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"(?:,|\Z)')
BOUNDS = ["1e-05", "0.0001", "0.001", "0.01", "0.1", "1.0", "10.0", "60.0", "127.0", "300.0",
          "925.0", "7200.0", "86400.0", "604800.0", "+Inf"]


class Page:
    def __init__(self, address, path="/metrics", **headers):
        request = urllib.request.Request(f"http://{address}{path}", headers=headers)
        try:
            response = urllib.request.urlopen(request, timeout=PATIENCE)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            self.status = response.status
            self.type = response.headers["Content-Type"]
            self.text = response.read().decode("utf-8", "strict")

    def samples(self):
        """{(name, ((label, value), ...)): number}; no series is there twice."""
        found = {}
        for line in self.text.rstrip("\n").split("\n"):  # names have any character but these
            if line.startswith("#"):
                continue
            match = SAMPLE.match(line)
            assert match, f"no sample: {line!r}"
            series = match[1], tuple(sorted(LABEL.findall(match[2] or "")))
            assert series not in found, f"twice: {line!r}"
            found[series] = float(match[3])
        return found

    def value(self, name, **labels):
        return self.samples().get((name, tuple(sorted(labels.items()))))


def counted(page, **labels):
    """How many transitions, in all, these labels have."""
    return sum(value for (name, found), value in page.samples().items()
               if name == "tcpwatch_transitions_total" and set(labels.items()) <= set(found))


@pytest.fixture
def serving(watch):
    """serving('-w', '300ms') is a running tcpwatch and where it serves."""
    def start(*args):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        return watch(f"--web.listen-address={address}", *args), address
    return start


def wait_value(address, wanted, name, at_least=False, **labels):
    deadline = time.monotonic() + PATIENCE
    while True:
        page = Page(address)
        value = page.value(name, **labels)
        if value == wanted or (at_least and value is not None and value > wanted):
            return page
        assert time.monotonic() < deadline, f"{name}{labels} is {value}, not {wanted}"
        time.sleep(0.1)


def grown(before, after, comm):
    """Counters of this group that have become less, or are gone."""
    old, new = before.samples(), after.samples()
    return {series: (value, new.get(series)) for series, value in old.items()
            if re.search("_(total|count|sum|bucket)$", series[0]) and ("comm", comm) in series[1]
            and new.get(series, -1) < value}


def test_a_leak_comes_and_goes(serving, puppet):
    tcpwatch, address = serving("-w", "300ms")
    client, server = puppet("client"), puppet("leaks-alone")
    pair = connect_pair(client, server)
    before = Page(address)
    assert before.value("tcpwatch_leaked_sockets", comm="leaks-alone", kind="unclosed") == 0
    assert before.value("tcpwatch_leaks_total", comm="leaks-alone", kind="unclosed") == 0
    assert before.value("tcpwatch_oldest_close_wait_timestamp_seconds", comm="leaks-alone") is None
    began = time.time()
    client.close(pair.client_fd)
    server.recv_all(pair.server_fd)
    page = wait_value(address, 1, "tcpwatch_leaked_sockets", comm="leaks-alone", kind="unclosed")
    assert page.value("tcpwatch_leaks_total", comm="leaks-alone", kind="unclosed") == 1
    assert page.value("tcpwatch_sockets", comm="leaks-alone", state="CLOSE_WAIT") == 1
    oldest = page.value("tcpwatch_oldest_close_wait_timestamp_seconds", comm="leaks-alone")
    assert began - 0.1 <= oldest <= time.time()
    server.close(pair.server_fd)
    page = wait_value(address, 0, "tcpwatch_leaked_sockets", comm="leaks-alone", kind="unclosed")
    assert page.value("tcpwatch_leaks_total", comm="leaks-alone", kind="unclosed") == 1
    assert page.value("tcpwatch_sockets", comm="leaks-alone", state="CLOSE_WAIT") == 0
    assert page.value("tcpwatch_oldest_close_wait_timestamp_seconds", comm="leaks-alone") is None
    tcpwatch.stop()


IDS = {"close-wait-leak", "accept-stall", "time-wait-churn", "pool-thrash", "connect-stuck",
       "syn-flood", "fin-wait2-stuck", "last-ack-stuck", "dead-peer", "reset-storm",
       "descriptor-leak"}


def findings_of(page, comm):
    return {dict(labels)["finding"]: value for (name, labels), value in page.samples().items()
            if name == "tcpwatch_findings" and ("comm", comm) in labels}


def test_a_finding_comes_and_goes(serving, puppet):
    """Twelve leaks of one process are one finding, of it alone, until they have been closed."""
    tcpwatch, address = serving("-w", "300ms", "-n", "innocent", "-n", "leaks-twelve")
    client, server = puppet("innocent"), puppet("leaks-twelve")
    listener = server.listen()
    pairs = [connect(client, server, listener) for _ in range(12)]
    before = Page(address)
    for comm in ("innocent", "leaks-twelve", "other"):
        assert findings_of(before, comm) == dict.fromkeys(IDS, 0), comm
    for pair in pairs:
        client.close(pair.client_fd)
    server.recv_all_many([pair.server_fd for pair in pairs])
    labels = {"comm": "leaks-twelve", "finding": "close-wait-leak"}
    page = wait_value(address, 1, "tcpwatch_findings", **labels)
    assert sum(findings_of(page, "leaks-twelve").values()) == 1
    assert findings_of(page, "innocent") == dict.fromkeys(IDS, 0)
    landing = Page(address, "/").text
    assert "close-wait-leak" in landing and f"pid {server.pid}" in landing
    server.close_many([pair.server_fd for pair in pairs])
    page = wait_value(address, 0, "tcpwatch_findings", **labels)
    assert findings_of(page, "leaks-twelve") == dict.fromkeys(IDS, 0)
    assert "close-wait-leak" not in Page(address, "/").text
    tcpwatch.stop()


def test_a_lifetime_is_in_its_bucket_and_outlives_its_process(serving, puppet):
    tcpwatch, address = serving()
    client, server = puppet("unpunctual"), puppet("punctual")
    pair = connect_pair(client, server)
    began = client.timed("close", pair.client_fd)
    server.recv_all(pair.server_fd)
    time.sleep(0.3)
    ended = server.timed("close", pair.server_fd)
    labels = {"comm": "punctual", "state": "CLOSE_WAIT"}
    name = "tcpwatch_state_duration_seconds"
    page = wait_value(address, 1, name + "_count", **labels)
    longest = (ended.after - began.before) / 1e9
    total = page.value(name + "_sum", **labels)
    assert 0.3 - 0.005 <= total <= longest
    for bound in BOUNDS:
        wanted = int(total <= float(bound))
        assert page.value(name + "_bucket", le=bound, **labels) == wanted, bound
    server.leave()
    client.leave()
    after = Page(address)
    assert not grown(page, after, "punctual") and not grown(page, after, "unpunctual")
    assert after.value(name + "_count", **labels) == 1
    tcpwatch.stop()


def test_the_page_agrees_with_the_summary(serving, puppet):
    tcpwatch, address = serving()
    client, server = puppet("client"), puppet("summed")
    for _ in range(5):
        pair = connect_pair(client, server)
        client.close(pair.client_fd)
        server.recv_all(pair.server_fd)
        server.close(pair.server_fd)
    page = wait_value(address, 5, "tcpwatch_transitions_total", comm="summed", **{
        "from": "CLOSE_WAIT", "to": "LAST_ACK"})
    tcpwatch.stop()
    states = tcpwatch.process_of(server.pid)["states"]
    for state in ("ESTABLISHED", "CLOSE_WAIT"):
        total = page.value("tcpwatch_state_duration_seconds_sum", comm="summed", state=state)
        assert round(total * 1e9) == pytest.approx(states[state]["sum_ns"], abs=200)
    waits = page.value("tcpwatch_accept_wait_seconds_count", comm="summed")
    assert waits == (5 if tcpwatch.start["mode"] == "full" else None)


def test_labels_split_and_groups_are_limited(serving, puppet):
    tcpwatch, address = serving("--label=pid,netns,cgroup", "--max-groups=3")
    puppets = [puppet("twin") for _ in range(5)]
    for each in puppets:
        each.listen()
    time.sleep(0.2)
    samples = Page(address).samples()
    groups = {tuple(v for v in labels if v[0] != "kind") for name, labels in samples
              if name == "tcpwatch_leaked_sockets"}
    assert len(groups) <= 3 + 1
    assert all({"comm", "pid", "netns", "cgroup", "container_id"} == {n for n, _ in group}
               for group in groups)
    listening = sum(value for (name, labels), value in samples.items()
                    if name == "tcpwatch_sockets" and ("state", "LISTEN") in labels)
    assert listening >= len(puppets)
    tcpwatch.stop()


@contextlib.contextmanager
def cgroup(name):
    """A cgroup of version 2; wherever it is mounted, if at all, this mount is the test's own."""
    top = tempfile.mkdtemp(prefix="tcpwatch-cgroup-")
    subprocess.run(["mount", "-t", "cgroup2", "none", top], check=True)
    path = os.path.join(top, name)
    try:
        os.mkdir(path)
        yield path
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(path)
        subprocess.run(["umount", top], check=True)
        os.rmdir(top)


def move(process, path):
    with open(os.path.join(path, "cgroup.procs"), "w", encoding="ascii") as file:
        file.write(str(process.pid))


def test_a_cgroup_made_anew_is_the_same_series(serving, puppet):
    name = f"tcpwatch-test-{os.getpid()}.service"
    tcpwatch, address = serving("--label=cgroup")
    labels = {"comm": "restarted", "cgroup": f"/{name}", "container_id": ""}
    for starts in (1, 2):
        with cgroup(name) as path:
            process = puppet("restarted")
            move(process, path)
            process.listen()
            page = wait_value(address, starts, "tcpwatch_transitions_total", **labels, **{
                "from": "CLOSE", "to": "LISTEN"})
            assert page.value("tcpwatch_sockets", state="LISTEN", **labels) == 1
            process.leave()
            while os.path.exists(path):  # the process is a zombie's time in it
                with contextlib.suppress(OSError):
                    os.rmdir(path)
                time.sleep(0.01)
        page = wait_value(address, starts, "tcpwatch_transitions_total", **labels, **{
            "from": "LISTEN", "to": "CLOSE"})
        assert page.value("tcpwatch_sockets", state="LISTEN", **labels) == 0
    tcpwatch.stop()


def test_what_tcpwatch_accepts_is_its_own(watch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"127.0.0.1:{port}"
    tcpwatch = watch(f"--web.listen-address={address}", "-L", str(port))
    before = Page(address)
    for _ in range(5):
        Page(address)
    labels = {"comm": "tcpwatch", "from": "SYN_RECV", "to": "ESTABLISHED"}
    page = wait_value(address, 6 + 1, "tcpwatch_transitions_total", at_least=True, **labels)
    assert page.value("tcpwatch_sockets", comm="tcpwatch", state="LISTEN") == 1
    assert page.value("tcpwatch_sockets", comm="tcpwatch", state="ESTABLISHED") >= 1
    assert counted(page, comm="(unknown)") == counted(before, comm="(unknown)") == 0
    tcpwatch.stop()


@pytest.mark.alone
def test_three_hundred_short_commands_stay_within_the_limit(serving, puppet):
    tcpwatch, address = serving("--max-groups=20")
    pages = [Page(address)]
    for i in range(300):
        process = puppet(f"short-{i}")
        process.listen()
        process.leave()
        if i % 25 == 24:
            pages.append(Page(address))
    deadline = time.monotonic() + PATIENCE
    wanted = counted(pages[0], to="LISTEN") + 300
    while counted(pages[-1], to="LISTEN") < wanted:
        assert time.monotonic() < deadline, "not all commands were counted"
        pages.append(Page(address))
    last = 0
    for page in pages:
        samples = page.samples()
        assert len({labels for name, labels in samples
                    if name == "tcpwatch_leaks_total" and ("kind", "unread") in labels}) <= 21
        assert counted(page) >= last
        last = counted(page)
        others = counted(page, comm="other")
    assert others >= 300 - 20
    assert pages[-1].value("process_resident_memory_bytes") < \
        pages[len(pages) // 2].value("process_resident_memory_bytes") + (4 << 20)
    tcpwatch.stop()


def test_promtool_has_nothing_to_say(serving, puppet):
    tcpwatch, address = serving()
    connect_pair(puppet("client"), puppet("server"))
    page = Page(address)
    assert page.type == "text/plain; version=0.0.4; charset=utf-8"
    page.samples()
    assert shutil.which("promtool"), "promtool is missing: apt-get install prometheus"
    said = subprocess.run(["promtool", "check", "metrics"], input=page.text.encode(),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert (said.returncode, said.stdout) == (0, b""), said.stdout.decode()
    tcpwatch.stop()


def test_open_metrics_for_who_asks(serving):
    tcpwatch, address = serving()
    prometheus = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
                  "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
    page = Page(address, Accept=prometheus)
    assert page.type == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert page.text.endswith("\n# EOF\n")
    assert "# TYPE tcpwatch_leaks counter\n" in page.text
    page = Page(address, Accept="application/openmetrics-text;version=0.0.1,text/plain;q=0.5,"
                'application/openmetrics-text; version="1.0.0";escaping=allow-utf-8;q=0.6')
    assert page.type.startswith("application/openmetrics-text")
    for accept in ("text/plain", "*/*", "application/openmetrics-text;version=1.0.0;q=0",
                   "application/openmetrics-text;q=0.0",
                   "application/openmetrics-text;version=2.0.0"):
        page = Page(address, Accept=accept)
        assert page.type == "text/plain; version=0.0.4; charset=utf-8", accept
        assert "# EOF" not in page.text
    tcpwatch.stop()


def test_pages(serving):
    tcpwatch, address = serving()
    for path in ("/-/healthy", "/-/ready"):
        page = Page(address, path)
        assert (page.status, page.type) == (200, "text/plain; charset=utf-8")
        assert page.text.startswith("tcpwatch is ")
    page = Page(address, "/")
    assert (page.status, page.type) == (200, "text/html; charset=utf-8")
    for wanted in ("tcpwatch", 'href="/metrics"', tcpwatch.start["version"],
                   tcpwatch.start["kernel"], tcpwatch.start["mode"]):
        assert wanted in page.text, wanted
    assert Page(address, "/nowhere").status == 404
    assert Page(address, "/metrics/").status == 404
    tcpwatch.stop()
