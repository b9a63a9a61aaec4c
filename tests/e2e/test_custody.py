# SPDX-License-Identifier: BSD-2-Clause
"""What people do to systems that run for years: an outbox is restored or copied to a second card, a database is restored from
last night's backup, with the server stopped or running."""
import contextlib
import json
import shutil
import sqlite3

import pytest

from rig import DEVICE, until

KEEPING = {"keep": "7d"}    # the default


def is_whole(rig):
    return {r["seq"] for r in rig.rows()} == set(range(1, len(rig.rows()) + 1))


def copy_database(path, target):
    """As an image of the card, or a backup, has it."""
    with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def epochs(rig):
    """{epoch: set of its seqs}, in the order of arrival."""
    found = {}
    for row in rig.rows("SELECT epoch, seq FROM reading_view ORDER BY received, seq"):
        found.setdefault(row["epoch"], set()).add(row["seq"])
    return found


def put_back(copy, path):
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.copy(copy, path)


def run_until(rig, node, n):
    rig.wait_rows(n)
    assert node.stop() == 0


def test_a_restored_outbox_loses_no_reading_and_begins_an_epoch(rig):
    server = rig.start_server()
    node = rig.start_node(conf=rig.node_conf(outbox=KEEPING))
    rig.wait_rows(10)
    copy_database(rig.outbox, rig.dir / "copy.db")
    run_until(rig, node, len(rig.rows()) + 10)
    before = {(r["epoch"], r["seq"]): r["t1"] for r in rig.rows()}
    put_back(rig.dir / "copy.db", rig.outbox)

    node = rig.start_node(conf=rig.dir / "node.conf")
    node.wait_log("a new epoch begins")
    until(lambda: len(epochs(rig)) == 2, "readings of the new epoch are stored")
    until(lambda: rig.status().get("outbox", {}).get("new_epochs") == 1, "the status says so")
    _, out, _ = rig.run("geotherm", "status", "--file", rig.dir / "status.json")
    assert "restored, or copied to another node" in out, out
    run_until(rig, node, len(rig.rows()) + 10)
    server.wait_log("renumbered")

    after = {(r["epoch"], r["seq"]): r["t1"] for r in rig.rows()}
    assert {key: after[key] for key in before} == before
    with contextlib.closing(sqlite3.connect(rig.outbox)) as db:
        (next_seq,), = db.execute("SELECT next_seq FROM outbox")
        waiting = {seq for seq, in db.execute("SELECT seq FROM reading WHERE NOT EXISTS"
                                              " (SELECT 1 FROM kept WHERE seq BETWEEN first AND last)")}
        (first,), = sqlite3.connect(rig.dir / "copy.db").execute("SELECT next_seq FROM outbox")
    old, new = epochs(rig).values()
    assert old == set(range(1, max(old) + 1))
    # What was put before the session exists once, under a number of the new epoch.
    assert new | waiting == set(range(min(new), next_seq)) and first <= min(new)
    stamps = rig.rows("SELECT count(*), count(DISTINCT boot_ns) FROM readings")[0]
    assert stamps[0] == stamps[1], "a reading is stored twice"
    assert server.stop() == 0
    code, out, err = rig.run("geotherm-server", "verify", "--config", rig.dir / "server.conf")
    assert code == 0 and "1 streams began as their outbox was restored or copied" in out, out + err


