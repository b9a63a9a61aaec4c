#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Start to first fix, ours and gpsd's, on the same simulated receiver (NMEA, has its fix at once), in one run.

  tests/bench/start_beside_gpsd.py BUILD

gpsd is given 20 s; "none" means that it had no fix by then. `gpsd -s` is told the baud, ours never is.
"""
import json
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from target import at_most

BUILD = pathlib.Path(sys.argv[1])
PATIENCE_S = 20
ROUNDS = 3
TARGET_S = 0.145 + 0.3      # at 9600 baud: what the wire takes for a PVT, and 0.3 s


class Simulator:
    def __init__(self, baud):
        self.process = subprocess.Popen([BUILD / "geotherm", "sim", "ublox7", "--baud", str(baud), "--running"],
                                        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        self.path = self.process.stdout.readline().strip()

    def __enter__(self):
        return self.path

    def __exit__(self, *unused):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        self.process.stdout.close()


def ours(baud):
    with Simulator(baud) as path:
        done = subprocess.run([BUILD / "tests/bench/bench_receiver_start", path], capture_output=True, text=True,
                              check=True)
    return tuple(float(x) / 1000 for x in done.stdout.split())


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def gpsd(baud, *options):
    port = free_port()
    with Simulator(baud) as path, tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        daemon = subprocess.Popen(["gpsd", "-N", "-n", "-F", f"{folder}/control", "-S", str(port), *options, path],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while True:
                try:
                    link = socket.create_connection(("127.0.0.1", port), 1)
                    break
                except OSError:
                    if time.monotonic() > start + PATIENCE_S:
                        return None
                    time.sleep(0.005)
            with link:
                link.settimeout(1)
                link.sendall(b'?WATCH={"enable":true,"json":true};\n')
                rest = b""
                while time.monotonic() < start + PATIENCE_S:
                    try:
                        rest += link.recv(65536)
                    except TimeoutError:
                        continue
                    *lines, rest = rest.split(b"\n")
                    for line in lines:
                        report = json.loads(line)
                        if report.get("class") == "TPV" and report.get("mode", 0) >= 2:
                            return time.monotonic() - start
            return None
        finally:
            daemon.terminate()
            daemon.wait(10)


def shown(times):
    times = list(times)
    found = [t for t in times if t is not None]
    return f"{statistics.median(found):6.2f}" if len(found) == len(times) else "  none"


def main():
    judge = shutil.which("gpsd")
    print(f"start to first fix in s, median of {ROUNDS} (none: not within {PATIENCE_S} s)")
    print("baud     ours  ours verified  gpsd -s BAUD    gpsd")
    for baud in (9600, 38400, 115200):
        mine = [ours(baud) for _ in range(ROUNDS)]
        told = shown(gpsd(baud, "-s", str(baud)) for _ in range(ROUNDS)) if judge else "     -"
        alone = shown(gpsd(baud) for _ in range(1)) if judge else "     -"
        print(f"{baud:6} {statistics.median(m[0] for m in mine):6.2f}         {statistics.median(m[1] for m in mine):6.2f}"
              f"        {told}  {alone}", flush=True)
        if baud == 9600:
            verified = statistics.median(m[1] for m in mine)
    print(f"start to first verified fix at 9600 baud: {at_most(verified, TARGET_S, ' s')}")
    if not judge:
        print("beside gpsd: skipped: gpsd is not installed")


main()
