# SPDX-License-Identifier: BSD-2-Clause
"""Other people's software judges the simulated receiver: gpsd, gpsdecode and ubxtool (Debian's gpsd 3.22).

What the simulator put on its pty is recorded byte by byte beside them or asked for by them; expected values are
taken from those bytes by the few lines of decoding below, which follow the protocol description and nothing of ours.

Known of gpsd 3.22 and not tested: it turns NAV-PVT off for PROTVER below 15 and then freezes the latitude and longitude of
NAV-SOL, it ignores gnssFixOK, and without `-s` it may hunt for the baud for a minute; so `gpsd -b`, which
leaves the receiver as it is, judges the position.
"""
import calendar
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import termios
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("GEOTHERM_BUILD", ROOT / "build"))
GEOTHERM = BUILD / "geotherm"
PATIENCE_S = 60
BAUDS = {9600: termios.B9600, 38400: termios.B38400, 115200: termios.B115200}

pytestmark = [
    pytest.mark.skipif(not GEOTHERM.exists(), reason=f"{GEOTHERM} is not built"),
    pytest.mark.skipif(not all(map(shutil.which, ("gpsd", "gpsdecode", "ubxtool"))),
                       reason="gpsd, gpsdecode and ubxtool are missing (packages gpsd, gpsd-clients, gpsd-tools)"),
]


