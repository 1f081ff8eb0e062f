# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Asks servers for a greeting; keeps connections for the next time."""

import socket

connections = {}


def greeting(port):
    connection = connections.get(port)
    if connection is None:
        connection = socket.create_connection(("127.0.0.1", port))
        connections[port] = connection
    line = connection.recv(100)
    if not line:  # the bug: a connection that the server closed is kept, and kept open
        raise ConnectionError("the server has hung up")
    return line.decode().strip()
