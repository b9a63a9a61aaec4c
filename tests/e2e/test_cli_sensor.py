# SPDX-License-Identifier: BSD-2-Clause
"""The node's list of sensors, over restarts and damage, and geotherm sensor beside it. Each simulated bus has two sensors."""
import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import stat
import time

import pytest

from rig import DEVICE, free_port, until

TWO = {"gpio": "4, 17"}
ROM = r"28-[0-9a-f]{12}"


def conf(rig, w1=None, node=None, server=None):
    """Quick, without a receiver; unless told otherwise without a server either."""
    return rig.node_conf(node={"period": "100ms", **(node or {})}, w1=w1, gnss={"port": "none"},
                         server=server or {"uri": f"coaps://127.0.0.1:{free_port()}"})


def sensor(rig, *args):
    return rig.run("geotherm", "sensor", *args, "--file", rig.dir / "status.json")


def listed(rig):
    code, out, err = sensor(rig, "list", "--json")
    assert code == 0, err
    return json.loads(out)


def known(rig):
    return [s["rom"] for s in listed(rig) if s["known"]]


def qualities(rig):
    """Of the newest reading, in its order."""
    return [(s["rom"], s["quality"]) for s in rig.status().get("w1", {}).get("sensors", [])]


def know_four(rig):
    """The ROM codes of both buses once they are in the list, bus by bus; no node runs then."""
    node = rig.start_node(conf=conf(rig, TWO))
    until(lambda: rig.status() and len(known(rig)) == 4, "four sensors are known")
    roms = known(rig)
    assert node.stop() == 0
    (rig.dir / "status.json").unlink()
    return roms


def first_reading(rig):
    return until(lambda: qualities(rig), "a reading")


def test_a_missing_sensor_is_absent_at_its_place_from_the_first_reading_after_a_restart_on(rig):
    rig.start_server()
    roms = know_four(rig)
    node = rig.start_node(conf=conf(rig, {"gpio": "17"}, node={"period": "500ms"},
                                    server={"uri": f"coaps://127.0.0.1:{rig.port}"}))
    # The second simulated bus is now the first pin's: these are the sensors of GPIO4, by their ROM codes.
    expected = [(rom, "ok" if rom in roms[:2] else "absent") for rom in roms]
    assert first_reading(rig) == expected
    epoch, seq = f"{int(rig.status()['outbox']['epoch']):016x}", rig.status()["reading"]["seq"]
    node.wait_log(f"sensor {roms[2]}: no value in 3 cycles \\(absent\\)")
    code, out, _ = rig.run("geotherm", "status", "--file", rig.dir / "status.json")
    assert code == 1 and f"! sensor {roms[3]}: absent" in out and f"; if it is gone for good: geotherm sensor forget {roms[3]}" in out
    until(lambda: (r := rig.run("geotherm", "get", f"coaps://127.0.0.1:{rig.port}/gpsflowtemp/{DEVICE}/{epoch}.{seq}", "--json",
                                *rig.client_options()))[0] == 0 and r[1].count("urn:dev:ow:") >= 4, "the reading is stored")
    node.stop()
    (rig.dir / "status.json").unlink()
    node = rig.start_node(conf=conf(rig, TWO))
    assert first_reading(rig) == [(rom, "ok") for rom in roms]


def test_the_order_survives_kills(rig):
    roms = know_four(rig)
    for _ in range(5):
        node = rig.start_node(conf=conf(rig, TWO))
        assert [rom for rom, _ in first_reading(rig)] == roms
        node.stop(signal.SIGKILL)
        (rig.dir / "status.json").unlink()


@pytest.mark.parametrize("damage", ["header", "removed", "cut", "nonsense"])
def test_the_list_survives_an_outbox_that_is_set_aside(rig, damage):
    roms = know_four(rig)
    if damage == "removed":
        rig.outbox.unlink()
    elif damage == "cut":
        os.truncate(rig.outbox, 1500)
    else:
        with open(rig.outbox, "r+b") as f:
            f.write(b"\xa5" * (16 if damage == "header" else rig.outbox.stat().st_size))
    node = rig.start_node(conf=conf(rig, {"gpio": "4"}))
    assert first_reading(rig) == [(rom, "ok" if rom in roms[:2] else "absent") for rom in roms]
    node.wait_log("list of sensors: 4 known from the list beside the outbox")
    assert damage == "removed" or "set aside" in node.log()
    node.stop()
    (rig.dir / "outbox.db-sensors").unlink()            # the new outbox has it again
    (rig.dir / "status.json").unlink()
    rig.start_node(conf=conf(rig, {"gpio": "4"}))
    assert [rom for rom, _ in first_reading(rig)] == roms


