# SPDX-License-Identifier: BSD-2-Clause
"""geotherm status and geotherm wait beside a real node, and beside files that no node would write."""
import json
import os
import subprocess

import pytest

from rig import BUILD, DEVICE, until


def status(rig, *args):
    return rig.run("geotherm", "status", "--file", rig.dir / "status.json", *args)


def test_a_node_that_sends_is_well_and_one_that_ended_is_not(rig):
    rig.start_server()
    node = rig.start_node()
    code, out, err = rig.run("geotherm", "wait", "--fix", "--sent", "--file", rig.dir / "status.json", "40")
    assert (code, out, err) == (0, "", "")
    seen = ("UTC from gnss", "antenna ok", "dBHz")      # the first epoch that it sends by itself, the first polls
    code, out, err = until(lambda: (r := status(rig)) and r[0] == 0 and all(s in r[1] for s in seen) and r,
                           lambda: f"all is well, and {seen} shown; it says {status(rig)}")
    assert out.startswith(DEVICE) and "all well" in out and "\033" not in out and err == ""
    for line in (" °C", "3D fix", "UTC from gnss", " waiting", f"coaps://127.0.0.1:{rig.port}, connected", "days left"):
        assert line in out, line
    code, out, _ = status(rig, "--json")
    assert code == 0 and json.loads(out)["device"] == DEVICE
    assert len(json.loads(out)["gnss"]["signals"]) >= 4 and rig.status()["gnss"]["signals"] == [], "on demand only"
    command = [BUILD / "geotherm", "status", "--file", rig.dir / "status.json"]
    at_once = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(5)]
    said = [each.communicate(timeout=30)[0] for each in at_once]
    assert all("all well" in each for each in said) and any("dBHz" in each for each in said)
    node.stop()
    code, out, _ = status(rig)
    assert code == 3 and f"! the node does not run: its process {node.process.pid} is gone" in out
    code, _, err = rig.run("geotherm", "wait", "--sent", "--file", rig.dir / "status.json", "0")
    assert code == 3 and "the node does not run" in err


def edited(rig, **changes):
    """A status of a running process (this one), with sections changed."""
    s = {"format": 1, "version": "1", "device": DEVICE, "pid": os.getpid(), "period_s": 1, "running_s": 5000,
         "boot_s": float(open("/proc/uptime").read().split()[0]) - 1,
         "reading": {"age_s": 0.5, "seq": 7}, "w1": {"bus": "userspace", "sensors": []},
         "gnss": {"state": "ready", "fix": 3}, "clock": {"source": "gnss", "utc_us": 1795392000000000},
         "outbox": {"waiting": 0}, "uplink": {"state": "connected", "certificate_days": 300, "sent": 3}, "last_error": {}}
    s["w1"]["sensors"] = [{"rom": "28-00001f91ceaa", "celsius": 21.5, "quality": "ok"}]
    for section, keys in changes.items():
        s[section] = keys if not isinstance(keys, dict) else {**s[section], **keys}
    (rig.dir / "status.json").write_text(json.dumps(s))


