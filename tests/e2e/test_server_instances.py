# SPDX-License-Identifier: BSD-2-Clause
"""Several server processes behind one UDP port, as systemd's geotherm-server@.socket and .service run them.

      geotherm-server@1.socket --LISTEN_FDS--> instance 1 --+
      geotherm-server@2.socket --LISTEN_FDS--> instance 2 --+--> one MariaDB
      ...                                                   |
      another server on a port of its own ------------------+
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys

import pytest

from rig import BUILD, DEVICE, free_port, until
from test_mariadb import MARIADBD, Mariadb, store, stored
from test_server_operation import free_tcp_port, metric

EPOCH = "00000000000000e7"


def inheriting(fd):
    """A command that becomes another, which gets the descriptor as systemd passes a socket."""
    become = ("import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); "
              "os.execv(sys.argv[2], sys.argv[2:])")
    return [sys.executable, "-c", become, str(fd)]


class Instance:
    """A socket that stays open, and the server that has inherited it."""

    def __init__(self, fleet):
        self.fleet, self.metrics = fleet, free_tcp_port()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind(("127.0.0.1", fleet.rig.port))
        self.start()

    def start(self):
        fd = self.socket.fileno()
        self.server = self.fleet.rig.spawn("geotherm-server", "--config", self.fleet.conf, "-o", f"server.metrics=127.0.0.1:{self.metrics}",
                                           log=f"instance-{self.metrics}.log", wrap=inheriting(fd), fds=[fd])
        self.server.wait_log(rf"listening on .*pid={self.server.process.pid}")

    def restart(self, sig=signal.SIGTERM):
        self.server.stop(sig)
        self.start()

    def count(self, name):
        return metric(self.metrics, name)


class Fleet:
    def __init__(self, rig, db, n, keys=("a" * 64,), **server):
        self.rig, self.db = rig, db
        self.secret_file = rig.dir / "secrets"
        self.write_keys(*keys)
        self.conf = rig.server_conf(store(rig, db), secret_file=self.secret_file, **server)
        self.instances = [Instance(self) for _ in range(n)]

    def write_keys(self, *keys):
        self.secret_file.write_text("# keys of tests\n\n" + "".join(f"{key}\n" for key in keys))
        self.secret_file.chmod(0o600)

    def add(self):
        self.instances.append(Instance(self))

    def uri(self, path):
        return f"coaps://127.0.0.1:{self.rig.port}{path}"

    def get(self, path, *args):
        code, out, err = self.rig.run("geotherm", "get", *args, *self.rig.client_options(), self.uri(path))
        assert code == 0, err
        return out

    def post(self, seq, who="node"):
        """By a client of its own, so from a port of its own, which the kernel assigns to an instance; `complete` as answered."""
        code, out, err = self.rig.run("geotherm", "post", "--json", "--format", "senml+json", *self.rig.client_options(who),
                                      self.uri("/gpsflowtemp"), reading(seq))
        assert code == 0, out + err
        return next(r["v"] for r in json.loads(out) if r["n"] == "complete")

    def handshake(self, *args):
        """openssl's client, from a port of its own: what it prints."""
        pki = self.rig.pki
        done = subprocess.run(["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{self.rig.port}", "-CAfile", pki / "ca.pem",
                               "-cert", pki / "node.pem", "-key", pki / "node.key", *args],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        return done.stdout + done.stderr

    def reload(self):
        for i in self.instances:
            before = i.server.log().count("reloaded:")
            i.server.process.send_signal(signal.SIGHUP)
            until(lambda: i.server.log().count("reloaded:") > before, "it has reloaded")

    def verify(self):
        return self.rig.run("geotherm-server", "verify", "--config", self.conf)[0]


def reading(seq):
    return json.dumps([{"bn": f"{DEVICE}_", "bt": 1795459200 + seq, "n": "seq", "v": seq},
                       {"n": "epoch", "vs": EPOCH}, {"n": "tsrc", "vs": "gnss"}])


@pytest.fixture(scope="module")
def mariadbd(tmp_path_factory):
    if not MARIADBD:
        pytest.skip("mariadbd is not installed")
    db = Mariadb(tmp_path_factory.mktemp("db"))
    yield db
    db.stop(signal.SIGKILL)


@pytest.fixture
def fleet(rig, mariadbd):
    """One database server for all tests here: each begins with an empty database."""
    mariadbd.sql("DROP DATABASE geotherm; CREATE DATABASE geotherm CHARACTER SET utf8mb4")
    return lambda n, **server: Fleet(rig, mariadbd, n, **server)


def test_all_instances_serve_one_port_and_each_reading_is_stored_once(fleet):
    f = fleet(3)
    for sent in range(1, 60):
        assert f.post(sent) == sent
        assert f.post(sent) == sent      # again, perhaps at another
        if sent >= 8 and all(i.count("readings_stored_total") > 0 for i in f.instances):
            break
    counts = [[i.count(name) for name in ("readings_stored_total", "readings_duplicate_total")] for i in f.instances]
    assert all(stored_here > 0 for stored_here, _ in counts), counts
    assert [sum(c) for c in zip(*counts)] == [sent, sent]
    assert [int(row[0]) for row in stored(f.db)] == list(range(1, sent + 1))
    assert f.verify() == 0
    assert all(i.server.stop() == 0 for i in f.instances)


def test_gaps_are_exact_for_a_client_that_moves_between_instances(fleet):
    f = fleet(2)
    there, told = set(), 0

    def whole():
        n = 0
        while n + 1 in there:
            n += 1
        return n

    # Holes that open at one instance and are filled at the other, numbers sent again anywhere.
    for seq in [1, 2, 5, 5, 3, 9, 4, 4, 6, 12, 7, 8, 10, 10, 9, 11, 1, 15, 13, 14, 20, 19, 18, 17, 16, 16, 21]:
        there.add(seq)
        complete = f.post(seq)
        assert told <= complete <= whole(), f"after {seq}"
        told = complete
        stream, = json.loads(f.get(f"/gaps/{DEVICE}"))["streams"]
        missing = {n for hole in stream["holes"] for n in range(hole["first"], hole["last"] + 1)}
        assert stream["complete"] == whole() and missing == set(range(1, max(there))) - there
    for _ in range(8):
        assert f.post(21) == 21, "each instance knows the whole, whichever stored it"
    assert f.verify() == 0


def test_a_ticket_of_one_instance_is_accepted_by_every_other_and_after_restarts(fleet):
    f = fleet(3)
    ticket = f.rig.dir / "ticket"
    assert "New, TLSv1.2" in f.handshake("-sess_out", ticket)
    for _ in range(10):
        assert "Reused, TLSv1.2" in f.handshake("-sess_in", ticket)
    for i in f.instances:
        i.restart()
    assert "Reused, TLSv1.2" in f.handshake("-sess_in", ticket)


def test_keys_are_replaced_with_two_accepted(fleet):
    old, new, later = "a" * 64, "B" * 64, "3" * 64
    f = fleet(2, keys=[old])
    first, second = f.rig.dir / "first", f.rig.dir / "second"
    assert "New, TLSv1.2" in f.handshake("-sess_out", first)
    f.write_keys(new, old)
    f.reload()
    for _ in range(4):
        assert "Reused, TLSv1.2" in f.handshake("-sess_in", first)
    assert "New, TLSv1.2" in f.handshake("-sess_out", second)
    f.write_keys(later, new)
    f.reload()
    for _ in range(4):
        assert "New, TLSv1.2" in f.handshake("-sess_in", first), "that key is two behind"
        assert "Reused, TLSv1.2" in f.handshake("-sess_in", second)
    # A file that cannot be used leaves the keys as they are.
    f.write_keys(later, "no key")
    f.instances[0].server.process.send_signal(signal.SIGHUP)
    f.instances[0].server.wait_log(r"reload: .*secrets:4: expected a key of 64 hex digits.*old configuration stays in force")
    for _ in range(4):
        assert "Reused, TLSv1.2" in f.handshake("-sess_in", second)


def client_hello(cookie):
    groups = bytes.fromhex("000a000400020017" "000b00020100" "000d0006000404030401")
    suites = bytes.fromhex("c02bc02cc02fc030")
    body = (b"\xfe\xfd" + bytes(range(32)) + b"\0" + bytes([len(cookie)]) + cookie + len(suites).to_bytes(2, "big") + suites +
            b"\1\0" + len(groups).to_bytes(2, "big") + groups)
    number = bytes([0, 1 if cookie else 0])
    message = b"\1" + len(body).to_bytes(3, "big") + number + bytes(3) + len(body).to_bytes(3, "big") + body
    return b"\x16\xfe\xfd" + bytes(6) + number + len(message).to_bytes(2, "big") + message


HELLO_VERIFY_REQUEST, SERVER_HELLO = 3, 2


def test_a_cookie_is_accepted_by_an_instance_that_did_not_make_it(fleet):
    f = fleet(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        client.connect(("127.0.0.1", f.rig.port))
        client.send(client_hello(b""))
        answer = client.recv(2000)
        assert answer[13] == HELLO_VERIFY_REQUEST
        cookie = answer[28:28 + answer[27]]
        for i in f.instances:
            i.restart(signal.SIGKILL)
        client.send(client_hello(bytes(len(cookie))))
        assert client.recv(2000)[13] == HELLO_VERIFY_REQUEST, "a made-up one"
        client.send(client_hello(cookie))
        assert client.recv(2000)[13] == SERVER_HELLO


def serving(f):
    """(the instance of the only node, the others)"""
    one, = [i for i in f.instances if i.count("readings_stored_total") > 0]
    return one, [i for i in f.instances if i is not one]


def assert_nothing_lost(f):
    seqs = {int(row[0]) for row in stored(f.db)}
    with contextlib.closing(sqlite3.connect(f.rig.outbox)) as db:
        waiting = {row[0] for row in db.execute("SELECT seq FROM reading")}
    assert len(seqs) == len(stored(f.db)) and seqs | waiting == set(range(1, max(seqs | waiting) + 1))


def more_stored(f, n=5):
    before = len(stored(f.db))
    until(lambda: len(stored(f.db)) >= before + n, f"{n} more readings are stored")


def test_a_restart_of_one_instance_moves_no_client_of_another(fleet):
    f = fleet(3)
    node = f.rig.start_node()
    more_stored(f)
    mine, others = serving(f)
    for other in others:
        other.restart(signal.SIGKILL)
        more_stored(f)
    assert all(other.count("readings_received_total") == 0 for other in others)
    assert f.rig.status()["uplink"]["failures"] == 0
    mine.restart(signal.SIGKILL)
    more_stored(f)      # by a new session, from another port: at whichever instance
    assert node.stop() == 0
    assert_nothing_lost(f)


def test_a_client_that_another_number_of_instances_moves_goes_on_and_loses_nothing(fleet):
    f = fleet(1)
    node = f.rig.start_node()
    more_stored(f)
    first, = f.instances
    for _ in range(4):
        f.add()
        more_stored(f, 2)
        if any(i.count("readings_received_total") > 0 for i in f.instances[1:]):
            break
    else:   # The kernel hashes one port in five to the first of five sockets: it moves once that one is closed.
        first.server.stop()
        first.socket.close()
        more_stored(f, 2)
    assert node.stop() == 0
    assert_nothing_lost(f)
    assert f.verify() == 0


def test_observers_learn_of_what_other_instances_and_other_servers_have_stored(fleet):
    f = fleet(2)
    elsewhere = free_port()
    conf = f.rig.dir / "elsewhere.conf"
    conf.write_text(f.conf.read_text().replace(f":{f.rig.port}", f":{elsewhere}"))
    f.rig.start_server(conf=conf)
    watchers = []
    for n in range(16):
        path = "/gpsflowtemp" if n % 2 == 0 else f"/gpsflowtemp/{DEVICE}"
        watchers.append(f.rig.spawn("geotherm", "observe", *f.rig.client_options(), f.uri(path), log=f"seen{n}.log"))
        watchers[-1].wait_log("no readings")
        if n >= 1 and all(i.count("observers") > 0 for i in f.instances):
            break
    for seq in range(1, 4):
        f.post(seq)
        for watcher in watchers:
            watcher.wait_log(rf"{DEVICE}  {EPOCH}\.{seq}\b")
    code, out, err = f.rig.run("geotherm", "post", "--format", "senml+json", *f.rig.client_options("node"),
                               f"coaps://127.0.0.1:{elsewhere}/gpsflowtemp", reading(4))
    assert code == 0, out + err
    for watcher in watchers:
        watcher.wait_log(rf"{DEVICE}  {EPOCH}\.4\b")


def test_the_database_is_not_polled_without_observers(fleet):
    f = fleet(1)

    def selects():
        return int(f.db.sql("SHOW GLOBAL STATUS LIKE 'Com_select'")[0][1])

    watcher = f.rig.spawn("geotherm", "observe", *f.rig.client_options(), f.uri("/gpsflowtemp"), log="seen.log")
    watcher.wait_log("no readings")
    before = selects()
    until(lambda: selects() >= before + 3, "it is polled while there is one")
    assert watcher.stop() in (0, -signal.SIGTERM)
    until(lambda: f.instances[0].count("observers") == 0, "the observation has ended")
    until(lambda: (before := selects(), f.get("/time"), f.get("/time"))[0] == selects(), "nothing is asked between two requests")


# --- sockets and keys that cannot be used --------------------------------------

@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="systemd-socket-activate is not installed")
def test_the_first_datagram_to_a_socket_of_systemd_starts_the_server_and_is_answered(rig):
    activator = rig.spawn("geotherm-server", "--config", rig.server_conf(), wrap=["systemd-socket-activate", "-d", "-l", f"127.0.0.1:{rig.port}"])
    until(lambda: f":{rig.port}" in subprocess.run(["ss", "-uln"], capture_output=True, text=True).stdout
          if shutil.which("ss") else "Listening" in activator.log(), "it listens")
    assert "listening" not in activator.log()
    rig.start_node()
    rig.wait_rows(2)
    activator.wait_log("listening on 1 inherited sockets: without .*secret_file")
    assert activator.stop() == 0


def refused(rig, *args, **server):
    code, _, err = rig.run("geotherm-server", "--config", rig.server_conf(**server), *args)
    return code, err


def test_an_inherited_descriptor_that_is_no_udp_socket_is_named(rig):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
        tcp.bind(("127.0.0.1", 0))
        done = subprocess.run([*inheriting(tcp.fileno()), BUILD / "geotherm-server", "--config", rig.server_conf()], capture_output=True, text=True, pass_fds=[tcp.fileno()])
    assert done.returncode == 4 and "descriptor 3: expected a bound UDP socket (ListenDatagram=)" in done.stderr


def test_sockets_of_another_process_are_not_taken(rig):
    env = {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
    server = rig.spawn("geotherm-server", "--config", rig.server_conf(), env=env)
    server.wait_log(rf"listening on 127.0.0.1:{rig.port}")
    assert "inherited" not in server.log()


@pytest.mark.parametrize("text, mode, expected", [
    (None, None, "secrets: No such file"),
    ("a" * 64, 0o644, "mode 644: other users may read the keys: expected 0600"),
    ("", 0o600, "secrets: expected a line of 64 hex digits"),
    ("# a comment\n" + "a" * 63, 0o600, "secrets:2: expected a key of 64 hex digits"),
    ("a" * 66, 0o600, "secrets:1: expected a key of 64 hex digits"),
    ("a" * 63 + "g", 0o600, "secrets:1: expected a key of 64 hex digits"),
    (("a" * 64 + "\n") * 3, 0o600, "secrets:3: expected at most 2 keys"),
])
def test_a_secret_file_that_cannot_be_used_is_refused_by_check_and_start(rig, text, mode, expected):
    path = rig.dir / "secrets"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    for args in ["--check-config"], []:
        code, err = refused(rig, *args, secret_file=path)
        assert code == 3 and expected in err, err


def test_the_key_workers_of_an_older_release_is_accepted_with_a_warning(rig):
    code, err = refused(rig, "--check-config", workers=4)
    assert code == 0 and "workers" in err and "geotherm-server@.service" in err, err


def test_the_service_manager_is_notified_of_each_state(rig):
    path = rig.dir / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(30)
        server = rig.spawn("geotherm-server", "--config", rig.server_conf(), env={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "1000000"})

        def expect(state, *passed):
            while (got := manager.recv(300).decode().splitlines()[0]) != state:     # STATUS= may follow
                assert got in passed, got

        expect("READY=1")
        expect("WATCHDOG=1")
        expect("WATCHDOG=1")
        server.process.send_signal(signal.SIGHUP)
        expect("RELOADING=1", "WATCHDOG=1")
        expect("READY=1", "WATCHDOG=1")
        server.process.send_signal(signal.SIGTERM)
        expect("STOPPING=1", "WATCHDOG=1")
        assert server.process.wait(timeout=30) == 0
