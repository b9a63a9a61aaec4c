# SPDX-License-Identifier: BSD-2-Clause
"""What make bench says of its figures, its parts and its settings; what it measures is no test's matter."""
import os
import subprocess
import sys

import pytest

from rig import BUILD, ROOT

sys.path.insert(0, str(ROOT / "tests/bench"))
from target import at_least, at_most    # noqa: E402


def test_a_target_that_is_missed_by_little_is_seen_to_be_missed():
    assert at_least(0.697, 0.7) == "0.697 (target at least 0.7: missed)"
    assert at_least(0.69996, 0.7) == "0.69996 (target at least 0.7: missed)"
    assert at_least(0.7, 0.7) == "0.700 (target at least 0.7: met)"
    assert at_least(19.97, 20, " times") == "19.97 times (target at least 20 times: missed)"
    assert at_most(50.0004, 50, " ms") == "50.0004 ms (target at most 50 ms: missed)"
    assert at_most(1004, 1000, " ms") == "1004 ms (target at most 1000 ms: missed)"


@pytest.fixture
def run(tmp_path):
    """tests/bench/run on programs that do and say what they are told: (exit code, what it printed)."""
    def running(only="w1,ubx,store", **scripts):
        folder = tmp_path / "tests/bench"
        folder.mkdir(parents=True)
        for name, script in scripts.items():
            path = folder / f"bench_{name}"
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        done = subprocess.run([ROOT / "tests/bench/run", "--build", tmp_path, "--example", "none", "--only", only],
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr
    return running


def test_a_part_that_breaks_off_is_counted_and_holds_up_no_other(run):
    code, said = run(w1="exit 3", ubx="echo 'parse 3 (target at least 4: missed)'", store="echo 'MariaDB: skipped: none here'; "
                     "echo 'SQLite 5 (target at least 4: met)'")
    assert code == 1
    for line in ("  FAIL    w1: ended with 3", "  missed  ubx: parse 3 (target at least 4: missed)", "  SKIP    store: MariaDB: skipped: "
                 "none here", "1 targets met, 1 missed", "2 passed, 1 failed, 1 skipped"):
        assert line in said.splitlines(), said


def test_a_missed_target_is_told_and_fails_nothing(run):
    code, said = run(only="ubx", ubx="echo 'parse 3 (target at least 4: missed)'")
    assert code == 0 and said.endswith("0 targets met, 1 missed\n1 passed, 0 failed, 0 skipped\n")


def test_a_part_that_is_not_built_or_not_known_is_an_error(run):
    code, said = run(only="w1")
    assert code == 1 and "bench_w1 is not there" in said and said.endswith("0 passed, 1 failed, 0 skipped\n")
    done = subprocess.run([ROOT / "tests/bench/run", "--build", BUILD, "--example", "none", "--only", "dance"], capture_output=True,
                          text=True)
    assert done.returncode == 1 and "dance: no such part; there are w1, ubx" in done.stderr


@pytest.mark.parametrize("idle", ["0", "many", "0,5", "-5,3", "1100,2000", "3000,2000", "2000,20000", ""])
def test_numbers_of_idle_sessions_that_cannot_be_are_refused(idle):
    done = subprocess.run([ROOT / "tests/bench/server_beside_example.py", BUILD, "none"], capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, GEOTHERM_BENCH_IDLE=idle))
    assert done.returncode == 1 and done.stderr.startswith(f"GEOTHERM_BENCH_IDLE={idle}: expected ") and done.stderr.count("\n") == 1