class Receiver:
    """`geotherm sim ublox7`, and what it says when somebody listens."""

    def __init__(self, *options):
        self.process = subprocess.Popen([GEOTHERM, "sim", "ublox7", *map(str, options)], stdout=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, text=True)
        self.path = self.process.stdout.readline().strip()
        assert self.path.startswith("/dev/"), "its first line is the path of the pty"

    def listen(self, baud, enough, send=b""):
        """Bytes at this baud until enough(bytes), or an error after a time that only a fault can exceed.

        What is to be sent goes out each second anew: a receiver that still boots does not hear it."""
        fd = os.open(self.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            attributes = termios.tcgetattr(fd)
            attributes[0:4] = 0, 0, termios.CS8 | termios.CREAD | termios.CLOCAL, 0
            attributes[4:6] = BAUDS[baud], BAUDS[baud]
            termios.tcsetattr(fd, termios.TCSAFLUSH, attributes)
            heard, deadline, again = b"", time.monotonic() + PATIENCE_S, 0
            while not enough(heard):
                assert time.monotonic() < deadline, f"heard only {len(heard)} bytes: {heard[-500:]!r}"
                if send and time.monotonic() >= again:
                    os.write(fd, send)
                    again = time.monotonic() + 1
                try:
                    heard += os.read(fd, 4096)
                except BlockingIOError:
                    time.sleep(0.01)
            return heard
        finally:
            os.close(fd)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(10) == 0
        self.process.stdout.close()


@pytest.fixture
def receiver():
    started = []

    def start(*options):
        started.append(Receiver(*options))
        return started[-1]
    yield start
    for one in started:
        one.close()


def frame(cls, ident, payload=b""):
    body = struct.pack("<BBH", cls, ident, len(payload)) + payload
    a = b = 0
    for byte in body:
        a = (a + byte) & 255
        b = (b + a) & 255
    return b"\xb5\x62" + body + bytes((a, b))


def frames(stream):
    """(class, id, payload) of every good UBX frame."""
    at = 0
    while (at := stream.find(b"\xb5\x62", at)) >= 0:
        if at + 6 <= len(stream):
            cls, ident, size = struct.unpack_from("<BBH", stream, at + 2)
            payload = stream[at + 6:at + 6 + size]
            if stream[at:at + size + 8] == frame(cls, ident, payload):
                yield cls, ident, payload
                at += size + 7
        at += 1


def pvts(stream):
    return [p for cls, ident, p in frames(stream) if (cls, ident) == (1, 7)]


def enable(*messages):
    return b"".join(frame(6, 1, bytes((*m, 1))) for m in messages)


def gpsdecode(stream):
    done = subprocess.run(["gpsdecode", "-j"], input=stream, capture_output=True, timeout=PATIENCE_S)
    return [json.loads(line) for line in done.stdout.decode().splitlines() if line.startswith("{")]


def ubxtool(receiver, *options, wait=2, baud=9600):
    argv = ["ubxtool", "-P", "14", "-w", str(wait), "-f", receiver.path, "-s", str(baud)]
    done = subprocess.run([*argv, *options], capture_output=True, text=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL,
                          env=dict(os.environ, UBXOPTS=""))
    return done.stdout


class Gpsd:
    """A private gpsd: own port, no control socket, and a client that has asked it to report."""

    def __init__(self, path, *options):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = 20000 + s.getsockname()[1] % 12000    # below the ephemeral range
        self.process = subprocess.Popen(["gpsd", "-N", "-n", "-D0", *options, "-S", str(port), path],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.client, deadline = None, time.monotonic() + 20
        while self.client is None:
            try:
                self.client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
            except OSError:
                assert time.monotonic() < deadline and self.process.poll() is None, "gpsd does not run"
                time.sleep(0.05)
        self.client.sendall(b'?WATCH={"enable":true,"json":true};\n')
        self.lines = self.client.makefile()

    def report(self, holds, what):
        seen, deadline = [], time.monotonic() + PATIENCE_S
        for line in self.lines:
            said = json.loads(line)
            if holds(said):
                return said
            seen.append(line)
            assert time.monotonic() < deadline, f"gpsd never said {what}: {''.join(seen)}"
        raise AssertionError(f"gpsd ended before {what}: {''.join(seen)}")

    def close(self):
        self.lines.close()
        self.client.close()
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def gpsd():
    started = []

    def start(*argv):
        started.append(Gpsd(*argv))
        return started[-1]
    yield start
    for one in started:
        one.close()


def test_gpsdecode_reads_in_nmea_the_same_fix_as_ubx_says(receiver):
    stream = receiver("--seed", 7).listen(9600, lambda s: len(pvts(s)) >= 6, enable((1, 7)))
    said = [j for j in gpsdecode(stream) if j["class"] == "TPV" and j.get("mode") == 3]
    assert len(said) >= 3
    for pvt in pvts(stream)[2:5]:   # gpsd 3.25 tells a fix from the third epoch on
        lon, lat = struct.unpack_from("<ii", pvt, 24)
        assert any(abs(j["lat"] - lat / 1e7) < 2e-7 and abs(j["lon"] - lon / 1e7) < 2e-7 for j in said)


def test_gpsdecode_reads_pvt_as_sent(receiver):
    stream = receiver("--mode", "silent", "--running", "--seed", 8).listen(
        9600, lambda s: len(pvts(s)) >= 6,
        frame(6, 0, struct.pack("<BBHIIHHHH", 1, 0, 0, 0x8D0, 9600, 7, 1, 0, 0)) + enable((1, 7)))
    sent = pvts(stream)
    said = [j for j in gpsdecode(b"".join(frame(1, 7, p) for p in sent)) if j["class"] == "TPV"]
    assert {len(p) for p in sent} == {84}
    # gpsd 3.25 spends the first two epochs on learning which message ends one; 3.22 tells them all.
    assert len(sent) - 2 <= len(said) <= len(sent)
    for pvt, tpv in zip(sent[len(sent) - len(said):], said):
        year, month, day, hour, minute, second = struct.unpack_from("<HBBBBB", pvt, 4)
        nano, = struct.unpack_from("<i", pvt, 16)
        lon, lat, height, hmsl = struct.unpack_from("<iiii", pvt, 24)
        north, east, down, speed, heading = struct.unpack_from("<iiiii", pvt, 48)
        assert tpv["mode"] == pvt[20] == 3
        assert tpv["lat"] == pytest.approx(lat / 1e7, abs=1e-9)
        assert tpv["lon"] == pytest.approx(lon / 1e7, abs=1e-9)
        assert tpv["altHAE"] == pytest.approx(height / 1e3, abs=1e-3)
        assert tpv["altMSL"] == pytest.approx(hmsl / 1e3, abs=1e-3)
        assert tpv["speed"] == pytest.approx(speed / 1e3, abs=1e-3)
        assert tpv["track"] == pytest.approx(heading / 1e5, abs=1e-3)
        told = time.strptime(tpv["time"][:19], "%Y-%m-%dT%H:%M:%S")
        sent_s = calendar_seconds(year, month, day, hour, minute, second) + nano / 1e9
        assert calendar_seconds(*told[:6]) + float(tpv["time"][19:-1]) == pytest.approx(sent_s, abs=0.002)


def calendar_seconds(*fields):
    return calendar.timegm((*fields, 0, 0, 0))


def test_gpsdecode_knows_every_navigation_message(receiver):
    messages = [(1, 0x06), (1, 0x30), (1, 0x04), (1, 0x20)]
    stream = receiver("--mode", "nmea", "--seed", 9, "--baud", 38400).listen(
        38400, lambda s: len([f for f in frames(s) if f[:2] == (1, 0x20)]) >= 3, enable(*messages))
    only_ubx = b"".join(frame(*f) for f in frames(stream) if f[0] == 1)
    said = gpsdecode(only_ubx)
    sky = [j for j in said if j["class"] == "SKY" and j.get("satellites")]
    svinfo = [p for cls, ident, p in frames(stream) if (cls, ident) == (1, 0x30)]
    assert sky and svinfo
    sent = {p[9]: p[12] for p in (svinfo[0][12 * i:12 * i + 20] for i in range(svinfo[0][4])) if p[12]}
    heard = {s["PRN"]: s["ss"] for s in sky[0]["satellites"]}
    assert {prn: heard.get(prn) for prn in sent} == sent
    dop = [p for cls, ident, p in frames(stream) if (cls, ident) == (1, 4)]
    assert any(j.get("pdop") == struct.unpack_from("<H", dop[0], 6)[0] / 100 for j in said if j["class"] == "SKY")


def test_ubxtool_reads_version_port_rate_and_fix(receiver):
    ublox = receiver("--running", "--seed", 3)
    out = ubxtool(ublox, "-p", "MON-VER", "-p", "CFG-PRT", "-p", "CFG-RATE", "-p", "NAV-PVT", "-v", "2", wait=4)
    assert re.search(r"swVersion 1\.00 \(59842\)\s+hwVersion 00070000\s+extension PROTVER 14\.00", out), out
    assert re.search(r"PortID 1 \(UART1\).*\n\s+mode 0x8c0 baudRate 9600\n\s+inProtoMask 0x7 outProtoMask 0x3", out), out
    assert "measRate 1000 navRate 1 timeRef 1 (GPS)" in out
    assert re.search(r"UBX-NAV-PVT:\n\s+iTOW \d+ time 20\d\d/.* valid xf7", out), out
    assert re.search(r"valid \(validDate ValidTime fullyResolved\)\s+fixType \(3D\)\s+flags \(gnssFixOK\)", out), out
    assert "ACK to Class x06 (CFG) ID x00 (PRT)" in out


def test_ubxtool_sets_the_model_and_the_rate_and_reads_them_back(receiver):
    ublox = receiver("--running", "--seed", 4)
    assert "ACK to Class x06 (CFG) ID x24 (NAV5)" in ubxtool(ublox, "-p", "MODEL,4", "-v", "2")
    assert "dynModel (Automotive)" in ubxtool(ublox, "-p", "CFG-NAV5", "-v", "2")
    assert "ACK to Class x06 (CFG) ID x08 (RATE)" in ubxtool(ublox, "-c", "06,08,f4,01,01,00,01,00", "-v", "2")
    assert "measRate 500 navRate 1" in ubxtool(ublox, "-p", "CFG-RATE", "-v", "2")


def test_ubxtool_moves_it_to_another_baud_and_talks_to_it_there(receiver):
    ublox = receiver("--running", "--seed", 5)
    ubxtool(ublox, "-S", "38400", "-v", "2")
    assert "baudRate 38400" in ubxtool(ublox, "-p", "CFG-PRT", "-v", "2", baud=38400)
    assert "UBX-CFG-PRT:\n PortID" not in ubxtool(ublox, "-p", "CFG-PRT", "-v", "2", baud=9600)


def test_ubxtool_is_refused_what_only_later_receivers_have(receiver):
    ublox = receiver("--running", "--seed", 6)
    out = ubxtool(ublox, "-c", "06,1e", "-v", "2", wait=3)      # CFG-ODO
    assert re.search(r"UBX-ACK-NAK:\n\s+NAK to Class x06 \(CFG\) ID x1e", out), out


def test_gpsd_read_only_has_a_live_position_and_the_right_time(receiver, gpsd):
    ublox = receiver("--running", "--seed", 11)
    ublox.listen(9600, lambda s: len(pvts(s)) >= 1, enable((1, 7)))
    daemon = gpsd(ublox.path, "-b", "-s", "9600")
    first = daemon.report(lambda j: j["class"] == "TPV" and j.get("mode") == 3 and "lat" in j, "a 3D fix")
    moved = daemon.report(lambda j: j["class"] == "TPV" and j.get("mode") == 3 and
                          (j["lat"], j["lon"]) != (first["lat"], first["lon"]), "another position")
    assert abs(moved["lat"] - first["lat"]) < 0.01
    assert abs(calendar.timegm(time.strptime(first["time"][:19], "%Y-%m-%dT%H:%M:%S")) - time.time()) < 30


def test_gpsd_recognises_configures_and_gets_a_fix(receiver, gpsd):
    ublox = receiver("--running", "--seed", 12)
    daemon = gpsd(ublox.path, "-s", "9600")
    device = daemon.report(lambda j: j["class"] == "DEVICE" and "PROTVER 14.00" in json.dumps(j) or
                           j["class"] == "DEVICES" and "PROTVER 14.00" in json.dumps(j), "PROTVER 14.00 in its DEVICE")
    assert "u-blox" in json.dumps(device)
    tpv = daemon.report(lambda j: j["class"] == "TPV" and j.get("mode") == 3 and "lat" in j, "a 3D fix")
    sky = daemon.report(lambda j: j["class"] == "SKY" and j.get("satellites"), "satellites")
    assert 46 < tpv["lat"] < 48 and len(sky["satellites"]) >= 7
