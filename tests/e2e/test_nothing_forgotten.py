# SPDX-License-Identifier: BSD-2-Clause
"""What the recipes of CONTRIBUTING.md could leave out without a compiler's error or another test's failure."""
import re
import subprocess

import pytest

from rig import BUILD, ROOT

# Columns of the flow sensor, which has no driver yet.
SET_BY_NO_NODE = {"PULSES", "FLOW"}


def sources(*folders):
    return {p.relative_to(ROOT): p.read_text() for folder in folders for p in (ROOT / folder).rglob("*.c")}


@pytest.mark.parametrize("table,users", [("userspace/node/node_config.c", ["userspace/node", "userspace/selftest"]),
                                         ("server/server_config.c", ["server"])])
def test_each_configuration_key_has_code_that_reads_it(table, users):
    text = (ROOT / table).read_text()
    members = set(re.findall(r"\bAT\((\w+)\),", text))
    assert len(members) > 15
    code = "".join(sources(*users).values())
    assert sorted(m for m in members if not re.search(rf"(->|\.){m}\b", code)) == []


def test_each_scalar_of_the_reading_is_set_by_the_node():
    scalars = re.findall(r"^\tX\((\w+), u?int", (ROOT / "userspace/reading/reading.h").read_text(), re.M)
    assert len(scalars) > 20
    code = "".join(sources("userspace/node").values())
    unset = {s for s in scalars if not re.search(rf"reading_scalar_put\(\w+, READING_{s}\b", code)}
    assert unset == SET_BY_NO_NODE


def test_each_setting_of_the_receiver_comes_from_the_configuration():
    header = (ROOT / "ubx/receiver.h").read_text()
    members = re.findall(r"^\t[\w ]+[ *](\w+);", re.search(r"struct receiver_config {(.*?)^}", header, re.S | re.M)[1], re.M)
    assert {"baud", "dyn_model"} < set(members)
    text = (ROOT / "userspace/node/node_config.c").read_text()
    made = re.search(r"\(struct receiver_config\){(.*?)}", text, re.S)[1]
    assert set(re.findall(r"\.(\w+) =", made)) | {"save_to_bbr"} == set(members)
    elsewhere = [f for f, text in sources("userspace/node", "userspace/selftest").items()
                 if f.name != "node_config.c" and re.search(r"struct receiver_config\)?[^;(]*{", text)]
    assert elsewhere == [], "node_config_receiver() makes it"


def test_each_command_of_geotherm_is_run_by_a_test():
    text = subprocess.run([BUILD / "geotherm", "--help"], capture_output=True, text=True, check=True).stdout
    commands = re.findall(r"^  ([a-z]+) +[a-z]", text, re.M)
    assert len(commands) > 8
    tests = "".join(p.read_text() for p in (ROOT / "tests/e2e").glob("*.py"))
    assert [c for c in commands if f'"{c}"' not in tests] == []
