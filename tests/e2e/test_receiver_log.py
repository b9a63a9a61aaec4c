# SPDX-License-Identifier: BSD-2-Clause
"""What the node's log has of a receiver that does not become ready, or not as wanted: one line with the cause."""
import json
import os
import pty
import re
import subprocess
import tty

import pytest

from rig import BUILD, until

OPTIONS = {"nmea-only": ["--kind", "nmea-only"], "refuses-all": ["--fault", "refuse-all=1"],
           "u-blox-6": ["--kind", "ublox6"], "no-nav5": ["--fault", "refuse-set=36"],
           "saved-at-230400": ["--kind", "ublox8", "--baud", "230400"], "antenna-short": ["--fault", "antenna=3"]}


class Simulator:
    def __init__(self, *options):
        self.process = subprocess.Popen([BUILD / "geotherm", "sim", "ublox7", "--running", *options], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        self.path = self.process.stdout.readline().strip()

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=10)


class Silent:
    """A line on which nothing comes: no power, or TX and RX swapped."""
    def __init__(self):
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)

    def close(self):
        os.close(self.master)
        os.close(self.slave)


def readings(rig):
    return json.loads((rig.dir / "status.json").read_text())["reading"]["seq"]


def receiver_lines(node):
    return [m.group(1) for m in re.finditer(r"(receiver.*)", node.log()) if "probing /dev" not in m.group(1)]


@pytest.mark.parametrize("what, cause", [
    ("silent", "not a byte at any rate"),
    ("nmea-only", "NMEA only, no answer to UBX"),
    ("refuses-all", "refuses its configuration"),
    ("u-blox-6", "NAV-PVT refused: fixes come from NAV-SOL"),
    ("no-nav5", "CFG-NAV5 refused: it keeps its own dynamic model"),
    ("saved-at-230400", "ready"),
    ("antenna-short", "antenna short-circuited: check cable"),
])
def test_the_log_has_one_line_with_the_cause(rig, record_property, what, cause):
    line = Silent() if what == "silent" else Simulator(*OPTIONS[what])
    try:
        node = rig.start_node(conf=rig.node_conf(node={"period": "1"}, gnss={"port": line.path, "model": "automotive"}))
        until(lambda: any(cause in each for each in receiver_lines(node)), lambda: f"{cause!r} is logged: {node.log()}")
        seen = readings(rig)
        until(lambda: readings(rig) >= seen + 8, "8 s of readings: what is logged again and again would be by now")
        lines = receiver_lines(node)
        assert sum(cause in each for each in lines) == 1, lines
        assert len(lines) <= 2, lines
        record_property("shows", f"{what}: " + " | ".join(lines))
    finally:
        line.close()
