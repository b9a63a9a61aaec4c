# SPDX-License-Identifier: BSD-2-Clause
"""What people do to systems that run for years: an outbox is restored or copied to a second card."""
import contextlib
import shutil
import sqlite3

from rig import DEVICE, until


def copy_outbox(rig, target):
    """As an image of the card has it."""
    with contextlib.closing(sqlite3.connect(rig.outbox)) as source, contextlib.closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def epochs(rig):
    """{epoch: set of its seqs}, in the order of arrival."""
    found = {}
    for row in rig.rows("SELECT epoch, seq FROM reading_view ORDER BY received, seq"):
        found.setdefault(row["epoch"], set()).add(row["seq"])
    return found


def run_until(rig, node, n):
    rig.wait_rows(n)
    assert node.stop() == 0


def test_a_restored_outbox_loses_no_reading_and_begins_an_epoch(rig):
    server = rig.start_server()
    node = rig.start_node()
    rig.wait_rows(10)
    copy_outbox(rig, rig.dir / "copy.db")
    run_until(rig, node, len(rig.rows()) + 10)
    before = {(r["epoch"], r["seq"]): r["t1"] for r in rig.rows()}
    for suffix in ("-wal", "-shm"):
        rig.outbox.with_name(rig.outbox.name + suffix).unlink(missing_ok=True)
    shutil.copy(rig.dir / "copy.db", rig.outbox)

    node = rig.start_node()
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
        waiting = {seq for seq, in db.execute("SELECT seq FROM reading")}
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
    copy_outbox(rig, rig.dir / "clone.db")
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
