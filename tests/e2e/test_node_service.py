# SPDX-License-Identifier: BSD-2-Clause
"""The node as a service: reload by SIGHUP, certificates that end, servers that are bad in every way."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from rig import DEVICE, ROOT, free_port, until
from test_chain import assert_no_hole


def quick(rig, **server):
    return rig.node_conf(node={"period": "50ms"}, server={"retry_max": "1", **server})


def reload(node, pattern):
    """Sends SIGHUP and returns what the log says from there on, once it says the pattern."""
    said = len(node.log())
    node.process.send_signal(signal.SIGHUP)
    until(lambda: pattern in node.log()[said:], lambda: f"the log says {pattern}: {node.log()[said:]}")
    return node.log()[said:]


def test_a_reload_takes_configuration_and_certificate_and_loses_no_reading(rig):
    server = rig.start_server()
    conf = quick(rig)
    node = rig.start_node(conf=conf)
    for _ in range(3):
        rig.wait_rows(len(rig.rows()) + 5)
        (rig.pki / "node.pem").unlink()
        rig.make_pki("pki")         # another key and certificate for the same device
        conf.write_text(conf.read_text().replace("period = 50ms", "period = 60ms"))
        assert "reload: new configuration applied" in reload(node, "reload: ")
    rig.wait_rows(len(rig.rows()) + 5)
    assert node.stop() == 0
    assert server.alive()
    assert_no_hole(rig.rows())


def test_a_shorter_period_holds_from_the_reload_on(rig):
    rig.start_server()
    conf = rig.node_conf(node={"period": "1h"})
    node = rig.start_node(conf=conf)
    rig.wait_rows(1)
    conf.write_text(conf.read_text().replace("period = 1h", "period = 100ms"))
    assert "reload: new configuration applied" in reload(node, "reload: ")
    rig.wait_rows(10)
    assert node.stop() == 0


def test_a_backlog_from_before_the_time_was_known_is_dated_before_it_is_sent(rig):
    rig.fill_outbox(1200, 1, "undated")
    rig.start_server()
    node = rig.start_node(conf=rig.node_conf(w1={"bus": "none"}, gnss={"port": "none"}))
    rows = rig.wait_rows(1201)[:1200]
    assert [row["seq"] for row in rows] == list(range(1, 1201))
    assert {row["time_source"] for row in rows} <= {"server", "ntp"}
    boot_us = time.time() * 1e6 - time.clock_gettime(time.CLOCK_BOOTTIME) * 1e6
    assert max(abs(row["time_us"] - row["seq"] * 1000000 - boot_us) for row in rows) < 60e6
    assert node.stop() == 0


@pytest.mark.parametrize("spoil,word", [
    (lambda rig, conf: conf.write_text(conf.read_text() + "[server]\nlitsen = 1\n"), "litsen"),
    (lambda rig, conf: shutil.copy(rig.pki / "operator.key", rig.pki / "node.key"), "node.key"),
    (lambda rig, conf: (rig.pki / "ca.pem").write_text("nothing"), "ca.pem"),
    (lambda rig, conf: conf.write_text(conf.read_text().replace("uri = coaps", "uri = cops")), "cops://"),
    (lambda rig, conf: conf.write_text(conf.read_text() + "[server]\nciphers = ROT13\n"), "ROT13"),
    (lambda rig, conf: conf.write_text(conf.read_text().replace("outbox.db", "other.db")), "restart the node"),
], ids=["unknown-key", "wrong-key", "no-ca", "uri", "ciphers", "fixed"])
def test_a_reload_of_something_wrong_changes_nothing(rig, spoil, word):
    rig.start_server()
    conf = quick(rig)
    node = rig.start_node(conf=conf)
    rig.wait_rows(3)
    spoil(rig, conf)
    assert word in reload(node, "keeping the old configuration")
    rig.wait_rows(len(rig.rows()) + 5)
    assert node.stop() == 0
    assert_no_hole(rig.rows())


def test_a_certificate_that_ends_soon_is_told_in_log_and_status_until_it_is_renewed(rig):
    (rig.pki / "node.pem").unlink()
    subprocess.run([ROOT / "certs/make-test-ca", rig.pki, DEVICE], check=True, env=dict(os.environ, DAYS="12"))
    rig.start_server()
    node = rig.start_node(conf=quick(rig))
    node.wait_log(r"node\.pem expires in 1[12] days")
    assert until(lambda: rig.status().get("uplink", {}).get("certificate_days"), "the status has the days") in (11, 12)
    (rig.pki / "node.pem").unlink()
    rig.make_pki("pki")
    assert "expires" not in reload(node, "reload: new configuration applied")
    until(lambda: rig.status()["uplink"]["certificate_days"] > 300, "the status has the new certificate's days")
    assert node.stop() == 0


def cpu_s(node):
    fields = pathlib.Path(f"/proc/{node.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def expired_server(rig):
    """openssl's own server on the rig's port, with a certificate of the CA that ended long ago."""
    (rig.dir / "ca.conf").write_text(f"[ca]\ndefault_ca = d\n[d]\ndatabase = {rig.dir}/index\nserial = {rig.dir}/serial\n"
                                     "new_certs_dir = {0}\ndefault_md = sha256\npolicy = p\n[p]\n".format(rig.dir))
    (rig.dir / "index").write_text("")
    (rig.dir / "serial").write_text("77\n")
    run = lambda *a: subprocess.run(["openssl", *map(str, a)], check=True, capture_output=True, cwd=rig.dir)     # noqa: E731
    run("req", "-new", "-key", rig.pki / "server.key", "-subj", "/CN=127.0.0.1", "-addext",
        "subjectAltName=IP:127.0.0.1", "-out", "old.csr")
    (rig.dir / "ca.conf").write_text((rig.dir / "ca.conf").read_text().replace("policy = p", "policy = p\ncopy_extensions = copy"))
    run("ca", "-batch", "-notext", "-config", "ca.conf", "-cert", rig.pki / "ca.pem", "-keyfile", rig.pki / "ca.key",
        "-startdate", "20200101000000Z", "-enddate", "20210101000000Z", "-in", "old.csr", "-out", "old.pem", "-subj", "/")
    return subprocess.Popen(["openssl", "s_server", "-dtls1_2", "-accept", f"127.0.0.1:{rig.port}", "-cert", "old.pem",
                             "-key", rig.pki / "server.key", "-quiet"], cwd=rig.dir, stdin=subprocess.PIPE,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("what,words", [
    ("no such host", "no such host: no-such-host.invalid"),
    ("nothing listens", "nothing listens there"),
    ("expired", "expired"),
    ("another name", "other.example"),
    ("store down", "5.03"),
    ("another device", "4.03"),
])
def test_a_bad_server_is_stated_in_status_and_log_and_costs_no_reading(rig, what, words):
    conf = quick(rig)
    peer = None
    if what == "no such host":
        conf = quick(rig, uri="coaps://no-such-host.invalid")
    elif what == "expired":
        peer = expired_server(rig)
    elif what == "another name":
        rig.start_server()
        conf = quick(rig, server_name="other.example")
    elif what == "another device":
        rig.start_server()
        conf = rig.node_conf(node={"period": "50ms", "device": "urn:dev:mac:0200c0fffe000002"}, server={"retry_max": "1"})
    elif what == "store down":
        rig.start_server(conf=rig.server_conf({"backend": "mariadb", "socket": rig.dir / "nobody.sock", "user": "u",
                                               "database": "d"}))
    try:
        node = rig.start_node(conf=conf)
        until(lambda: words in str(rig.status().get("last_error", {}).get("text")),
              lambda: f"the status says {words}: {rig.status().get('last_error')}")
        assert words in node.log()
        used, started, waiting = cpu_s(node), time.monotonic(), rig.waiting()
        until(lambda: rig.waiting() > waiting + 40, "40 more readings wait")
        assert cpu_s(node) - used < 0.25 * (time.monotonic() - started), "it is busy with being refused"
        assert node.log().count(words) < 5, node.log()[-2000:]      # said once, not each time
        status = rig.status()["outbox"]
        assert status["waiting"] + 2 > status["next_seq"] - 1 > 20
        assert node.stop() == 0
    finally:
        if peer:
            peer.kill()
            peer.wait()
    assert rig.waiting() >= 40


def test_the_second_server_takes_over_and_the_first_comes_back(rig):
    other = free_port(besides=(rig.port,))
    both = f"coaps://127.0.0.1:{rig.port}, coaps://127.0.0.1:{other}"
    first = rig.start_server()
    # The same store: whichever of them answers, it is one chain.
    second = rig.spawn("geotherm-server", "--config", rig.server_conf(), "-o", f"server.listen=127.0.0.1:{other}",
                       log="second.log")
    second.wait_log("listening")
    node = rig.start_node(conf=quick(rig, uri=both))
    rig.wait_rows(3)
    assert rig.status()["uplink"]["server"].endswith(str(rig.port))
    first.stop(signal.SIGKILL)
    until(lambda: rig.status()["uplink"]["server"].endswith(str(other)), "the second server is in use")
    rig.wait_rows(len(rig.rows()) + 3)
    rig.start_server()
    until(lambda: rig.status()["uplink"]["server"].endswith(str(rig.port)), "the first server is in use again")
    rig.wait_rows(len(rig.rows()) + 3)
    assert node.stop() == 0
    assert_no_hole(rig.rows())


def test_the_older_programs_text_arrives_at_our_server(rig):
    rig.start_server(conf=rig.server_conf(client_auth="optional"))
    node = rig.start_node(conf=quick(rig, format="legacy"))
    rows = rig.wait_rows(5)
    assert rows[-1]["device"] == DEVICE and rows[-1]["time_source"] == "host"
    assert -55 <= rows[-1]["t1"] <= 125
    assert node.stop() == 0


def test_a_session_is_made_with_what_the_older_programs_server_speaks(rig):
    """DTLS 1.2 of OpenSSL with its suites and groups, no tickets, no client certificate asked for; it shows what it gets."""
    got = rig.dir / "got"
    with open(got, "wb") as out:
        peer = subprocess.Popen(["openssl", "s_server", "-dtls1_2", "-accept", f"127.0.0.1:{rig.port}", "-quiet",
                                 "-no_ticket", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:"
                                 "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256", "-groups", "P-256:P-521:P-384",
                                 "-cert", rig.pki / "server.pem", "-key", rig.pki / "server.key"],
                                stdin=subprocess.PIPE, stdout=out, stderr=subprocess.DEVNULL)
    try:
        node = rig.start_node(conf=quick(rig, format="legacy"))
        record = until(lambda: re.search(rb"gpsflowtemp\xff(28-[0-9a-f]{12}|none)/(\d+)/(-?[0-9.]+)/0/(.*?)/([0-9.]+)",
                                         got.read_bytes(), re.S), "a record arrives, right behind the path")
        assert int(record[2]) == 0x0200c0000001
        assert record[4] == b"" or record[4].startswith(b"$GPRMC,")
        assert float(record[5]) > 1.7e9
        assert node.stop() == 0
    finally:
        peer.kill()
        peer.wait()
