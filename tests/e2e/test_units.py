# SPDX-License-Identifier: BSD-2-Clause
"""The units as `make install` lays them: hardened, without a fault, and with all that the daemons do allowed."""
import os
import re
import shlex
import shutil
import subprocess

import pytest

from rig import BUILD, ROOT, until

LIMITS = {"node": 20, "server": 15, "server@": 15}     # of systemd-analyze security, in tenths
DAEMONS = ("node", "server")


def needs(*programs):
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """The units in a root of their own, with a program where ExecStart has it."""
    root = tmp_path_factory.mktemp("root")
    subprocess.run(["make", "-s", "install-units", f"DESTDIR={root}", "PREFIX=/usr", "GEOTHERM_SETUP_DONE=1"],
                   cwd=ROOT, check=True, capture_output=True)
    for program in ("usr/sbin/geotherm-node", "usr/sbin/geotherm-server", "bin/kill", "bin/sh"):
        (root / program).parent.mkdir(parents=True, exist_ok=True)
        (root / program).write_text("#!/bin/sh\n")
        (root / program).chmod(0o755)
    for target in ("network", "multi-user", "sysinit", "basic", "shutdown", "sockets"):
        (root / f"usr/lib/systemd/system/{target}.target").write_text("[Unit]\nDescription=x\n")
    return root


def unit(root, part):
    return root / f"usr/lib/systemd/system/geotherm-{part}.service"


@pytest.mark.parametrize("part", LIMITS)
def test_the_exposure_stays_within_its_limit(installed, part):
    needs("systemd-analyze")
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                           f"--threshold={LIMITS[part]}", unit(installed, part)], capture_output=True, text=True)
    if "Unknown option" in done.stderr or "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze knows no --offline")
    figure = re.search(r"Overall exposure level .*: ([\d.]+)", done.stdout)
    assert figure, done.stderr
    assert float(figure[1]) * 10 <= LIMITS[part] and done.returncode == 0


@pytest.mark.parametrize("part", LIMITS)
def test_systemd_finds_no_fault_in_the_unit(installed, part):
    needs("systemd-analyze")
    done = subprocess.run(["systemd-analyze", "verify", f"--root={installed}", "--man=no", "--recursive-errors=no",
                           unit(installed, part).name.replace("@", "@1")], capture_output=True, text=True)
    assert "geotherm" not in done.stderr, done.stderr


def settings(path, section):
    """(key, value) in their order."""
    body = re.search(rf"^\[{section}\]$(.*?)(?=^\[|\Z)", path.read_text(), re.M | re.S)[1]
    return [tuple(line.split("=", 1)) for line in body.splitlines() if line and not line.startswith("#")]


def test_an_instance_is_confined_as_the_plain_server_is(installed):
    plain, template = (settings(unit(installed, part), "Service") for part in ("server", "server@"))
    assert [s for s in template if s not in plain] == [
        ("ExecStart", "/usr/sbin/geotherm-server -o server.metrics=127.0.0.1:968%i"),
        ("ExecStopPost", """/bin/sh -c 'test "$SERVICE_RESULT" = success || exec sleep 5'""")]
    assert [s for s in plain if s not in template] == [("ExecStart", "/usr/sbin/geotherm-server")]


def test_an_instance_and_its_socket_start_and_stop_together(installed):
    units = dict(settings(unit(installed, "server@"), "Unit"))
    socket = installed / "usr/lib/systemd/system/geotherm-server@.socket"
    # Requires=: the end of the socket ends the instance, so no datagram starts it again; nothing ends the socket when the
    # service restarts, so no other client is moved.
    assert units["Requires"] == "geotherm-server@%i.socket" and units["Requires"] in units["After"].split()
    assert not {"PartOf", "BindsTo", "Requires"} & dict(settings(socket, "Unit")).keys()
    assert ("ReusePort", "yes") in settings(socket, "Socket")
    assert units["Conflicts"] == "geotherm-server.service", "both want the port"