def test_two_nodes_with_one_card_lose_nothing_and_are_named(rig):
    server = rig.start_server()
    node = rig.start_node()
    run_until(rig, node, 5)
    copy_database(rig.outbox, rig.dir / "clone.db")
    (rig.dir / "node.conf").rename(rig.dir / "first.conf")
    clone_conf = rig.node_conf(node={"status": rig.dir / "clone.json"}, outbox={"path": rig.dir / "clone.db"})
    first, clone = (rig.spawn("geotherm-node", "--config", conf, log=log)
                    for conf, log in ((rig.dir / "first.conf", "first.log"), (clone_conf, "clone.log")))
    until(lambda: "new epoch" in first.log() + clone.log(), "one of them has begun an epoch")
    rig.wait_rows(60)
    assert first.stop() == 0 and clone.stop() == 0
    server.wait_log(f"others have their numbers|{DEVICE}.*renumbered")
    assert len(epochs(rig)) == 2
    stamps = rig.rows("SELECT count(*), count(DISTINCT boot_ns) FROM readings")[0]
    assert stamps[0] == stamps[1], "a reading is stored twice"
    for seqs in epochs(rig).values():
        assert seqs == set(range(min(seqs), max(seqs) + 1))
    assert server.stop() == 0
    code, out, err = rig.run("geotherm-server", "verify", "--config", rig.dir / "server.conf")
    assert code == 0 and "restored or copied" in out, out + err


def command(rig, *args):
    return rig.run("geotherm-server", "--config", rig.dir / "server.conf", *args)


def test_a_backup_under_load_is_restored_and_the_nodes_send_what_came_since(rig):
    server = rig.start_server()
    node = rig.start_node(conf=rig.node_conf(node={"period": "50ms"}, outbox=KEEPING))
    rig.wait_rows(20)
    backup = rig.dir / "backup.db"
    code, _, err = command(rig, "backup", backup)
    assert code == 0, err
    code, _, err = command(rig, "backup", backup)
    assert code == 5 and "exists" in err, err
    assert sorted(p.name for p in rig.dir.glob("backup*")) == ["backup.db"]
    with contextlib.closing(sqlite3.connect(backup)) as db:
        (held,), = db.execute("SELECT count(*) FROM readings")
        assert held >= 20 and db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    rig.wait_rows(held + 100)
    (rig.dir / "text").write_text("no backup")
    code, _, err = command(rig, "restore", rig.dir / "text")
    assert code == 5 and "text" in err and len(rig.rows()) >= held + 100
    code, _, err = command(rig, "restore", backup)
    assert code == 0, err
    node.wait_log("readings that it had confirmed are missing there")
    rig.wait_rows(held + 150)
    until(lambda: is_whole(rig), "all holes are closed")
    assert node.stop() == 0 and server.stop() == 0
    code, out, err = command(rig, "verify")
    assert code == 0 and "all is right and complete" in out, out + err
    assert is_whole(rig)


@pytest.mark.parametrize("running", (False, True))
def test_the_nodes_heal_a_server_that_was_restored_from_a_backup(rig, running):
    server = rig.start_server()
    node = rig.start_node(conf=rig.node_conf(node={"period": "50ms"}, outbox=KEEPING))
    rig.wait_rows(20)
    copy_database(rig.db, rig.dir / "backup.db")
    rig.wait_rows(300)
    if running:
        copy_database(rig.dir / "backup.db", rig.db)
    else:
        assert server.stop() == 0
        put_back(rig.dir / "backup.db", rig.db)
        server = rig.start_server()
    until(lambda: len(rig.rows()) > 300 and is_whole(rig), "what was lost is stored again")
    match = node.wait_log(r"(\d+) readings that it had confirmed are missing there \(a backup restored\?\)")
    assert int(match[1]) >= 200
    if running:     # it has a reading above the hole
        server.wait_log(rf"{DEVICE}.* missing: .*sends again")
    until(lambda: is_whole(rig), "all holes are closed")
    assert node.stop() == 0
    code, out, err = rig.run("geotherm", "get", *rig.client_options(), f"coaps://127.0.0.1:{rig.port}/gaps/{DEVICE}")
    (stream,) = json.loads(out)["streams"]
    assert stream["holes"] == [] and stream["complete"] == stream["last"] == len(rig.rows()), out + err
    assert server.stop() == 0
    code, out, err = rig.run("geotherm-server", "verify", "--config", rig.dir / "server.conf")
    assert code == 0 and "all is right and complete" in out, out + err
