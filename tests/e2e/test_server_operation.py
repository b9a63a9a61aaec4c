# SPDX-License-Identifier: BSD-2-Clause
"""What an operator of the server does and sees: metrics, health, reload, verify, and a database in trouble."""
import contextlib
import json
import shutil
import signal
import socket
import sqlite3
import subprocess
import urllib.error
import urllib.request

import pytest

from rig import DEVICE, PATIENCE_S, free_port, until
from test_mariadb import mariadb, store, stored, wait_stored      # noqa: F401 (a fixture)

SERVED_AGAIN_S = 20


def free_tcp_port():
    return free_port(kind=socket.SOCK_STREAM)


def fetch(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_S) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


def metric(port, name):
    for line in fetch(port, "/metrics")[2].splitlines():
        if line.startswith(f"geotherm_{name} "):
            return int(line.split()[1])
    raise AssertionError(f"no metric {name}")


def test_metrics_and_health_tell_how_it_is(rig):
    port = free_tcp_port()
    rig.start_server("-o", f"server.metrics=127.0.0.1:{port}")
    node = rig.start_node()
    rig.wait_rows(5)
    assert node.stop() == 0
    status, kind, text = fetch(port, "/metrics")
    assert status == 200 and kind.startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith("# EOF\n")
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")]
    assert len(names) == len(set(names))
    for line in text.splitlines():      # each sample follows its own TYPE, counters end in _total
        if not line.startswith("#"):
            assert line.startswith(f"{[n for n in names if line.startswith(n)][-1]}")
    until(lambda: metric(port, "readings_stored_total") == len(rig.rows()), "each row is counted")
    assert metric(port, "store_up") == 1
    assert fetch(port, "/health") == (200, "text/plain; charset=utf-8", "ok\n")
    assert fetch(port, "/other")[0] == 404


def test_metrics_are_for_this_machine_only(rig):
    for address in ["0.0.0.0:9684", "192.0.2.1:9684", "localhost:9684", "127.0.0.1", "127.0.0.1:99999", "[::]:9684"]:
        code, _, err = rig.run("geotherm-server", "--config", rig.server_conf(), "-o", f"server.metrics={address}")
        assert code == 2 and address in err and "loopback" in err, err


def test_a_reload_is_all_or_nothing(rig):
    conf = rig.server_conf()
    server = rig.start_server(conf=conf)
    good = conf.read_text()

    def reload(text, says):
        conf.write_text(text)
        server.process.send_signal(signal.SIGHUP)
        server.wait_log(says)

    reload(good + "retention_days = 30\n", "reloaded: retention_days=30")
    reload(good + "retention_days = many\n", f"reload: .*{conf.name}.*retention_days")
    reload(good.replace(str(rig.db), str(rig.dir / "elsewhere.db")), r"\[store\] path has changed: this needs a restart")
    key = (rig.pki / "server.key").read_text()
    shutil.copy(rig.pki / "operator.key", rig.pki / "server.key")
    reload(good + "retention_days = 31\n", "reload: .*server.key.*does not match")
    (rig.pki / "server.key").write_text(key)
    reload(good + "retention_days = 32\n", "reloaded: retention_days=32")
    assert "retention_days=31" not in server.log() and not (rig.dir / "elsewhere.db").exists()
    rig.start_node()
    rig.wait_rows(2)
    assert server.stop() == 0


def test_verify_names_the_first_bad_row_and_what_is_missing(rig):
    server = rig.start_server()
    node = rig.start_node()
    rig.wait_rows(8)
    assert node.stop() == 0
    code, out, err = rig.run("geotherm-server", "verify", "--config", rig.dir / "server.conf")     # beside a server
    assert code == 0 and "all is right and complete" in out, out + err
    assert server.stop() == 0
    with sqlite3.connect(rig.db) as db:
        epoch = db.execute("SELECT epoch FROM streams").fetchone()[0]
        right = db.execute("SELECT t1_mc FROM readings WHERE seq = 5").fetchone()[0]
        db.execute("UPDATE readings SET t1_mc = -123456 WHERE seq = 5")
        db.execute("DELETE FROM readings WHERE seq = 3")
    code, out, _ = rig.run("geotherm-server", "verify", "--config", rig.dir / "server.conf")
    assert code == 6
    assert f"{DEVICE} {epoch}.5: t1_mc" in out and f"{DEVICE} {epoch}: 3 to 3" in out
    with sqlite3.connect(rig.db) as db:
        db.execute("UPDATE readings SET t1_mc = ? WHERE seq = 5", (right,))
    assert rig.run("geotherm-server", "verify", "--config", rig.dir / "server.conf")[0] == 7
    rig.db.unlink()
    assert rig.run("geotherm-server", "verify", "--config", rig.dir / "server.conf")[0] == 5
    assert not rig.db.exists()


