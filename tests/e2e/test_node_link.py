# SPDX-License-Identifier: BSD-2-Clause
"""The node behind a link that delays and loses datagrams."""
import signal
import socket
import time

import pytest

from link import Link
from rig import until
from test_chain import assert_no_hole

BACKLOG = 10000     # readings


@pytest.fixture
def link(rig):
    link = Link(rig.port)
    yield link
    link.close()


def idle_node(rig, link, **server):
    """A node that measures next to nothing and sends what is in its outbox."""
    return rig.start_node(conf=rig.node_conf(node={"period": "1h"}, w1={"bus": "none"}, gnss={"port": "none"},
                                             server={"uri": f"coaps://127.0.0.1:{link.port}", **server}))


def drain_rate(rig, link, readings, **server):
    """Readings per second, from the first that is gone to the last."""
    rig.fill_outbox(readings)
    node = idle_node(rig, link, **server)
    left = until(lambda: (n := rig.waiting()) < readings and (n, time.monotonic()), "the first reading is confirmed")
    # The node's own first reading has no time yet, which the older format waits for.
    ended = until(lambda: rig.waiting() <= 1 and time.monotonic(), lambda: f"{rig.waiting()} wait", 120)
    assert node.stop() == 0
    return left[0] / (ended - left[1])


def test_a_session_is_resumed_by_its_ticket_when_the_link_comes_back(rig, link):
    rig.start_server()
    node = rig.start_node(conf=rig.node_conf(node={"period": "1"}, w1={"bus": "none"}, gnss={"port": "none"},
                                             server={"uri": f"coaps://127.0.0.1:{link.port}", "retry_max": "1"}))
    rig.wait_rows(1)
    assert (link.handshakes, link.certificates) == (1, 2)
    link.down()
    node.wait_log("readings wait in the outbox")
    stored = len(rig.rows())
    link.up()
    rig.wait_rows(stored + 1)
    assert (link.handshakes, link.certificates) == (2, 2), "the second handshake sent certificates again"
    assert node.stop() == 0


@pytest.mark.parametrize("to_stranger, goal_s", [(False, 1), (True, 3)])
def test_a_session_outlives_another_port_from_a_nat(rig, link, to_stranger, goal_s, record_property):
    rig.start_server()
    node = rig.start_node(conf=rig.node_conf(w1={"bus": "none"}, gnss={"port": "none"},
                                             server={"uri": f"coaps://127.0.0.1:{link.port}"}))
    rig.wait_rows(3)
    longest = 0
    for _ in range(3):
        before = link.handshakes
        link.rebind(to_stranger)
        since = time.monotonic()
        if to_stranger:
            until(lambda: link.handshakes > before, "the node begins another session")
        rig.wait_rows(len(rig.rows()) + 2)      # one may have been under way
        longest = max(longest, time.monotonic() - since)
    record_property("shows", f"another port, {'another server' if to_stranger else 'Connection ID'}: stored after "
                             f"{longest:.2f} s at most, of {goal_s} s")
    assert longest < 8, "the five retransmissions of a lost request take 62 s"
    assert link.certificates == 2, "the handshakes after the first are by ticket"
    assert to_stranger or link.handshakes == 1
    assert node.stop() == 0
    assert_no_hole(rig.rows())


def has_ipv6():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        try:
            s.bind(("::1", 0))
            return True
        except OSError:
            return False


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_a_server_is_reached_by_ipv6(rig):
    rig.start_server("-o", f"server.listen=[::1]:{rig.port}")
    node = rig.start_node(conf=rig.node_conf(server={"uri": f"coaps://[::1]:{rig.port}"}))
    rig.wait_rows(3)
    assert node.stop() == 0


@pytest.mark.long
def test_after_a_server_was_killed_and_started_readings_arrive_within_20_seconds(rig, link):
    """Nothing tells the node: no port is closed on its way."""
    server = rig.start_server()
    node = rig.start_node(conf=rig.node_conf(server={"uri": f"coaps://127.0.0.1:{link.port}"}))
    rig.wait_rows(3)
    took = []
    for _ in range(3):
        server.stop(signal.SIGKILL)
        server = rig.start_server()
        stored, started = len(rig.rows()), time.monotonic()
        rig.wait_rows(stored + 1)
        took.append(time.monotonic() - started)
    print("seconds from the server's start to its first reading:", ", ".join(f"{t:.1f}" for t in took))
    assert max(took) < 20
    assert node.stop() == 0
    assert_no_hole(rig.rows())


@pytest.mark.long
def test_a_backlog_is_drained_twenty_times_as_fast_as_one_post_for_each_reading(rig, link):
    link.delay_s = 0.05
    rig.start_server()
    one = drain_rate(rig, link, 100, format="legacy")        # one reading a POST, one POST at a time
    rig.outbox.unlink()
    many = drain_rate(rig, link, BACKLOG)
    print(f"100 ms round trip: one POST for each reading {one:.1f}/s, backlog of {BACKLOG} {many:.1f}/s: "
          f"{many / one:.1f} times")
    assert many / one >= 20
