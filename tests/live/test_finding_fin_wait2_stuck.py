# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""fin-wait2-stuck (scenario 18): this side closed, the peer does not. All wait at the same time."""

import time

import pytest

from check import SLOW
from puppets import connect

pytestmark = pytest.mark.long

FIN_TIMEOUT = 30
ORPHANS = 100
SPARE = 20  # a record of some may be left out, and counted as lost


class Cases:
    """What was made, and what tcpwatch said of it."""

    def __init__(self, watch, ns, other_ns, puppet):
        ns.sysctl("net.ipv4.tcp_fin_timeout", FIN_TIMEOUT)
        self.ns = ns
        self.puppets = {name: puppet(name, ns) for name in ("half", "lawful")}
        # Orphans have their minute: a slow machine asks its kernel more rarely.
        self.puppets.update({name: puppet(name, other_ns) for name in ("closer", "few", "tidy")})
        self.keeper, self.clients = puppet("keeper", ns), puppet("clients", other_ns)
        self.fin_timeout = int(other_ns.run("sysctl", "-n", "net.ipv4.tcp_fin_timeout"))
        self.tcpwatch = watch()
        self.before = time.monotonic()
        self.listener = self.keeper.listen()
        self.half()
        self.lawful()
        self.orphans("closer", ORPHANS + SPARE)
        self.orphans("few", 10)
        self.tidy()
        for name in ("half", "closer"):
            self.of(name, wait=True)
        self.tcpwatch.stop()

    def half(self):
        """Three that shut down, of a client that holds on to them."""
        for _ in range(3):
            pair = connect(self.puppets["half"], self.keeper, self.listener)
            pair.client.shutdown(pair.client_fd)

    def lawful(self):
        """The same, but the answer still comes, a byte at a time."""
        pair = connect(self.puppets["lawful"], self.keeper, self.listener)
        pair.client.shutdown(pair.client_fd)
        self.keeper.hang("send_slowly", pair.server_fd, 4 * FIN_TIMEOUT * SLOW, 1)

    def orphans(self, name, count):
        """A server closes; the clients keep their ends."""
        listener = self.puppets[name].listen()
        self.clients.connect_many(listener["port"], count)
        ends = self.puppets[name].accept_many(listener["fd"], count)
        self.puppets[name].close_many([end["fd"] for end in ends])

    def tidy(self):
        """As many, and the peer closes in turn."""
        listener = self.puppets["tidy"].listen()
        mine = self.clients.connect_many(listener["port"], 2 * ORPHANS)
        ends = self.puppets["tidy"].accept_many(listener["fd"], 2 * ORPHANS)
        self.puppets["tidy"].close_many([end["fd"] for end in ends])
        self.clients.close_many([end["fd"] for end in mine])

    def of(self, name, wait=False):
        """The findings of a puppet."""
        fields = {"id": "fin-wait2-stuck", "pid": self.puppets[name].pid}
        if wait:
            self.tcpwatch.wait_for("finding", timeout=(FIN_TIMEOUT + 90) * SLOW, **fields)
        return self.tcpwatch.all("finding", **fields)


@pytest.fixture
def cases(watch, network, puppet):
    return Cases(watch, network(), network(), puppet)


def test_all_at_once(cases):
    held, = cases.of("half")
    assert (held["status"], held["severity"], held["netns"]) == ("open", "info", cases.ns.inode)
    assert held["subject"] == cases.listener["local"]
    evidence = held["evidence"]
    assert (evidence["count"], evidence["held"]) == (3, 3) and "orphaned" not in evidence
    # The kernel counts the silence in ticks, and the time until it was read comes on top.
    assert evidence["oldest_ns"] + 0.2e9 >= evidence["silent_for_ns"] >= FIN_TIMEOUT * 1e9
    assert evidence["oldest_ns"] / 1e9 <= held.arrival - cases.before
    assert "still holds them" in held["says"]

    orphaned = cases.of("closer")[0]
    assert (orphaned["status"], orphaned["severity"]) == ("open", "info")
    assert orphaned["subject"] == "127.0.0.1"
    evidence = orphaned["evidence"]
    assert ORPHANS <= evidence["count"] == evidence["orphaned"] <= ORPHANS + SPARE
    assert "held" not in evidence
    oldest = evidence["oldest_ns"] / 1e9
    assert 20 <= oldest <= min(cases.fin_timeout + 5, orphaned.arrival - cases.before)
    assert evidence["tcp_fin_timeout_ns"] == cases.fin_timeout * 10**9
    assert "No process holds" in orphaned["advice"]

    for name in ("lawful", "few", "tidy"):
        assert not cases.of(name)
