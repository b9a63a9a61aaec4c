# SPDX-License-Identifier: BSD-2-Clause
"""Several processes behind one UDP port: [server] workers."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import struct
import subprocess

import pytest

from rig import DEVICE, until
from test_mariadb import MARIADBD, Mariadb, store, stored
from test_server_operation import free_tcp_port, metric


EPOCH = "00000000000000e7"


class Workers:
    """A server of some workers on a private MariaDB."""

    def __init__(self, rig, db, n, *args, **server):
        self.rig, self.db, self.n = rig, db, n
        self.conf = rig.server_conf(store(rig, db), workers=n, **server)
        self.server = rig.start_server(*args, conf=self.conf)

    def pids(self):
        """Of the workers, in their order, the newest of each."""
        said = dict(re.findall(rf"worker (\d+) of {self.n} is there, pid=(\d+)", self.server.log()))
        return [int(said[str(i + 1)]) for i in range(self.n)]

    def uri(self, path):
        return f"coaps://127.0.0.1:{self.rig.port}{path}"

    def get(self, path, *args):
        code, out, err = self.rig.run("geotherm", "get", *args, *self.rig.client_options(), self.uri(path))
        assert code == 0, err
        return out

    def verify(self):
        return self.rig.run("geotherm-server", "verify", "--config", self.conf)


@pytest.fixture(scope="module")
def mariadbd(tmp_path_factory):
    if not MARIADBD:
        pytest.skip("mariadbd is not installed")
    db = Mariadb(tmp_path_factory.mktemp("db"))
    yield db
    db.stop(signal.SIGKILL)


@pytest.fixture
def mariadb(mariadbd):
    """One server for all tests here: each begins with an empty database."""
    mariadbd.sql("DROP DATABASE geotherm; CREATE DATABASE geotherm CHARACTER SET utf8mb4")
    return mariadbd


@pytest.fixture
def workers(rig, mariadb):
    return lambda n, *args, **server: Workers(rig, mariadb, n, *args, **server)


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(pid):
    return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_more_than_one_needs_mariadb_and_says_so(rig):
    conf = rig.server_conf(workers=2)
    for arguments in ["--check-config"], []:
        code, _, err = rig.run("geotherm-server", "--config", conf, *arguments)
        assert code == 2 and f"{conf}" in err and "[server] workers = 2" in err and "mariadb" in err, err
    assert rig.run("geotherm-server", "--config", rig.server_conf(workers=1), "--check-config")[0] == 0
    code, _, err = rig.run("geotherm-server", "--config", rig.server_conf(workers=17), "--check-config")
    assert code == 2 and "workers" in err and "16" in err, err


def reading(seq):
    return json.dumps([{"bn": f"{DEVICE}_", "bt": 1795459200 + seq, "n": "seq", "v": seq},
                       {"n": "epoch", "vs": EPOCH}, {"n": "tsrc", "vs": "gnss"}])


def post(w, seq, who="node"):
    """By a client of its own, so from a port of its own, which the kernel gives to one of the workers; `complete` as answered."""
    code, out, err = w.rig.run("geotherm", "post", "--json", "--format", "senml+json", *w.rig.client_options(who),
                               w.uri("/gpsflowtemp"), reading(seq))
    assert code == 0, out + err
    return next(r["v"] for r in json.loads(out) if r["n"] == "complete")


def test_all_workers_serve_one_port_and_each_reading_is_stored_once(rig, workers):
    port = free_tcp_port()
    w = workers(3, "--ready-file", rig.dir / "ready", metrics=f"127.0.0.1:{port}")
    assert (rig.dir / "ready").read_text() == f"127.0.0.1:{rig.port}\n"
    assert len(set(w.pids())) == 3 and sorted(w.pids()) == sorted(children(w.server.process.pid))
    for sent in range(1, 60):
        assert post(w, sent) == sent
        assert post(w, sent) == sent      # again, perhaps at another
        if sent >= 8 and all(metric(port + i, "readings_stored_total") > 0 for i in range(3)):
            break
    counts = [[metric(port + i, name) for name in ("readings_stored_total", "readings_duplicate_total")] for i in range(3)]
    assert all(stored_here > 0 for stored_here, _ in counts), counts
    assert [sum(c) for c in zip(*counts)] == [sent, sent]
    assert [int(row[0]) for row in stored(w.db)] == list(range(1, sent + 1))
    assert w.verify()[0] == 0
    assert w.server.stop() == 0


def test_gaps_are_exact_for_a_client_that_moves_between_workers(workers):
    w = workers(2)
    there, told = set(), 0

    def whole():
        n = 0
        while n + 1 in there:
            n += 1
        return n

    # Holes that open at one worker and are filled at the other, numbers sent again anywhere.
    for seq in [1, 2, 5, 5, 3, 9, 4, 4, 6, 12, 7, 8, 10, 10, 9, 11, 1, 15, 13, 14, 20, 19, 18, 17, 16, 16, 21]:
        there.add(seq)
        complete = post(w, seq)
        assert told <= complete <= whole(), f"after {seq}"
        told = complete
        stream, = json.loads(w.get(f"/gaps/{DEVICE}"))["streams"]
        missing = {n for hole in stream["holes"] for n in range(hole["first"], hole["last"] + 1)}
        assert stream["complete"] == whole() and missing == set(range(1, max(there))) - there
    for _ in range(8):
        assert post(w, 21) == 21, "each worker knows the whole, whoever stored it"
    assert w.verify()[0] == 0


def handshake(w, *args):
    """openssl's client, from a port of its own: what it says."""
    rig = w.rig
    done = subprocess.run(["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{rig.port}", "-CAfile", rig.pki / "ca.pem",
                           "-cert", rig.pki / "node.pem", "-key", rig.pki / "node.key", *args],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr


def test_a_ticket_of_one_worker_is_good_at_every_other_and_after_their_death(rig, workers):
    w = workers(3)
    first = handshake(w, "-sess_out", rig.dir / "ticket")
    assert "New, TLSv1.2" in first, first
    for _ in range(10):
        said = handshake(w, "-sess_in", rig.dir / "ticket")
        assert "Reused, TLSv1.2" in said, said
    kill_all(w)
    said = handshake(w, "-sess_in", rig.dir / "ticket")
    assert "Reused, TLSv1.2" in said, said


def kill_all(w):
    before = w.pids()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not set(before) & set(w.pids()), "each is started again")


