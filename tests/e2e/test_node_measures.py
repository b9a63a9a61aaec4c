# SPDX-License-Identifier: BSD-2-Clause
"""The first duty of a node is to measure: no certificate, clock or network ends that."""
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

from rig import BUILD, DEVICE, ROOT, until
from test_chain import assert_no_hole

DAY_S = 86400


def waiting(rig):
    """Readings in the outbox; 0 before there is one."""
    try:
        return rig.waiting()
    except sqlite3.OperationalError:
        return 0


def conf(rig, **node):
    return rig.node_conf(node={"period": "50ms", **node}, server={"retry_max": "1"})


def reissue(rig, begin, end, who="node"):
    """The certificate of the node again, for the same key, from begin to end (seconds from now)."""
    folder = rig.dir / "reissue"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "index").write_text("")
    (folder / "serial").write_text("77\n")
    (folder / "ca.conf").write_text(f"[ca]\ndefault_ca = d\n[d]\ndatabase = {folder}/index\nserial = {folder}/serial\n"
                                    f"new_certs_dir = {folder}\ndefault_md = sha256\npolicy = p\ncopy_extensions = copy\n"
                                    "x509_extensions = e\n[p]\ncommonName = optional\n[e]\nbasicConstraints = CA:false\n")
    san = f"URI:{DEVICE}" if who == "node" else "IP:127.0.0.1,DNS:localhost"
    run = lambda *a: subprocess.run(["openssl", *map(str, a)], check=True, capture_output=True, cwd=folder)     # noqa: E731
    run("req", "-new", "-key", rig.pki / f"{who}.key", "-subj", f"/CN={who}", "-addext", f"subjectAltName={san}", "-out", "own.csr")
    at = lambda s: time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + s))     # noqa: E731
    run("ca", "-batch", "-notext", "-config", "ca.conf", "-cert", rig.pki / "ca.pem", "-keyfile", rig.pki / "ca.key",
        "-startdate", at(begin), "-enddate", at(end), "-in", "own.csr", "-out", "own.pem")
    os.replace(folder / "own.pem", rig.pki / f"{who}.pem")


def remove(rig):
    (rig.pki / "node.pem").rename(rig.pki / "kept.pem")


def unreadable(rig):
    (rig.pki / "node.pem").rename(rig.pki / "kept.pem")
    (rig.pki / "node.pem").mkdir()      # root reads every file, but no folder


def damage(rig):
    shutil.copy(rig.pki / "node.pem", rig.pki / "kept.pem")
    (rig.pki / "node.pem").write_text("not a certificate")


SPOILS = {
    "expired": (lambda rig: reissue(rig, -9 * DAY_S, -8 * DAY_S), "expired on"),
    "not yet valid": (lambda rig: reissue(rig, 8 * DAY_S, 9 * DAY_S), "not valid before"),
    "missing": (remove, "No such file"),
    "unreadable": (unreadable, "Is a directory"),
    "damaged": (damage, "not a certificate"),
    "another key": (lambda rig: shutil.copy(rig.pki / "operator.key", rig.pki / "node.key"), "does not match"),
}


@pytest.mark.parametrize("what", SPOILS)
def test_a_certificate_that_cannot_be_used_costs_no_reading_and_its_successor_needs_no_restart(rig, what):
    spoil, words = SPOILS[what]
    rig.start_server()
    good_key = (rig.pki / "node.key").read_bytes()
    spoil(rig)
    node = rig.start_node(conf=conf(rig))
    node.wait_log(words)
    until(lambda: waiting(rig) >= 5, "readings wait in the outbox")
    uplink = until(lambda: rig.status().get("uplink"), "there is a status")
    assert uplink["state"] == "no-credentials" and words in uplink["error"]
    code, out, err = rig.run("geotherm", "status", "--file", rig.dir / "status.json")
    assert code == 1 and any(line.startswith("! ") and words in line for line in out.splitlines()), out
    code, out, err = rig.run("geotherm", "doctor", "--config", rig.dir / "node.conf")
    assert code == 1 and "BROKEN  session" in out and words in out, out
    before = rig.waiting()
    until(lambda: rig.waiting() > before + 25, "it goes on measuring over a check of the files")
    assert len(re.findall(words, node.log())) == 1      # once, not at each check
    assert rig.rows() == []
    (rig.pki / "node.key").write_bytes(good_key)
    if (rig.pki / "node.pem").is_dir():
        (rig.pki / "node.pem").rmdir()
    reissue(rig, -DAY_S, 90 * DAY_S)
    node.wait_log("can be used now")
    rig.wait_rows(before)
    until(lambda: rig.status()["uplink"]["state"] == "connected", "the status has the session")
    assert rig.status()["uplink"]["error"] is None
    assert node.stop() == 0
    assert_no_hole(rig.rows())


