#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""results.py --build DIR: copies what the targets measured into docs/results.md (`make results`).
results.py --build DIR --record SECTION --command TEXT --seconds N <LINES: what a shell script measured.

A target that measures calls record(): DIR/results/SECTION.md then holds its figures with date, commit, command and machine.
docs/results.md has a place for each section, between two comment lines; the text around them is written by hand. Sections of
targets that were not run since stay as they are. So no check changes a file that git tracks.
"""
import argparse
import datetime
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/results.md"
PLACE = re.compile(r"^<!-- results: ([a-z0-9-]+) -->\n(.*?)^<!-- end -->$", re.S | re.M)


def record(build, section, command, seconds, lines):
    """Writes a section; lines are Markdown."""
    commit = subprocess.run(["git", "describe", "--always", "--dirty", "--exclude=*"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    today = datetime.date.today().isoformat()
    path = pathlib.Path(build, "results", f"{section}.md")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{today}, commit {commit or 'unknown'}, `{command}`, {seconds:.0f} s, {os.cpu_count()} processors, "
                    f"load {os.getloadavg()[0]:.1f} at the end.\n\n" + "".join(f"{line}\n" for line in lines))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--build", required=True)
    options.add_argument("--record", metavar="SECTION")
    options.add_argument("--command")
    options.add_argument("--seconds", type=int)
    args = options.parse_args()
    if args.record:
        record(args.build, args.record, args.command, args.seconds, sys.stdin.read().splitlines())
        return
    folder = pathlib.Path(args.build, "results")
    page = PAGE.read_text()
    measured = {path.stem: path.read_text() for path in sorted(folder.glob("*.md"))}
    if unknown := measured.keys() - {place[1] for place in PLACE.finditer(page)}:
        sys.exit(f"{PAGE}: no place for {', '.join(sorted(unknown))}: add the line <!-- results: NAME -->, and <!-- end --> after it")
    PAGE.write_text(PLACE.sub(lambda place: f"<!-- results: {place[1]} -->\n{measured.get(place[1], place[2])}<!-- end -->", page))
    print(f"docs/results.md: {', '.join(measured) or 'no target has measured anything'}")


if __name__ == "__main__":
    main()
