# SPDX-License-Identifier: BSD-2-Clause
"""The documents are true: each command is run, here or by the suite that RUN_BY names; each link, target and option exists.

A command is a line of a block marked sh, or a line after "$ ". tests/deb runs the sh blocks of docs/operation.md in a Debian root.
"""
import os
import re
import subprocess

import pytest

from rig import BUILD, DEVICE, ROOT, Daemon, free_port, until

DOCUMENTS = ["README.md", "CONTRIBUTING.md", "SECURITY.md", *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
README_MAX = 6 * 1024
HERE = "here"
# The first words of each block: who runs it. The file must contain the text.
RUN_BY = {
    ("README.md", "make run"): [(".ci/run", "SECONDS=20"), (".ci/run", "|| set -- check ")],
    ("README.md", "sqlite3"): HERE,
    ("README.md", "geotherm status"): HERE,
    ("docs/hardware.md", "sudo geotherm-setup"): HERE,
    # Built, installed and loaded in guests with kernels of their own; dkms in Debian roots.
    ("docs/kernel.md", "sudo apt install"): [("tests/qemu/lab", '"modules_install"'), ("tests/qemu/guest/bad.sh", "geotherm-w1.ko"),
                                             ("tests/deb/test_packages.py", '"dkms", "install"')],
    ("docs/simulators.md", "build/geotherm sim"): [("tests/e2e/test_ublox7_judges.py", '"sim", "ublox7"'),
                                                   ("tests/e2e/test_ublox7_judges.py", '"-b"'),
                                                   ("tests/e2e/test_ublox7_judges.py", "ubxtool")],
    ("docs/operation.md", "sudo geotherm-selftest"): HERE,
    ("docs/operation.md", None): [("tests/deb/test_packages.py", "docs/operation.md")],
}


def blocks(document):
    """The blocks of commands of a document, each a list of commands without their comments."""
    for language, text in re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / document).read_text(), re.S | re.M):
        lines = [re.sub(r"  +#.*", "", line).strip() for line in text.splitlines()]
        if language == "sh":
            yield [line for line in lines if line and not line.startswith("#")]
        elif language == "":
            if shown := [line[2:] for line in lines if line.startswith("$ ")]:
                yield shown


def here(document):
    for block in blocks(document):
        if any(d == document and who == HERE and words and block[0].startswith(words) for (d, words), who in RUN_BY.items()):
            yield from block


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_block_of_commands_has_a_test_that_runs_it(document):
    places = {words: who for (d, words), who in RUN_BY.items() if d == document}
    found = set()
    for block in blocks(document):
        words = next((w for w in places if w is None or block[0].startswith(w)), "")
        assert words != "", f"{document}: no test is known to run: {block}"
        found.add(words)
        for file, text in places[words] if places[words] != HERE else []:
            assert text in (ROOT / file).read_text(), f"{file} no longer has {text}"
    assert found == set(places), "blocks that are gone"


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_bytes()) <= README_MAX


def anchors(page):
    """What GitHub makes of the headings."""
    for heading in re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.S | re.M), re.M):
        yield re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_each_link_leads_to_a_file_and_a_heading_that_exist():
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    for document in {*DOCUMENTS, *listed}:
        for target, anchor in re.findall(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)", (ROOT / document).read_text()):
            page = (ROOT / document).parent / target if target else ROOT / document
            assert page.exists(), f"{document}: no file {target}"
            assert not anchor or anchor in anchors(page), f"{document}: no heading #{anchor} in {page}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_target_and_option_that_is_named_exists(document):
    text = (ROOT / document).read_text()
    makefiles = [ROOT / "Makefile", ROOT / "tests/tests.mk", ROOT / "gpio-w1/kernel/modules.mk", ROOT / "scripts/install.mk"]
    targets = {target for path in makefiles for target in re.findall(r"^([a-z0-9_-]+):", path.read_text(), re.M)}
    assert set(re.findall(r"`make ([a-z0-9_-]+)", text)) <= targets
    for program in ("geotherm", "geotherm-node", "geotherm-server", "geotherm-selftest"):
        known = subprocess.run([BUILD / program, "--print-completion"], capture_output=True, text=True, check=True).stdout
        for command in re.findall(rf"`(?:sudo |build/)?{program} ([^`]+)`", text):
            for option in re.findall(r"(?<!\S)--[a-z-]+", command):
                assert option in known, f"{document}: {program} {command}"


def rooms():
    """Of the table in docs/architecture.md: each folder with C sources, and the folders it may use."""
    above = set()
    for room, uses in re.findall(r"^\| `([\w/-]+)/` \|.*\| ([^|]*) \|$", (ROOT / "docs/architecture.md").read_text(), re.M):
        if list((ROOT / room).glob("*.[ch]")):
            yield room, set(re.findall(r"`([\w/-]+)/`", uses)) | (set(above) if "all above" in uses else set())
            above.add(room)


