# SPDX-License-Identifier: BSD-2-Clause
"""A Galera cluster on loopback: real mariadbd processes with their own folders and ports, killed and brought back by tests.

    with Cluster(folder) as cluster: cluster.nodes[0].stop(signal.SIGKILL); cluster.nodes[0].start()

By hand, to try a server against it: tests/galera/cluster.py FOLDER runs three until Ctrl-C and prints what to put
into server.conf.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from rig import MORTAL, until     # noqa: E402

MARIADBD = shutil.which("mariadbd", path=os.environ["PATH"] + ":/usr/sbin")
PROVIDER = pathlib.Path("/usr/lib/galera/libgalera_smm.so")
# rsync, which copies a node's state to a new one, gives up root's rights and then cannot read root's files.
NOBODY = 65534
# A node that is gone is seen to be gone after 1 s; the defaults wait 5.
EVS = "evs.keepalive_period=PT0.3S;evs.suspect_timeout=PT1S;evs.inactive_timeout=PT3S;evs.install_timeout=PT3S;evs.inactive_check_period=PT0.3S"


def missing():
    """Why no cluster can be made here, or None."""
    wanted = {"mariadbd": MARIADBD, str(PROVIDER): PROVIDER.exists() or None, "rsync": shutil.which("rsync"),
              "wsrep_sst_rsync": shutil.which("wsrep_sst_rsync"),
              "lsof or ss": shutil.which("lsof") or shutil.which("ss")}
    absent = [name for name, found in wanted.items() if not found]
    return f"not installed: {', '.join(absent)}" if absent else None


def free_ports(count):
    """The first of so many TCP ports in a row, below the ephemeral range, that nobody holds now."""
    for base in range(12000 + os.getpid() % 800 * 10, 20000, count):
        try:
            for port in range(base, base + count):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
    raise AssertionError("no free ports")


class Node:
    def __init__(self, cluster, number):
        self.cluster, self.number = cluster, number
        self.dir = cluster.dir / f"n{number}"
        base = cluster.base + 10 * number
        self.port, self.gcast, self.ist, self.sst = base, base + 1, base + 2, base + 3
        self.socket = self.dir / "s.sock"
        self.process = None
        shutil.copytree(cluster.template, self.dir / "data")
        (self.dir / "tmp").mkdir()
        cluster.own(self.dir)

    def arguments(self):
        peers = ",".join(f"127.0.0.1:{self.cluster.base + 10 * n + 1}" for n in range(self.cluster.size))
        return [MARIADBD, "--no-defaults", f"--datadir={self.dir}/data", f"--tmpdir={self.dir}/tmp", f"--socket={self.socket}",
                f"--pid-file={self.dir}/pid", f"--log-error={self.dir}/err.log", "--bind-address=127.0.0.1",
                f"--port={self.port}", "--character-set-server=utf8mb4", "--innodb-buffer-pool-size=32M",
                "--innodb-log-file-size=16M", "--performance-schema=0", "--skip-name-resolve", "--binlog-format=ROW",
                "--innodb-autoinc-lock-mode=2", "--innodb-flush-log-at-trx-commit=1", "--wsrep-on=ON",
                f"--wsrep-provider={PROVIDER}", "--wsrep-cluster-name=geotherm-test",
                f"--wsrep-cluster-address=gcomm://{peers}", f"--wsrep-node-name=n{self.number}",
                f"--wsrep-node-address=127.0.0.1:{self.gcast}", f"--wsrep-node-incoming-address=127.0.0.1:{self.port}",
                "--wsrep-sst-method=rsync", f"--wsrep-sst-receive-address=127.0.0.1:{self.sst}",
                f"--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:{self.gcast};"
                f"ist.recv_addr=127.0.0.1:{self.ist};gcache.size=16M;{EVS}"]

    def start(self, new_cluster=False, wait=True):
        argv = self.arguments() + (["--wsrep-new-cluster"] if new_cluster else [])
        self.process = subprocess.Popen([*MORTAL, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        start_new_session=True, **self.cluster.rights)
        if wait:
            self.wait_synced()

    def wait_synced(self):
        until(lambda: self.state() == "Synced", lambda: f"node {self.number} is synced; its log ends:\n{self.log()}", 60)

    def log(self):
        path = self.dir / "err.log"
        return path.read_text(errors="replace")[-2500:] if path.exists() else "(none)"

    def state(self):
        """The cluster's word for this node's state, or None while it does not answer."""
        assert self.process.poll() is None, f"mariadbd {self.number} ended:\n{self.log()}"
        try:
            return dict(self.sql("SHOW STATUS LIKE 'wsrep_local_state_comment'")).get("wsrep_local_state_comment")
        except AssertionError:
            return None

    def sql(self, text):
        done = subprocess.run(["mariadb", "--no-defaults", "--connect-timeout=2", "-S", self.socket, "-uroot", "-N", "-B"],
                              input=text, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def send(self, sig):
        self.process.send_signal(sig)

    def stop(self, sig=signal.SIGTERM):
        """Its helpers too when it is killed: an rsync that copies a state would hold its port."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            if sig == signal.SIGKILL:
                os.killpg(self.process.pid, sig)
            else:
                self.process.send_signal(sig)
            self.process.wait(timeout=60)


