#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""node_cost.py BUILD [SECONDS]: what a node costs at 1 Hz with 4 sensors and a receiver, both simulated in its
own process (so their cost is in it), while its server takes every reading.
"""
import math
import os
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
os.environ["GEOTHERM_BUILD"] = os.path.abspath(sys.argv[1])
from rig import Rig, until      # noqa: E402
from target import at_most      # noqa: E402

SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 30


def used(pid):
    """CPU seconds and resident MB."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    rss = next(line for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(rss.split()[1]) / 1000


def measure(bus):
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(folder)
        try:
            rig.start_server()
            node = rig.start_node(conf=rig.node_conf(node={"period": "1"}, w1={"bus": bus}, outbox={"sync": "10"}))
            until(lambda: rig.status().get("gnss", {}).get("fix"), "a fix is in the status")
            before, _ = used(node.process.pid)
            syncs, start = rig.status()["outbox"]["syncs"], time.monotonic()
            time.sleep(SECONDS)
            after, rss = used(node.process.pid)
            took = time.monotonic() - start
            status = rig.status()
            sensors, percent = len(status["w1"]["sensors"]), 100 * (after - before) / took
            what = f"node at 1 Hz, {sensors} sensors, receiver {status['gnss']['state']}"
            print(f"{what}: {percent:.2f} % of a core")
            print(f"{what}: resident {at_most(rss, 12, ' MB')}")
            print(f"{what}: disk syncs in {took:.0f} s with sync = 10: "
                  f"{at_most(status['outbox']['syncs'] - syncs, math.ceil(took / 10))}", flush=True)
            return sensors, percent
        finally:
            rig.close()


none, some = measure("none"), measure("simulated")
four = none[1] + 4 * (some[1] - none[1]) / some[0]
print(f"node at 1 Hz, 4 sensors by the difference, the simulated bus included: {at_most(four, 1, ' % of a core')}")