def test_an_outbox_that_is_damaged_in_use_gives_the_list_to_the_new_one(rig):
    fixed = ["28-000000000001", "28-000000000002"]
    node = rig.start_node(conf=conf(rig, {"bus": "none", "sensors": ", ".join(fixed)}, node={"period": "4s"}))
    until(lambda: rig.status().get("reading", {}).get("seq") == 1, "the first reading")
    rig.damage_readings()
    node.wait_log("set aside as .*damaged-1")

    def kept():
        with contextlib.closing(sqlite3.connect(rig.outbox)) as db:
            return db.execute("SELECT list FROM sensors").fetchone()
    assert re.findall(ROM, until(kept, "the new outbox has the list")[0]) == fixed


def test_an_outbox_of_another_node_brings_that_nodes_sensors_as_absent(rig):
    """Copied without the list beside it."""
    know_four(rig)
    (rig.dir / "outbox.db-sensors").unlink()
    with contextlib.closing(sqlite3.connect(rig.outbox)) as db:
        other = "28-000000000001 1700000000000000 1700000600000000 DS18B20\n"
        db.execute("UPDATE sensors SET list = ?", (other,))
        db.commit()
    rig.start_node(conf=conf(rig, TWO))
    until(lambda: rig.status() and len(known(rig)) == 5, "its own four are known")
    assert listed(rig)[0] == {"rom": "28-000000000001", "known": True, "since_us": 1700000000000000,
                              "seen_us": 1700000600000000, "make": "DS18B20", "former_make": None}
    assert first_reading(rig)[0] == ("28-000000000001", "absent")
    code, out, _ = sensor(rig, "list")
    assert code == 0 and re.search(r"^ 1  28-000000000001  absent +2023-11-14 22:13  2023-11-14 22:23  DS18B20$", out, re.M)
    assert sensor(rig, "forget", "28-000000000001")[0] == 0
    assert len(listed(rig)) == 4


def test_a_list_that_cannot_be_read_is_named_and_begun_again(rig):
    roms = know_four(rig)
    with contextlib.closing(sqlite3.connect(rig.outbox)) as db:
        db.execute("UPDATE sensors SET list = list || 'nonsense'")
        db.commit()
    node = rig.start_node(conf=conf(rig, {"gpio": "17"}))
    assert [rom for rom, _ in first_reading(rig)] == roms       # there is the copy
    node.wait_log("list of sensors: 4 known from the list beside the outbox")
    assert node.stop() == 0
    (rig.dir / "status.json").unlink()
    copy = rig.dir / "outbox.db-sensors"
    copy.write_text(copy.read_text().replace(roms[2], "28-nonsense"))
    with contextlib.closing(sqlite3.connect(rig.outbox)) as db:
        db.execute("UPDATE sensors SET list = 'nonsense'")
        db.commit()
    node = rig.start_node(conf=conf(rig, TWO))
    assert [rom for rom, _ in first_reading(rig)][:2] == roms[:2]
    assert "the list of sensors is damaged behind the first 2: the others get new places" in node.log()


@pytest.mark.parametrize("sql,aside", [
    ("DROP TABLE sensors", False),                      # as an older version left it
    ("DROP TABLE sensors; CREATE TABLE sensors (x)", True),
    ("DELETE FROM sensors", False),
    ("UPDATE sensors SET list = x'00ff'", False),
    ("UPDATE sensors SET list = printf('%.*c', 100000, 'x')", False),
])
def test_a_table_of_sensors_in_any_state_costs_no_reading(rig, sql, aside):
    roms = know_four(rig)
    with contextlib.closing(sqlite3.connect(rig.outbox)) as db:
        db.executescript(sql)
    node = rig.start_node(conf=conf(rig, TWO))
    assert sorted(rom for rom, _ in first_reading(rig)) == sorted(roms)
    assert ("set aside" in node.log()) == aside
    until(lambda: len(known(rig)) == 4, "four sensors are known")
    assert node.stop() == 0


