#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""server_beside_example.py BUILD EXAMPLE: our server, which has each reading on disk before it answers, beside libcoap's own
example coap-server (EXAMPLE, from the same sources, without our patches), which stores nothing.

The figure is what a request costs the server in CPU time, so that the load's own cost and the other core do not count;
rounds take turns, medians are shown. A database's own CPU is shown beside, not counted. GEOTHERM_BENCH_IDLE=2000,10000
says with how many idle sessions the last rounds are.
"""
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
os.environ["GEOTHERM_BUILD"] = os.path.abspath(sys.argv[1])
from rig import BUILD, Daemon, Rig, free_port      # noqa: E402
from target import at_least, at_most              # noqa: E402
from test_mariadb import MARIADBD, Mariadb, store  # noqa: E402

EXAMPLE = os.path.abspath(sys.argv[2])
SESSIONS_MAX = 12000    # tests/tools/coap_load.c
SESSIONS_MIN = 1100     # those that are there before any is idle
DEVICES = 100
ROUNDS = 5
SECONDS = 2


def idle_sessions(text):
    """The two numbers of idle sessions."""
    try:
        few, many = map(int, text.split(","))
    except ValueError:
        sys.exit(f"GEOTHERM_BENCH_IDLE={text}: expected two numbers of sessions, such as 2000,10000")
    if not SESSIONS_MIN < few < many <= SESSIONS_MAX:
        sys.exit(f"GEOTHERM_BENCH_IDLE={text}: expected {SESSIONS_MIN + 1} to {SESSIONS_MAX}, the smaller first")
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if many + 200 > files:
        sys.exit(f"GEOTHERM_BENCH_IDLE={text}: a process may have {files} files open (ulimit -Hn)")
    return few, many


IDLE = idle_sessions(os.environ.get("GEOTHERM_BENCH_IDLE", "2000,10000"))


def cpu_s(pid):
    return sum(int((task / "schedstat").read_text().split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()) / 1e9


def rss_kb(pid):
    return next(int(line.split()[1]) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
                if line.startswith("VmRSS"))


def run(*argv, cwd=None):
    subprocess.run([str(a) for a in argv], check=True, capture_output=True, cwd=cwd)


def make_pki(folder):
    """An authority with servers of both kinds of key, and DEVICES nodes that share one key."""
    ca = [BUILD / "geotherm", "ca", "--dir", folder / "ca"]
    run(*ca, "init")
    run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x",
        "-keyout", folder / "node.key", "-out", folder / "node.csr")
    for i in range(DEVICES):
        device = f"urn:dev:mac:0200c0fffe{i:06x}"
        run(*ca, "sign", folder / "node.csr", device)
        (folder / "ca" / f"{device.replace(':', '_')}.pem").rename(folder / f"node-{i}.pem")
    for name, key in ("ec.example", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]), ("rsa.example", ["rsa:2048"]):
        run("openssl", "req", "-new", "-newkey", *key, "-nodes", "-subj", "/CN=x", "-keyout", folder / f"{name}.key",
            "-out", folder / f"{name}.csr")
        run(*ca, "sign", "--role", "server", "--also", "127.0.0.1", folder / f"{name}.csr", name)
        merged = folder / f"{name}.pem"
        merged.write_bytes((folder / "ca" / f"{name}.pem").read_bytes() + (folder / f"{name}.key").read_bytes())
    (folder / "ca.pem").write_bytes((folder / "ca/ca.pem").read_bytes())


class Load:
    """tests/tools/coap_load, on one server."""

    def __init__(self, name, server, port, pki, path=(), database=None):
        self.name, self.server, self.database = name, server, database
        self.process = subprocess.Popen([BUILD / "tests/tools/coap_load", str(port), pki, str(DEVICES), *path],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"{self.name}: {' '.join(map(str, words))}: the load has ended; {self.server.log()[-1000:]}"
        return [float(n) for n in line.split()]

    def costs(self, *words):
        """(what it answered, server's CPU seconds, database's)"""
        pids = [self.server.process.pid, *([self.database.process.pid] if self.database else [])]
        before = [cpu_s(pid) for pid in pids]
        said = self(*words)
        spent = [cpu_s(pid) - b for pid, b in zip(pids, before)]
        return said, spent[0], sum(spent[1:])

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)


def say(text):
    print(text, flush=True)


def capacity(loads, n, what="load", seconds=SECONDS, rounds=ROUNDS):
    """Requests per CPU second of each, medians of rounds that take turns; and what was seen by the way."""
    seen = {load: [] for load in loads}
    for _ in range(rounds):
        for load in loads:
            (requests, took, _p50, p99, size), spent, database = load.costs(what, n, seconds)
            seen[load].append((requests / spent, database / requests * 1e6, requests / took, p99, size))
    return {load: [statistics.median(column) for column in zip(*rows)] for load, rows in seen.items()}


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        pki = folder / "pki"
        pki.mkdir()
        make_pki(pki)
        rigs, loads, databases = [], [], []

        def ours(name, certificate="ec.example", database=None):
            place = folder / name.replace(" ", "-")
            place.mkdir()
            rig = Rig(place)
            rig.port = free_port(besides=[r.port for r in rigs])
            rigs.append(rig)
            conf = rig.server_conf(store(rig, database) if database else None, certificate=pki / f"{certificate}.pem",
                                   key=None, ca=pki / "ca.pem")
            load = Load(name, rig.start_server(conf=conf), rig.port, pki, database=database)
            loads.append(load)
            return load

        def example():
            port = free_port(besides=[r.port for r in rigs] + [r.port - 1 for r in rigs])
            server = Daemon([EXAMPLE, "-A", "127.0.0.1", "-p", port, "-v", "2", "-V", "2", "-c", pki / "ec.example.pem",
                             "-j", pki / "ec.example.key", "-C", pki / "ca.pem"], folder / "example.log")
            load = Load("example coap-server", server, port + 1, pki, path=["example_data"])
            loads.append(load)
            return load

        try:
            measure(ours, example, databases, folder)
        finally:
            for load in loads:
                load.end()
                load.server.stop()
            for database in databases:
                database.stop()


def measure(ours, example, databases, folder):
    peer, sqlite = example(), ours("ours with SQLite")
    stores = [(sqlite, 0.7)]
    if MARIADBD:
        databases.append(Mariadb(folder / "db"))
        stores.append((ours("ours with MariaDB", database=databases[0]), 0.9))
    else:
        say("ours with MariaDB: skipped: mariadbd is not installed (deps/packages check)")
    everyone = [peer, *(load for load, _ in stores)]
    for load in everyone:
        load("connect", 100)
    found = capacity(everyone, 100)
    for load in everyone:
        per_cpu_s, database_us, rate, _p99, size = found[load]
        say(f"{load.name}: {size:.0f} bytes by each of 100 sessions: {per_cpu_s:.0f} requests a CPU second ({1e6 / per_cpu_s:.1f} us "
            f"each{f', and {database_us:.1f} us in the database' if load.database else ''}), {rate:.0f} a second")
    for load, target in stores:
        say(f"{load.name}, durable, beside the example, which stores nothing: "
            f"{at_least(found[load][0] / found[peer][0], target)}")
    for load, _ in stores:
        _, _, p50, p99, _ = load("load", 100, 5, found[load][2] / 2)
        say(f"{load.name}: at half load ({found[load][2] / 2:.0f} a second), from when each was due: p50 {p50 / 1e3:.1f} ms, p99 "
            f"{at_most(p99 / 1e3, 50, ' ms')}")

    for load in peer, sqlite:
        before = rss_kb(load.server.process.pid)
        load("connect", 1000)
        kib = (rss_kb(load.server.process.pid) - before) / 1000
        say(f"{load.name}: a session takes " + (at_most(kib, 30, " KiB") if load is sqlite else f"{kib:.1f} KiB"))

    for load in peer, sqlite:
        load("connect", IDLE[0] - SESSIONS_MIN)
    many = capacity([peer, sqlite], 16, "ask", 1, 3)
    say(f"GET /time, {IDLE[0]} sessions, 16 of them not idle: ours {many[sqlite][0]:.0f} requests a CPU second, the example "
        f"{many[peer][0]:.0f}: {at_least(many[sqlite][0] / many[peer][0], 10)}")
    few = ours("ours with few")
    few("connect", 10)
    sqlite("connect", IDLE[1] - IDLE[0], "ticket")
    most = capacity([few, sqlite], 10, "ask", 1, 3)
    say(f"GET /time, ours with {IDLE[1]} sessions beside 10: {at_least(most[sqlite][0] / most[few][0], 0.5)}")

    few("close", 10)
    for name, load in ("P-256", few), ("RSA-2048", ours("ours with RSA", certificate="rsa.example")):
        costs = {"": [], "ticket": []}
        for _ in range(ROUNDS):
            for how in costs:
                _, spent, _ = load.costs("connect", 50, how)
                load("close", 50)
                costs[how].append(spent / 50 * 1e6)
        full, short = (statistics.median(costs[how]) for how in costs)
        say(f"reconnecting to a server with {name}: {short:.0f} us by a ticket, {full:.0f} us in full: {at_least(full / short, 20)}")


main()
