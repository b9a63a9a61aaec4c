# SPDX-License-Identifier: BSD-2-Clause
"""The same chain with MariaDB: a private mariadbd on a unix socket, made and ended by the test."""
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from rig import MORTAL, until

MARIADBD = shutil.which("mariadbd", path=os.environ["PATH"] + ":/usr/sbin")


class Mariadb:
    def __init__(self, folder):
        self.dir = pathlib.Path(folder)
        self.tmp = self.dir / "tmp"
        self.tmp.mkdir(parents=True)
        self.socket = self.dir / "s.sock"
        assert len(str(self.socket)) < 107, "a unix socket's path holds 107 characters"
        self.as_root = ["--user=root"] if os.geteuid() == 0 else []
        # A tmpdir of its own: two servers that share one remove each other's tables at start.
        subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={self.dir}/data", "--skip-test-db",
                        "--auth-root-authentication-method=normal", "--innodb-log-file-size=8M", *self.as_root],
                       env=dict(os.environ, TMPDIR=str(self.tmp)), check=True, capture_output=True)
        self.start()
        self.sql("CREATE DATABASE geotherm CHARACTER SET utf8mb4; CREATE USER geotherm IDENTIFIED BY 'secret';"
                 "GRANT ALL ON geotherm.* TO geotherm")

    def start(self):
        self.process = subprocess.Popen(
            [*MORTAL, MARIADBD, "--no-defaults", f"--datadir={self.dir}/data", f"--tmpdir={self.tmp}", f"--socket={self.socket}",
             f"--pid-file={self.dir}/pid", f"--log-error={self.dir}/err.log", "--skip-networking",
             "--character-set-server=utf8mb4", "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M",
             "--performance-schema=0", *self.as_root], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self.answers, lambda: f"mariadbd answers; {(self.dir / 'err.log').read_text()[-800:]}")

    def answers(self):
        assert self.process.poll() is None, (self.dir / "err.log").read_text()[-2000:]
        return subprocess.run(["mariadb-admin", "--no-defaults", "-S", self.socket, "-uroot", "ping"],
                              capture_output=True).returncode == 0

    def sql(self, text):
        done = subprocess.run(["mariadb", "--no-defaults", "-S", self.socket, "-uroot", "-N", "-B"], input=text,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def stop(self, sig=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        self.process.wait(timeout=60)


@pytest.fixture
def mariadb(tmp_path_factory):
    if not MARIADBD:
        pytest.skip("mariadbd is not installed")
    db = Mariadb(tmp_path_factory.mktemp("db"))
    yield db
    db.stop(signal.SIGKILL)


def store(rig, db):
    password = rig.dir / "password"
    password.write_text("secret\n")
    password.chmod(0o600)
    return {"backend": "mariadb", "socket": db.socket, "user": "geotherm", "password_file": password,
            "database": "geotherm"}


def stored(db):
    return db.sql("SELECT seq FROM geotherm.reading_view ORDER BY seq")


def wait_stored(db, n):
    def enough():
        try:
            return len(stored(db)) >= n
        except AssertionError as error:     # before the first migration
            assert "doesn't exist" in str(error)
            return False
    until(enough, f"{n} rows are in MariaDB")


def assert_no_hole(db):
    seqs = [int(row[0]) for row in stored(db)]
    assert seqs == list(range(1, len(seqs) + 1))


def test_readings_arrive_in_mariadb(rig, mariadb):
    rig.start_server(conf=rig.server_conf(store(rig, mariadb)))
    rig.start_node()
    wait_stored(mariadb, 10)
    assert_no_hole(mariadb)


def test_a_database_killed_under_load_loses_nothing_and_doubles_nothing(rig, mariadb):
    server = rig.start_server(conf=rig.server_conf(store(rig, mariadb)))
    node = rig.start_node()
    for target in (5, 10):
        wait_stored(mariadb, target)
        mariadb.stop(signal.SIGKILL)
        mariadb.start()
    wait_stored(mariadb, 15)
    assert node.stop() == 0
    assert server.stop() == 0
    assert_no_hole(mariadb)


def test_a_server_that_starts_before_its_database_serves_once_it_is_there(rig, mariadb):
    mariadb.stop()
    server = rig.start_server(conf=rig.server_conf(store(rig, mariadb)))
    server.wait_log(r"s\.sock")     # says which database it can't reach
    rig.start_node()
    mariadb.start()
    wait_stored(mariadb, 5)
    assert_no_hole(mariadb)
