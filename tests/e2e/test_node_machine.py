# SPDX-License-Identifier: BSD-2-Clause
"""The node on a machine in trouble: disk full, read-only, an outbox of the future, names that move. In a mount
namespace of its own, with a small file system for the outbox and an /etc/hosts that the test writes."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

from rig import BUILD, DEVICE, Daemon, free_port, until
from test_chain import assert_no_hole

OUTBOX = 5


def namespaces():
    return shutil.which("unshare") and subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0


needs_mount = pytest.mark.skipif(not namespaces(), reason="no mount namespaces here (they take root)")


def start_in(rig, setup, conf):
    """The node after shell commands in a mount namespace of its own; its files are below /proc/PID/root."""
    daemon = Daemon(["unshare", "-m", "sh", "-c", setup + ' && exec "$@"', "sh", BUILD / "geotherm-node", "--config", conf],
                    rig.dir / "geotherm-node.log")
    rig.daemons.append(daemon)
    return daemon


def quick(rig, **sections):
    return rig.node_conf(node={"period": "20ms"}, w1={"bus": "none"}, gnss={"port": "none"},
                         server={"retry_max": "1", **sections.pop("server", {})}, **sections)


@needs_mount
def test_a_full_disk_is_told_and_counted_and_when_there_is_room_again_the_node_goes_on(rig):
    disk = rig.dir / "disk"
    disk.mkdir()
    node = start_in(rig, f"mount -t tmpfs -o size=8m none {disk}", quick(rig, outbox={"path": disk / "outbox.db", "max_memory": 0}))
    until(lambda: rig.status().get("reading", {}).get("seq", 0) > 20, "20 readings wait")
    filler = pathlib.Path(f"/proc/{node.process.pid}/root{disk}/filler")
    with open(filler, "wb", buffering=0) as f, pytest.raises(OSError):
        while True:
            f.write(bytes(4096))
    until(lambda: rig.status()["outbox"]["not_written"] > 20, "20 readings were not written")
    node.wait_log("No space left")
    assert "No space left" in rig.status()["last_error"]["text"]
    filler.unlink()
    node.wait_log("written again")
    rig.start_server()
    until(lambda: rig.status()["outbox"]["gaps"] == 0 and len(rig.rows()) > 40, "readings and gap are at the server")
    assert node.stop() == 0
    code, out, err = rig.run("geotherm", "get", *rig.client_options(), f"coaps://127.0.0.1:{rig.port}/gaps/{DEVICE}")
    assert code == 0, err
    stream, = json.loads(out)["streams"]
    assert {hole["cause"] for hole in stream["holes"]} == {"dropped by node: not-written"}
    assert len(rig.rows()) + sum(h["last"] - h["first"] + 1 for h in stream["holes"]) == stream["last"] == stream["complete"]


@pytest.mark.long       # as long as the node may go without a reading
@needs_mount
def test_a_full_disk_is_no_hang_for_the_watchdog(rig):
    disk, path = rig.dir / "disk", rig.dir / "notify"
    disk.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(30)
        conf = quick(rig, outbox={"path": disk / "outbox.db"})
        node = start_in(rig, f"export NOTIFY_SOCKET={path} WATCHDOG_USEC=1000000; mount -t tmpfs -o size=8m none {disk}", conf)
        until(lambda: rig.status().get("reading", {}).get("seq", 0) > 20, "20 readings wait")
        with open(f"/proc/{node.process.pid}/root{disk}/filler", "wb", buffering=0) as f, pytest.raises(OSError):
            while True:
                f.write(bytes(4096))
        node.wait_log("No space left")
        full_since = time.monotonic()
        while time.monotonic() < full_since + 36:       # STALLED_NS and some
            assert manager.recv(100) in (b"READY=1", b"WATCHDOG=1")
        used_s = sum(map(int, pathlib.Path(f"/proc/{node.process.pid}/stat").read_text().split()[13:15]))
        assert used_s / os.sysconf("SC_CLK_TCK") < 9, "s of processor: it spins"
    assert node.stop() == 0


def test_the_reading_that_meets_a_damaged_outbox_goes_into_the_new_one(rig):
    node = rig.start_node(conf=rig.node_conf(node={"period": "4s"}, w1={"bus": "none"}, gnss={"port": "none"},
                                             server={"uri": f"coaps://127.0.0.1:{free_port()}"}))
    until(lambda: rig.status().get("reading", {}).get("seq") == 1, "the first reading")
    with contextlib.closing(sqlite3.connect(rig.outbox)) as db:
        before_ns, = db.execute("SELECT boot_ns FROM reading").fetchone()
    rig.damage_readings()
    node.wait_log("set aside as .*damaged-1")
    until(rig.waiting, "a reading in the new outbox")
    with contextlib.closing(sqlite3.connect(rig.outbox)) as db:
        seq, after_ns = db.execute("SELECT seq, boot_ns FROM reading").fetchone()
    assert seq == 1
    assert round((after_ns - before_ns) / 4e9) == 1
    assert node.stop() == 0


@needs_mount
def test_an_outbox_on_a_read_only_file_system_is_an_error_that_names_it(rig):
    disk = rig.dir / "disk"
    disk.mkdir()
    node = start_in(rig, f"mount -t tmpfs -o ro none {disk}", quick(rig, outbox={"path": disk / "outbox.db"}))
    assert node.process.wait(timeout=30) == OUTBOX
    assert f"{disk}/outbox.db" in node.log() and "Read-only" in node.log()


def test_an_outbox_of_a_newer_version_is_left_alone_and_named(rig):
    conf = quick(rig)
    node = rig.start_node(conf=conf)
    until(lambda: rig.status().get("reading", {}).get("seq", 0) > 3, "some readings wait")
    assert node.stop() == 0
    with sqlite3.connect(rig.outbox) as db:
        db.execute("PRAGMA user_version = 99")
        count = db.execute("SELECT count(*) FROM reading").fetchone()
    node = rig.start_node(conf=conf)
    assert node.process.wait(timeout=30) == OUTBOX
    assert "newer version" in node.log() and str(rig.outbox) in node.log()
    with sqlite3.connect(rig.outbox) as db:
        assert db.execute("SELECT count(*) FROM reading").fetchone() == count
    assert not list(rig.dir.glob("outbox.db.damaged*"))


@needs_mount
def test_a_name_with_a_dead_address_is_served_and_followed_when_it_moves(rig):
    hosts = rig.dir / "hosts"
    hosts.write_text("127.0.0.9 server.test\n127.0.0.1 server.test\n")     # nothing listens at the first
    conf = quick(rig, server={"uri": f"coaps://server.test:{rig.port}", "server_name": "localhost"})
    first = rig.start_server()
    node = start_in(rig, f"mount --bind {hosts} /etc/hosts", conf)
    rig.wait_rows(5)
    hosts.write_text("127.0.0.2 server.test\n")
    first.stop(signal.SIGKILL)
    second = rig.spawn("geotherm-server", "--config", rig.server_conf(), "-o", f"server.listen=127.0.0.2:{rig.port}")
    second.wait_log("127.0.0.2")
    rig.wait_rows(len(rig.rows()) + 5)
    assert node.stop() == 0
    assert_no_hole(rig.rows())
