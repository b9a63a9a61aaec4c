# SPDX-License-Identifier: BSD-2-Clause
"""kill -9 of node, server and database at random moments, over a link that loses 1 datagram in 10 each way.

      geotherm-node (outbox) ~~ loss ~~ geotherm-server -> SQLite, or mariadbd

Each sequence number that the node ever gave is stored once, or the server knows why it is not: the outbox holds few
readings, so that it is full whenever the server is away for a few seconds. The order of kills and losses comes from
GEOTHERM_SEED; GEOTHERM_KILLS is their number in all.
"""
import contextlib
import json
import os
import random
import signal
import sqlite3
import time

import pytest

from link import Link
from rig import DEVICE, until
from test_mariadb import mariadb, store as mariadb_store     # noqa: F401 (a fixture)

KILLS = int(os.environ.get("GEOTHERM_KILLS", 100))
SEED = int(os.environ.get("GEOTHERM_SEED", 20261123))
PERIOD = "20ms"
MAX_ROWS = 200
LOSSY_S = 240       # several handshakes in turn may fail by the losses alone, each in 16 s


class Chain:
    """The three processes, each started again as soon as it is killed."""

    def __init__(self, rig, link, database):
        self.rig, self.database = rig, database
        self.server_ini = rig.server_conf(mariadb_store(rig, database) if database else None)
        self.node_ini = rig.node_conf(node={"period": PERIOD}, w1={"bus": "none"}, gnss={"port": "none"},
                                      server={"uri": f"coaps://127.0.0.1:{link.port}", "retry_max": "1"},
                                      outbox={"max_rows": MAX_ROWS})
        self.killed = dict.fromkeys(["node", "server", "database"] if database else ["node", "server"], 0)
        self.witnessed = 0      # the highest number that the node said it had given
        self.start_server()
        self.start_node()

    def start_server(self):
        self.server = self.rig.spawn("geotherm-server", "--config", self.server_ini)

    def start_node(self, *args):
        self.node = self.rig.spawn("geotherm-node", "--config", self.node_ini, *args)

    def stop_node(self):
        until(lambda: self.rig.status().get("pid") == self.node.process.pid, "the node has started")
        assert self.node.stop() == 0

    def kill(self, victim):
        self.killed[victim] += 1
        if victim == "database":
            self.database.stop(signal.SIGKILL)
            self.database.start()
        elif victim == "server":
            self.server.stop(signal.SIGKILL)
            self.start_server()
        else:
            self.node.stop(signal.SIGKILL)
            status = self.rig.status()
            assert status.get("outbox", {}).get("not_written", 0) == 0, status
            self.witnessed = max(self.witnessed, status.get("reading", {}).get("seq", 0))
            self.start_node()

    def stored(self):
        """(epoch, seq) of each row."""
        if self.database:
            try:
                return [(e, int(s)) for e, s in self.database.sql("SELECT epoch, seq FROM geotherm.reading_view")]
            except AssertionError as error:
                if "doesn't exist" in str(error):       # before the first migration
                    return []
                raise
        return [(str(r["epoch"]), r["seq"]) for r in self.rig.rows("SELECT epoch, seq FROM reading_view")]


def outbox(rig, sql):
    with contextlib.closing(sqlite3.connect(rig.outbox, timeout=10)) as db:
        return db.execute(sql).fetchall()


def campaign(rig, database, kills, record_property):
    draw = random.Random(SEED)
    link = Link(rig.port, loss=0.1, seed=SEED)
    chain = Chain(rig, link, database)
    victims = list(chain.killed)
    try:
        for i in range(kills):
            time.sleep(draw.random() * 0.4)     # not for a condition: the moment is what is drawn
            if i % 12 == 0:     # under load: readings arrive between the kills
                chain.kill("node")      # the next one has a session at once, also where the last one's server is gone
                before = len(chain.stored())
                until(lambda: len(chain.stored()) > before, lambda: f"a reading arrives after {i} kills",
                      LOSSY_S)
            else:
                chain.kill(draw.choice(victims))
            for daemon in (chain.node, chain.server):
                assert daemon.alive(), daemon.log()[-3000:]
        chain.stop_node()
        chain.start_node("-o", "node.period=1h")
        until(lambda: rig.waiting() == 0 and not outbox(rig, "SELECT * FROM gap"),
              lambda: f"{rig.waiting()} more readings and {outbox(rig, 'SELECT * FROM gap')} are confirmed", LOSSY_S)
        chain.stop_node()
    finally:
        link.close()
    (next_seq,), = outbox(rig, "SELECT next_seq FROM outbox")
    code, out, err = rig.run("geotherm", "get", *rig.client_options(), f"coaps://127.0.0.1:{rig.port}/gaps/{DEVICE}")
    assert code == 0, err
    stream, = json.loads(out)["streams"]        # one epoch: the outbox was never begun anew
    explained = {n for hole in stream["holes"] if hole["cause"] == "dropped by node: full"
                 for n in range(hole["first"], hole["last"] + 1)}
    stored = chain.stored()
    given = set(range(1, next_seq))
    there = {seq for _, seq in stored}
    missing = given - there - explained
    record_property("shows", f"{'MariaDB' if database else 'SQLite'}: "
                    + ", ".join(f"{n} kills of the {who}" for who, n in chain.killed.items())
                    + f"; datagrams {link.passed} passed, {link.lost} lost; readings {len(given)} given, "
                    f"{len(there)} stored, {len(stored) - len(there)} twice, {len(explained)} explained, "
                    f"{len(missing)} missing")
    assert missing == set() and stream["complete"] == next_seq - 1, stream
    assert len(there) == len(stored) and there <= given and not there & explained
    assert next_seq > chain.witnessed > 0
    assert len(there) > kills


def test_kills_of_node_and_server_lose_nothing_and_double_nothing(rig, record_property):
    campaign(rig, None, KILLS - KILLS * 2 // 5, record_property)


def test_kills_of_node_server_and_database_lose_nothing_and_double_nothing(rig, mariadb, record_property):     # noqa: F811
    campaign(rig, mariadb, KILLS * 2 // 5, record_property)
