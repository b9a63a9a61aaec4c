# SPDX-License-Identifier: BSD-2-Clause
"""deps/packages beside another process that installs: apt-get and dpkg-query are stand-ins, the lock is the machine's."""
import fcntl
import os
import subprocess

import pytest

from rig import ROOT, until

LOCK = "/var/lib/dpkg/lock-frontend"


@pytest.mark.skipif(os.geteuid() != 0 or not os.path.exists(LOCK), reason="needs root and dpkg's lock")
def test_the_lock_of_another_process_is_waited_for_and_named(tmp_path):
    for name, script in (("dpkg-query", f"[ -e {tmp_path}/installed ] && echo installed"), ("apt-get", f"touch {tmp_path}/installed")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    env = dict(os.environ, PATH=f"{tmp_path}:{os.environ['PATH']}")
    env.pop("DEPS", None)
    with open(LOCK, "r+") as lock, open(tmp_path / "out", "w") as out:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        packages = subprocess.Popen([ROOT / "deps/packages", "build"], stdout=out, stderr=out, env=env)
        until(lambda: f"Waiting for process {os.getpid()} " in (tmp_path / "out").read_text(), "the holder is named")
        assert packages.poll() is None and not (tmp_path / "installed").exists()
        fcntl.lockf(lock, fcntl.LOCK_UN)
        assert packages.wait(30) == 0
    assert (tmp_path / "installed").exists()