def test_a_certificate_that_is_replaced_while_in_use_is_used_without_a_restart(rig):
    rig.start_server()
    reissue(rig, -DAY_S, 12 * DAY_S)
    node = rig.start_node(conf=conf(rig))
    rig.wait_rows(3)
    until(lambda: rig.status()["uplink"]["certificate_days"] == 11, "the status has the days")
    (rig.pki / "node.pem").write_text("half of one")
    node.wait_log("keeping the old certificate")
    rig.wait_rows(len(rig.rows()) + 5)
    reissue(rig, -DAY_S, 90 * DAY_S)
    node.wait_log("replaced: using the new")
    until(lambda: rig.status()["uplink"]["certificate_days"] == 89, "the status has the new days")
    rig.wait_rows(len(rig.rows()) + 5)
    assert node.stop() == 0
    assert_no_hole(rig.rows())


def test_a_reload_uses_new_files_at_once(rig):
    rig.start_server()
    remove(rig)
    node = rig.start_node(conf=rig.node_conf(server={"retry_max": "1h"}))
    node.wait_log("No such file")
    until(lambda: waiting(rig) >= 3, "readings wait in the outbox")
    code, out, err = rig.run("geotherm-node", "--reload", node.process.pid)
    assert code == 1
    (rig.pki / "kept.pem").rename(rig.pki / "node.pem")
    assert rig.run("geotherm-node", "--reload", node.process.pid)[0] == 0
    rig.wait_rows(5)
    assert node.stop() == 0
    assert_no_hole(rig.rows())


def shifted(rig, seconds):
    """Environment of a program whose clock is wrong by so much."""
    if b"__asan_init" in (BUILD / "geotherm-node").read_bytes():
        pytest.skip("AddressSanitizer must be loaded first")
    library = rig.dir / "clock_shift.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, ROOT / "tests/e2e/clock_shift.c", "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), "CLOCK_SHIFT_S": str(seconds)}


def receiver(rig):
    """A receiver whose time is right, in a process of its own."""
    link = rig.dir / "receiver"
    rig.spawn("geotherm", "sim", "--running", "--link", link, "ublox7")
    until(link.exists, "the receiver has a port")
    return link


def test_with_a_clock_of_2016_the_receiver_dates_readings_and_certificates(rig):
    rig.start_server()
    config = rig.node_conf(node={"period": "200ms"}, server={"retry_max": "1"}, gnss={"port": receiver(rig)})
    node = rig.spawn("geotherm-node", "--config", config, env=shifted(rig, -10 * 365 * DAY_S))
    rows = rig.wait_rows(5)
    assert abs(rows[-1]["time_us"] / 1e6 - time.time()) < 60
    assert node.stop() == 0


def test_with_a_clock_some_months_behind_the_receiver_makes_the_certificates_valid(rig):
    """2026-04 where the certificates are of today: plausible, and wrong."""
    rig.start_server()
    config = rig.node_conf(node={"period": "200ms"}, server={"retry_max": "1"}, gnss={"port": receiver(rig)})
    config.write_text(config.read_text().replace("[gnss]", "[gnss]\nnot_before = 2020-01-01"))
    node = rig.spawn("geotherm-node", "--config", config, env=shifted(rig, -200 * DAY_S))
    rows = rig.wait_rows(5)
    assert abs(rows[-1]["time_us"] / 1e6 - time.time()) < 60
    assert node.stop() == 0
    assert_no_hole(rig.rows())


def test_with_a_clock_of_2016_a_simulated_receiver_dates_nothing_in_the_future(rig):
    node = rig.spawn("geotherm-node", "--config", rig.node_conf(server={"uri": None}), env=shifted(rig, -10 * 365 * DAY_S))
    until(lambda: waiting(rig) >= 5, "readings wait in the outbox")
    until(lambda: rig.status().get("gnss", {}).get("state") == "ready", "the receiver is configured")
    seen = rig.waiting()
    until(lambda: rig.waiting() > seen + 10, "more readings")
    clock = rig.status()["clock"]
    assert clock["utc_us"] is None or abs(clock["utc_us"] / 1e6 - time.time()) < 86400, clock
    assert node.stop() == 0


# --- keys, reloads ---

