# SPDX-License-Identifier: BSD-2-Clause
"""Software of others against our server: Debian's coap-client on OpenSSL and on GnuTLS, and openssl s_client."""
import contextlib
import json
import re
import socket
import subprocess
import time

import pytest

from rig import DEVICE, until

EPOCH = "00000000000000ab"
PATIENCE_S = 15


def reading(seq, **fields):
    records = [{"bn": DEVICE + "_", "bt": 1795459200 + seq, "n": "seq", "v": seq}, {"n": "epoch", "vs": EPOCH},
               {"n": "tsrc", "vs": "gnss"}, *({"n": name, **value} for name, value in fields.items())]
    return json.dumps(records)


class Client:
    """coap-client-openssl or -gnutls; what it prints is the payload, and what went wrong."""

    def __init__(self, rig, kind):
        self.rig, self.kind = rig, kind

    def __call__(self, path, *options, who="operator", payload=None, waits=PATIENCE_S, ca="ca.pem"):
        credentials = ["-c", self.rig.pki / f"{who}.pem", "-j", self.rig.pki / f"{who}.key"] if who else []
        done = subprocess.run([f"coap-client-{self.kind}", "-B", str(waits), "-C", self.rig.pki / ca, *credentials,
                               *(["-f", "-"] if payload is not None else []), *options, f"coaps://127.0.0.1:{self.rig.port}/{path}"],
                              input=payload if payload is not None else b"", capture_output=True, timeout=60)
        return done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


@pytest.fixture(params=["openssl", "gnutls"])
def client(rig, request):
    rig.server = rig.start_server()
    return Client(rig, request.param)


def seqs(rig):
    return [row["seq"] for row in rig.rows()]


def test_a_foreign_client_posts_puts_gets_and_deletes(rig, client):
    assert client("gpsflowtemp", "-A", "110") == ("[]\n", "")
    assert "</gpsflowtemp>" in client(".well-known/core")[0]
    out, err = client("gpsflowtemp", "-m", "post", "-t", "110", who="node", payload=reading(1).encode())
    assert json.loads(out)[0]["vs"] == EPOCH and err == "" and seqs(rig) == [1]
    cbor2 = pytest.importorskip("cbor2")
    # SenML labels of RFC 8428 table 4
    pack = cbor2.dumps([{-2: DEVICE + "_", -3: 1795459202, 0: "seq", 2: 2}, {0: "epoch", 3: EPOCH}, {0: "tsrc", 3: "gnss"}])
    client("gpsflowtemp", "-m", "post", "-t", "112", who="node", payload=pack)
    assert seqs(rig) == [1, 2]
    one = f"gpsflowtemp/{DEVICE}/{EPOCH}.3"
    for _ in range(2):      # idempotent
        assert client(one, "-m", "put", "-t", "110", who="node", payload=reading(3).encode())[1] == ""
    assert seqs(rig) == [1, 2, 3]
    newest = json.loads(client("gpsflowtemp", "-A", "110", who="node")[0])
    assert newest[0]["v"] == 3
    assert client(one, "-m", "delete", who="node")[1].startswith("4.03")
    assert client(one, "-m", "delete")[1] == "" and seqs(rig) == [1, 2]
    rig.server.wait_log(f"removed device={DEVICE} epoch={EPOCH} seq=3")
    assert rig.server.log().count("removed device=") == 1, "what is refused or reads changes nothing"
    assert client(one)[1].startswith("4.04")


def test_large_bodies_go_both_ways_in_blocks(rig, client):
    readings = [json.loads(reading(seq, note={"vs": "n" * 90})) for seq in range(1, 31)]
    out, err = client("gpsflowtemp", "-b", "512", "-m", "post", "-t", "110", who="node",
                      payload=json.dumps([record for r in readings for record in r]).encode())
    assert err == "" and json.loads(out)[1]["v"] == 30
    assert seqs(rig) == list(range(1, 31))
    for size in "64", "1024":
        track = json.loads(client(f"gpsflowtemp/{DEVICE}?limit=30", "-A", "110", "-b", size)[0])
        assert [record["v"] for record in track if record["n"] == "seq"] == list(range(1, 31))


