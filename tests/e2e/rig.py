# SPDX-License-Identifier: BSD-2-Clause
"""The real daemons on loopback, each test with its own folder, port and certificates.

      node (simulated bus, pty receiver) ==DTLS==> server --> SQLite file or private mariadbd

Nothing here waits by the clock: it waits for a condition, and fails when that did not come true within
a time that only a fault can exceed.
"""
import atexit
import contextlib
import functools
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("GEOTHERM_BUILD", ROOT / "build"))
DEVICE = "urn:dev:mac:0200c0fffe000001"
PATIENCE_S = 40
MORTAL = ["setpriv", "--pdeathsig", "KILL"]     # before a command: it does not outlive the test that started it


def until(condition, what, patience_s=PATIENCE_S):
    """The first true value of condition(), or an AssertionError that says what was waited for."""
    deadline = time.monotonic() + patience_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {patience_s} s in vain until {what() if callable(what) else what}"
        time.sleep(0.02)


def free_port(besides=(), kind=socket.SOCK_DGRAM):
    """A port, of UDP where nothing else is said, below the ephemeral range that nobody holds now, and no other run is likely to choose."""
    for port in random.SystemRandom().sample(range(20000, 32000), 1000):
        if port in besides:
            continue
        with socket.socket(socket.AF_INET, kind) as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port")


