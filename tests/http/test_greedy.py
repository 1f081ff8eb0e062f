# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Neighbours that take all connections or all memory: who behaves is served."""

import collections
import contextlib
import signal
import socket
import threading
import time

import pytest

import server


class Attack(threading.Thread):
    """Clients that hold what they can get, and come again as soon as they are cut."""

    def __init__(self, one, sources, each, text, rcvbuf=None):
        super().__init__(daemon=True)
        self.one, self.sources, self.each = one, sources, each
        self.text, self.rcvbuf = text, rcvbuf
        self.over = threading.Event()
        self.ready = threading.Event()
        self.held = {}

    def open(self, source):
        connection = socket.socket()
        if self.rcvbuf:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.rcvbuf)
        connection.bind((source, 0))
        connection.settimeout(10)
        connection.connect((self.one.host, self.one.port))
        connection.sendall(self.text)
        connection.setblocking(False)
        return connection

    def is_cut(self, connection):
        """With what it has not read it looks open, but for its state: 1 is ESTABLISHED."""
        return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) != b"\1"

    def run(self):
        slots = [(source, i) for source in self.sources for i in range(self.each)]
        while not self.over.is_set():
            for slot in slots:
                if slot in self.held and not self.is_cut(self.held[slot]):
                    continue
                if slot in self.held:
                    self.held.pop(slot).close()
                with contextlib.suppress(OSError):
                    self.held[slot] = self.open(slot[0])
            self.ready.set()
            self.over.wait(0.2)
        for connection in self.held.values():
            connection.close()

    def __enter__(self):
        self.start()
        assert self.ready.wait(30)
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


def ask(one, path, source):
    try:
        return one.get(path, source=source).status
    except OSError as fault:
        return type(fault).__name__


def count(one, record, what, asks, seconds=8, every=0.25):
    """Asks as a scraper and a probe do, and returns how many of them were not served."""
    bad = collections.Counter()
    asked = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for path, source in asks:
            asked += 1
            if (status := ask(one, path, source)) != 200:
                bad[f"{path}: {status}"] += 1
        time.sleep(every)
    failed = sum(bad.values())
    record(f"{what}: {failed} of {asked} requests not served{dict(bad) or ''}")
    return failed


SLOW = b"GET / HTTP/1.1\r\nHost: a\r\n"
BIG = b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n"
NEIGHBOURS = [f"127.0.1.{i + 1}" for i in range(5)]


@pytest.mark.parametrize("text", [b"", SLOW], ids=["silent", "half a request"])
def test_connections_of_five_addresses(serve, record, text):
    """Each holds all that one address may have, 320 together; 256 is the limit of all."""
    one = serve(build="serve")
    with Attack(one, NEIGHBOURS, 64, text):
        asks = [("/-/healthy", "127.0.0.1"), ("/metrics", "127.0.0.2")]
        assert count(one, record, "5 addresses, 64 slow connections each", asks) == 0


def test_connections_over_tls(serve, record):
    one = serve(build="serve", config=server.tls())
    with Attack(one, NEIGHBOURS, 64, b""):
        asks = [("/-/healthy", "127.0.0.1"), ("/metrics", "127.0.0.2")]
        assert count(one, record, "the same over TLS", asks) == 0


def test_connections_of_one_address(serve, record):
    """The scraper has the neighbour's own address: it is served once the others are slow."""
    one = serve(build="serve")
    with Attack(one, ["127.0.0.1"], 64, SLOW):
        assert server.wait_for(lambda: ask(one, "/-/healthy", "127.0.0.1") == 200, 20)
        asks = [("/-/healthy", "127.0.0.1"), ("/metrics", "127.0.0.1")]
        assert count(one, record, "64 slow connections of the same address", asks) == 0


def test_connections_of_many_addresses(serve, record):
    one = serve(build="serve")
    with Attack(one, [f"127.0.2.{i % 250 + 1}" for i in range(250)], 2, SLOW):
        time.sleep(1.5)
        asks = [("/-/healthy", "127.0.0.1"), ("/metrics", "127.0.0.2")]
        assert count(one, record, "250 addresses, 2 slow connections each", asks) == 0