def test_what_is_refused_has_its_code_and_its_words(rig, client):
    assert client("gpsflowtemp", "-m", "post", "-t", "110", payload=reading(1).encode())[1].startswith("4.03")
    assert re.match(r"4\.00 .*byte", client("gpsflowtemp", "-m", "post", "-t", "110", who="node", payload=b"[{")[1])
    assert client("gpsflowtemp", "-A", "50")[1].startswith("4.06")
    for etag in "0x00", "0xffff", "":
        assert client(f"gpsflowtemp/{DEVICE}/{EPOCH}.1", "-m", "put", "-t", "110", "-O", f"1,{etag}", who="node",
                      payload=reading(1).encode())[1].startswith("4.02"), "a condition that cannot be heeded"
    assert seqs(rig) == []


def test_an_observer_sees_what_comes(rig, client):
    watcher = subprocess.Popen([f"coap-client-{client.kind}", "-s", str(PATIENCE_S), "-B", str(PATIENCE_S), "-A", "110", "-w",
                                "-C", rig.pki / "ca.pem", "-c", rig.pki / "operator.pem", "-j", rig.pki / "operator.key",
                                "-o", rig.dir / "seen", f"coaps://127.0.0.1:{rig.port}/gpsflowtemp"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        until(lambda: (rig.dir / "seen").exists() and "[]" in (rig.dir / "seen").read_text(), "the first answer is there")
        client("gpsflowtemp", "-m", "post", "-t", "110", who="node", payload=reading(7).encode())
        until(lambda: EPOCH in (rig.dir / "seen").read_text(), "the reading is told", PATIENCE_S)
    finally:
        watcher.terminate()
        watcher.wait()


@pytest.mark.parametrize("who, ca, reason", [(None, "ca.pem", "the peer sent no certificate"), ("other", "ca.pem", "not signed by the CA"),
                                             ("operator", "other-ca.pem", "the peer rejected our certificate")])
def test_without_the_right_authority_there_is_no_session(rig, client, who, ca, reason):
    other = rig.make_pki("other")
    for suffix in "pem", "key":
        (rig.pki / f"other.{suffix}").write_bytes((other / f"operator.{suffix}").read_bytes())
    (rig.pki / "other-ca.pem").write_bytes((other / "ca.pem").read_bytes())
    out, err = client("time", who=who, ca=ca, waits=3)
    assert not re.search(r"^\d{16}$", out, re.M), out
    rig.server.wait_log(f'refused peer=127.0.0.1 reason=".*{reason}')


# --- openssl s_client ---------------------------------------------------------

def s_client(rig, *options, cert="operator-merged.pem", version="-dtls1_2"):
    """What it prints of the handshake."""
    done = subprocess.run(["openssl", "s_client", version, "-connect", f"127.0.0.1:{rig.port}", "-CAfile", rig.pki / "ca.pem",
                           *(["-cert", rig.pki / cert] if cert else []), *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60)
    return done.stdout.decode(errors="replace")


def openssl(rig, *args, text=None):
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, cwd=rig.pki, input=text, text=True)


def client_certificate(rig, name, usage="clientAuth", key=("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), since="-1d", until_="+9d"):
    """Of the test's CA, certificate and key in one file; days are relative to now."""
    def stamp(days):
        return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + int(days[:-1]) * 86400))
    (rig.pki / "ca.conf").write_text(
        "[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\npolicy=p\ndefault_md=sha256\nunique_subject=no\n"
        f"[p]\ncommonName=supplied\n[e]\nbasicConstraints=CA:false\nextendedKeyUsage={usage}\n")
    (rig.pki / "index.txt").touch()
    (rig.pki / "serial").write_text(f"{time.time_ns():020x}\n")
    openssl(rig, "req", "-new", "-newkey", *key, "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    openssl(rig, "ca", "-batch", "-notext", "-config", "ca.conf", "-extensions", "e", "-cert", "ca.pem", "-keyfile", "ca.key",
            "-startdate", stamp(since), "-enddate", stamp(until_), "-in", f"{name}.csr", "-out", f"{name}.crt")
    merged = rig.pki / f"{name}-merged.pem"
    merged.write_text((rig.pki / f"{name}.crt").read_text() + (rig.pki / f"{name}.key").read_text())
    return merged.name


def test_openssl_shakes_hands_with_rsa_and_ecdsa_and_comes_back_by_ticket(rig):
    rig.start_server()
    rsa = client_certificate(rig, "rsa", key=("rsa:2048",))
    for cert in "operator-merged.pem", rsa:
        ticket = rig.dir / f"{cert}.ticket"
        said = s_client(rig, "-cipher", "ECDHE+AESGCM", "-sess_out", ticket, cert=cert)
        assert "Verify return code: 0 (ok)" in said and re.search(r"New, .*Cipher is ECDHE-ECDSA-AES\d+-GCM-SHA\d+", said), said[-1500:]
        for _ in range(2):
            again = s_client(rig, "-sess_in", ticket, "-sess_out", ticket, cert=cert)
            assert "Reused, " in again, again[-1500:]
    # The legacy server had an RSA certificate, and so may ours.
    rsa_server = client_certificate(rig, "rsa-server", usage="serverAuth", key=("rsa:2048",))
    rig.daemons[-1].stop()
    rig.start_server(conf=rig.server_conf(certificate=rig.pki / rsa_server, key=None))
    said = s_client(rig, "-cipher", "ECDHE+AESGCM", "-curves", "P-256")
    assert re.search(r"New, .*Cipher is ECDHE-RSA-AES\d+-GCM-SHA\d+", said), said[-1500:]


@pytest.mark.parametrize("what, options, reason", [
    ("no certificate", {"cert": None}, "the peer sent no certificate"),
    ("expired", {"since": "-9d", "until_": "-1d"}, "expired"),
    ("not yet valid", {"since": "+1d"}, "not yet valid"),
    ("wrong usage", {"usage": "serverAuth"}, "[Uu]sage"),
    ("DTLS 1.0", {"version": "-dtls1", "arguments": ["-cipher", "ALL:@SECLEVEL=0"]}, "the peer does not speak DTLS 1.2"),
    ("no common suite", {"arguments": ["-cipher", "AES128-SHA:@SECLEVEL=0"]}, "no cipher suite or curve in common"),
    ("no common curve", {"arguments": ["-curves", "P-521"]}, "no cipher suite or curve in common"),
])
def test_who_is_refused_is_told_once_with_the_reason(rig, what, options, reason):
    server = rig.start_server()
    if "arguments" in options or "cert" in options:
        cert, arguments = options.get("cert", "operator-merged.pem"), options.get("arguments", [])
    else:
        cert, arguments = client_certificate(rig, "bad", **options), []
    for _ in range(2):
        said = s_client(rig, *arguments, cert=cert, version=options.get("version", "-dtls1_2"))
        assert "alert" in said or "Cipher is (NONE)" in said, said[-1500:]
    server.wait_log(f'refused peer=127.0.0.1 reason=".*{reason}')
    assert server.log().count("refused peer") == 1, "the second within the minute is only counted"
    out, err = Client(rig, "openssl")("time")
    assert re.search(r"^\d{16}$", out, re.M), "others are served: " + out + err


def test_who_is_revoked_is_refused_with_the_reason(rig):
    cert = client_certificate(rig, "thief")
    ca = ["ca", "-config", "ca.conf", "-cert", "ca.pem", "-keyfile", "ca.key"]
    openssl(rig, *ca, "-revoke", "thief.crt")
    openssl(rig, *ca, "-gencrl", "-crldays", "9", "-out", "crl.pem")
    server = rig.start_server(conf=rig.server_conf(crl=rig.pki / "crl.pem"))
    said = s_client(rig, cert=cert)
    assert re.search("alert certificate revoked|alert bad certificate|alert number 4[24]", said), said[-1500:]
    server.wait_log('refused peer=127.0.0.1 reason=".*revoked')


# --- messages that come twice, RFC 7252 4.5 ------------------------------------

POST, PUT, DELETE = 2, 3, 4


CON, NON, ACK = 0, 1, 2


def coap(method, mid, path, payload=b"", options=(), kind=CON, token=b"tokn"):
    """A message; options: (number, value) below Uri-Path's or above."""
    def nibble(n):
        return (n, b"") if n < 13 else (13, bytes([n - 13]))
    out, last = bytes([0x40 | kind << 4 | len(token), method, mid >> 8, mid & 255]) + token, 0
    for number, value in sorted([*options, *((11, segment.encode()) for segment in path.split("/"))], key=lambda o: o[0]):
        (delta, more), (size, longer) = nibble(number - last), nibble(len(value))
        out, last = out + bytes([delta << 4 | size]) + more + longer + value, number
    return out + (b"\xff" + payload if payload else b"")


@contextlib.contextmanager
def session(rig, who):
    """Sends a message over a DTLS session of OpenSSL's and returns the answer to it; what else came is in ask.others."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)       # a message each, both ways
    ours.settimeout(PATIENCE_S)
    with ours, its, subprocess.Popen(["openssl", "s_client", "-dtls1_2", "-quiet", "-connect", f"127.0.0.1:{rig.port}",
                                      "-CAfile", rig.pki / "ca.pem", *(["-cert", rig.pki / f"{who}-merged.pem"] if who else [])],
                                     stdin=its, stdout=its, stderr=subprocess.DEVNULL) as peer:
        def ask(message):
            ours.send(message)
            while True:
                answer = ours.recv(2000)
                if answer[2:4] == message[2:4]:
                    return answer
                ask.others.append(answer)
        ask.others, ask.send = [], ours.send
        try:
            yield ask
        finally:
            peer.kill()


def code(answer):
    assert answer[0] >> 4 == 6 and answer[4:8] == b"tokn", "an acknowledgement with the token"
    return f"{answer[1] >> 5}.{answer[1] & 31:02}"


def test_a_request_whose_answer_was_lost_is_not_carried_out_twice(rig):
    rig.start_server(conf=rig.server_conf(client_auth="optional"))
    one, device = f"gpsflowtemp/{DEVICE}/{EPOCH}.1", f"gpsflowtemp/{DEVICE}"
    with session(rig, None) as legacy, session(rig, "node") as node, session(rig, "operator") as operator:
        record = coap(POST, 7, "gpsflowtemp", b"202481588596741")      # the legacy client's, without a time
        first = legacy(record)
        assert code(first) == "2.04" and legacy(record) == first and legacy(record) == first
        assert len(rig.rows()) == 1
        assert code(legacy(coap(POST, 8, "gpsflowtemp", b"202481588596741"))) == "2.04"
        assert len(rig.rows()) == 2, "another message is another reading"
        assert legacy(record) == first, "also when others came after it"
        assert len(rig.rows()) == 2
        node(coap(PUT, 9, one, reading(1).encode(), [(12, bytes([110]))]))
        assert len(rig.rows()) == 3
        for mid, request, expected in [
            (7, (PUT, device, b'{"label": "bridge"}', [(5, b""), (12, bytes([50]))]), "2.04"),      # If-None-Match
            (8, (DELETE, one), "2.02"),
            (9, (DELETE, one), "4.04"),
        ]:
            first = operator(coap(request[0], mid, *request[1:]))
            assert code(first) == expected
            assert operator(coap(request[0], mid, *request[1:])) == first
    with session(rig, None) as legacy:      # the number means nothing in another session
        assert code(legacy(record)) == "2.04"
    assert len(rig.rows()) == 3


def test_an_answer_that_is_not_wanted_is_not_sent(rig):
    """RFC 7967: No-Response 2 is for "2.xx not", 26 for "none"; a NON is answered by a NON."""
    rig.start_server()
    with session(rig, "node") as node:
        def told(seq, kind=NON, no_response=None, payload=None):
            """What comes of a POST, as (type, code), before another that was sent after it is answered."""
            node.others.clear()
            json = (12, bytes([110]))
            node.send(coap(POST, seq, "gpsflowtemp", payload or reading(seq).encode(),
                           [json, *([(258, bytes([no_response]))] if no_response is not None else [])], kind, b"%04d" % seq))
            assert code(node(coap(POST, 100 + seq, "gpsflowtemp", reading(100 + seq).encode(), [json]))) == "2.04"
            return [((a[0] >> 4) & 3, f"{a[1] >> 5}.{a[1] & 31:02}") for a in node.others]
        assert told(1) == [(NON, "2.04")]
        assert told(2, no_response=2) == []
        assert told(3, no_response=2, payload=b"[{") == [(NON, "4.00")]
        assert told(4, no_response=26, payload=b"[{") == []
        assert told(5, kind=CON, no_response=2) == [(ACK, "0.00")]
        assert told(6, no_response=24) == [(NON, "2.04")]
    assert [seq for seq in seqs(rig) if seq < 100] == [1, 2, 5, 6]
