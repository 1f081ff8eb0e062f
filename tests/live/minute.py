# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""A minute in which connections end in all ways at the same time, for test_time_wait.py.

TIME_WAIT takes a minute each, so all of them are made at once, under one tcpwatch, and looked at
later. What the kernel really did with them is known by netns.Poll.
"""

import socket
import time

import netns
import puppets
from check import is_full
from netns import FIN, RST, Wire, forged
from puppets import connect
from runner import Tcpwatch, seconds_of

FIN_TIMEOUT = 8
LINGER2 = 8  # TCP_LINGER2
CHURN = 50
# Closed by shutdown(), so that the case's end holds its FIN_WAIT2.
FAMILY = {"ipv4": "ipv4", "ipv6": "ipv6", "mapped": "mapped", "server-first": "ipv4",
          "held": "ipv4", "reused": "ipv4", "called-again": "ipv4"}
AGAIN = ("reused", "called-again")
SERVERS = ("server-first", "called-again")
ORPHANS = ("orphan", "orphan-reset", "orphan-data", "orphan-timeout", "linger2")
WIRED = ("three-segments", "simultaneous", "fin-again", "reset")
LASTING = ("ipv4", "ipv6", "mapped", "server-first", "held", "orphan", "three-segments",
           "simultaneous", "simultaneous-right", "fin-again")


class Case:
    """One connection, and which end of it is asked about."""

    def __init__(self, pair, listener, ns, family="ipv4", server=False):
        self.pair, self.listener, self.ns, self.family = pair, listener, ns, family
        self.role = "server" if server else "client"
        self.peer_role = "client" if server else "server"
        self.calls = []

    puppet = property(lambda self: getattr(self.pair, self.role))
    end = property(lambda self: getattr(self.pair, f"{self.role}_end"))
    cookie = property(lambda self: self.end["cookie"])
    fd = property(lambda self: self.end["fd"])
    peer = property(lambda self: getattr(self.pair, self.peer_role))
    peer_end = property(lambda self: getattr(self.pair, f"{self.peer_role}_end"))

    def own(self, how, *args):
        """This end does `how`; the Span is kept."""
        self.calls.append(self.puppet.timed(how, self.fd, *args))

    def other(self, how, *args):
        self.calls.append(self.peer.timed(how, self.peer_end["fd"], *args))


class Minute:
    """Two namespaces on a wire; most cases are on the left one's loopback."""

    def __init__(self, stack, directory):
        self.hub = puppets.Hub(directory)
        stack.callback(self.hub.close)
        self.left, self.right = netns.NetNs(), netns.NetNs()
        self.wire = Wire(self.left, self.right)
        self.polls = {}
        for each in (self.left, self.right, self.wire):
            stack.callback(each.close)
        for ns in (self.left, self.right):
            ns.sysctl("net.ipv4.tcp_fin_timeout", FIN_TIMEOUT)
            ns.sysctl("net.ipv4.tcp_tw_reuse", 1)
            self.polls[ns] = netns.Poll(ns)
            stack.callback(self.polls[ns].close)
        self.other_end = self.hub.puppet("other-end", self.left)
        self.cases = {}
        self.local("old").own("close")  # in TIME_WAIT before tcpwatch looks
        self.cases["old"].other("close")
        self.watch = Tcpwatch("-t", "-i", "1s")
        stack.callback(self.watch.kill)
        self.open_all()
        self.close_all()
        if is_full(self.watch):
            self.wait_ended()
        self.watch.stop()  # with a summary

    def wait_ended(self):
        """Of each TIME_WAIT: its record, and then its end in the table. One reading of the table may
        pass over a socket."""
        deadline = time.monotonic() + 140
        cookies = {self.cases[name].cookie for name in LASTING}
        while cookies and time.monotonic() < deadline:
            time.sleep(0.1)
            cookies -= {r["socket"] for r in self.watch.all("transition", **{"from": "TIME_WAIT"})}
        for poll in self.polls.values():
            poll.wait(lambda stays: not any(key[2] == "TIME_WAIT" and not stay.ended
                                            for key, stay in stays.items()), timeout=140)

    def local(self, name, family="ipv4", server=False, puppet=None, **options):
        puppet = puppet or self.hub.puppet(name, self.left)
        client, accepter = (self.other_end, puppet) if server else (puppet, self.other_end)
        listener = accepter.listen(family)
        pair = connect(client, accepter, listener, family, **options)
        self.cases[name] = Case(pair, listener, self.left, family, server)
        return self.cases[name]

    def wired(self, name):
        client, server = self.hub.puppet(name, self.left), self.hub.puppet(name, self.right)
        listener = server.listen(host=Wire.right)
        pair = connect(client, server, listener, host=Wire.right)
        self.cases[name] = Case(pair, listener, self.left)

    def open_all(self):
        for name, family in FAMILY.items():
            # SO_REUSEADDR, so that the port can be bound again.
            options = {"bind": [None, 0]} if name in AGAIN else {}
            self.local(name, family, name in SERVERS, **options)
        for name in ORPHANS:
            self.local(name)
        self.churn = self.hub.puppet("churn", self.left)
        for number in range(CHURN):
            self.local(f"churn-{number}", puppet=self.churn)
        for name in WIRED:
            self.wired(name)
        both = self.cases["simultaneous"]
        self.cases["simultaneous-right"] = Case(both.pair, both.listener, self.right, server=True)
        linger2 = self.cases["linger2"]
        linger2.puppet.option(linger2.fd, socket.IPPROTO_TCP, LINGER2, 1)

    def close_all(self):
        cases = self.cases
        self.close_wired()
        for number in range(CHURN):
            cases[f"churn-{number}"].own("close")
            cases[f"churn-{number}"].other("close")
        for name in FAMILY:
            cases[name].own("shutdown")
        for name in FAMILY:
            self.watch.wait_for("transition", socket=cases[name].cookie, to="FIN_WAIT2")
        self.held_since = puppets.now_ns()
        for name in FAMILY:
            if name != "held":
                cases[name].other("close")
        orphaned_at = time.time()
        for name in ORPHANS:
            cases[name].own("close")
        for name in ORPHANS:
            self.watch.wait_for("transition", socket=cases[name].cookie, to="FIN_WAIT2")
        time.sleep(0.2)
        cases["orphan"].other("close")
        cases["orphan-reset"].other("reset")
        cases["orphan-data"].other("send", 1)
        for name in FAMILY:
            if name != "held":
                self.watch.wait_closed(cases[name].cookie)
                cases[name].calls[1].after = puppets.now_ns()
        self.calm_at = time.time()  # until the first of the orphans times out, or is called again
        self.wait_summary(self.calm_at, orphaned_at + FIN_TIMEOUT)
        self.calm_until = min(time.time(), orphaned_at + FIN_TIMEOUT)
        self.call_again()
        time.sleep(max(0.0, self.held_since / 1e9 + FIN_TIMEOUT + 1.5 - time.monotonic()))
        cases["held"].other("close")

    def wait_summary(self, since, until):
        """A whole one, which began and ended in this time (seconds since the epoch)."""
        pid, seen = self.cases["orphan-timeout"].puppet.pid, 0
        while seen < 2 and time.time() < until:
            time.sleep(0.05)
            seen = len(self.opened(pid, "FIN_WAIT2", since, until))

    def close_wired(self):
        wire, three, both = self.wire, self.cases["three-segments"], self.cases["simultaneous"]
        wire.hold()
        both.own("close")
        both.other("close")
        wire.wait_seen("left", lambda packet: packet.flags & FIN)
        wire.wait_seen("right", lambda packet: packet.flags & FIN)
        wire.release()
        self.watch.wait_closed(both.cookie, both.peer_end["cookie"])

        wire.drop("right", lambda packet: packet.bare_ack())
        three.own("shutdown")
        three.peer.readable(three.peer_end["fd"])
        time.sleep(0.05)
        three.other("close")
        self.watch.wait_closed(three.cookie)
        wire.heal()

        for name in ("fin-again", "reset"):
            self.cases[name].own("shutdown")
            self.watch.wait_for("transition", socket=self.cases[name].cookie, to="FIN_WAIT2")
        self.cases["reset"].other("close")
        self.watch.wait_closed(self.cases["reset"].peer_end["cookie"])
        again = self.cases["fin-again"]
        wire.drop("left", lambda packet: packet.bare_ack())
        again.other("close")
        time.sleep(0.5)
        self.healing = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        wire.heal()
        self.watch.wait_closed(again.peer_end["cookie"])

    def call_again(self):
        """What cuts a TIME_WAIT short: connect() from its port, a SYN, an RST."""
        reset = self.cases["reset"]
        for case in (self.cases[name] for name in AGAIN):
            case.own("close")
            client, end = case.pair.client, case.pair.client_end
            host, port = end["local"].split(":")
            client.connect(case.listener["port"], bind=[host, int(port)])
            case.calls.append(client.last)
        # The sequence number after the FIN's.
        port = int(reset.end["local"].split(":")[1])
        fin = self.fins_to("reset")[-1]
        rst = forged((Wire.right, fin.ports[0]), (Wire.left, port), RST,
                     fin.sequence + fin.payload + 1)
        self.wire.deliver("left", rst)
        reset.calls.append(puppets.Span(rst.delivering, rst.delivered))

    def fins_to(self, name):
        """The FINs that came over the wire to this end, the repeated ones too."""
        port = int(self.cases[name].end["local"].split(":")[1])
        return self.wire.all_seen("right", lambda packet: packet.flags & FIN and
                                  packet.ports[1] == port)

    def stay(self, name, state):
        case = self.cases[name]
        return self.polls[case.ns].stay(case.end["local"], case.end["remote"], state)

    def path(self, name):
        return self.watch.path(self.cases[name].cookie)

    def record(self, name, change):
        found = [r for r in self.watch.transitions(self.cases[name].cookie)
                 if f"{r['from']}>{r['to']}" == change]
        assert len(found) == 1, (change, self.watch.transitions(self.cases[name].cookie))
        return found[0]

    def process(self, name):
        """The last summary of the case's process."""
        return self.watch.processes()[self.cases[name].puppet.pid]

    def opened(self, pid, state, since, until):
        """How many were in this state at the summaries in this time."""
        return [r["open"].get(state, 0) for r in self.watch.all("process", pid=pid)
                if since <= seconds_of(r["time"]) <= until]