@pytest.mark.parametrize("encoding", [b"identity", b"gzip"])
def test_pages_of_three_addresses(serve, record, encoding):
    """12 clients ask for 2 MB each and do not read."""
    one = serve(build="serve")
    text = BIG[:-2] + b"Accept-Encoding: " + encoding + b"\r\n\r\n"
    before = one.rss_kb()
    with Attack(one, NEIGHBOURS[:3], 4, text, rcvbuf=4096):
        asks = [("/-/healthy", "127.0.0.1"), ("/big", "127.0.0.2"), ("/-/ready", "127.0.1.1")]
        assert count(one, record, f"12 clients of 3 addresses do not read {encoding.decode()}", asks) == 0
        assert one.rss_kb() - before < 40 * 1024
        assert one.stats()["page_bytes"] <= 20 * 1024 * 1024


def test_pages_of_one_address(serve, record):
    """Health and readiness have no budget; the scraper gets the place of those that are slow."""
    one = serve(build="serve")
    with Attack(one, ["127.0.0.1"], 12, BIG, rcvbuf=4096):
        asks = [("/-/healthy", "127.0.0.1"), ("/-/ready", "127.0.0.1")]
        assert count(one, record, "health, 12 clients of the same address", asks, 1) == 0
        time.sleep(1)
        asks.append(("/big", "127.0.0.1"))
        assert count(one, record, "12 clients of the same address do not read", asks) == 0


def test_pages_of_many_addresses(serve, record):
    one = serve(build="serve")
    with Attack(one, [f"127.0.2.{i + 1}" for i in range(40)], 1, BIG, rcvbuf=4096):
        time.sleep(1.5)
        asks = [("/-/healthy", "127.0.0.1"), ("/big", "127.0.0.2")]
        assert count(one, record, "40 clients of 40 addresses do not read", asks) == 0


def test_pages_asked_for_again_and_again(serve, record):
    """Twelve clients of twelve addresses ask for 2 MB, do not read, and are back with another
    request within a second: none of their pages is old enough to be slow. They come in bursts,
    which may hold all memory for the 20 ms in which no page is given up."""
    one = serve(build="serve")
    sources = [f"127.0.2.{i + 1}" for i in range(12)]
    with Attack(one, sources, 1, BIG, rcvbuf=4096) as attack:

        def come_again():
            while not attack.over.is_set():
                for connection in list(attack.held.values()):
                    with contextlib.suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)
                    time.sleep(0.06)

        threading.Thread(target=come_again, daemon=True).start()
        asks = [("/-/healthy", "127.0.0.1"), ("/big", "127.0.0.2")]
        assert count(one, record, "12 clients ask anew every 0.7 s", asks) <= 3


def test_clients_that_read_slowly(serve, record):
    """They move all the time, but not much: 4 KB in 50 ms."""
    one = serve(build="serve")
    with Attack(one, NEIGHBOURS[:4], 3, BIG, rcvbuf=4096) as attack:

        def sip():
            while not attack.over.is_set():
                for connection in list(attack.held.values()):
                    with contextlib.suppress(OSError):
                        connection.recv(4096)
                time.sleep(0.05)

        threading.Thread(target=sip, daemon=True).start()
        time.sleep(1.5)
        asks = [("/-/healthy", "127.0.0.1"), ("/big", "127.0.0.2")]
        assert count(one, record, "12 clients read 80 KB/s", asks) == 0


def test_pages_that_are_read_are_not_cut(serve):
    """More of them than fit: some wait, none is cut."""
    one = serve(build="serve", limits=["page_kb=8192"])
    want = len(one.get("/big").body)
    answers = []

    def fetch(source):
        answers.append(one.get("/big", source=source))

    threads = [threading.Thread(target=fetch, args=[f"127.0.3.{i + 1}"]) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 12 and {answer.status for answer in answers} <= {200, 503}
    assert all(len(answer.body) == want for answer in answers if answer.status == 200)


def test_pages_that_take_long_to_make(serve, record):
    """Forty clients have asked for a page of 20 ms before the probe asks: it does not wait until
    all of them are made. Counted by pages, so that the machine does not matter."""
    one = serve(build="serve")
    one.process.send_signal(signal.SIGSTOP)
    server.wait_for(lambda: one.stat()[0] == "T")
    greedy = [one.connect(f"127.0.4.{i % 8 + 1}") for i in range(40)]
    for connection in greedy:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    probe = one.connect()
    probe.sendall(b"GET /made HTTP/1.0\r\nHost: a\r\n\r\n")
    one.process.send_signal(signal.SIGCONT)
    made = int(server.read_all(probe).rsplit(b"\r\n\r\n", 1)[1])
    record(f"the probe was answered after {made} of 40 slow pages")
    assert made <= 10  # one a run; it can take four of them to be read, and four to be accepted
    for connection in greedy:
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        connection.close()
