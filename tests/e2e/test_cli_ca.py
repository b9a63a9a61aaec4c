# SPDX-License-Identifier: BSD-2-Clause
"""geotherm ca: what it makes is judged by the openssl command and used by the real server and node."""
import fcntl
import os
import re
import subprocess
import tarfile

import pytest

from rig import BUILD, DEVICE, until

NODE = "urn_dev_mac_0200c0fffe000001"


def openssl(*args):
    return subprocess.run(["openssl", *map(str, args)], capture_output=True, text=True)


@pytest.fixture
def ca(rig):
    """geotherm ca on a fresh authority: (exit code, stdout, stderr)."""
    def run(*args):
        return rig.run("geotherm", "ca", "--dir", rig.dir / "ca", *args)
    assert run("init", "Test CA")[0] == 0
    run.dir = rig.dir / "ca"
    return run


def test_node_server_and_operator_with_its_certificates_work_and_a_revoked_one_does_not(rig, ca):
    assert ca("issue", "--role", "server", "--also", "127.0.0.1", "--also", "::1", "localhost")[0] == 0
    assert ca("issue", DEVICE)[1].strip() == str(ca.dir / f"{NODE}.pem")
    assert ca("issue", "--role", "operator", "Ann Example")[0] == 0
    server = {"certificate": ca.dir / "localhost.pem", "key": ca.dir / "localhost.key", "ca": ca.dir / "ca.pem",
              "crl": ca.dir / "crl.pem"}
    first = rig.start_server(conf=rig.server_conf(**server))
    rig.start_node(conf=rig.node_conf(server={"ca": ca.dir / "ca.pem", "certificate": ca.dir / f"{NODE}.pem",
                                              "key": ca.dir / f"{NODE}.key"}))
    rig.wait_rows(2)
    # The files of what is revoked are set aside: keep a copy, as a thief would.
    for suffix in ("pem", "key"):
        (rig.dir / f"ann.{suffix}").write_bytes((ca.dir / f"Ann_Example.{suffix}").read_bytes())
    get = ["get", "--ca", ca.dir / "ca.pem", "--cert", rig.dir / "ann.pem", "--key", rig.dir / "ann.key",
           f"coaps://127.0.0.1:{rig.port}/gpsflowtemp"]
    code, out, err = rig.run("geotherm", *get)
    assert code == 0 and DEVICE in out, err
    assert ca("revoke", "Ann Example")[0] == 0
    first.stop()
    rig.start_server(conf=rig.server_conf(**server))
    assert rig.run("geotherm", *get)[0] == 3
    stored = len(rig.rows())
    until(lambda: len(rig.rows()) > stored, "the node, which is not revoked, goes on")


def test_openssl_finds_no_fault_in_what_it_signs(ca):
    ca("issue", "--role", "server", "--also", "192.0.2.1", "example.org")
    ca("issue", DEVICE)
    ca("issue", "--role", "operator", "Bob")
    both = ca.dir / "both.pem"
    check = ["verify", "-x509_strict", "-crl_check", "-CAfile", both]
    for name, purpose in (("example.org", "sslserver"), (NODE, "sslclient"), ("Bob", "sslclient")):
        both.write_text((ca.dir / "ca.pem").read_text() + (ca.dir / "crl.pem").read_text())
        done = openssl(*check, "-purpose", purpose, ca.dir / f"{name}.pem")
        assert done.returncode == 0, done.stderr
    names = openssl("x509", "-in", ca.dir / "example.org.pem", "-noout", "-ext", "subjectAltName").stdout
    assert "DNS:example.org" in names and "IP Address:192.0.2.1" in names
    assert f"URI:{DEVICE}" in openssl("x509", "-in", ca.dir / f"{NODE}.pem", "-noout", "-ext", "subjectAltName").stdout
    subject = openssl("x509", "-in", ca.dir / "Bob.pem", "-noout", "-subject").stdout
    assert "OU=operator" in subject.replace(" = ", "=")       # OpenSSL 3.2 and later write it so
    ca("revoke", "Bob")
    both.write_text((ca.dir / "ca.pem").read_text() + (ca.dir / "crl.pem").read_text())
    revoked = next(ca.dir.glob("Bob.pem.revoked-*"))
    assert "certificate revoked" in openssl(*check, revoked).stderr