@pytest.mark.parametrize("changes,said", [
    ({"reading": {"age_s": 600}}, "no reading for 10 min"),
    ({"w1": {"sensors": [{"rom": "28-00001f91ceaa", "celsius": None, "quality": "crc failed"}]}},
     "sensor 28-00001f91ceaa: crc failed"),
    ({"w1": {"sensors": [{"rom": "28-00001f91ceaa", "celsius": None, "quality": "absent"}],
             "known": [{"rom": "28-00001f91ceaa", "seen_us": 1795392000000000 - 7260000000}]}},
     "sensor 28-00001f91ceaa: absent, last seen 2 h 1 min ago; if it is gone for good: geotherm sensor forget 28-00001f91ceaa"),
    ({"w1": {"known": [{"rom": "28-00001f91ceaa", "make": "DS18B20 clone", "former_make": "DS18B20"}]}},
     "sensor 28-00001f91ceaa: it was a DS18B20 and is a DS18B20 clone now"),
    ({"w1": {"reason": "GPIO17: no device answers the reset"}}, "1-Wire: GPIO17: no device answers the reset"),
    ({"w1": {"refused": "1 more sensor is not recorded"}}, "1 more sensor is not recorded"),
    ({"w1": {"sensors": [], "reason": "line is held low"}}, "no thermometer answers: line is held low"),
    ({"gnss": {"state": "no-port", "reason": "/dev/serial0: No such file"}}, "no receiver: /dev/serial0"),
    ({"gnss": {"state": "probing"}}, "no receiver"),
    ({"clock": {"source": "none", "utc_us": None}}, "the time is not known"),
    ({"outbox": {"waiting": 900, "oldest_s": 9000}}, "900 readings wait for the server, the oldest for 2 h 30 min"),
    ({"outbox": {"waiting": 3, "unprotected": 3}}, "3 readings are in memory only: the disk does not take them"),
    ({"outbox": {"refused": 2, "lost_s": 60}}, "2 readings were refused"),
    ({"outbox": {"dropped": 3, "lost_s": 86000}}, "3 readings were dropped"),
    ({"uplink": {"certificate_days": 12}}, "the certificate expires in 12 days"),
    ({"uplink": {"certificate_days": -1}}, "the certificate has expired"),
    ({"reading": {"throttled": 1}}, "under-voltage"),
])
def test_what_needs_attention_is_said_and_ends_with_1(rig, changes, said):
    edited(rig)
    assert status(rig)[0] == 0, "and nothing else does"
    edited(rig, **changes)
    code, out, _ = status(rig)
    assert code == 1 and "needs attention" in out and f"! {said}" in out


@pytest.mark.parametrize("reading,said", [
    ({"age_s": 2, "seq": 7}, "readings    last 3 s ago, number 7; one every 1 s\n"),
    ({"age_s": None, "seq": 5}, "readings    none since the start; number 5 was the last before it; one every 1 s\n"),
    ({"age_s": None, "seq": 0}, "readings    none yet; one every 1 s\n"),
    ({"age_s": 2, "seq": 7, "note": "receiver simulated"}, "number 7; one every 1 s; receiver simulated\n"),
    ({"age_s": 2, "seq": 7, "note": ("no thermometers: " + "word " * 20)[:95]},
     "; no thermometers: " + " ".join(["word"] * 15) + " ...\n"),
])
def test_the_newest_reading_is_shown_with_its_note_cut_between_words(rig, reading, said):
    edited(rig, reading=reading)
    assert said in status(rig)[1]


def test_what_is_in_memory_only_is_counted_beside_what_waits(rig):
    edited(rig, outbox={"waiting": 5, "bytes": 1000, "unprotected": 3})
    assert "  outbox      5 waiting; 1 kB; 3 in memory only\n" in status(rig)[1]


def test_what_was_lost_long_ago_is_counted_and_is_no_news(rig):
    edited(rig, outbox={"refused": 2, "dropped": 3, "not_written": 4, "lost_s": 87000})
    code, out, _ = status(rig)
    assert code == 0 and "needs attention" not in out
    assert "2 refused by the server; 3 dropped, as it was full; 4 not taken by the disk" in out


@pytest.mark.parametrize("text,said", [("", ":1: "), ("{", ":1: "), ("[]", "not a status"), ('{"format": 2}', "not a status"),
                                       ('{"format": 1}', None), ('{"format": 1, "w1": {"sensors": [1, {}]}, "gnss": 4}', None)])
def test_a_file_that_is_no_status_ends_with_3(rig, text, said):
    (rig.dir / "status.json").write_text(text)
    code, out, err = status(rig)
    assert code == 3 and (said is None or (said in err and out == ""))


def test_no_file_ends_with_3_and_says_why(rig):
    code, out, err = status(rig)
    assert code == 3 and out == "" and "no node runs here" in err


def test_colours_are_for_terminals_that_want_them(rig):
    edited(rig)
    for env, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        done = subprocess.run(["script", "-qec", f"{BUILD}/geotherm status --file {rig.dir}/status.json", "/dev/null"],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              env={"PATH": os.environ["PATH"], "TERM": "xterm", **env})
        assert "all well" in done.stdout and ("\033[32m" in done.stdout) == coloured, env


def test_watch_shows_again_until_interrupted(rig):
    edited(rig)
    watch = rig.spawn("geotherm", "status", "--watch", "--json", "--file", rig.dir / "status.json", log="watch.log")
    until(lambda: watch.log().count('"device"') >= 2, "it is shown twice")
    assert watch.stop(2) == 0
