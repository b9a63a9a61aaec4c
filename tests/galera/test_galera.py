# SPDX-License-Identifier: BSD-2-Clause
"""geotherm-server on a Galera cluster whose nodes are killed, stopped, frozen and cut off under load.

make check-galera. What the node was told is stored is in the database, once, on every database node; the node is
served again within 20 s. Nothing here is a mock: mariadbd and Galera are Debian's.
"""
import os
import pathlib
import shutil
import signal
import sqlite3
import sys
import tempfile
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from rig import DEVICE, Rig, free_port, until    # noqa: E402
import cluster as galera    # noqa: E402

SERVED_AGAIN_S = 20


@pytest.fixture(scope="module")
def cluster():
    why = galera.missing()
    if why:
        pytest.skip(why)
    # Short: each path stands many times in the command for the state transfer, which may have 4096 bytes.
    with tempfile.TemporaryDirectory(prefix="g") as folder:
        os.chmod(folder, 0o755)     # pytest's own folders let nobody else in
        with galera.Cluster(folder) as cluster:
            yield cluster


class Chain(Rig):
    """A node that measures 10 times a second, and servers on the cluster."""

    def __init__(self, folder, cluster):
        super().__init__(folder)
        self.cluster = cluster
        self.password = self.dir / "password"
        self.password.write_text("secret\n")
        self.password.chmod(0o600)

    def serve(self, name, hosts):
        conf = self.server_conf({"backend": "mariadb", "hosts": hosts, "user": "geotherm", "database": "geotherm",
                                 "password_file": self.password})
        server = self.spawn("geotherm-server", "--config", conf.rename(self.dir / f"{name}.conf"), log=f"{name}.log")
        server.wait_log("listening")
        return server

    def measure(self, **node):
        node = self.start_node(conf=self.node_conf(node={"period": "100ms", **node}, w1={"bus": "none"}, gnss={"port": "none"}))
        until(lambda: self.outbox.exists() or not node.alive(), "the node has an outbox")
        assert node.alive(), node.log()
        return node

    def waiting(self):
        """Numbers that are measured and not yet confirmed."""
        connection = sqlite3.connect(f"file:{self.outbox}?mode=ro", uri=True, timeout=10)
        try:
            return {row[0] for row in connection.execute("SELECT seq FROM reading UNION SELECT seq FROM refused")}
        except sqlite3.OperationalError as error:
            assert "no such table" in str(error), error     # it is just being made
            return set()
        finally:
            connection.close()


@pytest.fixture
def chain(tmp_path, cluster):
    cluster.mend()
    cluster.nodes[0].sql("DROP DATABASE geotherm; CREATE DATABASE geotherm CHARACTER SET utf8mb4")
    chain = Chain(tmp_path, cluster)
    yield chain
    chain.close()


def stored(node):
    """On a node that has caught up with the cluster."""
    text = "SET SESSION wsrep_sync_wait = 1; SELECT seq FROM geotherm.reading_view ORDER BY seq"
    try:
        return [int(row[0]) for row in node.sql(text)]
    except AssertionError as error:
        if "doesn't exist" in str(error):
            return []
        raise


def wait_more(node, than, patience_s=60):
    """Until another reading is stored, and how long that took."""
    started = time.monotonic()
    until(lambda: len(stored(node)) > than, f"more than {than} readings are stored", patience_s)
    return time.monotonic() - started


def assert_all_once(chain, nodes, at_least):
    """Stops the measuring and compares what was measured with what every database node holds."""
    for daemon in chain.daemons:
        if "geotherm-node" in daemon.argv[0]:
            assert daemon.stop() == 0, daemon.log()[-2000:]
    waiting = chain.waiting()
    everywhere = [stored(node) for node in nodes]
    for seqs in everywhere:
        assert len(seqs) == len(set(seqs)), "a reading is stored twice"
        assert seqs == everywhere[0], "the nodes of the cluster differ"
    last = max(waiting | set(everywhere[0]))
    lost = set(range(1, last + 1)) - waiting - set(everywhere[0])
    assert not lost, f"measured, not waiting, not stored: {sorted(lost)[:20]}"
    assert len(everywhere[0]) >= at_least
    return len(everywhere[0]), len(waiting)


def report(what, chain, counts, gap_s):
    print(f"{what}: {counts[0]} stored once on each node, {counts[1]} still in the outbox, 0 lost; served again after {gap_s:.1f} s")


def test_the_database_node_that_is_written_to_is_killed(chain, cluster):
    chain.serve("server", cluster.hosts)
    chain.measure()
    wait_more(cluster.nodes[1], 20)
    cluster.nodes[0].stop(signal.SIGKILL)
    gap = wait_more(cluster.nodes[1], len(stored_soon(cluster.nodes[1])))
    assert gap < SERVED_AGAIN_S
    cluster.nodes[0].start()
    report("killed", chain, assert_all_once(chain, cluster.nodes, 20), gap)


def stored_soon(node):
    """What is stored, from a node that may just be forming a cluster without its peer."""
    def tried():
        try:
            return stored(node)
        except AssertionError as error:
            assert "WSREP" in str(error) or "wsrep" in str(error) or "Deadlock" in str(error), error
            return None
    return until(tried, f"node {node.number} answers", SERVED_AGAIN_S)


