# SPDX-License-Identifier: BSD-2-Clause
"""geotherm replay: a recording gives the positions and times that its bytes hold, by a reader of its own."""
import re
import subprocess

import pytest

from rig import BUILD, ROOT
from test_recording import RECORDING, epochs, receiver_bytes


def replay(data, *args):
    done = subprocess.run([BUILD / "geotherm", "replay", *args, "-"], input=data, capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_every_epoch_of_a_recording_becomes_a_reading_with_its_position():
    wanted = [f"{lat / 1e7:.7f},{lon / 1e7:.7f}" for _, lat, lon, _ in epochs(receiver_bytes())]
    assert len(wanted) > 10
    code, out, err = replay(receiver_bytes())
    assert code == 0, err
    shown = [line for line in out.splitlines() if "position unknown" not in line]
    assert [next(w for w in line.split("  ") if "," in w) for line in shown] == wanted
    assert replay(RECORDING.read_bytes())[1] == out, "what is not UBX does no harm"
    assert replay(receiver_bytes())[1] == out, "and twice the same gives the same"


def test_damage_costs_the_frames_that_it_hits_and_no_more():
    whole = replay(receiver_bytes())[1].splitlines()
    damaged = bytearray(receiver_bytes())
    for at in range(1000, len(damaged), 5000):
        damaged[at] ^= 0x10
    code, out, err = replay(bytes(damaged))
    assert code == 0 and 0 < len(out.splitlines()) <= len(whole)
    times = {line.split()[0] for line in whole}
    assert {line.split()[0] for line in out.splitlines()} <= times, "none is invented"


def test_what_holds_no_reading_ends_with_1_and_a_file_that_is_not_there_with_2():
    assert replay(b"no receiver\n" * 500)[0] == 1
    assert replay(b"")[0] == 1
    done = subprocess.run([BUILD / "geotherm", "replay", "/no/such/file"], capture_output=True, text=True)
    assert done.returncode == 2 and "/no/such/file" in done.stderr


def case(name):
    return (ROOT / "tests/data/ubx" / name).read_bytes()


def counts(err):
    """(bytes, in frames, in none) as replay counts them."""
    numbers = [int(n) for n in re.findall(r"\d+", err)]
    return numbers[0], numbers[1], numbers[3]


@pytest.mark.parametrize("name, readings", [
    ("years.ubx", 15), ("false-sync-1016.ubx", 3), ("false-sync-1016-tail.ubx", 4), ("same-itow.ubx", 2),
    ("aided-time-no-fix.ubx", 3), ("gr701w-derived-pvt84.ubx", 81)])
def test_nothing_in_a_file_ends_the_replay_and_every_byte_is_accounted_for(name, readings):
    data = case(name)
    for cut in (0, 1, 50, 91):
        part = data[:len(data) - cut] + b"\xb5\x62\x01"
        code, out, err = replay(part)
        assert code == 0, err
        total, framed, rest = counts(err)
        assert total == len(part) == framed + rest, err
        if cut == 0:
            assert len(out.splitlines()) == readings


def test_a_date_outside_the_readings_range_is_unknown():
    years = [line[:4] for line in replay(case("years.ubx"))[1].splitlines()]
    assert years == ["time", "time", "2012", "2013", "2019", "2025", "2026", "2038", "2046", "2080", "2105"] + ["time"] * 4


def test_a_time_without_a_fix_is_unknown():
    lines = replay(case("aided-time-no-fix.ubx"))[1].splitlines()
    assert [line.startswith("time unknown") for line in lines] == [True, True, False]
