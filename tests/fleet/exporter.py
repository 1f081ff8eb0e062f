# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""A tcpwatch that serves on the loopback address, with the clients of the web server's tests."""

import socket

import server
from runner import Tcpwatch


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Exporter(server.Server):
    """connect() and get() as there; what it tells by -j is in `tcpwatch`."""

    def __init__(self, *options):  # pylint: disable=super-init-not-called
        self.host, self.port, self.tls = "127.0.0.1", free_port(), False
        self.url = f"http://{self.host}:{self.port}"
        self.tcpwatch = Tcpwatch(f"--web.listen-address={self.host}:{self.port}", *options)
        self.process = self.tcpwatch.process

    def stop(self):
        self.tcpwatch.stop()
