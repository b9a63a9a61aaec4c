# SPDX-License-Identifier: BSD-2-Clause
"""geotherm doctor on running daemons, broken at each link between the 1-Wire slot and the stored row."""
import json
import resource
import signal
import subprocess
import time

import pytest

from rig import BUILD, ROOT, Daemon, until

LINKS = ["node", "bus", "receiver", "clock", "outbox", "session", "server", "row"]


def doctor(rig, *args, conf=None):
    """Exit code; the links that are whole; the line of the one that is not, and the line after it."""
    done = subprocess.run([BUILD / "geotherm", "doctor", "--config", conf or rig.dir / "node.conf", *map(str, args)],
                          capture_output=True, text=True, timeout=60, cwd=ROOT)
    lines = done.stdout.splitlines()
    whole = [line.split()[1] for line in lines if line.startswith("ok ")]
    broken = [i for i, line in enumerate(lines) if line.startswith(("BROKEN", "unknown"))]
    if not broken:
        assert lines[-1] == "whole, from the slot to the row", done.stdout + done.stderr
        return done.returncode, whole, "", ""
    assert len(broken) == 1 and broken[0] == len(lines) - 2, done.stdout
    assert lines[-1].startswith("        -> "), done.stdout
    return done.returncode, whole, lines[-2], lines[-1]


def broken_at(rig, link, *args, conf=None):
    """Asserts where the walk ends; the cause and the next step as one text."""
    code, whole, line, step = doctor(rig, *args, conf=conf)
    assert (code, whole) == (1, LINKS[:LINKS.index(link)]), line
    assert line.split()[:2] == ["BROKEN", link]
    return line + step


def running(rig, rows=2, **conf):
    rig.start_server()
    node = rig.start_node(conf=rig.node_conf(**conf))
    rig.wait_rows(rows)
    return node


def test_a_running_system_is_whole_from_the_slot_to_the_row(rig):
    running(rig)
    assert doctor(rig)[:2] == (0, LINKS)


def test_a_node_that_never_ran_one_that_died_and_one_that_hangs_are_told_apart(rig):
    conf = rig.node_conf()
    assert "No such file" in broken_at(rig, "node", conf=conf)
    node = running(rig)
    status = rig.dir / "status.json"
    node.process.send_signal(signal.SIGSTOP)
    try:
        said = json.loads(status.read_text())
        status.write_text(json.dumps({**said, "boot_s": said["boot_s"] - 60}))      # whatever the wall clock says of it
        text = broken_at(rig, "node")
        assert "hangs" in text and "status is 6" in text
    finally:
        node.process.send_signal(signal.SIGCONT)
    node.stop(signal.SIGKILL)
    assert f"process {node.process.pid} has ended" in broken_at(rig, "node")


def test_a_node_that_waits_for_a_fix_does_not_hang(rig):
    running(rig, 1, node={"period": "0"}, gnss={"port": "none"})
    status = rig.dir / "status.json"
    rig.daemons[-1].process.send_signal(signal.SIGSTOP)
    try:
        said = json.loads(status.read_text())
        status.write_text(json.dumps({**said, "boot_s": time.clock_gettime(time.CLOCK_BOOTTIME) - 9}))
        assert "node" in doctor(rig, "--wait", "0")[1]
    finally:
        rig.daemons[-1].process.send_signal(signal.SIGCONT)


def test_a_bus_that_is_not_there_is_named(rig):
    rig.start_node(conf=rig.node_conf(w1={"bus": "userspace", "chip": "no-such-chip"}))
    until((rig.dir / "status.json").exists, "the node tells its status")
    assert "no GPIO chip labelled no-such-chip" in broken_at(rig, "bus", "--wait", 5)


def test_a_receiver_that_is_not_there_is_named(rig):
    running(rig, gnss={"port": "/dev/geotherm-no-such-port"})
    text = broken_at(rig, "receiver")
    assert "no-port" in text and "/dev/geotherm-no-such-port" in text and "--only uart,receiver" in text


@pytest.mark.long
def test_a_disk_that_takes_no_reading_is_named(rig):
    rig.start_server()
    node = Daemon(["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh", BUILD / "geotherm-node", "--config",
                   rig.node_conf(outbox={"max_memory": 0})], rig.dir / "node.log")
    rig.daemons.append(node)
    rig.wait_rows(2)
    # No file may grow beyond what the status needs: what a full disk does.
    resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (8000, 8000))
    until(lambda: '"not_written": 0' not in (rig.dir / "status.json").read_text(), "readings are not written")
    assert "could not be written" in broken_at(rig, "outbox")