def test_a_forgotten_sensor_that_is_there_comes_back_as_the_last(rig):
    roms = know_four(rig)
    node = rig.start_node(conf=conf(rig, TWO))
    assert [rom for rom, _ in first_reading(rig)] == roms
    rom = bytes.fromhex(roms[0][3:])[::-1]
    crc = 0
    for byte in b"\x28" + rom:
        for i in range(8):
            crc, byte = (crc >> 1) ^ (0x8c if (crc ^ byte) & 1 else 0), byte >> 1
    code, out, err = sensor(rig, "forget", f"28{rom.hex()}{crc:02x}")
    assert (code, err) == (0, "") and out.startswith(f"{roms[0]} is forgotten")
    assert [s["rom"] for s in listed(rig)] == roms[1:]
    until(lambda: known(rig) == [*roms[1:], roms[0]], "it is known again, as the last")
    node.wait_log(f"sensor {roms[0]}: known from now on, number 4")
    node.stop(signal.SIGKILL)
    (rig.dir / "status.json").unlink()
    rig.start_node(conf=conf(rig, TWO))
    assert [rom for rom, _ in first_reading(rig)] == [*roms[1:], roms[0]]


def test_a_list_in_the_configuration_has_its_order_and_no_other_sensors(rig):
    roms = know_four(rig)
    fixed = [roms[3], "28-000000000001", roms[0]]
    node = rig.start_node(conf=conf(rig, {**TWO, "sensors": ", ".join(fixed)}))
    assert first_reading(rig) == [(roms[3], "ok"), ("28-000000000001", "absent"), (roms[0], "ok")]
    node.wait_log(r"1-Wire: 2 more sensors are not recorded, such as 28-\w+: \[w1\] sensors names others")
    code, out, _ = sensor(rig, "list")
    assert code == 0 and "! 2 more sensors are not recorded" in out
    code, _, err = sensor(rig, "forget", roms[0])
    assert code == 1 and "[w1] sensors in the configuration has it" in err
    code, out, _ = rig.run("geotherm", "doctor", "--config", rig.dir / "node.conf", "--wait", "1")
    assert code == 1 and "28-000000000001 absent" in out and "geotherm sensor forget" in out


@pytest.mark.parametrize("line,said", [
    ("sensors = 28dedf128400003c", "node.conf:6: [w1] sensors = 28dedf128400003c: no sensor is named"),
    ("sensors = 28-00008412dfde, 28dedf128400003b", "node.conf:6: [w1] sensors = 28-00008412dfde, 28dedf128400003b: "
                                                    "28dedf128400003b is given twice"),
    ("gpio = 4, 17, 4", "node.conf:6: [w1] gpio = 4, 17, 4: GPIO4 is given twice"),
    ("proof = strict\nsensors = 28-00008412dfde", "node.conf:6: [w1] proof = strict: 1 sensor x 0.77 s = 0.77 s, longer than "
                                                  "the period of 0.50 s"),
    ("bus = auto\ngpio = 4, 14", "node.conf:7: [w1] gpio = 14: that pin is the UART's, which [gnss] port = /dev/serial0 uses"),
])
def test_a_wrong_list_is_named_with_file_line_and_value(rig, line, said):
    (rig.dir / "node.conf").write_text(f"[node]\ndevice = {DEVICE}\nperiod = 0.5\n\n[w1]\n{line}\n")
    code, _, err = rig.run("geotherm-node", "--config", rig.dir / "node.conf", "--check-config")
    assert code == 2 and said in err


def test_strict_proof_that_does_not_fit_is_refused_while_it_runs_and_after_a_reload_used(rig):
    strict = {**TWO, "proof": "strict"}
    node = rig.start_node(conf=conf(rig, strict, node={"period": "500ms"}))
    node.wait_log("strict proof refused: 4 sensors x 0.77 s = 3.08 s, longer than the period of 0.50 s: they convert in parallel")
    until(lambda: "3.08 s" in (rig.status().get("w1", {}).get("reason") or ""), "the status has it, too")
    code, out, _ = rig.run("geotherm", "status", "--file", rig.dir / "status.json")
    assert code == 1 and "! 1-Wire: strict proof refused: 4 sensors x 0.77 s = 3.08 s" in out
    conf(rig, strict, node={"period": "4s"})
    node.process.send_signal(signal.SIGHUP)
    node.wait_log("reload: new configuration applied")
    until(lambda: rig.status()["w1"]["reason"] is None, "strict proof is used")
    assert [q for _, q in first_reading(rig)] == ["ok"] * 4