def assert_whole(rig, stored_seqs=None):
    """What is not stored still waits in the outbox: the node sends the newest first."""
    seqs = {row["seq"] for row in rig.rows()} if stored_seqs is None else set(stored_seqs)
    with contextlib.closing(sqlite3.connect(rig.outbox)) as db:
        seqs |= {row[0] for row in db.execute("SELECT seq FROM reading")}
    assert seqs == set(range(1, max(seqs) + 1))


def test_readings_older_than_is_kept_go_and_gaps_says_why(rig):
    server = rig.start_server()
    node = rig.start_node()
    rig.wait_rows(6)
    assert node.stop() == 0 and server.stop() == 0
    with sqlite3.connect(rig.db) as db:
        db.execute("UPDATE readings SET time_us = time_us - 10 * 86400000000 WHERE seq <= 4")
    server = rig.start_server("-o", "store.retention_days=9")
    rig.start_node()    # the clock of this machine is believed when the time of a receiver agrees with it, or it is synchronised
    until(lambda: [r["seq"] for r in rig.rows()][:1] == [5], "the old ones are gone")
    server.wait_log("retention: removing 4 readings that are too old")
    uri = f"coaps://127.0.0.1:{rig.port}/gaps/{DEVICE}"
    code, out, err = rig.run("geotherm", "get", *rig.client_options(), uri)
    assert code == 0, err
    assert json.loads(out)["streams"][0]["holes"] == [{"first": 1, "last": 4, "cause": "retention"}]


def test_observe_shows_each_reading_as_it_is_stored(rig):
    rig.start_server()
    watcher = rig.spawn("geotherm", "observe", *rig.client_options(), f"coaps://127.0.0.1:{rig.port}/gpsflowtemp", log="seen.log")
    watcher.wait_log("no readings")
    node = rig.start_node()
    watcher.wait_log(rf"{DEVICE}  [0-9a-f]{{16}}\.[2-9]")
    assert node.stop() == 0
    watcher.stop()


# --- a database in trouble ---------------------------------------------------

@pytest.mark.long
def test_a_locked_sqlite_file_loses_nothing(rig):
    port = free_tcp_port()
    server = rig.start_server("-o", f"server.metrics=127.0.0.1:{port}")
    node = rig.start_node()
    before = len(rig.wait_rows(3))
    other = sqlite3.connect(rig.db, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    until(lambda: metric(port, "requests_unstored_total") > 0, "a request is answered 5.03")
    assert fetch(port, "/health")[0] == 503
    other.execute("ROLLBACK")
    until(lambda: len(rig.rows()) > before, "readings are stored again", SERVED_AGAIN_S)
    until(lambda: fetch(port, "/health")[0] == 200, "it is well again")
    assert node.stop() == 0 and server.stop() == 0
    assert_whole(rig)


def test_a_file_system_without_room_loses_nothing(rig):
    """The limit of a file's size stands for it: the write fails in the same place, and needs no privilege."""
    if not shutil.which("prlimit"):
        pytest.skip("prlimit is not installed")
    server = rig.start_server()
    node = rig.start_node()
    before = len(rig.wait_rows(3))
    wal = rig.dir / "readings.db-wal"
    subprocess.run(["prlimit", "--pid", str(server.process.pid), f"--fsize={wal.stat().st_size}:"], check=True)
    server.wait_log("nodes keep their readings")
    assert server.alive()
    stuck = len(rig.rows())
    subprocess.run(["prlimit", "--pid", str(server.process.pid), "--fsize=unlimited:"], check=True)
    until(lambda: len(rig.rows()) > stuck, "readings are stored again", SERVED_AGAIN_S)
    assert stuck >= before
    assert node.stop() == 0 and server.stop() == 0
    assert_whole(rig)


@pytest.mark.long
def test_a_read_only_mariadb_loses_nothing(rig, mariadb):      # noqa: F811
    server = rig.start_server(conf=rig.server_conf(store(rig, mariadb)))
    node = rig.start_node()
    wait_stored(mariadb, 3)
    mariadb.sql("SET GLOBAL read_only = 1")
    server.wait_log("nodes keep their readings")
    before = len(stored(mariadb))
    mariadb.sql("SET GLOBAL read_only = 0")
    until(lambda: len(stored(mariadb)) > before, "readings are stored again", SERVED_AGAIN_S)
    assert node.stop() == 0 and server.stop() == 0
    assert_whole(rig, [int(row[0]) for row in stored(mariadb)])


@pytest.mark.long
def test_a_frozen_mariadb_loses_nothing(rig, mariadb):         # noqa: F811
    server = rig.start_server(conf=rig.server_conf(store(rig, mariadb)))
    node = rig.start_node()
    wait_stored(mariadb, 3)
    before = len(stored(mariadb))
    mariadb.process.send_signal(signal.SIGSTOP)
    try:
        until(lambda: rig.waiting() >= 10, "the node's outbox fills")
    finally:
        mariadb.process.send_signal(signal.SIGCONT)
    until(lambda: len(stored(mariadb)) > before + 10, "readings are stored again", SERVED_AGAIN_S)
    assert node.stop() == 0 and server.stop() == 0
    assert_whole(rig, [int(row[0]) for row in stored(mariadb)])
