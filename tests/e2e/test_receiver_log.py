# SPDX-License-Identifier: BSD-2-Clause
"""What the node's log has of a receiver that does not become ready, or not as wanted: one line with the cause, as
docs/simulators.md shows it. All at once, each with a node of its own."""
import contextlib
import json
import os
import pty
import re
import select
import signal
import sqlite3
import struct
import subprocess
import threading
import tty

from rig import BUILD, ROOT, until

# Rows that are no simulated receiver.
LINES = {"no power": "silent", "TX and RX connected": "echo", "only its TX is wired": "talker"}
ELSEWHERE = ["another device", "its week number"]      # 40 s of a line, another year: test_ubx_search, test_node_year
READINGS = 40       # 8 s: what is logged again and again would be by then


def frame(cls, identity, payload):
    body = bytes([cls, identity, len(payload) & 255, len(payload) >> 8]) + payload
    a = b = 0
    for byte in body:
        a = (a + byte) & 255
        b = (b + a) & 255
    return b"\xb5\x62" + body + bytes([a, b])


class Simulator:
    def __init__(self, *options):
        self.process = subprocess.Popen([BUILD / "geotherm", "sim", "ublox7", "--running", *options], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        self.path = self.process.stdout.readline().strip()

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=10)


class Line:
    """A line without a receiver: nothing comes, or what was sent comes back, or UBX whatever is sent."""
    def __init__(self, kind):
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)
        self.kind, self.stop = kind, False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        epochs = 0
        while not self.stop:
            if select.select([self.master], [], [], 0.2)[0]:
                sent = os.read(self.master, 4096)
                if self.kind == "echo":
                    os.write(self.master, sent)
            elif self.kind == "talker":
                epochs += 1
                os.write(self.master, frame(1, 7, (epochs * 200).to_bytes(4, "little") + bytes(80)))

    def close(self):
        self.stop = True
        self.thread.join()
        os.close(self.master)
        os.close(self.slave)


def documented():
    """Each row of the table: what it is, and the patterns of its log lines."""
    text = (ROOT / "docs/simulators.md").read_text().split("| receiver | log of `geotherm-node` |")[1].split("\n\n")[0]
    for what, log in re.findall(r"^\| (?!--)(.*?) \| (.*?) \|$", text, re.M):
        if not any(each in what for each in ELSEWHERE):
            yield what, [re.escape(line).replace("…", ".*").replace(re.escape("/dev/ttyAMA0 (PL011)"), ".*")
                         for line in re.findall(r"`(.*?)`", log)]


def start(what):
    for text, kind in LINES.items():
        if text in what:
            return Line(kind)
    options = re.search(r"`(--.*?)`", what)
    return Simulator(*(options[1].split() if options else []))


class Row:
    """A receiver and its node."""
    def __init__(self, rig, number, what, patterns):
        self.what, self.patterns = what, patterns
        self.status = rig.dir / f"{number}.json"
        self.outbox = rig.dir / f"{number}.outbox"
        self.line = start(what)
        conf = rig.node_conf(gnss={"port": self.line.path, "model": "automotive", "pps": "none"}, w1={"bus": "none"},
                             node={"status": self.status}, outbox={"path": self.outbox})
        self.node = rig.spawn("geotherm-node", "--config", conf, log=f"{number}.log")
        until(self.status.exists, "the node has read its configuration, which is the next one's file")

    def seq(self):
        return json.loads(self.status.read_text())["reading"]["seq"]

    def receiver_lines(self):
        return [line for line in re.findall(r"receiver.*", self.node.log()) if "probing /dev" not in line]

    def until_logged(self):
        for pattern in self.patterns:
            self.node.wait_log(pattern)
        self.seen = self.seq()

    def check(self):
        """Each of them once, and no others but that it is ready."""
        until(lambda: self.seq() >= self.seen + READINGS, f"{READINGS} readings")
        lines = self.receiver_lines()
        for pattern in self.patterns:
            expected = 2 if "SIGUSR1" in self.what and "ready" in pattern else 1
            assert sum(re.search(pattern, line) is not None for line in lines) == expected, (pattern, lines)
        assert [line for line in lines if not any(re.search(each, line) for each in [*self.patterns, ": ready, "])] == []


def notes(outbox):
    with contextlib.closing(sqlite3.connect(f"file:{outbox}?mode=ro", uri=True, timeout=10)) as db:
        return b"".join(row[0] for row in db.execute("SELECT body FROM reading"))


def test_the_log_has_one_line_with_the_cause_as_documented(rig):
    rows = []
    try:
        for what, patterns in documented():
            rows.append(Row(rig, len(rows), what, patterns))
        assert len(rows) >= 13
        for row in rows:
            if "SIGUSR1" in row.what:
                row.node.wait_log("ready")
                row.line.process.send_signal(signal.SIGUSR1)
            row.until_logged()
        for row in rows:
            row.check()
        by = {row.what: row for row in rows}
        gnss = {what: json.loads(row.status.read_text())["gnss"] for what, row in by.items()}
        brown_out = next(what for what in by if "SIGUSR1" in what)
        assert gnss[brown_out]["restarts"] >= 1 and "unreadable bytes" in gnss[brown_out]["restart"]
        assert b"receiver began again: unreadable bytes" in notes(by[brown_out].outbox)
        warning = next(what for what in by if "warn-every" in what)
        assert gnss[warning]["notices"] >= 1 and gnss[warning]["notice"] == "txbuf alloc"
        assert b'receiver reports "txbuf alloc"' in notes(by[warning].outbox)
        jammed = next(what for what in by if "jam-ind" in what)
        assert b"strong interference" in notes(by[jammed].outbox) and gnss[jammed]["jamming"] == 200
    finally:
        for row in rows:
            row.line.close()


def pvt(itow_ms, year, fix_type):
    """NAV-PVT with valid = 7 and, without a fix, an unknown accuracy of its time."""
    return frame(1, 7, struct.pack("<IHBBBBBBIiBBBBiiiiII", itow_ms, year, 12, 1, 12, 0, itow_ms // 1000 % 60, 7,
                                   30 if fix_type else 0xFFFFFFFF, 0, fix_type, fix_type > 0, 0, 8, 65668000, 465197000,
                                   400000, 400000, 3000, 5000) + bytes(36))


def test_a_date_that_comes_and_goes_with_the_fix_is_logged_once(rig):
    master, slave = pty.openpty()
    tty.setraw(slave)
    conf = rig.node_conf(gnss={"port": os.ttyname(slave), "pps": "none"}, w1={"bus": "none"})
    node = rig.spawn("geotherm-node", "--config", conf)
    try:
        node.wait_log("probing /dev")       # what came before the port was open is not read
        for second, (year, fix_type) in enumerate([(2046, 3), (2046, 0)] * 4 + [(2026, 3)] * 2):
            os.write(master, pvt(1000 * second, year, fix_type))
        node.wait_log("plausible again")
        assert len(re.findall("reports 2046-12-01", node.log())) == 1, node.log()
    finally:
        node.stop()
        os.close(master)
        os.close(slave)
