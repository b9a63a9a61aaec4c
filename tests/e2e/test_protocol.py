# SPDX-License-Identifier: BSD-2-Clause
"""The bytes of docs/protocol.md as somebody else's CBOR library reads them, and the same bytes on the wire.

That the page's bytes are those of our codecs is in tests/unit/reading/test_senml_protocol.c.
"""
import base64
import decimal
import json
import re
import subprocess

import cbor2
import pytest

from rig import BUILD, ROOT

PAGE = (ROOT / "docs/protocol.md").read_text()
BLOCKS = re.findall(r"^```\w*\n(.*?)^```$", PAGE, re.S | re.M)
HEX = [(b, BLOCKS[i + 1]) for i, b in enumerate(BLOCKS) if re.match(r"[0-9a-f]{2}\n#", b)]
EXAMPLE = "urn:dev:mac:b827ebfffe123456"
# RFC 8428, table 4.
LABELS = {-1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs", 0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s",
          6: "t", 7: "ut", 8: "vd"}


def from_cbor(data):
    """Records, their numbers exact (cbor2 makes a Decimal of tag 4)."""
    return [{LABELS[label]: value for label, value in record.items()} for record in cbor2.loads(data)]


def from_json(text):
    records = json.loads(text, parse_float=decimal.Decimal)
    for record in records:
        if "vd" in record:
            record["vd"] = base64.urlsafe_b64decode(record["vd"] + "=" * (-len(record["vd"]) % 4))
    return records


def octets(block):
    return bytes.fromhex("".join(line for line in block.splitlines() if not line.startswith("#")))


@pytest.mark.parametrize("block,twin", HEX, ids=["reading", "acknowledgement"])
def test_an_example_in_hexadecimal_says_what_its_twin_in_json_says(block, twin):
    assert from_cbor(octets(block)) == from_json(twin)


def test_the_example_is_stored_and_comes_back_in_both_formats_and_its_answer_is_as_written(rig):
    pki = rig.dir / "example"
    subprocess.run([ROOT / "certs/make-test-ca", pki, EXAMPLE], check=True)
    rig.pki = pki
    rig.start_server()
    json_twin = HEX[0][1]
    (rig.dir / "reading.cbor").write_bytes(octets(HEX[0][0]))

    def ask(command, path, *options):
        payload = [options[-1]] if command == "post" else []
        argv = [BUILD / "geotherm", command, *rig.client_options("node"), *options[:len(options) - len(payload)],
                f"coaps://127.0.0.1:{rig.port}{path}", *payload]
        return subprocess.run(argv, capture_output=True, check=True).stdout

    answer = ask("post", "/gpsflowtemp", "--format", "senml+cbor", f"@{rig.dir}/reading.cbor")
    acknowledged, written = from_cbor(answer), from_cbor(octets(HEX[1][0]))
    assert acknowledged[0] == written[0]
    # Of this epoch the server has only number 41, so nothing is complete yet.
    assert acknowledged[1:] == [{"n": "complete", "v": 0}] and written[1] == {"n": "complete", "v": 41}
    one = f"/gpsflowtemp/{EXAMPLE}/5f3c2a1908f7e6d4.41"
    for accept in ("senml+cbor", "senml+json"):
        assert from_json(ask("get", one, "--json", "--accept", accept)) == from_json(json_twin)
    # What the node says will never come (3.1), and then it is complete.
    gaps = next(b for b in BLOCKS if b.startswith('{"epoch"'))
    assert json.loads(ask("post", f"/gaps/{EXAMPLE}", "--format", "json", gaps))
    told = json.loads(ask("get", f"/gaps/{EXAMPLE}", "--accept", "json"))
    causes = {hole["cause"] for stream in told["streams"] for hole in stream["holes"]}
    assert causes == {"never arrived", "dropped by node: full", "dropped by node: power"}
