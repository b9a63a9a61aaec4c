# SPDX-License-Identifier: BSD-2-Clause
"""geotherm bench against a real server: one line a suite, and a reason where there is no figure."""
import re

GOOD = "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256"
RSA = "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256"


def bench(rig, what, *args):
    return rig.run("geotherm", "bench", *rig.client_options("node"), *args, what, f"coaps://127.0.0.1:{rig.port}")


def figures(out, suite):
    match = re.search(rf"^{suite} +([\d.]+) +([\d.]+) +([\d.]+)$", out, re.M)
    return match and [float(f) for f in match.groups()]


def test_handshakes_are_measured_suite_by_suite(rig):
    rig.start_server()
    code, out, err = bench(rig, "handshake", "--count", "3", "--ciphers", f"{GOOD}:{RSA}")
    assert code == 0 and err == ""
    least, median, most = figures(out, GOOD)
    assert 0 < least <= median <= most
    assert re.search(rf"^{RSA} +[^\d ]", out, re.M), "the server's certificate is ECDSA: a reason stands there"


def test_posts_are_stored_once_each_in_an_epoch_of_their_own(rig):
    rig.start_server()
    code, out, err = bench(rig, "post", "--count", "5", "--ciphers", GOOD)
    assert code == 0 and figures(out, GOOD), (out, err)
    rows = rig.rows()
    assert [r["seq"] for r in rows] == [1, 2, 3, 4, 5] and {r["note"] for r in rows} == {"geotherm bench"}


def test_what_cannot_be_measured_is_refused(rig):
    assert bench(rig, "handshake", "--count", "0")[0] == 2
    assert bench(rig, "dance")[0] == 2
    code, _, err = bench(rig, "handshake", "--ciphers", "NULL")
    assert code == 2 and "NULL" in err
    code, _, err = rig.run("geotherm", "bench", "--ca", rig.pki / "ca.pem", "post", "coaps://127.0.0.1")
    assert code == 2 and "--cert" in err
