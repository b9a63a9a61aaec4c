# SPDX-License-Identifier: BSD-2-Clause
"""Credentials that change while the server runs: SIGHUP takes them all or none, sessions go on, the revoked are out."""
import re
import shutil
import signal
import subprocess

import pytest

from rig import DEVICE

NODE = "urn_dev_mac_0200c0fffe000001"


@pytest.fixture
def ca(rig):
    """geotherm ca, with what a server, a node and an operator need."""
    def run(*args):
        code, out, err = rig.run("geotherm", "ca", "--dir", rig.dir / "ca", *args)
        assert code == 0, err
        return out
    run("init", "Test CA")
    run("issue", "--role", "server", "127.0.0.1")
    run("issue", DEVICE)
    run("issue", "--role", "operator", "Ann")
    run.dir = rig.dir / "ca"
    run.server = {"certificate": run.dir / "127.0.0.1.pem", "key": run.dir / "127.0.0.1.key", "ca": run.dir / "ca.pem",
                  "crl": run.dir / "crl.pem"}
    run.node = {"certificate": run.dir / f"{NODE}.pem", "key": run.dir / f"{NODE}.key", "ca": run.dir / "ca.pem"}
    for suffix in "pem", "key":     # as a thief has it: revoking sets the authority's own files aside
        shutil.copy(run.dir / f"Ann.{suffix}", rig.dir / f"ann.{suffix}")
        shutil.copy(run.dir / f"{NODE}.{suffix}", rig.dir / f"stolen.{suffix}")
    run.ann = ["--ca", run.dir / "ca.pem", "--cert", rig.dir / "ann.pem", "--key", rig.dir / "ann.key"]
    return run


def reload(server, says):
    server.process.send_signal(signal.SIGHUP)
    server.wait_log(says)


def shown_serial(rig):
    """Of the certificate that the server shows to who comes now."""
    done = subprocess.run(["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{rig.port}"], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=30)
    return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=done.stdout, capture_output=True).stdout


def test_a_renewed_certificate_is_shown_to_newcomers_and_sessions_go_on(rig, ca):
    server = rig.start_server(conf=rig.server_conf(**ca.server))
    node = rig.start_node(conf=rig.node_conf(server=ca.node))
    rig.wait_rows(3)
    before = shown_serial(rig)
    assert before.startswith(b"serial=") and shown_serial(rig) == before
    ca("renew", "127.0.0.1")
    assert shown_serial(rig) == before, "files are read at the reload, not in between"
    reload(server, "reloaded")
    assert shown_serial(rig) not in (before, b"")
    stored = len(rig.rows())
    rig.wait_rows(stored + 3)
    assert rig.status()["uplink"]["failures"] == 0 and node.log().count("readings acknowledged") == 1
    assert node.stop() == 0 and server.stop() == 0


def test_who_was_revoked_is_refused_in_the_open_session_and_at_the_next_handshake(rig, ca):
    server = rig.start_server(conf=rig.server_conf(**ca.server))
    rig.start_node(conf=rig.node_conf(server={**ca.node, "certificate": rig.dir / "stolen.pem", "key": rig.dir / "stolen.key"}))
    rig.wait_rows(3)
    uri = f"coaps://127.0.0.1:{rig.port}/gpsflowtemp"
    assert rig.run("geotherm", "get", *ca.ann, uri)[0] == 0
    ca("revoke", DEVICE)
    ca("revoke", "Ann")
    rig.wait_rows(len(rig.rows()) + 2)      # nothing has changed before the reload
    reload(server, "reloaded")
    server.wait_log(rf"refused 4\.03 .*certificate={DEVICE}: the certificate \(revoked\) names {DEVICE}")
    assert "refused peer" not in server.log(), "it was told in its session"
    kept = len(rig.rows())
    assert rig.run("geotherm", "get", *ca.ann, uri)[0] == 3
    server.wait_log(r'refused peer=127\.0\.0\.1\S* reason=".*Ann.*revoked')
    assert len(rig.rows()) == kept


def test_a_reload_with_a_bad_file_changes_nothing(rig, ca):
    conf = rig.server_conf(**ca.server)
    server = rig.start_server(conf=conf)
    before = shown_serial(rig)
    good = {path: path.read_bytes() for path in ca.server.values()}
    for path, bad, says in [(ca.server["key"], (ca.dir / f"{NODE}.key").read_bytes(), "does not match"),
                            (ca.server["ca"], b"", "empty"), (ca.server["crl"], b"-----BEGIN X509 CRL-----\nx\n", "revocation list"),
                            (ca.server["certificate"], (ca.dir / f"{NODE}.pem").read_bytes(), "serverAuth")]:
        path.write_bytes(bad)
        reload(server, f"reload: .*{path.name}.*{says}")
        path.write_bytes(good[path])
        assert shown_serial(rig) == before
    # Another place for the same things is taken without a restart.
    shutil.copytree(ca.dir, rig.dir / "moved")
    rig.server_conf(**{key: rig.dir / "moved" / path.name for key, path in ca.server.items()})
    reload(server, "reloaded")
    rig.start_node(conf=rig.node_conf(server=ca.node))
    rig.wait_rows(2)


def test_a_second_authority_is_taken_while_the_first_goes_on(rig, ca):
    server = rig.start_server(conf=rig.server_conf(**ca.server))
    operator = [*rig.client_options()[:1], ca.dir / "ca.pem", *rig.client_options()[2:]]     # a certificate of another CA
    uri = f"coaps://127.0.0.1:{rig.port}/gpsflowtemp"
    assert rig.run("geotherm", "get", *operator, uri)[0] == 3
    server.wait_log(r'refused peer=127\.0\.0\.1.* reason="certificate of .*not signed by the CA')
    both = rig.dir / "both.pem"
    both.write_bytes((ca.dir / "ca.pem").read_bytes() + (rig.pki / "ca.pem").read_bytes())
    rig.server_conf(**{**ca.server, "ca": both})
    reload(server, "reloaded")
    assert rig.run("geotherm", "get", *operator, uri)[0] == 0
    assert rig.run("geotherm", "get", *ca.ann, uri)[0] == 0
    assert len(re.findall("refused peer", server.log())) == 1