def test_each_include_is_an_arrow_of_the_architecture():
    uses = dict(rooms())
    files = subprocess.run(["git", "ls-files", "*.c", "*.h", ":!tests"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    assert {f.rpartition("/")[0] for f in files} == set(uses), "a folder is not in the table, or the table has one too many"
    for file in files:
        room = file.rpartition("/")[0]
        for included in re.findall(r'^#include "([^"]*)/[^"/]*"$', (ROOT / file).read_text(), re.M):
            used = os.path.normpath(f"{room}/{included}") if included.startswith("..") else included
            assert used in uses[room] | {room}, f"{file} includes {included}/: no arrow in docs/architecture.md"


def test_each_file_that_the_architecture_names_exists():
    text = (ROOT / "docs/architecture.md").read_text()
    names = set(re.findall(r"\b[\w/-]+\.(?:[ch]|py|dts|mk|service)\b", text))
    paths = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    assert len(names) > 40
    assert [n for n in sorted(names) if not any(f"/{p}".endswith(f"/{n}") for p in paths)] == []


@pytest.fixture
def pi(tmp_path):
    """A folder for the commands of the documents: a running chain in run/, the programs, a Pi's boot partition, sudo without a
    password, a reboot that only prints."""
    (tmp_path / "build").symlink_to(BUILD)
    boot, tree = tmp_path / "pi/boot/firmware", tmp_path / "pi/proc/device-tree"
    (boot / "overlays").mkdir(parents=True)
    (boot / "config.txt").write_text("dtparam=audio=on\n[all]\ndtoverlay=w1-gpio\n")
    (boot / "cmdline.txt").write_text("console=serial0,115200 console=tty1 root=PARTUUID=1 rootwait\n")
    tree.mkdir(parents=True)
    (tree / "model").write_bytes(b"Raspberry Pi 3 Model B Plus Rev 1.3\0")
    programs = tmp_path / "bin"
    programs.mkdir()
    conf = tmp_path / "run/node.conf"
    for name, script in {
            "sudo": 'exec "$@"', "reboot": 'echo "reboot $*"',
            "geotherm-setup": f'GEOTHERM_SETUP_SYSROOT={tmp_path}/pi exec {ROOT}/dts/geotherm-setup "$@" --dtbo {BUILD}/dts/geotherm.dtbo',
            # What /etc/geotherm/node.conf would be.
            "geotherm-selftest": f'exec {BUILD}/geotherm-selftest --config {conf} "$@"',
            "geotherm": f'case $1 in doctor) set -- "$@" --config {conf};; status) set -- "$@" --file {tmp_path}/run/status.json;; esac; exec {BUILD}/geotherm "$@"'}.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    port = free_port()
    env = {"PATH": f"{programs}:{os.environ['PATH']}", "RUN_DIR": str(tmp_path / "run"), "PORT": str(port)}

    def type_in(command, codes=(0,)):
        # The README's server has the default port.
        done = subprocess.run(["sh", "-euc", command.replace("coaps://127.0.0.1/", f"coaps://127.0.0.1:{port}/")], cwd=tmp_path,
                              env=dict(os.environ, **env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=120)
        assert done.returncode in codes, f"{command} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    chain = Daemon([ROOT / "scripts/run", "--build", BUILD], tmp_path / "run.log", env)
    try:
        until(lambda: DEVICE in chain.log() or not chain.alive(), lambda: f"a reading is stored; {chain.log()[-2000:]}")
        yield type_in, boot
    finally:
        chain.stop()


def test_the_commands_of_the_documents_do_what_they_claim(pi):
    type_in, boot = pi
    config = (boot / "config.txt").read_text()
    said = {}
    for command in dict.fromkeys(command for document in DOCUMENTS for command in here(document)):
        # On a machine that is no Pi a check may warn or fail.
        said[command] = type_in(command, (0, 1) if "selftest" in command and "list" not in command or "status" in command else (0,))
    assert DEVICE in said["geotherm status"]
    assert said["sudo geotherm-selftest"].splitlines()[-1].endswith("skipped")
    assert "whole, from the slot to the row" in said["sudo geotherm doctor"]
    assert "After the next reboot" in said["sudo geotherm-setup install"]
    assert (boot / "config.txt").read_text() == config, "remove takes all of it back"


def test_the_abi_of_the_kernel_module_names_each_of_its_counters():
    driver = (ROOT / "gpio-w1/kernel/geotherm_w1.c").read_text()
    abi = (ROOT / "gpio-w1/kernel/sysfs-driver-geotherm-w1").read_text()
    counters = re.findall(r"^COUNTER\((\w+),", driver, re.M)
    assert len(counters) > 20
    assert sorted(re.findall(r"^What:\t\t/sys/bus/platform/drivers/geotherm-w1/\.\.\./geotherm_w1/(\w+)$", abi, re.M)) == sorted(counters)
