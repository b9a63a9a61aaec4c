# SPDX-License-Identifier: BSD-2-Clause
"""What a person gets wrong: one line that names it and what to do, the documented exit code, no damage."""
import shutil
import signal
import subprocess

import pytest

from rig import DEVICE, until

USAGE_OR_CONFIG, CREDENTIAL, PORT_IN_USE, STORE = 2, 3, 4, 5


def ends(daemon, code):
    """The daemon ends by itself with this code after exactly one line at error level; returns that line."""
    assert daemon.process.wait(timeout=30) == code, daemon.log()
    lines = [line for line in daemon.log().splitlines() if line.strip()]
    assert lines, "it ended without a word"
    return lines[-1]


@pytest.mark.parametrize("program", ["geotherm-server", "geotherm-node"])
def test_an_unknown_key_is_named_with_file_and_line(rig, program):
    conf = rig.server_conf() if program == "geotherm-server" else rig.node_conf()
    number = len(conf.read_text().splitlines()) + 2
    conf.write_text(conf.read_text() + "[server]\nlitsen = 1\n")
    line = ends(rig.spawn(program, "--config", conf), USAGE_OR_CONFIG)
    assert f"{conf}:{number}" in line and "litsen" in line


@pytest.mark.parametrize("program", ["geotherm-server", "geotherm-node"])
def test_check_config_accepts_what_is_right_and_starts_nothing(rig, program):
    conf = rig.server_conf() if program == "geotherm-server" else rig.node_conf()
    code, out, err = rig.run(program, "--config", conf, "--check-config")
    assert code == 0, err
    end = subprocess.run(["openssl", "x509", "-in", rig.pki / ("server.pem" if program == "geotherm-server" else "node.pem"), "-noout",
                          "-enddate", "-dateopt", "iso_8601"], capture_output=True, text=True).stdout[len("notAfter="):][:10]
    assert f".pem, until {end}\n" in out and (f"127.0.0.1:{rig.port}" if program == "geotherm-server" else DEVICE) in out
    assert not rig.db.exists() and not rig.outbox.exists()


def check_ends(rig, program):
    """For the node --check-config does: it measures without a credential (test_node_measures.py)."""
    server = program == "geotherm-server"
    return ends(rig.spawn(program, "--config", rig.server_conf() if server else rig.node_conf(), *([] if server else ["--check-config"])),
                CREDENTIAL)


@pytest.mark.parametrize("program,who", [("geotherm-server", "server"), ("geotherm-node", "node")])
def test_an_unreadable_credential_is_named(rig, program, who):
    (rig.pki / f"{who}.key").unlink()
    line = check_ends(rig, program)
    assert f"{who}.key" in line and "No such file" in line


@pytest.mark.parametrize("program,who", [("geotherm-server", "server"), ("geotherm-node", "node")])
def test_a_key_that_does_not_match_its_certificate_is_named(rig, program, who):
    shutil.copy(rig.pki / "operator.key", rig.pki / f"{who}.key")
    line = check_ends(rig, program)
    assert f"{who}.key" in line and "match" in line


def test_a_port_in_use_is_named(rig):
    rig.start_server()
    line = ends(rig.spawn("geotherm-server", "--config", rig.server_conf(), "-o", f"store.path={rig.dir}/other.db",
                          log="second.log"), PORT_IN_USE)
    assert str(rig.port) in line and "in use" in line


def test_a_store_that_cannot_be_opened_is_named(rig):
    conf = rig.server_conf({"backend": "sqlite", "path": rig.dir / "no/such/folder/x.db"})
    line = ends(rig.spawn("geotherm-server", "--config", conf), STORE)
    assert "no/such/folder/x.db" in line


def test_without_sensor_and_receiver_the_node_says_so_and_goes_on(rig):
    rig.start_server()
    node = rig.start_node(conf=rig.node_conf(w1={"bus": "userspace"}, gnss={"port": "/dev/geotherm-no-such-port"}))
    rows = rig.wait_rows(3)
    assert rows[-1]["t1"] is None and rows[-1]["lat"] is None
    assert "/dev/geotherm-no-such-port" in node.log()
    assert "GPIO" in node.log() or "gpiochip" in node.log()
    assert node.stop() == 0


def test_a_node_whose_server_has_another_name_keeps_its_readings_and_says_why(rig):
    rig.start_server()
    node = rig.start_node(conf=rig.node_conf(server={"server_name": "other.example"}))
    node.wait_log("other.example")
    assert rig.rows() == []
    assert node.stop() == 0


def test_a_node_that_trusts_another_ca_keeps_its_readings_and_says_why(rig):
    rig.start_server()
    rig.make_pki("other")
    node = rig.start_node(conf=rig.node_conf(server={"ca": rig.dir / "other/ca.pem"}))
    node.wait_log(r"certificate|CA")
    assert rig.rows() == []
    assert node.stop() == 0


def test_a_client_of_another_ca_is_refused_and_logged(rig):
    server = rig.start_server()
    rig.make_pki("other")
    conf = rig.node_conf(server={"certificate": rig.dir / "other/node.pem", "key": rig.dir / "other/node.key"})
    node = rig.start_node(conf=conf)
    server.wait_log(r"certificate|verif")
    assert rig.rows() == []
    assert node.stop() == 0


def test_a_node_may_not_write_for_another_device(rig):
    server = rig.start_server()
    node = rig.start_node(conf=rig.node_conf(node={"device": "urn:dev:mac:0200c0fffe000002"}))
    node.wait_log(r"4\.03|may not|certificate names")
    server.wait_log(r"refused 4\.03 .*may not write for urn:dev:mac:0200c0fffe000002")
    assert rig.rows() == []
    assert node.stop() == 0
    assert server.log().count("may not write") == 1      # once a minute, however often it tries


def test_a_damaged_outbox_is_set_aside_and_a_new_epoch_begins(rig):
    rig.start_server()
    node = rig.start_node()
    rig.wait_rows(3)
    node.stop(signal.SIGKILL)
    for part in rig.dir.glob("outbox.db*"):
        part.write_bytes(b"not a database" * 100)
    node = rig.start_node()
    rows = until(lambda: len({r["epoch"] for r in rig.rows()}) == 2 and rig.rows(), "a second epoch is stored")
    assert len(rows) >= 4
    assert list(rig.dir.glob("outbox.db.*"))        # the damaged file is still there
    assert "outbox.db" in node.log()
