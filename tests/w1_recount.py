#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""w1_recount.py --build DIR [--seconds N]: counts the 1-Wire campaigns' logs (DIR/w1/*.log) again, without the simulator or the master.

Each line is a value that the master accepted, with its proof and what the device really did (tests/unit/gpio-w1/w1_campaign.c):

  seed cycle device ROM scratchpad quality m°C heard start end raw

Times are us since the cycle began: when the sensor was heard converting, and its conversion to this value in this cycle, or else
its newest. A value is right where that conversion began in the cycle and gave it; its proof is whole where the sensor was
heard in this cycle (or, with strict, showed its alarm flag), its scratchpad's CRC is right and holds the sentinel. Prints the
table, which `make results` copies; ends with 1 where a value of the quality ok is false or unproven without the kind naming why.
"""
import argparse
import pathlib
import sys

from results import record

SENTINELS = {(0x7e, 0x81), (0x7e, 0x93), (0x7e, 0x84), (0x7f, 0xc8)}


def crc_table():
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x8c if byte & 1 else 0)
        yield byte


TABLE = list(crc_table())


def crc_is_right(data):
    crc = 0
    for byte in data:
        crc = TABLE[crc ^ byte]
    return crc == 0


def sixteenths(temp_mc):
    """To nearest, the half away from zero."""
    value = (abs(temp_mc) * 16 + 500) // 1000
    return value if temp_mc >= 0 else -value


def verdict(line, strict):
    """(is ok, is right, its proof is whole)"""
    _, _, _, rom, scratchpad, quality, temp_mc, heard, start, _, raw = line.split()
    scratchpad = bytes.fromhex(scratchpad)
    right = int(start) >= 0 and int(raw) == sixteenths(int(temp_mc))
    alarm = (scratchpad[2], scratchpad[3])
    proven = (crc_is_right(scratchpad) and crc_is_right(bytes.fromhex(rom)) and (strict or heard != "-")
              and (alarm in SENTINELS or alarm[::-1] in SENTINELS))
    return quality == "ok", right, proven


def count(path):
    """A row for each kind: name, reason, reads, ok, other, false ok, false other, ok without a whole proof."""
    rows = []
    for line in path.open(encoding="ascii"):
        first, _, rest = line.rstrip("\n").partition(" ")
        if first == "kind":
            name, _, reason = rest.partition(": ")
            rows.append([name, reason, 0, 0, 0, 0, 0, 0])
        elif first == "reads":
            rows[-1][2] = int(rest)
        else:
            row = rows[-1]
            is_ok, right, proven = verdict(line, "strict" in row[0])
            row[3 if is_ok else 4] += 1
            row[5 if is_ok else 6] += not right
            row[7] += is_ok and not proven
    return rows


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--build", required=True)
    options.add_argument("--seconds", type=int, default=0, help="that the campaigns took")
    args = options.parse_args()
    logs = sorted(pathlib.Path(args.build, "w1").glob("*.log"), reverse=True)
    rows = [row for path in logs for row in count(path)]
    if not rows:
        sys.exit(f"{args.build}/w1: no log of a campaign: make check-w1 leaves it there")
    lines = ["| kind | reads | ok | other | false ok | false other |", "|---|--:|--:|--:|--:|--:|"]
    reasons, bad = [], 0
    for name, reason, reads, is_ok, other, false_ok, false_other, unproven in rows:
        lines.append(f"| {name} | {reads} | {is_ok} | {other} | {false_ok} | {false_other} |")
        if reason and false_ok:
            reasons.append(f"- {name}: {false_ok} of {reads} ({100 * false_ok / reads:.1f} %): {reason}.")
        if unproven or (false_ok and not reason):
            bad += 1
            print(f"FAILED: {name}: {false_ok} false values are ok, {unproven} have no whole proof")
    lines += ["", f"- {sum(row[2] for row in rows)} reads, {sum(row[3] for row in rows)} ok.", *reasons]
    print("\n".join(lines))
    if not bad:
        record(args.build, "check-w1", "make check-w1", args.seconds, lines)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