def client_hello(cookie):
    groups = bytes.fromhex("000a000400020017" "000b00020100" "000d000600040403" "0401".replace(" ", ""))
    suites = bytes.fromhex("c02bc02cc02fc030")
    body = (b"\xfe\xfd" + bytes(range(32)) + b"\0" + bytes([len(cookie)]) + cookie + len(suites).to_bytes(2, "big") + suites +
            b"\1\0" + len(groups).to_bytes(2, "big") + groups)
    number = bytes([0, 1 if cookie else 0])
    message = b"\1" + len(body).to_bytes(3, "big") + number + bytes(3) + len(body).to_bytes(3, "big") + body
    return b"\x16\xfe\xfd" + bytes(6) + number + len(message).to_bytes(2, "big") + message


HELLO_VERIFY_REQUEST, SERVER_HELLO = 3, 2


def test_a_cookie_is_good_at_a_worker_that_did_not_make_it(rig, workers):
    w = workers(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        client.connect(("127.0.0.1", rig.port))
        client.send(client_hello(b""))
        answer = client.recv(2000)
        assert answer[13] == HELLO_VERIFY_REQUEST
        cookie = answer[28:28 + answer[27]]
        kill_all(w)
        client.send(client_hello(bytes(len(cookie))))
        assert client.recv(2000)[13] == HELLO_VERIFY_REQUEST, "a made-up one is none"
        client.send(client_hello(cookie))
        assert client.recv(2000)[13] == SERVER_HELLO


def test_a_worker_that_is_killed_under_load_is_started_again_and_nothing_is_lost(rig, workers):
    port = free_tcp_port()
    w = workers(2, metrics=f"127.0.0.1:{port}")
    node = rig.start_node()
    until(lambda: len(stored(w.db)) >= 5, "the node is served")
    serving = next(i for i in range(2) if metric(port + i, "readings_stored_total") > 0)
    # The other one's death and return change nothing for those who are served here.
    other = w.pids()[1 - serving]
    os.kill(other, signal.SIGKILL)
    until(lambda: w.pids()[1 - serving] != other, "it is started again")
    n = len(stored(w.db))
    until(lambda: len(stored(w.db)) >= n + 5, "the node is served all the same")
    assert rig.status()["uplink"]["failures"] == 0 and node.log().count("stores the readings") == 1
    before = w.pids()
    os.kill(before[serving], signal.SIGKILL)
    w.server.wait_log(rf"worker {serving + 1} pid={before[serving]} was ended by signal 9; again in 1000 ms")
    new = until(lambda: (now := w.pids()[serving]) != before[serving] and now, "it is started again")
    assert w.pids()[1 - serving] == before[1 - serving], "the other goes on"
    n = len(stored(w.db))
    until(lambda: len(stored(w.db)) >= n + 5, "the node is served again")
    assert node.stop() == 0
    seqs = {int(row[0]) for row in stored(w.db)}
    waiting = {row[0] for row in rows_of(rig.outbox, "SELECT seq FROM reading")}
    assert len(seqs) == len(stored(w.db)) and seqs | waiting == set(range(1, max(seqs | waiting) + 1))
    assert w.server.stop() == 0
    assert not alive(new) and not alive(before[1 - serving])


def rows_of(path, sql):
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


def test_signals_to_the_parent_reach_all_and_none_outlives_it(rig, workers):
    w = workers(3)
    text = w.conf.read_text()
    w.conf.write_text(text + "retention_days = 30\n")
    w.server.process.send_signal(signal.SIGHUP)
    until(lambda: w.server.log().count("reloaded: retention_days=30") == 3, "all have reloaded")
    w.conf.write_text(text + "retention_days = many\n")
    w.server.process.send_signal(signal.SIGHUP)
    w.server.wait_log("reload: .*retention_days.*all stays as it was")
    w.conf.write_text(text + "retention_days = 30\n")
    victim = w.pids()[1]
    os.kill(victim, signal.SIGTERM)     # not asked for: it is missed
    w.server.wait_log(rf"worker 2 pid={victim} ended with exit code 0; again in 1000 ms")
    until(lambda: w.pids()[1] != victim, "it is started again")
    pids = w.pids()
    assert w.server.stop() == 0
    assert not any(alive(pid) for pid in pids)


def test_no_worker_outlives_a_killed_parent(rig, workers):
    w = workers(2)
    pids = w.pids()
    w.server.stop(signal.SIGKILL)
    try:
        until(lambda: not any(alive(pid) for pid in pids), "they have ended")
    finally:
        for pid in filter(alive, pids):
            os.kill(pid, signal.SIGKILL)
    rig.start_server(conf=w.conf)       # and the port is free


def test_a_start_that_cannot_be_ends_with_its_code_and_leaves_nobody(rig, workers):
    w = workers(2)
    code, _, err = rig.run("geotherm-server", "--config", w.conf)
    assert code == 4 and "in use" in err and str(rig.port) in err, err
    assert w.server.stop() == 0
    (rig.dir / "password").write_text("wrong\n")
    code, _, err = rig.run("geotherm-server", "--config", w.conf)
    assert code == 5 and "denied" in err, err
    (rig.pki / "server.key").unlink()
    code, _, err = rig.run("geotherm-server", "--config", w.conf)
    assert code == 3 and "server.key" in err, err


def test_observers_at_every_worker_hear_of_what_any_has_stored(rig, workers):
    port = free_tcp_port()
    w = workers(2, metrics=f"127.0.0.1:{port}")
    watchers = []
    for i in range(16):
        watchers.append(rig.spawn("geotherm", "observe", *rig.client_options(), w.uri("/gpsflowtemp"), log=f"seen{i}.log"))
        watchers[-1].wait_log("no readings")
        if i >= 1 and all(metric(port + k, "observers") > 0 for k in range(2)):
            break
    for seq in range(1, 4):
        post(w, seq)
        for watcher in watchers:
            watcher.wait_log(rf"{DEVICE}  {EPOCH}\.{seq}\b")


def test_the_service_manager_hears_one_voice(rig, mariadb):
    """READY once all are there, WATCHDOG while each is alive, RELOADING and READY, STOPPING: all from the parent."""
    path = rig.dir / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        manager.settimeout(30)
        server = rig.spawn("geotherm-server", "--config", rig.server_conf(store(rig, mariadb), workers=2),
                           env={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "1000000"})

        def hear(word, *passed):
            while True:
                said, control, _, _ = manager.recvmsg(100, socket.CMSG_SPACE(12))
                assert struct.unpack("3i", control[0][2])[0] == server.process.pid
                if said.decode() == word:
                    return
                assert said.decode() in passed, said

        hear("READY=1")
        hear("WATCHDOG=1")
        hear("WATCHDOG=1")
        victim, = re.findall(r"worker 1 of 2 is there, pid=(\d+)", server.log())
        server.process.send_signal(signal.SIGHUP)
        hear("RELOADING=1", "WATCHDOG=1")
        hear("READY=1", "WATCHDOG=1")
        for in_reload in False, True:
            os.kill(int(victim), signal.SIGSTOP)        # one hangs, the other ticks on
            try:
                if in_reload:
                    server.process.send_signal(signal.SIGHUP)
                    hear("RELOADING=1", "WATCHDOG=1")
                with pytest.raises(TimeoutError):
                    manager.settimeout(2)
                    for _ in range(4):      # what was under way
                        hear("WATCHDOG=1")
            finally:
                os.kill(int(victim), signal.SIGCONT)
            manager.settimeout(30)
            if in_reload:
                hear("READY=1", "WATCHDOG=1")
            hear("WATCHDOG=1")
        server.process.send_signal(signal.SIGTERM)
        hear("STOPPING=1", "WATCHDOG=1")
        assert server.process.wait(timeout=30) == 0
