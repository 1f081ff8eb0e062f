# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Puppets: processes of their own that do what a test tells them to, socket call by socket call.

Each reply carries CLOCK_MONOTONIC before and after the call, so that a test knows not only what
happened but between which two moments it happened: bounds for a lifetime, not a guess.
"""

import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"
ANSWER_TIMEOUT = 120


class PuppetError(Exception):
    """The call failed in the puppet; the message is its exception."""


class Span:
    """The moments (ns, CLOCK_MONOTONIC) before and after a call."""

    def __init__(self, before, after):
        self.before, self.after = before, after


class Nursery:
    """One python that forks the puppets: milliseconds for each, where a new python takes many."""

    def __init__(self):
        self.orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.orders.settimeout(ANSWER_TIMEOUT)
        with theirs:
            # A session of its own: Ctrl-C is for the tests, which then end the puppets.
            self.process = subprocess.Popen(
                [PYTHON, "-E", "-S", os.path.join(HERE, "puppet.py"), "--nursery",
                 str(theirs.fileno())], stdin=subprocess.DEVNULL, stdout=sys.stderr,
                pass_fds=(theirs.fileno(),), start_new_session=True)

    def ask(self, order, fds=()):
        socket.send_fds(self.orders, [json.dumps(order).encode()], fds)
        return json.loads(self.orders.recv(4096))


@functools.lru_cache(maxsize=None)
def nursery():
    return Nursery()


class Forked:
    """A puppet of the nursery, as subprocess.Popen would show it."""

    def __init__(self, pid):
        self.pid, self.status = pid, None
        self.pidfd = os.pidfd_open(pid)

    def wait(self, timeout=None):
        if self.status is None:
            if not select.select([self.pidfd], [], [], timeout)[0]:
                raise PuppetError(f"{self.pid} does not end")
            self.status = nursery().ask({"reap": self.pid})
            os.close(self.pidfd)
        return self.status

    def poll(self):
        if self.status is None and select.select([self.pidfd], [], [], 0)[0]:
            self.wait()
        return self.status

    def kill(self):
        if self.poll() is None:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)


class Puppet:
    """One process; an unknown method is a call of the operation of that name in puppet.py."""

    def __init__(self, hub, channel, process=None):
        self.hub = hub
        self.channel = channel
        self.process = process
        self.replies = channel.makefile("rb")
        self.waiting = 0
        self.last = None
        hello = json.loads(self.replies.readline())
        self.pid, self.comm = hello["pid"], hello["comm"]

    def start(self, operation, *args, **kwargs):
        """Sends the call and does not wait for it; finish() does."""
        request = json.dumps({"op": operation, "args": args, "kwargs": kwargs})
        self.channel.sendall(request.encode() + b"\n")
        self.waiting += 1

    def finish(self):
        line = self.replies.readline()
        self.waiting -= 1
        if not line:
            raise PuppetError(f"puppet {self.comm} ({self.pid}) is gone")
        reply = json.loads(line)
        self.last = Span(reply["before"], reply["after"])
        if "error" in reply:
            raise PuppetError(reply["error"])
        return reply["value"]

    def __getattr__(self, operation):
        def call(*args, **kwargs):
            self.start(operation, *args, **kwargs)
            return self.finish()
        return call

    def timed(self, operation, *args, **kwargs):
        """The call's Span instead of its value."""
        getattr(self, operation)(*args, **kwargs)
        return self.last

    def fork(self, comm):
        """A child that inherits every socket, as a puppet of its own."""
        self.call_fork(comm)
        return self.hub.adopt()

    def exec(self, comm):
        """The same process executes a new program (itself) and keeps its sockets."""
        self.start("call_exec", comm)
        channel = self.hub.accept()
        self.channel.close()
        self.channel, self.replies, self.waiting = channel, channel.makefile("rb"), 0
        hello = json.loads(self.replies.readline())
        assert hello["pid"] == self.pid
        self.comm = hello["comm"]

    def leave(self):
        """Ends in the orderly way, and is waited for."""
        self.start("leave")
        self.replies.readline()
        if self.process:
            self.process.wait(ANSWER_TIMEOUT)

    def pause(self):
        """SIGSTOP, and waits until every thread has stopped."""
        os.kill(self.pid, signal.SIGSTOP)
        for task in os.listdir(f"/proc/{self.pid}/task"):
            path = f"/proc/{self.pid}/task/{task}/stat"
            deadline = time.monotonic() + ANSWER_TIMEOUT
            while True:
                with open(path, encoding="latin-1") as file:
                    if file.read().rsplit(") ", 1)[1].startswith("T"):
                        break
                assert time.monotonic() < deadline, "does not stop"

    def kill(self, signal_number=9):
        os.kill(self.pid, signal_number)
        if self.process:
            self.process.wait(ANSWER_TIMEOUT)
        # The channel was made in the puppet's network namespace and keeps that alive.
        self.channel.close()
        self.replies.close()


class Hub:
    """Where puppets report for work: a Unix socket, which is seen from every network namespace."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "hub")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(64)
        self.listener.settimeout(ANSWER_TIMEOUT)
        self.puppets = []

    def accept(self):
        channel = self.listener.accept()[0]
        channel.settimeout(ANSWER_TIMEOUT)
        return channel

    def adopt(self, process=None):
        puppet = Puppet(self, self.accept(), process)
        self.puppets.append(puppet)
        return puppet

    def puppet(self, comm, netns=None):
        """Starts a process named comm, in a netns.NetNs if one is given."""
        fds = [netns.fd] if netns else []
        return self.adopt(Forked(nursery().ask({"hub": self.path, "comm": comm}, fds)))

    def close(self):
        for puppet in self.puppets:
            if puppet.process and puppet.process.poll() is None:
                puppet.process.kill()
                puppet.process.wait()
            puppet.channel.close()  # a forked puppet ends when its channel does
            puppet.replies.close()
        self.listener.close()


class Connection:
    """Both ends of one connection, as the puppets that hold them know them."""

    def __init__(self, client, server, client_end, server_end, opening):
        self.client, self.server = client, server
        self.client_end, self.server_end = client_end, server_end
        self.opening = opening

    client_fd = property(lambda self: self.client_end["fd"])
    server_fd = property(lambda self: self.server_end["fd"])
    client_cookie = property(lambda self: self.client_end["cookie"])
    server_cookie = property(lambda self: self.server_end["cookie"])


def connect(client, server, listener, family="ipv4", **options):
    """client connects to server's listener, server accepts."""
    end = client.connect(listener["port"], family, **options)
    opening = client.last
    return Connection(client, server, end, server.accept(listener["fd"]), opening)


def connect_pair(client, server, family="ipv4"):
    return connect(client, server, server.listen(family), family)


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)
