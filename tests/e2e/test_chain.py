# SPDX-License-Identifier: BSD-2-Clause
"""Slot to row: the simulated bus and receiver, the real node, DTLS, the real server, SQLite.

    w1_sim, ublox7 -> geotherm-node (outbox) ==DTLS==> geotherm-server -> readings.db
"""
import json
import re
import signal
import sqlite3

from rig import DEVICE, until


def assert_no_hole(rows):
    """Every epoch's sequence begins at 1 and has neither hole nor double."""
    by_epoch = {}
    for row in rows:
        by_epoch.setdefault(row["epoch"], []).append(row["seq"])
    for epoch, seqs in by_epoch.items():
        assert sorted(seqs) == list(range(1, len(seqs) + 1)), f"epoch {epoch} holds {sorted(seqs)}"


def test_readings_arrive_with_temperature_position_time_and_sequence(rig):
    rig.start_server()
    rig.start_node()
    # The server dates the first readings: a fix counts as time once the age of its epoch is known.
    rows = until(lambda: (r := rig.rows()) and r[-1]["seq"] >= 10 and r[-1]["lat"] is not None and r[-1]["time_source"] == "gnss" and r,
                 lambda: f"10 rows, a position and the receiver's time are stored; the node says {(rig.dir / 'geotherm-node.log').read_text()[-1500:]}")
    assert_no_hole(rows)
    last = rows[-1]
    assert last["device"] == DEVICE
    assert -55 <= last["t1"] <= 125
    assert -90 <= last["lat"] <= 90 and -180 <= last["lon"] <= 180
    assert re.fullmatch(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?", last["time"])


def test_where_no_hardware_is_the_node_says_so_and_takes_simulated_parts_if_told_to(rig):
    rig.start_server()
    node = rig.start_node(conf=rig.node_conf(node={"simulate": "if-absent"}, w1={"bus": "auto", "chip": "no-such-chip"},
                                             gnss={"port": "/dev/geotherm-no-such-port"}))
    rows = until(lambda: (r := rig.rows()) and r[-1]["t1"] is not None and r[-1]["lat"] is not None and r,
                 lambda: f"temperature and position are stored; the node says {node.log()[-1500:]}")
    assert "simulated" in rows[-1]["note"]
    assert re.search(r"receiver: .*/dev/geotherm-no-such-port.*using a simulated one", node.log())
    assert re.search(r"1-Wire: .*no-such-chip.*using simulated sensors", node.log())


def test_get_shows_the_newest_reading_to_an_operator(rig):
    rig.start_server()
    rig.start_node()
    rig.wait_rows(3)
    code, out, err = rig.run("geotherm", "get", *rig.client_options(), "--json",
                             f"coaps://127.0.0.1:{rig.port}/gpsflowtemp")
    assert code == 0, err
    pack = json.loads(out)
    text = json.dumps(pack)
    assert DEVICE in text and '"seq"' in text and "Cel" in text


def test_a_server_killed_under_load_loses_nothing_and_doubles_nothing(rig):
    server = rig.start_server()
    node = rig.start_node()
    for target in (5, 10, 15):
        rig.wait_rows(target)
        server.stop(signal.SIGKILL)
        server = rig.start_server()
    rig.wait_rows(20)
    assert node.stop() == 0
    assert_no_hole(rig.rows())


def test_a_node_killed_under_load_never_reuses_a_sequence_number(rig):
    rig.start_server()
    for target in (4, 8, 12):
        node = rig.start_node()
        rig.wait_rows(target)
        node.stop(signal.SIGKILL)
    node = rig.start_node()
    rows = rig.wait_rows(len(rig.rows()) + 3)
    assert len({row["epoch"] for row in rows}) == 1
    assert_no_hole(rows)


def test_readings_taken_while_the_server_was_away_arrive_later(rig):
    node = rig.start_node()

    def waiting():
        try:
            with sqlite3.connect(f"file:{rig.outbox}?mode=ro", uri=True) as db:
                return db.execute("SELECT count(*) FROM reading").fetchone()[0] >= 10
        except sqlite3.OperationalError:
            return False
    until(waiting, "10 readings wait in the outbox")
    rig.start_server()
    rig.wait_rows(10)
    assert node.stop() == 0
    assert_no_hole(rig.rows())


def test_both_daemons_end_cleanly_on_sigterm(rig):
    server = rig.start_server()
    node = rig.start_node()
    rig.wait_rows(2)
    assert node.stop() == 0
    assert server.stop() == 0