class Cluster:
    """In a folder whose parents everybody may enter: mariadbd runs without root's rights."""

    def __init__(self, folder, size=3):
        self.dir, self.size = pathlib.Path(folder), size
        self.base = free_ports(10 * size)
        self.dir.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.rights = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        self.template = self.dir / "template"
        self.own(self.dir)
        tmp = self.dir / "install-tmp"
        tmp.mkdir()
        self.own(tmp)
        subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={self.template}", "--skip-test-db",
                        "--auth-root-authentication-method=normal", "--innodb-log-file-size=16M"],
                       env=dict(os.environ, TMPDIR=str(tmp)), check=True, capture_output=True, **self.rights)
        self.nodes = [Node(self, n) for n in range(size)]

    def own(self, path):
        if os.geteuid() == 0:
            shutil.chown(path, NOBODY, NOBODY)
            for entry in pathlib.Path(path).rglob("*"):
                shutil.chown(entry, NOBODY, NOBODY)

    def start(self):
        self.nodes[0].start(new_cluster=True)
        self.nodes[0].sql("CREATE DATABASE geotherm CHARACTER SET utf8mb4; CREATE USER geotherm IDENTIFIED BY 'secret';"
                          "GRANT ALL ON geotherm.* TO geotherm")
        for node in self.nodes[1:]:
            node.start()

    def bootstrap(self):
        """All are down: the one that saw most starts the cluster anew, as the manual says."""
        seqnos = {}
        for node in self.nodes:
            done = subprocess.run(node.arguments()[:-1] + ["--wsrep-cluster-address=gcomm://", "--wsrep-recover"],
                                  capture_output=True, text=True, **self.rights)
            text = done.stderr + node.log()
            found = [line.rsplit(":", 1)[1] for line in text.splitlines() if "Recovered position" in line]
            assert found, text[-2000:]
            seqnos[node] = int(found[-1].split(",")[0])
        first = max(seqnos, key=seqnos.get)
        state = first.dir / "data/grastate.dat"
        state.write_text(state.read_text().replace("safe_to_bootstrap: 0", "safe_to_bootstrap: 1"))
        (first.dir / "data/gvwstate.dat").unlink(missing_ok=True)
        first.start(new_cluster=True)
        for node in self.nodes:
            if node is not first:
                node.start()

    def mend(self):
        """All nodes synced, whatever a test left behind."""
        if any(node.process.poll() is None and node.state() == "Synced" for node in self.nodes):
            for node in self.nodes:
                if node.process.poll() is not None:
                    node.start()
                node.wait_synced()
        else:
            for node in self.nodes:
                node.stop(signal.SIGKILL)
            self.bootstrap()

    @property
    def hosts(self):
        return ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            node.stop(signal.SIGKILL)


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    why = missing()
    if why:
        sys.exit(why)
    with Cluster(sys.argv[1]) as cluster:
        print(f"[store]\nbackend = mariadb\nhosts = {cluster.hosts}\nuser = geotherm\ndatabase = geotherm\n"
              "; password_file = a file that holds: secret", flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
