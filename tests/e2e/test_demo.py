# SPDX-License-Identifier: BSD-2-Clause
"""geotherm demo: a server and a node without hardware, from the tree and from what make install makes."""
import os
import signal
import sqlite3
import subprocess

import pytest

from rig import BUILD, ROOT, Daemon, free_port, until


@pytest.fixture(params=["built", "installed"])
def geotherm(request, tmp_path):
    if request.param == "built":
        return BUILD / "geotherm"
    prefix = tmp_path / "prefix"
    for folder, files in (("bin", [BUILD / "geotherm"]), ("sbin", [BUILD / "geotherm-node", BUILD / "geotherm-server"]),
                          ("libexec/geotherm", [ROOT / "certs/geotherm-ca", ROOT / "certs/make-test-ca"])):
        (prefix / folder).mkdir(parents=True)
        for file in files:
            subprocess.run(["cp", file, prefix / folder], check=True)
    subprocess.run(["cp", ROOT / "scripts/run", prefix / "libexec/geotherm/geotherm-demo"], check=True)
    return prefix / "bin/geotherm"


def test_the_demo_stores_simulated_readings_in_the_users_folder_and_ends_by_an_interrupt(geotherm, tmp_path):
    env = {"HOME": str(tmp_path), "XDG_STATE_HOME": "", "PORT": str(free_port())}
    demo = Daemon([geotherm, "demo"], tmp_path / "demo.log", env)
    folder = tmp_path / ".local/state/geotherm-demo"
    until(lambda: "geotherm status --file" in demo.log(), lambda: demo.log())
    until(lambda: sum("28-" in line for line in demo.log().splitlines()) >= 3, lambda: f"readings are shown: {demo.log()}")
    done = subprocess.run([geotherm, "status", "--file", folder / "status.json"], capture_output=True, text=True)
    assert "running" in done.stdout, done.stdout + done.stderr
    assert demo.stop(signal.SIGINT) == 0, demo.log()
    with sqlite3.connect(folder / "readings.db") as db:
        notes = {row[0] for row in db.execute("SELECT note FROM reading_view WHERE seq > 1")}
    assert notes == {"simulated sensors; simulated receiver"}


def test_the_demo_ends_by_itself_and_names_what_is_not_installed(tmp_path):
    env = dict(os.environ, PORT=str(free_port()))
    done = subprocess.run([BUILD / "geotherm", "demo", "--dir", tmp_path / "demo", "--seconds", "3"], env=env, capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0 and "missing" in done.stdout, done.stdout + done.stderr
    (tmp_path / "bin").mkdir()
    (tmp_path / "libexec/geotherm").mkdir(parents=True)
    subprocess.run(["cp", BUILD / "geotherm", tmp_path / "bin"], check=True)
    subprocess.run(["cp", ROOT / "scripts/run", tmp_path / "libexec/geotherm/geotherm-demo"], check=True)
    done = subprocess.run([tmp_path / "bin/geotherm", "demo"], capture_output=True, text=True)
    assert done.returncode == 1 and "geotherm-server is not installed" in done.stderr
