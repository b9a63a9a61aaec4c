# SPDX-License-Identifier: BSD-2-Clause
"""tests/tools/coap_load, which make bench measures servers with: what it tells is what a client would have seen."""
import shutil
import signal
import subprocess
import time

import pytest

from rig import BUILD


class Load:
    def __init__(self, rig):
        shutil.copy(rig.pki / "node.pem", rig.pki / "node-0.pem")
        self.process = subprocess.Popen([BUILD / "tests/tools/coap_load", str(rig.port), rig.pki, "1"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def send(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self):
        return [float(n) for n in self.process.stdout.readline().split()]

    def end(self):
        """(exit code, what it complained of)"""
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err


def test_a_server_that_stands_still_is_in_the_latency_of_all_that_was_due(rig):
    server = rig.start_server()
    load = Load(rig)
    load.send("connect 1")
    assert load.answer() == [1]
    load.send("ask 1 1.5 100")
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(0.6)     # what is measured
    server.process.send_signal(signal.SIGCONT)
    requests, _, p50, p99, _ = load.answer()
    assert requests == 150, "none is left out because an earlier one was late"
    # 60 of 150 were due while it stood still: more than one in a hundred waited for nearly all of it. From the sending it is one.
    assert p99 > 400_000 and p50 <= p99
    assert load.end() == (0, "")


@pytest.mark.parametrize("line, complaint", [
    ("connect -5", "connect: '-5': a number from 1 to 12000"),
    ("connect 12001", "connect: '12001'"),
    ("connect 1.5", "whole number"),
    ("connect many", "connect: 'many'"),
    ("connect 1 tocket", "connect N [ticket]"),
    ("close 1", "close: no session is open"),
    ("load 1 1", "load: no session is open"),
    ("dance", "'dance': connect N"),
])
def test_what_it_does_not_understand_ends_it_with_the_reason(rig, line, complaint):
    load = Load(rig)
    load.send(line)
    code, err = load.end()
    assert code == 2 and complaint in err, err
