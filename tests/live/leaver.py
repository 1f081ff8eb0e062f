# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""leaver.py [NAME=VALUE...]: a client whose peer closes, and which ends after so many seconds.

read=1 takes the end of stream, answer=1 sends after it (the peer only shut down), close=1 closes.
end=return|exit|kill is how. within=S: if the end is not within S seconds of the peer's close(), all
connections are closed and others are made. The peer is in the same process and closes properly.
waiting=N: N more connections, whose clients have closed, wait for accept() at the end; close=1 closes
the listener.
"""

import os
import signal
import socket
import sys
import time

how = dict(word.split("=") for word in sys.argv[1:])


def left():
    """A client's socket, as it is left, and when its peer closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
    if how.get("read") != "1":
        peer.send(b"never read")
    since = time.monotonic()
    if how.get("answer") == "1":
        peer.shutdown(socket.SHUT_WR)
    else:
        peer.close()
    if how.get("read") == "1":
        assert client.recv(1) == b""
    if how.get("answer") == "1":
        client.send(b"answer")
        assert peer.recv(6) == b"answer"
    print("left", flush=True)
    time.sleep(float(how["seconds"]))
    return client, peer, since


def wait_for_accept(count):
    listener = socket.create_server(("127.0.0.1", 0))
    for _ in range(count):
        socket.create_connection(listener.getsockname()).close()
    return listener


waiting = wait_for_accept(int(how.get("waiting", "0")))
client, peer, since = left()
while "within" in how and time.monotonic() - since > float(how["within"]):
    client.close()
    waiting.close()
    waiting = wait_for_accept(int(how.get("waiting", "0")))
    client, peer, since = left()
if how.get("close") == "1":
    client.close()
    waiting.close()
end = how.get("end", "return")
if end == "exit":
    os._exit(3)
if end == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
os._exit(0)