def test_the_socket_belongs_to_its_group_and_goes_with_the_node(rig):
    node = rig.start_node(conf=conf(rig))
    path = rig.dir / "status.json.socket"
    until(path.exists, "the socket")
    until(lambda: stat.S_IMODE(path.stat().st_mode) == 0o660, "its group may write")
    assert stat.S_ISSOCK(path.stat().st_mode)
    node.stop(signal.SIGKILL)
    assert path.exists()
    code, _, err = sensor(rig, "forget", "28-000000000001")
    assert code == 3 and "no node runs here" in err
    node = rig.start_node(conf=conf(rig))
    until(lambda: sensor(rig, "forget", "28-000000000001")[0] == 1, "the node that was started again answers")
    assert node.stop() == 0
    assert not path.exists()


def test_bad_requests_get_an_error_and_no_client_stops_the_node(rig):
    node = rig.start_node(conf=conf(rig))
    path = str(rig.dir / "status.json.socket")
    until(lambda: os.path.exists(path), "the socket")

    def client():
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind("")
        s.connect(path)
        s.settimeout(30)
        return s

    with client() as c:
        for request in b"", b"\n", b"status ", b"STATUS", b"forget", b"forget ", b"forget \xff", b"\0status", b"x" * 100000:
            c.send(request)
            assert "error" in json.loads(c.recv(65536)), request
        c.send(b"status\nforget 28-000000000001")
        assert json.loads(c.recv(65536))["device"] == DEVICE
    deaf = [client() for _ in range(50)]
    for _ in range(20):
        for c in deaf:
            with contextlib.suppress(BlockingIOError):
                c.send(b"status", socket.MSG_DONTWAIT)
    seq = rig.status()["reading"]["seq"]
    until(lambda: rig.status()["reading"]["seq"] > seq + 5, "readings go on")
    assert len(listed(rig)) == 2
    for c in deaf:
        c.close()
    assert node.alive()


def test_the_status_comes_from_the_socket_as_of_now(rig):
    rig.start_node(conf=conf(rig, node={"period": "60s"}))
    until(lambda: rig.status(), "a status file")
    def age():
        return json.loads(rig.run("geotherm", "status", "--json", "--file", rig.dir / "status.json")[1])["running_s"]
    before = age()
    time.sleep(0.3)
    assert age() >= before + 0.3                        # the file is written once a minute


def test_a_node_that_hangs_has_its_last_status_in_the_file(rig):
    node = rig.start_node(conf=conf(rig))
    first_reading(rig)
    node.process.send_signal(signal.SIGSTOP)
    code, out, _ = rig.run("geotherm", "status", "--file", rig.dir / "status.json")
    assert DEVICE in out and code in (0, 1)
    code, _, err = sensor(rig, "forget", "28-000000000001")
    assert code == 3 and "timed out" in err
    node.process.send_signal(signal.SIGCONT)


def test_wrong_usage_ends_with_2(rig):
    for args in [], ["forget"], ["list", "more"], ["forget", "a", "b"], ["remember"], ["forget", "x" * 50]:
        assert sensor(rig, *args)[0] == 2, args
    code, _, err = sensor(rig, "list")
    assert code == 3 and "No such file" in err


def test_the_self_test_covers_each_bus(rig):
    code, out, err = rig.run("geotherm-selftest", "--config", conf(rig, TWO), "--only", "bus,sensors/search,system/clock", "--json")
    checks = [(c["group"], c["name"], (c["value"] or "")[:8]) for c in json.loads(out)["checks"]]
    names = [name for group, name, value in checks if group == "bus" and value.startswith("GPIO4: ")]
    assert len(names) == 5
    assert [name for group, name, value in checks if group == "bus" and value == "GPIO17: "] == names
    assert [value for group, _, value in checks if group == "sensors"] == ["GPIO4: 2", "GPIO17: "]
    assert [group for group, _, _ in checks].count("system") == 1
    _, out, _ = rig.run("geotherm-selftest", "--config", conf(rig, TWO), "--only", "bus", "--tap")
    assert "1..10\n" in out and "ok 10 " in out and "ok 11" not in out