def test_a_request_made_on_the_device_is_signed_under_the_name_that_was_asked_for(rig, ca):
    csr = rig.dir / "node.csr"
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", rig.dir / "node.key",
            "-subj", "/CN=somebody else/OU=operator", "-out", csr)
    assert ca("sign", csr, DEVICE)[0] == 0
    subject = openssl("x509", "-in", ca.dir / f"{NODE}.pem", "-noout", "-subject").stdout
    assert "operator" not in subject and "somebody" not in subject and DEVICE in subject
    assert not (ca.dir / f"{NODE}.key").exists()
    # One flipped bit of the key that it asks for: whoever made it does not have the other half.
    der = rig.dir / "bad.der"
    openssl("req", "-in", csr, "-outform", "DER", "-out", der)
    bad = bytearray(der.read_bytes())
    bad[-3] ^= 1
    der.write_bytes(bad)
    code, _, err = ca("sign", der, "urn:dev:mac:0200c0fffe000002")
    assert code == 1 and "bad.der" in err and not list(ca.dir.glob("*000002*"))


def test_keys_are_for_the_owner_only_and_nothing_is_overwritten(ca):
    ca("issue", DEVICE)
    before = {p: p.read_bytes() for p in ca.dir.iterdir()}
    for path in ca.dir.glob("*.key"):
        assert path.stat().st_mode & 0o777 == 0o600
    assert ca("init")[0] == 1
    code, _, err = ca("issue", DEVICE)
    assert code == 1 and "never overwritten" in err
    assert {p: p.read_bytes() for p in ca.dir.iterdir()} == before
    assert ca("revoke", DEVICE)[0] == 0 and ca("issue", DEVICE)[0] == 0, "a revoked one has a successor"
    assert ca("revoke", "nobody")[0] == 1


def test_a_bundle_holds_what_the_machine_needs(ca):
    ca("issue", "--role", "server", "example.org")
    path = ca.dir / "example.org.tar"
    assert ca("bundle", "example.org") == (0, f"{path}\n", "")
    assert path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as tar:
        assert {m.name: m.mode for m in tar} == {"server.pem": 0o600, "ca.pem": 0o644, "crl.pem": 0o644}
        assert tar.extractfile("server.pem").read() == b"".join(
            (ca.dir / f"example.org.{kind}").read_bytes() for kind in ("pem", "key"))
    assert ca("bundle", "example.org")[0] == 1, "nor is a bundle overwritten"


def public_key_and_names(path):
    names = openssl("x509", "-in", path, "-noout", "-ext", "subjectAltName").stdout.split(":", 1)[1]
    return [openssl("x509", "-in", path, "-noout", what).stdout for what in ("-pubkey", "-subject")], set(re.split("[,\\s]+", names))


def test_renewing_signs_the_same_key_and_names_for_longer(ca):
    ca("issue", "--days", "10", "--role", "server", "--also", "192.0.2.1", "--also", "2001:db8::1", "--also", "b.example", "example.org")
    ca("issue", "--days", "10", DEVICE)
    for name, file in ("example.org", "example.org"), (DEVICE, NODE):
        path = ca.dir / f"{file}.pem"
        before, key, serial = public_key_and_names(path), path.with_suffix(".key").read_bytes(), openssl("x509", "-in", path, "-noout", "-serial").stdout
        assert openssl("x509", "-in", path, "-noout", "-checkend", 20 * 86400).returncode == 1
        assert ca("renew", "--days", "100", name) == (0, f"{path}\n", "")
        assert public_key_and_names(path) == before and len(before[1]) >= 2
        assert openssl("x509", "-in", path, "-noout", "-checkend", 20 * 86400).returncode == 0
        assert openssl("x509", "-in", path, "-noout", "-serial").stdout != serial
        assert path.with_suffix(".key").read_bytes() == key
        assert openssl("verify", "-x509_strict", "-CAfile", ca.dir / "ca.pem", path).returncode == 0
    assert ca("list", "--expiring", "30")[1] == "", "what was renewed does not end soon"
    assert ca("revoke", DEVICE)[1].startswith("2 revoked"), "the old one could still be used"
    code, _, err = ca("renew", DEVICE)
    assert code == 1 and "revoked" in err


