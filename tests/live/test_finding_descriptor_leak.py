# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""descriptor-leak: sockets in CLOSE that a descriptor still holds, and who has only some that look alike.
All wait at the same time."""

import re

import pytest

pytestmark = pytest.mark.long

SERVED, MANY = 12, 110
POOL = 60  # idle connections of a client; the largest usual pool has 100


class Cases:
    """What was made, and what tcpwatch said of it."""

    def __init__(self, watch, ns, puppet):
        self.ns, self.puppets, self.fds, self.puppet = ns, {}, {}, puppet
        self.peer = puppet("peer", ns)
        self.port = self.peer.listen()
        self.of_server("older", self.reset_by_client, SERVED)
        self.tcpwatch = watch()
        self.of_server("reset", self.reset_by_client, SERVED)
        self.of_server("shut", self.shut, SERVED)
        self.of_server("closes", self.closes, SERVED)
        self.of_client("clients", MANY)
        self.of_client("pool", POOL)
        self.unconnected("fresh", MANY)
        self.refused("refused", MANY)
        for name in ("older", "reset", "shut", "clients", "refused"):
            self.tcpwatch.wait_for("finding", id="descriptor-leak", comm=name)
        # Later than any of these, the others would have been named as well.
        self.tcpwatch.settle(21)
        self.tcpwatch.stop()

    def new(self, name):
        self.puppets[name] = self.puppet(name, self.ns)
        return self.puppets[name]

    def of_server(self, name, end, count):
        server = self.new(name)
        listener = server.listen()
        clients = self.peer.connect_many(listener["port"], count)
        self.fds[name] = [end["fd"] for end in server.accept_many(listener["fd"], count)]
        end(server, self.fds[name], [end["fd"] for end in clients])

    def reset_by_client(self, _server, _fds, peers):
        for fd in peers:
            self.peer.reset(fd)

    def shut(self, server, fds, peers):
        """Both sides are finished, and the server never calls close()."""
        for fd in fds:
            server.shutdown(fd)
        self.peer.close_many(peers)

    def closes(self, server, fds, peers):
        self.reset_by_client(server, fds, peers)
        server.close_many(fds)

    def of_client(self, name, count):
        ends = self.new(name).connect_many(self.port["port"], count)
        self.fds[name] = [end["fd"] for end in ends]
        for end in self.peer.accept_many(self.port["fd"], count):
            self.peer.reset(end["fd"])

    def unconnected(self, name, count):
        program = self.new(name)
        for number in range(count):
            program.unconnected(bound=bool(number % 2))

    def refused(self, name, count):
        program = self.new(name)
        ends = [program.connect_fails(1) for _ in range(count)]
        assert {end["errno"] for end in ends} == {"ECONNREFUSED"}
        self.fds[name] = [end["fd"] for end in ends]

    def of(self, name):
        return self.tcpwatch.all("finding", id="descriptor-leak", comm=name)


@pytest.fixture
def cases(watch, network, puppet):
    return Cases(watch, network(), puppet)


def test_all_at_once(cases):
    for name, count in (("older", SERVED), ("reset", SERVED), ("shut", SERVED),
                        ("clients", MANY), ("refused", MANY)):
        finding, = cases.of(name)
        assert (finding["status"], finding["severity"]) == ("open", "warning"), finding
        assert finding["pid"] == cases.puppets[name].pid
        evidence = finding["evidence"]
        assert evidence["count"] == count and evidence["oldest_ns"] >= 15e9, finding
        assert evidence.get("accepted", 0) == (count if count == SERVED else 0), finding
        assert re.fullmatch(r"\d+, \d+, \d+ and %d more" % (count - 3), evidence["descriptors"])
        fds = set(map(int, evidence["descriptors"].split(" and ")[0].split(", ")))
        assert fds < set(cases.fds[name]), finding
        assert finding["says"].startswith("Closed sockets still held"), finding
    for name in ("closes", "pool", "fresh"):
        assert not cases.of(name)