def test_an_instance_that_cannot_start_does_not_reach_the_sockets_trigger_limit(installed, tmp_path):
    """systemd.socket(5): 20 activations within 2 s; a stopped service is not activated before its ExecStopPost= has ended."""
    socket = dict(settings(installed / "usr/lib/systemd/system/geotherm-server@.socket", "Socket"))
    service = settings(unit(installed, "server@"), "Service")
    assert not [key for key in socket if key.startswith("TriggerLimit")], "the default that this test is about"
    assert ("RestartPreventExitStatus", "2") in service
    command = dict(service)["ExecStopPost"]
    (tmp_path / "sleep").write_text("#!/bin/sh\necho $1\n")
    (tmp_path / "sleep").chmod(0o755)

    def pause_s(result):
        done = subprocess.run(shlex.split(command), env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "SERVICE_RESULT": result},
                              capture_output=True, text=True, check=True)
        return float(done.stdout or 0)

    assert pause_s("success") == 0
    for result in "exit-code", "signal", "watchdog", "timeout":
        assert pause_s(result) > 2 / 20


def test_users_and_directories_are_as_the_tools_read_them(installed):
    needs("systemd-sysusers")
    (installed / "etc").mkdir(exist_ok=True)
    done = subprocess.run(["systemd-sysusers", f"--root={installed}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    groups = dict(re.findall(r"^(\w[\w-]*):.*:(.*)$", (installed / "etc/group").read_text(), re.M))
    assert groups["gpio"] == groups["dialout"] == "geotherm-node"
    assert groups["geotherm"] == ""                     # for people: `usermod -aG geotherm`
    node = dict(settings(unit(installed, "node"), "Service"))
    assert node["Group"] == "geotherm" and node["SupplementaryGroups"] == "geotherm-node"
    assert "geotherm-server:" in (installed / "etc/passwd").read_text()


def allowed_calls(root, part):
    """What is left of the SystemCallFilter= lines, in their order."""
    calls = set()
    for line in re.findall(r"^SystemCallFilter=(~?)(.*)$", unit(root, part).read_text(), re.M):
        for word in line[1].split():
            names = expand(word)
            calls = calls - names if line[0] else calls | names
    return calls


def expand(word):
    if not word.startswith("@"):
        return {word}
    listing = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True)
    return set().union(*map(expand, re.findall(r"^    (@[\w-]+|\w+)$", listing.stdout, re.M)))


def made_calls(trace):
    return set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)", trace.read_text(errors="replace"), re.M))


def test_the_filter_allows_every_call_that_node_and_server_make(installed, rig):
    needs("systemd-analyze", "strace")
    traces = {part: rig.dir / f"{part}.strace" for part in DAEMONS}
    rig.start_server(wrap=rig.strace("server"))
    node = rig.start_node(wrap=rig.strace("node"))
    rig.wait_rows(3)
    assert node.stop() == 0
    for part, trace in traces.items():
        until(lambda: {"openat", "socket", "fdatasync"} <= made_calls(trace), "the trace of a working daemon is written")
        extra = made_calls(trace) - allowed_calls(installed, part)
        # SQLite gives its files to the owner of the database, and as root only.
        assert extra <= ({"fchown"} if os.geteuid() == 0 else set()), f"{part}: {extra}"
        families = re.search(r"^RestrictAddressFamilies=(.*)$", unit(installed, part).read_text(), re.M)[1].split()
        # The C library asks netlink for this machine's addresses, and does without.
        assert set(re.findall(r"socket\((AF_\w+)", trace.read_text())) <= {*families, "AF_NETLINK"}


def test_the_node_may_have_what_the_1_wire_thread_asks_for(installed):
    needs("systemd-analyze")
    text = unit(installed, "node").read_text()
    assert {"sched_setscheduler", "sched_setaffinity", "mlockall", "madvise", "prctl", "ioctl"} <= allowed_calls(installed, "node")
    assert re.search(r"^LimitRTPRIO=[1-9]", text, re.M) and "RestrictRealtime" not in text
    # mlockall() counts the whole address space: some 80 MB, of which glibc reserves 64 for a thread.
    assert "LimitMEMLOCK=infinity\n" in text
    for device in ("char-gpiochip", "char-ttyAMA", "char-ttyS", "/dev/cpu_dma_latency"):
        assert f"DeviceAllow={device} rw" in text
    assert "DeviceAllow=char-pps r\n" in text