def test_list_shows_all_or_what_expires_soon(ca):
    ca("issue", "--days", "10", "urn:dev:mac:0200c0fffe000010")
    ca("issue", "--days", "100", "urn:dev:mac:0200c0fffe000100")
    assert ca("list")[1].count("node      valid") == 2
    soon = ca("list", "--expiring", "30")[1]
    assert "000010" in soon and "000100" not in soon


@pytest.mark.parametrize("args,said", [
    (["issue", "host.example"], "URN"), (["issue", "--role", "server", "a,CN=b"], "',='"),
    (["issue", "--role", "operator", "../x"], "'/'"), (["issue", "--role", "operator", "..x"], "begins with"), (["issue", "--role", "operator", "x" * 65], "1 to 64"),
    (["issue", "--role", "server", ""], "1 to 64"), (["issue", "--role", "operator", "ca"], '"ca": '),
    (["issue", "--role", "operator", "crl"], '"crl": '), (["issue", "--role", "server", "ca"], '"ca": '),
    (["issue", "--role", "operator", "a\nb"], '"a?b": no operator can have this name, because of its control character'),
    (["issue", "--role", "operator", "J\u00fcrgen"], "because of its '\u00fc'"),
    (["issue", "--role", "server", "999.1.1.1"], "bad ip address: 999.1.1.1"), (["issue", "--role", "server", "12::zz"], "bad ip address: 12::zz"),
    (["issue", "--role", "server", "--also", "300.1.1.1", "a.example"], "bad ip address: 300.1.1.1"),
    (["revoke", "a\nb"], "a?b: nothing"), (["renew", "a\nb"], "a?b: no certificate"), (["bundle", "a\nb"], "a?b: no valid"),
    (["sign", "/no/such.csr", DEVICE], "/no/such.csr"),
])
def test_what_cannot_be_signed_is_refused_with_the_reason(ca, args, said):
    before = sorted(p.name for p in ca.dir.iterdir())
    code, out, err = ca(*args)
    assert code == 1 and out == "" and said in err and err.count("\n") == 1
    assert sorted(p.name for p in ca.dir.iterdir()) == before


def test_a_damaged_index_is_named_by_its_line(ca):
    ca("issue", DEVICE)
    with open(ca.dir / "index", "a") as index:
        index.write("nonsense\n")
    code, _, err = ca("list")
    assert code == 1 and "index:2: " in err


def test_the_archives_of_what_was_renewed_or_revoked_are_not_given_away(rig, ca):
    ca("issue", DEVICE)
    path, away = ca.dir / f"{NODE}.tar", rig.dir / "away.tar"
    certificate = lambda tar: tarfile.open(tar).extractfile("node.pem").read()      # noqa: E731
    for args in (), ("--out", away):
        assert ca("bundle", DEVICE, *args)[0] == 0
    old = certificate(path)
    assert ca("renew", DEVICE)[0] == 0 and not path.exists()
    assert ca("bundle", DEVICE)[0] == 0 and certificate(path) != old
    code, _, err = ca("bundle", DEVICE, "--out", away)
    assert code == 1 and "--force" in err and certificate(away) == old
    assert ca("bundle", DEVICE, "--out", away, "--force")[0] == 0 and certificate(away) == certificate(path)
    assert ca("revoke", DEVICE)[0] == 0 and not path.exists()
    assert [p.name.rpartition("-")[0] for p in ca.dir.glob("*.tar*")] == [f"{NODE}.tar.revoked"]
    code, _, err = ca("bundle", DEVICE)
    assert code == 1 and "no valid certificate" in err


def test_revoking_a_serial_leaves_the_renewed_certificate(ca):
    ca("issue", DEVICE)
    old = ca("list")[1].split()[3]
    ca("renew", DEVICE)
    assert ca("revoke", old)[1].startswith("1 revoked")
    assert [line.split()[2] for line in ca("list")[1].splitlines()] == ["revoked", "valid"]
    assert (ca.dir / f"{NODE}.pem").exists() and ca("renew", DEVICE)[0] == 0


