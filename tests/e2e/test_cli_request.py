# SPDX-License-Identifier: BSD-2-Clause
"""geotherm get, post, put, delete and observe against the real server, and by plain coap://."""
import json
import re
import signal
import socket
import subprocess
import threading

from rig import BUILD, DEVICE, until


def uri(rig, path="/gpsflowtemp"):
    return f"coaps://127.0.0.1:{rig.port}{path}"


def test_observe_shows_each_reading_as_json_until_interrupted(rig):
    rig.start_server()
    rig.start_node()
    rig.wait_rows(1)
    observe = rig.spawn("geotherm", "observe", *rig.client_options(), "--json", uri(rig), log="observe.log")

    def seqs():
        text, found = observe.log(), set()
        while text:
            try:
                pack, used = json.JSONDecoder().raw_decode(text)
            except json.JSONDecodeError:
                break       # the last one is still being written
            found |= {record["v"] for record in pack if record.get("n") == "seq"}
            text = text[used:].lstrip()
        return found
    until(lambda: len(seqs()) >= 4, lambda: f"four readings are shown: {observe.log()[-500:]}")
    assert observe.stop(signal.SIGINT) == 0


def test_a_payload_comes_from_the_argument_a_file_or_stdin(rig):
    rig.start_server()
    rig.start_node()
    rig.wait_rows(1)
    # A pack as the server itself gives it, under another epoch, is one that it takes.
    text = rig.run("geotherm", "get", *rig.client_options(), "--accept", "senml+json", "--json", uri(rig))[1]
    epoch = next(r["vs"] for r in json.loads(text) if r.get("n") == "epoch")
    texts = [text.replace(epoch, f"{i:0{len(epoch)}x}") for i in (1, 2, 3)]
    (rig.dir / "pack.json").write_text(texts[1])
    post = ["post", *rig.client_options("node"), "--format", "senml+json", uri(rig)]
    assert rig.run("geotherm", *post, texts[0])[0] == 0
    assert rig.run("geotherm", *post, f"@{rig.dir}/pack.json")[0] == 0
    assert rig.run("geotherm", *post, "-", stdin=texts[2])[0] == 0
    assert len({row["epoch"] for row in rig.rows()}) == 4
    code, _, err = rig.run("geotherm", *post, "@/no/such/file")
    assert code == 2 and "/no/such/file" in err


def test_the_exit_code_tells_a_no_from_no_connection_and_wrong_usage(rig):
    rig.start_server()
    code, _, err = rig.run("geotherm", "get", *rig.client_options(), uri(rig, "/nowhere"))
    assert code == 1 and "4.04" in err
    assert rig.run("geotherm", "get", *rig.client_options(), "--accept", "no-such-format", uri(rig))[0] == 2
    assert rig.run("geotherm", "get")[0] == 2
    code, _, err = rig.run("geotherm", "get", "--timeout", "3", "--ca", rig.pki / "ca.pem", "coaps://127.0.0.1:9/x")
    assert code == 3 and err


def test_without_a_ca_the_option_is_named(rig):
    for command in (["get"], ["bench", "handshake"]):
        code, out, err = rig.run("geotherm", *command, "coaps://127.0.0.1:9/x")
        assert (code, out) == (2, "") and "--ca FILE" in err and "GEOTHERM_CA" in err


def test_times_are_asked_for_and_shown_as_people_write_them(rig):
    rig.start_server()
    rig.start_node()
    rig.wait_rows(3)
    track = ["get", *rig.client_options(), uri(rig, f"/gpsflowtemp/{DEVICE}")]
    assert DEVICE in rig.run("geotherm", *track, "--from", "-1d")[1]
    assert rig.run("geotherm", *track, "--to", "2001-01-01T00:00Z")[1] == "no readings\n"
    assert rig.run("geotherm", *track[:-1], f"{track[-1]}?limit=2&to=2001-01-01")[1] == "no readings\n"
    code, out, err = rig.run("geotherm", *track, "--from", "soon")
    assert (code, out) == (2, "") and "soon" in err and "2026-11-29" in err
    now = ["get", *rig.client_options(), uri(rig, "/time")]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\n", rig.run("geotherm", *now)[1])
    assert re.fullmatch(r"\d{16}\n", rig.run("geotherm", *now, "--accept", "text")[1])


class Peer:
    """A CoAP server without DTLS that answers each request with the same code, options and payload."""

    def __init__(self, code, rest):
        self.code, self.rest, self.asked = code, rest, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.uri = f"coap://127.0.0.1:{self.socket.getsockname()[1]}/greeting"
        self.thread = threading.Thread(target=self.answer, daemon=True)
        self.thread.start()

    def answer(self):
        while True:
            message, peer = self.socket.recvfrom(1500)
            self.asked.append(message)
            token = message[4:4 + (message[0] & 15)]
            # ACK (RFC 7252 3)
            self.socket.sendto(bytes([0x60 | len(token), self.code]) + message[2:4] + token + self.rest, peer)

    def run(self, command="get", *options):
        return subprocess.run([BUILD / "geotherm", command, *options, self.uri], capture_output=True, text=True, timeout=60)


def test_plain_coap_is_spoken_too():
    peer = Peer(0x45, b"\xc0\xffhello")     # 2.05, Content-Format text/plain
    done = peer.run()
    assert (done.returncode, done.stdout) == (0, "hello\n"), done.stderr
    assert b"greeting" in peer.asked[0]


def test_what_a_server_sends_does_nothing_to_the_terminal():
    done = Peer(0x45, b"\xc0\xff\x1b]0;owned\x07\xc2\x9b2J").run()
    assert (done.returncode, done.stdout) == (0, "\\u001b]0;owned\\u0007\\u009b2J\n")
    done = Peer(0x84, b"\xff\x1b[2Jno").run()      # 4.04
    assert done.returncode == 1 and "4.04 \\u001b[2Jno" in done.stderr and "\x1b" not in done.stderr


def test_an_answer_that_is_none_is_no_success():
    for name, rest in {"block 5 of the whole": b"\xc0\xb1\x5a\xff" + b"abcd" * 16,    # Block2 (23): NUM 5, M 1, SZX 2
                       "a block that is cut": b"\xc0\xb1\x5a\xffabc",
                       "the last block alone": b"\xc0\xb1\x52\xffabc",
                       "CBOR that is none": b"\xc1\x70\xff\x81\xa1",          # Content-Format 112
                       "no CBOR at all": b"\xc1\x70",
                       "JSON that is none": b"\xc1\x6e\xff[{"}.items():
        done = Peer(0x45, rest).run("get", "--timeout", "3")
        assert done.returncode in (1, 3) and done.stderr and not done.stdout, name
    assert Peer(0x44, b"").run().returncode == 0        # 2.04 without a payload


def test_observe_says_that_the_server_does_not_notify():
    done = Peer(0x45, b"\xc0\xffhello").run("observe")
    assert (done.returncode, done.stdout) == (1, "hello\n") and "will not notify" in done.stderr


def test_observe_goes_on_when_the_server_was_restarted(rig):
    server = rig.start_server()
    rig.start_node()
    rig.wait_rows(1)
    observe = rig.spawn("geotherm", "observe", *rig.client_options(), uri(rig), log="observe.log")
    until(lambda: observe.log().count(DEVICE) >= 2, observe.log)
    server.stop()
    until(lambda: "observing again" in observe.log(), observe.log)
    shown = observe.log().count(DEVICE)
    rig.start_server()
    until(lambda: observe.log().count(DEVICE) >= shown + 2, observe.log)
    assert observe.stop(signal.SIGINT) == 0