def test_a_node_without_a_server_is_named(rig):
    rig.start_node(conf=rig.node_conf(server={"uri": None}))
    until((rig.dir / "status.json").exists, "the node tells its status")
    assert "[server] uri" in broken_at(rig, "session")


def told(rig, words):
    status = rig.dir / "status.json"
    return status.exists() and words in status.read_text()


@pytest.mark.parametrize("what,words", [("down", "nothing listens there"),
                                        pytest.param("name", "other.example", marks=pytest.mark.long),
                                        pytest.param("store", "5.03", marks=pytest.mark.long)])
def test_a_session_that_does_not_come_about_is_named_with_its_reason(rig, what, words):
    store = {"backend": "mariadb", "socket": rig.dir / "nobody.sock", "user": "u", "database": "d"}
    if what != "down":
        rig.start_server(conf=rig.server_conf(store if what == "store" else None))
    rig.start_node(conf=rig.node_conf(server={"server_name": "other.example" if what == "name" else None, "retry_max": "1"}))
    until(lambda: told(rig, words) and not told(rig, '"source": "none"'), f"the node knows the time, and says {words}")
    assert words in broken_at(rig, "session", "--wait", 3)


@pytest.mark.long
def test_a_server_that_went_away_since_is_named(rig):
    server = rig.start_server()
    node = rig.start_node(conf=rig.node_conf(node={"period": "1h"}))
    rig.wait_rows(1)
    until(lambda: '"connected"' in (rig.dir / "status.json").read_text(), "the node is connected")
    assert doctor(rig)[0] == 0
    server.stop()
    assert "nothing listens there" in broken_at(rig, "server")
    assert node.stop() == 0


@pytest.mark.long
def test_a_row_that_is_gone_is_named(rig):
    server = rig.start_server()
    rig.start_node(conf=rig.node_conf(node={"period": "1h"}))
    rig.wait_rows(1)
    until(lambda: '"connected"' in (rig.dir / "status.json").read_text(), "the node is connected")
    server.stop()
    for part in rig.dir.glob("readings.db*"):
        part.unlink()
    rig.start_server()
    assert "4.04" in broken_at(rig, "row", "--wait", 1)


def test_a_key_that_may_not_be_read_is_no_broken_link_but_unknown(rig):
    running(rig)
    other = rig.node_conf(server={"key": rig.dir / "none.key"})
    code, whole, line, step = doctor(rig, conf=other)
    assert (code, whole) == (3, LINKS[:6])
    assert "none.key" in line and "as root" in step


def test_wrong_usage_ends_with_2(rig):
    for args, words in ((["--wait", "x"], "--wait"), (["more"], "more"), (["-o", "w1.gpio=x"], "gpio")):
        code, out, err = rig.run("geotherm", "doctor", "--config", rig.node_conf(), *args)
        assert (code, out) == (2, "") and words in err


def test_a_service_that_an_upgrade_stopped_is_told_from_one_that_was_never_enabled(rig, monkeypatch):
    conf = rig.node_conf()
    systemctl = rig.dir / "bin/systemctl"
    systemctl.parent.mkdir()
    monkeypatch.setenv("PATH", f"{systemctl.parent}:/usr/bin:/bin")
    for active, enabled, step in (("inactive", "enabled", "systemctl start geotherm-node"),
                                  ("inactive", "disabled", "systemctl enable --now geotherm-node"),
                                  ("failed", "enabled", "systemctl restart geotherm-node")):
        systemctl.write_text(f"#!/bin/sh\nprintf 'ActiveState={active}\\nUnitFileState={enabled}\\n'\n")
        systemctl.chmod(0o755)
        text = broken_at(rig, "node", conf=conf)
        assert f"geotherm-node is {active} ({enabled})" in text and step in text


def test_an_older_program_that_still_runs_is_a_warning(rig):
    node = running(rig)
    status = rig.dir / "status.json"
    node.process.send_signal(signal.SIGSTOP)
    try:
        said = json.loads(status.read_text())
        status.write_text(json.dumps({**said, "version": "0.0.9"}))
        done = subprocess.run([BUILD / "geotherm", "doctor", "--config", rig.dir / "node.conf", "--wait", "0"],
                              capture_output=True, text=True, timeout=60)
        assert "warning node      version 0.0.9 runs, " in done.stdout and "systemctl restart geotherm-node" in done.stdout
        assert done.returncode == 1
    finally:
        node.process.send_signal(signal.SIGCONT)