def test_the_index_of_the_older_program_is_taken_over(rig, ca):
    """Until 0.1.0 it had the lines that its own C wrote; what was revoked there stays so in the next list."""
    index = ca.dir / "index"
    index.write_text(f"4{'0' * 31} node 1764000000 4102444800 1795000000 {DEVICE}\n"
                     f"4{'a' * 31} operator 1764000000 1795000001 0 Ann Example\n"
                     f"4{'b' * 31} node 1764000000 4102444800 0 {DEVICE}\n")
    assert [line.split(None, 4) for line in ca("list")[1].splitlines()] == [
        ["2100-01-01", "node", "revoked", f"4{'0' * 31}", DEVICE],
        ["2026-11-18", "operator", "expired", f"4{'a' * 31}", "Ann Example"],
        ["2100-01-01", "node", "valid", f"4{'b' * 31}", DEVICE]]
    assert ca("issue", "--role", "operator", "Bob")[0] == 0 and len(ca("list")[1].splitlines()) == 4
    assert ca("revoke", "Bob")[0] == 0
    text = openssl("crl", "-in", ca.dir / "crl.pem", "-noout", "-text").stdout
    assert text.count("Serial Number") == 2 and f"4{'0' * 31}" in text


def test_two_runs_do_not_meet_and_one_that_was_killed_leaves_nothing_in_the_way(rig, ca):
    (ca.dir / ".new").mkdir()
    (ca.dir / ".new/index").write_text("half")
    lock = os.open(ca.dir, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    code, _, err = ca("issue", DEVICE)
    assert code == 1 and "another process uses it" in err and (ca.dir / ".new/index").exists()
    os.close(lock)
    assert ca("issue", DEVICE)[0] == 0 and not (ca.dir / ".new").exists()
    assert ca("list")[1].count("\n") == 1


def test_a_missing_openssl_and_a_missing_authority_are_named(rig, ca):
    done = subprocess.run([BUILD / "geotherm", "ca", "--dir", ca.dir, "list"], env={"PATH": "/nonexistent"}, capture_output=True,
                          text=True)
    assert (done.returncode, done.stdout) == (1, "") and "openssl command is missing" in done.stderr
    code, _, err = rig.run("geotherm", "ca", "--dir", rig.dir / "none", "list")
    assert code == 1 and f"{rig.dir / 'none'}: " in err and "geotherm ca init" in err


@pytest.mark.parametrize("args,said", [
    ([], "one of init"), (["sing", DEVICE], "one of init"), (["issue"], "too few or too many"), (["list", DEVICE], "too few or too many"),
    (["issue", "--role", "nod", DEVICE], "must be node, server or operator"), (["issue", "--days", "0", DEVICE], "from 1 to 7300"),
    (["list", "--expiring", "1x"], "from 0 to 100000"), (["list", "--expiring"], "expected a value"), (["--no", "list"], "--no"),
])
def test_wrong_usage_ends_with_2(ca, args, said):
    code, out, err = ca(*args)
    assert (code, out) == (2, "") and said in err


@pytest.mark.skipif(os.geteuid() != 0, reason="install is root's")
def test_install_takes_nothing_but_a_bundle_of_a_service(rig, ca, tmp_path):
    """What it does with one that fits, a booted machine shows (tests/boot)."""
    pki = tmp_path / "target"

    def install(bundle):
        code, out, err = rig.run("geotherm", "ca", "--dir", pki, "install", bundle)
        assert (code, out) == (1, "") and not list(pki.glob("*")), err
        return err

    assert "cannot be read" in install(tmp_path / "none.tar")
    (tmp_path / "text").write_text("text")
    assert "not a tar archive" in install(tmp_path / "text")
    ca("issue", "--role", "operator", "alice")
    assert "operator's bundle" in install(ca("bundle", "alice")[1].strip())
    ca("issue", DEVICE)
    bundle = ca("bundle", DEVICE)[1].strip()
    files = tmp_path / "files"
    files.mkdir()
    subprocess.run(["tar", "-xf", bundle, "-C", files], check=True)
    tar = tmp_path / "odd.tar"
    for make in ["cp ca.pem ../escaped && tar -P -cf {} node.pem ca.pem ../escaped", "tar -cf {} node.pem ca.pem node.pem",
                 "mv node.pem x && ln -s /etc/passwd node.pem && tar -cf {} node.pem ca.pem", "tar -cf {} ca.pem", "tar -cf {} ./ca.pem ./x"]:
        subprocess.run(["sh", "-ec", make.format(tar)], cwd=files, check=True)
        assert "not a bundle of a node or server" in install(tar)
    if subprocess.run(["id", "geotherm-node"], capture_output=True).returncode != 0:
        assert "the package geotherm-node is not installed" in install(bundle)
