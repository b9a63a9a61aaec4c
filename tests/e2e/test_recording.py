# SPDX-License-Identifier: BSD-2-Clause
"""A real receiver's recording, played through a pty at wire speed, equals the rows in the database.

The expected values are read from the recording here, by the layout in the receiver's protocol
specification (UBX-NAV-PVT), independently of ubx/.
"""
import calendar
import os
import pty
import struct
import threading
import time
import tty

from rig import ROOT, until

RECORDING = ROOT / "tests/data/ubx/navisys-gr8013.log"
BAUD = 9600


def receiver_bytes():
    """The log without its leading comment lines, which are not the receiver's."""
    data = RECORDING.read_bytes()
    while data.startswith(b"#"):
        data = data[data.index(b"\n") + 1:]
    return data


def frames(data):
    """(class, id, payload) of each UBX frame with a right checksum."""
    at = data.find(b"\xb5\x62")
    while at >= 0:
        if at + 6 <= len(data):
            size = struct.unpack_from("<H", data, at + 4)[0]
            body = data[at + 2:at + 6 + size]
            a = b = 0
            for byte in body:
                a = (a + byte) & 255
                b = (b + a) & 255
            if data[at + 6 + size:at + 8 + size] == bytes((a, b)):
                yield data[at + 2], data[at + 3], body[4:]
                at = data.find(b"\xb5\x62", at + 8 + size)
                continue
        at = data.find(b"\xb5\x62", at + 1)


def epochs(data):
    """(time in us, lat, lon, hMSL) of each NAV-PVT that may be believed."""
    for cls, ident, p in frames(data):
        if (cls, ident) != (1, 7):
            continue
        year, month, day, hour, minute, second, valid = struct.unpack_from("<HBBBBBB", p, 4)
        nano = struct.unpack_from("<i", p, 16)[0]
        fix, flags = p[20], p[21]
        lon, lat, _, hmsl = struct.unpack_from("<iiii", p, 24)
        if valid & 7 == 7 and flags & 1 and fix in (2, 3):
            seconds = calendar.timegm((year, month, day, hour, minute, second))
            yield seconds * 1_000_000 + round(nano / 1000), lat, lon, hmsl


def frame(cls, ident, payload):
    """One UBX frame."""
    body = struct.pack("<BBH", cls, ident, len(payload)) + payload
    a = b = 0
    for byte in body:
        a = (a + byte) & 255
        b = (b + a) & 255
    return b"\xb5\x62" + body + bytes((a, b))


class Player(threading.Thread):
    """Writes into a pty at BAUD, 10 bits a byte: one MON-HW frame of the recording again and again, as a receiver
    that has no fix yet would be heard, and from go on the recording. It answers nothing."""

    def __init__(self, data):
        super().__init__(daemon=True)
        self.data = data
        self.lead_in = next(frame(c, i, p) for c, i, p in frames(data) if (c, i) == (0x0A, 0x09))
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        self.slave = slave
        self.go = threading.Event()

    def pace(self, data):
        start = time.monotonic()
        sent = 0
        while sent < len(data):
            due = int((time.monotonic() - start) * BAUD / 10)
            if due > sent:
                os.write(self.master, data[sent:due])
                sent = min(due, len(data))
            time.sleep(0.005)

    def run(self):
        while not self.go.is_set():
            self.pace(self.lead_in)
        self.pace(self.data)


def test_rows_equal_the_recordings_positions_and_times(rig):
    data = receiver_bytes()
    expected = list(epochs(data))
    assert len(expected) > 20
    player = Player(data)
    rig.start_server()
    player.start()
    # period = 0: one reading for each fix, dated by the fix. The recording is older than this program.
    node = rig.start_node(conf=rig.node_conf(node={"period": "0"},
                                             gnss={"port": player.path, "baud": BAUD, "not_before": "2015-01-01"}))
    status = rig.dir / "status.json"
    until(lambda: status.exists() and "UBX received" in status.read_text(), "the node's status reports UBX")
    player.go.set()
    sql = "SELECT * FROM readings WHERE lat_e7 IS NOT NULL ORDER BY seq"
    rows = until(lambda: len(r := rig.rows(sql)) >= len(expected) and r,
                 lambda: f"{len(expected)} positions are stored; there are {len(rig.rows())}; node: {node.log()[-1500:]}")
    stored = [(row["time_us"], row["lat_e7"], row["lon_e7"], row["hmsl_mm"]) for row in rows]
    assert stored == expected
    assert {row["time_source"] for row in rig.rows()[-len(expected):]} == {"gnss"}