@pytest.mark.parametrize("program", ["geotherm-node", "geotherm-server"])
def test_a_key_that_every_user_can_read_is_warned_about(rig, program):
    who = program.split("-")[1]
    (rig.pki / f"{who}.key").chmod(0o644)
    config = rig.node_conf() if who == "node" else rig.server_conf()
    daemon = rig.spawn(program, "--config", config)
    daemon.wait_log(rf"{who}\.key: mode 644: every user")
    code, out, err = rig.run(program, "--config", config, "--check-config")
    assert code == 0 and f"{who}.key: mode 644" in err
    if who == "node":
        until(lambda: rig.status().get("uplink", {}).get("exposed"), "the status names the key")
    assert daemon.stop() == 0


def notified(rig):
    """A socket for NOTIFY_SOCKET, and what has arrived there."""
    path = rig.dir / "notify"
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(str(path))
    s.setblocking(False)
    lines = []

    def read():
        try:
            while True:
                lines.extend(s.recv(4096).decode().splitlines())
        except BlockingIOError:
            return lines
    return {"NOTIFY_SOCKET": str(path)}, read


@pytest.mark.parametrize("program", ["geotherm-node", "geotherm-server"])
def test_a_refused_reload_ends_with_1_and_is_in_the_status_until_one_is_applied(rig, program):
    who = program.split("-")[1]
    env, lines = notified(rig)
    config = rig.node_conf() if who == "node" else rig.server_conf()
    daemon = rig.spawn(program, "--config", config, env=env)
    until(lambda: "READY=1" in lines(), "it is ready")
    good = (rig.pki / f"{who}.pem").read_bytes()
    (rig.pki / f"{who}.pem").write_text("spoilt")
    code, out, err = rig.run(program, "--reload", daemon.process.pid)
    assert code == 1 and "refused" in err, err
    until(lambda: any(re.match(rf"STATUS=.*last reload refused: .*{who}\.pem", line) for line in lines()), "the manager knows")
    if who == "node":
        assert f"{who}.pem" in rig.status()["reload"]["refused"]
        code, out, err = rig.run("geotherm", "status", "--file", rig.dir / "status.json")
        assert code == 1 and "! the last reload was refused: " in out
        code, out, err = rig.run("geotherm", "doctor", "--config", config, "--wait", 0)
        assert code == 1 and "reload was refused" in out, out
    (rig.pki / f"{who}.pem").write_bytes(good)
    code, out, err = rig.run(program, "--reload", daemon.process.pid)
    assert (code, err) == (0, "")
    until(lambda: [line for line in lines() if line.startswith("STATUS=")][-1] in ("STATUS=measuring", "STATUS=serving"),
          "the manager knows")
    if who == "node":
        assert rig.status()["reload"]["refused"] is None
    assert daemon.stop() == 0


def test_a_reload_of_no_process_ends_with_1(rig):
    for pid in ("0", "x", "2147483647"):
        code, out, err = rig.run("geotherm-node", "--reload", pid)
        assert code == 1 and "No such process" in err


# --- the first reading after a start ---

def first_after(rig, n):
    """The note of reading n + 1, the first of another process."""
    return rig.wait_rows(n + 1)[n]["note"]


def test_the_first_reading_after_a_start_has_why_none_was_made_before_and_since_when(rig):
    rig.start_server()
    node = rig.start_node(conf=conf(rig))
    assert first_after(rig, 0).startswith("first reading of this outbox")
    rig.wait_rows(3)
    assert node.stop() == 0
    stopped = time.time()
    node = rig.start_node(conf=conf(rig))
    until(lambda: any(str(r["note"]).startswith("start after a stop at ") for r in rig.rows()), "the stop is noted")
    note = [r["note"] for r in rig.rows() if str(r["note"]).startswith("start after")][-1]
    since = re.match(r"start after a stop at (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)", note)[1]
    assert abs(time.mktime(time.strptime(since, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone - stopped) < 5

    node.stop(signal.SIGKILL)
    node = rig.start_node(conf=conf(rig))
    until(lambda: any(str(r["note"]).startswith("start after a crash at ") for r in rig.rows()), "the crash is noted")
    assert node.stop() == 0
    noted = [r["note"] for r in rig.rows() if str(r["note"]).startswith("start after")]
    assert len(noted) == 2      # one reading each
    code, out, err = rig.run("geotherm", "get", *rig.client_options(), f"coaps://127.0.0.1:{rig.port}/gaps/{DEVICE}")
    assert code == 0, err
    starts = json.loads(out)["starts"]
    assert [s["cause"] for s in starts] == ["new outbox", "stop", "crash"]
    assert "since" not in starts[0] and all(s["since"] <= s["until"] for s in starts[1:])
    assert_no_hole(rig.rows())
