# SPDX-License-Identifier: BSD-2-Clause
"""tests/w1_recount.py comes to the same figures as the 1-Wire campaign, and finds a value whose proof or truth is spoiled."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CAMPAIGN = pathlib.Path(os.environ["GEOTHERM_BUILD"], "tests/unit/gpio-w1/test_w1_campaign").resolve()


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """(build folder with the log, what the campaign printed)"""
    build = tmp_path_factory.mktemp("recount")
    (build / "w1").mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CMOCKA")}
    done = subprocess.run([CAMPAIGN], env=dict(environment, GEOTHERM_W1_LOG=str(build / "w1")), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return build, done.stdout


def recount(build, code):
    done = subprocess.run([ROOT / "tests/w1_recount.py", "--build", build], capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_it_comes_to_the_same_figures(campaign):
    build, printed = campaign
    kinds = re.findall(r"^(\S.*?) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)  ", printed, re.M)
    assert len(kinds) > 10
    table = recount(build, 0)
    for name, reads, accepted, other, stale, wrong, false_other in kinds:
        assert f"| {name} | {reads} | {accepted} | {other} | {int(stale) + int(wrong)} | {false_other} |" in table


@pytest.mark.parametrize("field, value", [(7, "-"), (8, "-5"), (10, "9999"), (4, "ceff7e817fff021006"), (4, "ceff4b467fff021070")],
                         ids=["not heard", "converted before", "another value", "wrong CRC", "no sentinel"])
def test_it_finds_a_value_that_is_spoiled(campaign, tmp_path, field, value):
    lines = (campaign[0] / "w1/campaign.log").read_text().splitlines()
    words = lines[1].split()
    assert words[5] == "ok"
    words[field] = value
    (tmp_path / "w1").mkdir()
    (tmp_path / "w1/campaign.log").write_text("\n".join([lines[0], " ".join(words), *lines[2:]]) + "\n")
    assert "FAILED: data contact opens: " in recount(tmp_path, 1)