def test_the_database_node_that_is_written_to_is_stopped_in_good_order(chain, cluster):
    server = chain.serve("server", cluster.hosts)
    chain.measure()
    wait_more(cluster.nodes[1], 20)
    cluster.nodes[0].stop(signal.SIGTERM)
    gap = wait_more(cluster.nodes[1], len(stored_soon(cluster.nodes[1])))
    assert gap < SERVED_AGAIN_S
    server.wait_log(rf"127\.0\.0\.1:{cluster.nodes[0].port}")    # says which one it left
    cluster.nodes[0].start()
    report("stopped", chain, assert_all_once(chain, cluster.nodes, 20), gap)


def test_another_database_node_freezes_and_the_cluster_stalls_without_it(chain, cluster):
    chain.serve("server", cluster.hosts)
    chain.measure()
    wait_more(cluster.nodes[1], 20)
    cluster.nodes[2].send(signal.SIGSTOP)
    before = len(stored_soon(cluster.nodes[1]))
    gap = wait_more(cluster.nodes[1], before)
    assert gap < SERVED_AGAIN_S
    cluster.nodes[2].send(signal.SIGCONT)
    cluster.nodes[2].wait_synced()
    report("frozen", chain, assert_all_once(chain, cluster.nodes, 20), gap)


def test_without_a_majority_nothing_is_acknowledged_until_an_operator_decides(chain, cluster):
    server = chain.serve("server", cluster.hosts)
    chain.measure()
    wait_more(cluster.nodes[2], 20)
    for node in cluster.nodes[:2]:
        node.stop(signal.SIGKILL)
    server.wait_log(r"store: .*nodes keep their readings")
    until(lambda: len(chain.waiting()) > 40, "the outbox keeps what cannot be stored")
    until(lambda: bootstrapped(cluster.nodes[2]), "the last node is the cluster", 30)
    gap = wait_more(cluster.nodes[2], len(stored_soon(cluster.nodes[2])))
    assert gap < SERVED_AGAIN_S
    for node in cluster.nodes[:2]:
        node.start()
    report("no majority", chain, assert_all_once(chain, cluster.nodes, 60), gap)


def bootstrapped(node):
    """Issued too early it has no effect, so it is asked again until the node calls itself primary."""
    node.sql("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=YES'")
    return dict(node.sql("SHOW STATUS LIKE 'wsrep_cluster_status'"))["wsrep_cluster_status"] == "Primary"


def test_the_whole_cluster_is_killed_and_what_was_acknowledged_is_still_there(chain, cluster):
    chain.serve("server", cluster.hosts)
    chain.measure()
    wait_more(cluster.nodes[1], 20)
    for node in cluster.nodes:
        node.stop(signal.SIGKILL)
    cluster.bootstrap()
    gap = wait_more(cluster.nodes[1], len(stored_soon(cluster.nodes[1])))
    assert gap < SERVED_AGAIN_S
    report("all killed", chain, assert_all_once(chain, cluster.nodes, 20), gap)


def test_two_servers_on_two_database_nodes_get_the_same_readings_at_once(chain, cluster):
    """The certification conflicts of Galera: the same keys are written on both sides at the same time."""
    first_port = chain.port
    # A backlog, made while no server is there; then the same outbox on two cards.
    node = chain.measure()
    until(lambda: len(chain.waiting()) >= 200, "200 readings wait")
    assert node.stop() == 0
    twin = chain.dir / "twin"
    twin.mkdir()
    for part in chain.dir.glob("outbox.db*"):
        shutil.copy(part, twin)
    count = len(chain.waiting())

    chain.serve("first", f"127.0.0.1:{cluster.nodes[0].port}")
    one = chain.node_conf(node={"period": "1h"}, w1={"bus": "none"}, gnss={"port": "none"}).rename(chain.dir / "one.conf")
    chain.port = free_port()
    assert chain.port != first_port
    chain.serve("second", f"127.0.0.1:{cluster.nodes[1].port}")
    chain.outbox = twin / "outbox.db"
    two = chain.node_conf(node={"period": "1h", "status": twin / "status.json"}, w1={"bus": "none"},
                          gnss={"port": "none"})
    nodes = [chain.spawn("geotherm-node", "--config", conf, log=f"{conf.stem}.log") for conf in (one, two)]
    until(lambda: not chain.waiting(), "the twin's outbox is empty")
    chain.outbox = chain.dir / "outbox.db"
    until(lambda: not chain.waiting(), "the first outbox is empty")
    for daemon in nodes:
        assert daemon.stop() == 0
    for database in cluster.nodes:
        seqs = stored(database)
        assert seqs[:count] == list(range(1, count + 1))
        assert len(seqs) == len(set(seqs))
    conflicts = sum(int(node.sql(f"SHOW STATUS LIKE '{name}'")[0][1]) for node in cluster.nodes
                    for name in ("wsrep_local_cert_failures", "wsrep_local_bf_aborts"))
    print(f"two servers, the same {count} readings: each stored once; {conflicts} conflicts between the nodes since their start")