class Daemon:
    """One program of ours: started by argv, its log in a file, ended by pid."""

    def __init__(self, argv, log, env=None, fds=()):
        self.log_path = pathlib.Path(log)
        self.argv = [str(a) for a in argv]
        with open(log, "ab") as out:
            self.process = subprocess.Popen([*MORTAL, *self.argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=ROOT,
                                            env=dict(os.environ, **(env or {})), pass_fds=fds)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def alive(self):
        return self.process.poll() is None

    def wait_log(self, pattern):
        def seen():
            match = re.search(pattern, self.log(), re.M)
            assert match or self.alive(), f"{self.argv[0]} ended with {self.process.returncode}:\n{self.log()[-3000:]}"
            return match
        return until(seen, lambda: f"{self.argv[0]} logs /{pattern}/; its log:\n{self.log()[-3000:]}")

    def stop(self, sig=signal.SIGTERM):
        """Asks it to end and returns the exit code (negative: the signal that ended it)."""
        if self.alive():
            self.process.send_signal(sig)
        return self.process.wait(timeout=PATIENCE_S)


@functools.cache
def first_pki():
    """The certificates that each test gets a copy of: to make them takes longer than many a test."""
    folder = tempfile.mkdtemp(prefix="geotherm-pki-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    subprocess.run([ROOT / "certs/make-test-ca", folder, DEVICE], check=True)
    return folder


class Rig:
    def __init__(self, folder):
        self.dir = pathlib.Path(folder)
        self.port = free_port()
        self.pki = shutil.copytree(first_pki(), self.dir / "pki")
        self.db = self.dir / "readings.db"
        self.outbox = self.dir / "outbox.db"
        self.daemons = []

    def make_pki(self, name):
        """A CA of its own with a server, a node and an operator certificate, in a folder of this name."""
        subprocess.run([ROOT / "certs/make-test-ca", self.dir / name, DEVICE], check=True)
        return self.dir / name

    def close(self):
        for daemon in self.daemons:
            if daemon.alive():
                daemon.stop(signal.SIGTERM)

    def write_ini(self, name, sections):
        path = self.dir / name
        path.write_text("".join(f"[{s}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items() if v is not None) + "\n"
                                for s, keys in sections.items()))
        return path

    def server_conf(self, store=None, **server):
        return self.write_ini("server.conf", {
            "server": {"listen": f"127.0.0.1:{self.port}", "certificate": self.pki / "server.pem",
                       "key": self.pki / "server.key", "ca": self.pki / "ca.pem", **server},
            "store": store or {"backend": "sqlite", "path": self.db}})

    def node_conf(self, node=None, w1=None, gnss=None, server=None, outbox=None):
        return self.write_ini("node.conf", {
            "node": {"device": DEVICE, "period": "200ms", "status": self.dir / "status.json", **(node or {})},
            "w1": {"bus": "simulated", **(w1 or {})},
            "gnss": {"port": "simulated", **(gnss or {})},
            # What is confirmed leaves the file at once, so that it shows what waits; test_custody has the default.
            "outbox": {"path": self.outbox, "keep": 0, **(outbox or {})},
            "server": {"uri": f"coaps://127.0.0.1:{self.port}", "ca": self.pki / "ca.pem",
                       "certificate": self.pki / "node.pem", "key": self.pki / "node.key", **(server or {})}})

    def spawn(self, program, *args, log=None, env=None, wrap=(), fds=()):
        """wrap: a command that becomes it, such as strace -D; fds: descriptors that it inherits."""
        daemon = Daemon([*wrap, BUILD / program, *args], self.dir / (log or f"{program}.log"), env, fds)
        self.daemons.append(daemon)
        return daemon

    def strace(self, name, *options):
        """For wrap: the daemon under strace, with these options and its trace in NAME.strace."""
        if b"__asan_init" in (BUILD / "geotherm-node").read_bytes():
            pytest.skip("AddressSanitizer makes calls of its own, and its leak check does not run under strace")
        wrap = ["strace", "-D", "-f", "-qq", "-o", str(self.dir / f"{name}.strace"), *options]
        if subprocess.run([*wrap, "true"], capture_output=True).returncode != 0:
            pytest.skip("strace may not trace here")
        return wrap

    def start_server(self, *args, conf=None, wrap=()):
        server = self.spawn("geotherm-server", "--config", conf or self.server_conf(), *args, wrap=wrap)
        # Every start appends to one log: wait for this one's own line.
        server.wait_log(rf"\[{server.process.pid}\].*listening|listening.*pid={server.process.pid}")
        return server

    def start_node(self, *args, conf=None, wrap=()):
        return self.spawn("geotherm-node", "--config", conf or self.node_conf(), *args, wrap=wrap)

    def run(self, program, *args, stdin=None):
        """A command that ends by itself: (exit code, stdout, stderr)."""
        done = subprocess.run([BUILD / program, *map(str, args)], input=stdin, capture_output=True, text=True,
                              timeout=PATIENCE_S, cwd=ROOT)
        return done.returncode, done.stdout, done.stderr

    def client_options(self, who="operator"):
        return ["--ca", self.pki / "ca.pem", "--cert", self.pki / f"{who}.pem", "--key", self.pki / f"{who}.key"]

    def fill_outbox(self, readings, sensors=4, *options):
        subprocess.run([BUILD / "tests/tools/fill_outbox", self.outbox, DEVICE, str(readings), str(sensors), *options],
                       check=True)

    def waiting(self):
        """How many readings are in the outbox."""
        with contextlib.closing(sqlite3.connect(f"file:{self.outbox}?mode=ro", uri=True, timeout=10)) as db:
            return db.execute("SELECT count(*) FROM reading").fetchone()[0]

    def damage_readings(self):
        """Overwrites a page of the outbox's readings that the node has to read again."""
        with contextlib.closing(sqlite3.connect(self.outbox)) as db:
            db.execute("UPDATE outbox SET one = one")       # what the node has in memory is out of date
            db.commit()
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            page, = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'reading'").fetchone()
            page_size, = db.execute("PRAGMA page_size").fetchone()
        with open(self.outbox, "r+b", buffering=0) as f:
            f.seek((page - 1) * page_size)
            f.write(b"\xa5" * 100)

    def status(self):
        """The node's status file, or {} while there is none."""
        try:
            return json.loads((self.dir / "status.json").read_text())
        except FileNotFoundError:
            return {}

    def rows(self, sql="SELECT * FROM reading_view ORDER BY device, epoch, seq"):
        if not self.db.exists():
            return []
        connection = sqlite3.connect(f"file:{self.db}?mode=ro", uri=True, timeout=10)
        connection.row_factory = sqlite3.Row
        try:
            return connection.execute(sql).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise
        finally:
            connection.close()

    def wait_rows(self, n):
        return until(lambda: (rows := self.rows()) and len(rows) >= n and rows,
                     lambda: f"{n} rows are stored; there are {len(self.rows())}")
