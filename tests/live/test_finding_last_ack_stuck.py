# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""last-ack-stuck (scenario 19): the final ACK is lost; and its healthy twins, at the same time."""

import time

import pytest

import runner
from check import SLOW
from netns import FIN
from puppets import connect

pytestmark = pytest.mark.long


def is_fin_of(port):
    return lambda packet: packet.tcp and packet.flags & FIN and packet.ports[0] == port


def open_ends(puppet, wire, name):
    client = puppet(f"{name}-client", wire.netns["left"])
    server = puppet(name, wire.netns["right"])
    return connect(client, server, server.listen(host=wire.right), host=wire.right)


def port_of(pair):
    return int(pair.server_end["local"].rsplit(":", 1)[1])


def last_ack(watch, pair):
    """The client closes, then the server."""
    pair.client.close(pair.client_fd)
    watch.wait_for("transition", socket=pair.server_cookie, to="CLOSE_WAIT")
    pair.server.close(pair.server_fd)


def test_final_ack(watch, puppet, wire):
    lost, late, slow = (open_ends(puppet, wire, name) for name in ("lost", "late", "slow"))
    tcpwatch = watch("-t", "-p", ",".join(str(pair.server.pid) for pair in (lost, late, slow)))
    # A slow reader: the rest of the answer is sent in LAST_ACK, for as long as that takes.
    slow.client.shutdown(slow.client_fd)
    tcpwatch.wait_for("transition", socket=slow.server_cookie, to="CLOSE_WAIT")
    slow.server.send_full(slow.server_fd)
    slow.server.close(slow.server_fd)
    # The ACK comes a second late.
    wire.hold(lambda packet: packet.bare_ack() and packet.ports[1] == port_of(late))
    last_ack(tcpwatch, late)
    time.sleep(1)
    wire.release()
    tcpwatch.wait_closed(late.server_cookie)
    # It never comes.
    lost.client.close(lost.client_fd)
    tcpwatch.wait_for("transition", socket=lost.server_cookie, to="CLOSE_WAIT")
    wire.drop("left", lambda packet: packet.tcp and packet.ports[1] == port_of(lost))
    before = time.monotonic()
    lost.server.close(lost.server_fd)
    finding = tcpwatch.wait_for("finding", id="last-ack-stuck", timeout=120 * SLOW)
    waited = time.monotonic() - before
    fins = wire.all_seen("right", is_fin_of(port_of(lost)))
    told = runner.monotonic_of(finding["time"])
    sent = sum(fin.seen / 1e9 <= told for fin in fins)
    assert tcpwatch.path(slow.server_cookie)[-1] == "CLOSE_WAIT>LAST_ACK"
    slow.client.recv_all(slow.client_fd)
    tcpwatch.wait_closed(slow.server_cookie)
    tcpwatch.stop()

    assert tcpwatch.all("finding") == [finding]
    assert (finding["status"], finding["severity"]) == ("open", "info")
    assert (finding["pid"], finding["comm"]) == (lost.server.pid, "lost")
    assert (finding["subject"], finding["netns"]) == (wire.left, wire.netns["right"].inode)
    evidence = finding["evidence"]
    assert evidence["count"] == 1 and evidence["unacknowledged_bytes"] == 1
    assert 10 <= evidence["oldest_ns"] / 1e9 <= waited
    # A repetition may have been on its way, either way.
    assert 4 <= evidence["retransmits"] <= len(fins) - 1
    assert sent - 1 <= evidence["retransmits"] + 1
