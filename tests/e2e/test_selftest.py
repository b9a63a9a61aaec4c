# SPDX-License-Identifier: BSD-2-Clause
"""geotherm-selftest on rigs that are sound, and on rigs with one fault: it is found and named by the right check.

The bus and its faults are in tests/unit/selftest/test_check_bus.c, in process. Here: the receiver behind a real tty, the
server over real DTLS, the command line, and the node that is in the way.
"""
import concurrent.futures
import fcntl
import json
import os
import pty
import re
import signal
import subprocess

import pytest

from rig import BUILD, DEVICE, ROOT, free_port, until
from test_node_service import expired_server

PATIENCE_S = 90


def selftest(conf, *args):
    """Exit code, and the outcome of each check by its name."""
    done = subprocess.run([BUILD / "geotherm-selftest", "--config", conf, "--json", *map(str, args)], capture_output=True,
                          text=True, timeout=PATIENCE_S, cwd=ROOT)
    assert done.stdout, done.stderr
    return done.returncode, {f"{c['group']}/{c['name']}": c for c in json.loads(done.stdout)["checks"]}


def wrong(outcomes):
    """The causes of what did not pass, skips left out: {"bus/idle": "no-pull-up"}."""
    return {name: o["cause"] for name, o in outcomes.items() if o["status"] in ("WARN", "FAIL")}


class Receiver:
    """A simulated receiver as a process of its own, on a terminal."""

    def __init__(self, *options):
        self.process = subprocess.Popen([BUILD / "geotherm", "sim", "ublox7", *options], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        self.port = self.process.stdout.readline().strip()
        assert self.port.startswith("/dev/"), self.port

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


# --- a sound rig -------------------------------------------------------------

def test_a_sound_rig_passes_every_check_that_applies_and_its_row_is_marked(rig):
    rig.start_server()
    receiver = Receiver()
    try:
        code, seen = selftest(rig.node_conf(gnss={"port": receiver.port}), "--only", "bus,sensors,timing,uart,receiver,uplink")
    finally:
        receiver.stop()
    assert (code, wrong(seen)) == (0, {}), seen
    assert {name for name, o in seen.items() if o["status"] == "SKIP"} == set()
    assert "NMEA at 9600 baud" in seen["receiver/baud"]["value"]
    assert "verified at 115200 baud" in seen["receiver/answer"]["value"]
    rows = rig.rows("SELECT * FROM reading_view")
    assert len(rows) == 1
    assert (rows[0]["seq"], rows[0]["note"], rows[0]["t1"], rows[0]["lat"]) == (1, "selftest", None, None)


@pytest.mark.long
def test_what_the_node_would_simulate_is_simulated_and_said(rig):
    conf = rig.node_conf(node={"simulate": "if-absent"}, w1={"bus": "auto", "chip": "no-such-chip"},
                         gnss={"port": "/dev/geotherm-no-such-port"})
    code, seen = selftest(conf, "--only", "gpio,bus,sensors,uart/port,receiver/answer")
    assert (code, wrong(seen)) == (0, {"gpio/chip": "stands-in", "gpio/line": "stands-in", "uart/port": "stands-in"})


def test_each_run_adds_one_row_and_leaves_no_gap(rig):
    rig.start_server()
    conf = rig.node_conf()
    for _ in range(3):
        assert selftest(conf, "--only", "uplink/store")[0] == 0
    assert [row["seq"] for row in rig.rows()] == [1, 2, 3]
    code, out, _ = rig.run("geotherm", "get", *rig.client_options(), f"coaps://127.0.0.1:{rig.port}/gaps/{DEVICE}")
    stream = json.loads(out)["streams"][0]
    assert (code, stream["epoch"], stream["complete"], stream["holes"]) == (0, b"selftest".hex(), 3, [])


# --- the receiver --------------------------------------------------------------

RECEIVERS = {    # options of the simulator: what does not pass, and what a value says
    "deaf for a while after each change of its rate": (["--fault", "deaf-ms=300"], {}, {}),
    "deaf for a second after many bytes at another rate": (["--fault", "framing-limit=100"], {}, {}),
    "slow to answer": (["--fault", "delay-min-us=200000", "--fault", "delay-max-us=400000"], {}, {}),
    "without a battery": (["--fault", "no-battery=1"], {}, {}),
    "asleep": (["--mode", "asleep", "--running"], {"receiver/baud": "quiet"}, {}),
    "set to say nothing": (["--mode", "silent", "--running"], {"receiver/baud": "quiet"}, {}),
    "at another rate": (["--baud", "38400", "--mode", "ubx", "--running"], {}, {"receiver/baud": "UBX at 38400 baud"}),
    "silent": (["--fault", "drop-ppm=1000000"], {"receiver/baud": "quiet", "receiver/answer": "silent"}, {}),
    "unreadable": (["--fault", "corrupt-ppm=1000000"], {"receiver/baud": "unreadable", "receiver/answer": "unreadable"}, {}),
    "talking NMEA only": (["--kind", "nmea-only"], {"receiver/answer": "deaf"}, {}),
    "without a version": (["--kind", "no-version"], {"receiver/version": "no-version"}, {}),
    "counterfeit": (["--kind", "wrong-protver"], {"receiver/version": "counterfeit"}, {"receiver/version": "PROTVER 13.01"}),
    "a u-blox 8": (["--kind", "ublox8"], {"receiver/version": "other-generation"}, {}),
    "refusing a setting": (["--fault", "refuse-cfg=62"], {"receiver/settings": "refused"}, {}),
    "with a shorted antenna": (["--fault", "antenna=3"], {"receiver/antenna": "short"}, {}),
    "without an antenna": (["--fault", "antenna=4"], {"receiver/antenna": "open"}, {}),
    "jammed": (["--fault", "jam-ind=200"], {"receiver/jamming": "jamming"}, {"receiver/jamming": "200 of 255"}),
    "without a fix": (["--fault", "ttff-ms=3600000"], {"receiver/fix": "no-fix", "receiver/time": "no-time"}, {}),
    "in doubt of each fix": (["--fault", "doubtful-ppm=1000000"], {"receiver/fix": "no-fix"}, {}),
    "not yet sure of UTC": (["--fault", "utc-page-ms=3600000"], {"receiver/time": "unresolved"}, {}),
    "on a line that loses bytes": (["--fault", "drop-ppm=4000"], {"uart/errors": "damaged", ...: "and what follows"}, {}),
    "on a bad line": (["--fault", "corrupt-ppm=4000"], {"uart/errors": "damaged", ...: "and what follows"}, {}),
}


SHORT = {"talking NMEA only", "counterfeit", "without an antenna"}      # in make check; all of them in make check-selftest


@pytest.fixture(scope="module", autouse=True)
def tested(request, tmp_path_factory):
    """All receivers that are asked for at once, beside the other tests: most of it is waiting for a second to pass."""
    folder = tmp_path_factory.mktemp("receivers")
    asked = {item.callspec.params["name"] for item in request.session.items if "tested" in item.fixturenames
             and hasattr(item, "callspec") and "name" in item.callspec.params}

    def run_one(number, options):
        receiver = Receiver(*options)
        conf = folder / f"{number}.conf"
        conf.write_text(f"[w1]\nbus = none\n[gnss]\nport = {receiver.port}\n[node]\nstatus = {folder}/none.json\n")
        try:
            return selftest(conf, "--only", "uart,receiver", "--fix-wait", 3)
        finally:
            receiver.stop()

    with concurrent.futures.ThreadPoolExecutor(len(RECEIVERS)) as pool:
        yield {name: pool.submit(run_one, number, row[0]) for number, (name, row) in enumerate(RECEIVERS.items()) if name in asked}


def test_a_port_that_is_none_and_one_that_is_held_are_told_apart(rig):
    def port_of(path, group="uart"):
        return selftest(rig.node_conf(gnss={"port": path}), "--only", group)

    code, seen = port_of("/dev/geotherm-no-such-port")
    assert (code, wrong(seen)) == (1, {"uart/port": "absent"})
    (rig.dir / "file").write_text("")
    code, seen = port_of(rig.dir / "file")
    assert (code, wrong(seen)) == (1, {"uart/port": "not-a-port"})
    receiver = Receiver()
    held = os.open(receiver.port, os.O_RDWR | os.O_NOCTTY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        code, seen = port_of(receiver.port, "uart,receiver")
        assert (code, wrong(seen)) == (1, {"uart/holder": "held"}), seen
        assert all(o["status"] == "SKIP" for name, o in seen.items() if name.startswith("receiver/"))
    finally:
        os.close(held)
        receiver.stop()


# --- the server ----------------------------------------------------------------

def uplink(conf):
    code, seen = selftest(conf, "--only", "uplink")
    return code, wrong(seen), seen


def test_a_server_that_is_down_or_has_no_address_is_named(rig):
    assert uplink(rig.node_conf())[:2] == (1, {"uplink/session": "server-down"})
    assert uplink(rig.node_conf(server={"uri": "coaps://no-such-host.invalid"}))[:2] == (1, {"uplink/session": "no-such-host"})


@pytest.mark.long
def test_a_server_that_never_answers_is_named(rig):
    import socket
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", rig.port))
        assert uplink(rig.node_conf())[:2] == (1, {"uplink/session": "no-answer"})


def test_a_wrong_ca_a_wrong_name_and_a_foreign_certificate_are_told_apart(rig):
    rig.start_server()
    other = rig.make_pki("other")
    assert uplink(rig.node_conf(server={"ca": other / "ca.pem"}))[:2] == (1, {"uplink/session": "wrong-ca"})
    assert uplink(rig.node_conf(server={"server_name": "other.example"}))[:2] == (1, {"uplink/session": "wrong-name"})
    assert uplink(rig.node_conf(server={"certificate": other / "node.pem", "key": other / "node.key"}))[:2] == (
        1, {"uplink/session": "we-are-refused"})


def test_an_expired_server_is_named(rig):
    server = expired_server(rig)
    try:
        code, seen, all_seen = until(lambda: (result := uplink(rig.node_conf()))[1] != {"uplink/session": "server-down"} and result,
                                     "openssl listens")
        assert (code, seen) == (1, {"uplink/session": "server-expired"})
        assert 'expired: ?' in all_seen["uplink/session"]["value"], "a subject without a name in it"
    finally:
        server.kill()
        server.wait()


def test_files_that_are_missing_swapped_or_of_another_node_are_named(rig):
    rig.start_server()
    assert uplink(rig.node_conf(server={"certificate": rig.dir / "none.pem"}))[1] == {"uplink/credentials": "missing"}
    assert uplink(rig.node_conf(server={"key": rig.pki / "server.key"}))[1] == {"uplink/credentials": "unusable"}
    code, seen, all_seen = uplink(rig.node_conf(node={"device": "urn:dev:mac:0200c0fffe000002"}))
    assert (code, seen) == (1, {"uplink/device": "other-device", "uplink/read": "not-allowed", "uplink/store": "not-allowed"})
    assert "0200c0fffe000002" in all_seen["uplink/device"]["value"]
    assert rig.rows() == []


def test_an_expired_or_soon_expiring_certificate_is_named(rig):
    rig.start_server()
    (rig.pki / "node.pem").unlink()
    subprocess.run([ROOT / "certs/make-test-ca", rig.pki, DEVICE], check=True, env=dict(os.environ, DAYS="9"))
    assert uplink(rig.node_conf())[:2] == (0, {"uplink/credentials": "expires-soon"})
    expired_server(rig).kill()      # for its old.pem, which is no client's: dates come before that
    code, seen, _ = uplink(rig.node_conf(server={"certificate": rig.dir / "old.pem", "key": rig.pki / "server.key"}))
    assert (code, seen["uplink/credentials"]) == (1, "expired")


def test_a_server_without_its_database_is_named(rig):
    rig.start_server(conf=rig.server_conf({"backend": "mariadb", "socket": rig.dir / "nobody.sock", "user": "u", "database": "d"}))
    code, seen, _ = uplink(rig.node_conf())
    assert code == 1
    assert set(seen.values()) == {"server-error"}, seen


# --- the command ----------------------------------------------------------------

def run(conf, *args, env=None):
    done = subprocess.run([BUILD / "geotherm-selftest", "--config", conf, *map(str, args)], capture_output=True, text=True,
                          timeout=PATIENCE_S, cwd=ROOT, env=dict(os.environ, **(env or {})))
    return done.returncode, done.stdout, done.stderr


def test_lines_for_people_end_with_a_tally_and_carry_no_colour_into_a_file(rig):
    code, out, _ = run(rig.node_conf(), "--only", "bus")
    assert code == 0 and "\033" not in out
    assert out.splitlines()[-1] == "5 passed, 0 warned, 0 failed, 0 skipped"
    assert out.startswith("PASS  bus/idle ")


def test_what_is_skipped_for_one_reason_is_one_line(rig):
    code, out, _ = run(rig.node_conf(w1={"bus": "none"}, server={"uri": None}), "--only", "bus,sensors,uplink,system/clock")
    assert code == 0
    skips = [line for line in out.splitlines() if line.startswith("SKIP")]
    assert skips == ["SKIP  bus/idle to rise, sensors/search to identity (10) off: [w1] bus = none",
                     "SKIP  uplink/credentials to store (6) no-server: no [server] uri: readings stay in the outbox"]
    assert out.splitlines()[-1].endswith("16 skipped")
    _, out, _ = run(rig.node_conf(gnss={"port": "none"}), "--only", "uart/port,uart/errors,receiver/fix")
    assert "SKIP  uart/port, receiver/fix, uart/errors (3) off: [gnss] port = none" in out


def on_a_terminal(conf, env, *args):
    """All that it shows on a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen([BUILD / "geotherm-selftest", "--config", conf, *args], stdout=slave, stderr=slave, cwd=ROOT,
                               env=dict(os.environ, **env))
    os.close(slave)
    shown = b""
    try:
        while chunk := os.read(master, 4096):
            shown += chunk
    except OSError:     # EIO: the other end is closed
        pass
    os.close(master)
    assert process.wait(timeout=PATIENCE_S) == 0
    return shown.decode()


def test_a_terminal_gets_colours_and_progress_unless_no_color_is_set(rig):
    conf = rig.node_conf()
    shown = on_a_terminal(conf, {"NO_COLOR": ""}, "--only", "bus/idle,sensors/identity")
    assert "\033[32mPASS\033[0m  bus/idle" in shown
    assert "sensors/identity: may take 5 s" in shown and "bus/idle: may take" not in shown
    shown = on_a_terminal(conf, {"NO_COLOR": "1"}, "--only", "bus/idle")
    assert shown.startswith("PASS  bus/idle") and "\033" not in shown


def test_tap_is_counted_by_perl_s_own_reader(rig):
    code, out, _ = run(rig.node_conf(server={"uri": None}), "--tap", "--only", "gpio,bus,uplink")
    assert code == 0
    assert out.splitlines()[:2] == ["TAP version 14", "1..13"]
    (rig.dir / "t.tap").write_text(out.replace("TAP version 14", "TAP version 13"))     # the newest that it knows
    done = subprocess.run(["perl", "-MTAP::Parser", "-e", """my $p = TAP::Parser->new({source => $ARGV[0]}); $p->run;
        print join(" ", $p->passed + 0, $p->skipped + 0, $p->failed + 0, $p->parse_errors + 0), "\n" """, rig.dir / "t.tap"],
                          capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["13", "8", "0", "0"]
    code, out, _ = run(rig.node_conf(), "--tap", "--only", "uplink/session")
    assert code == 1 and "not ok 1 - uplink/session\n  ---\n" in out and 'cause: "server-down"' in out


def test_list_names_every_check_that_the_run_then_makes(rig):
    _, listed, _ = run(rig.node_conf(), "--list")
    _, seen = selftest(rig.node_conf(server={"uri": None}, gnss={"port": "none"}, w1={"bus": "none"}))
    assert [line.split()[0] for line in listed.splitlines()] == list(seen)


def test_wrong_options_end_with_2_and_say_which(rig):
    for args, words in ((["--only", "buss"], "buss: no such group or check"), (["--loop=0"], "number from 1"),
                        (["--fix-wait", "x"], "number from 0"), (["extra"], "extra: unexpected argument"),
                        (["-o", "w1.gpio=999"], "gpio"), (["--nonsense"], "nonsense")):
        code, out, err = run(rig.node_conf(), *args)
        assert code == 2 and words in err and out == "", (args, err)


def test_nothing_that_applies_ends_with_3(rig):
    assert run(rig.node_conf(w1={"bus": "none"}), "--only", "bus,sensors")[0] == 3


def test_loop_goes_round_and_stores_but_one_row(rig):
    rig.start_server()
    code, out, _ = run(rig.node_conf(), "--loop=3", "--only", "bus/idle,uplink/store")
    assert code == 0 and out.count("PASS  bus/idle") == 3
    assert len(rig.rows()) == 1


def test_loop_without_end_ends_by_a_signal(rig):
    conf = rig.node_conf()
    process = subprocess.Popen([BUILD / "geotherm-selftest", "--config", conf, "--loop", "--only", "bus"], text=True,
                               stdout=subprocess.PIPE)
    for _ in range(20):
        assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    assert process.wait(timeout=PATIENCE_S) == 3
    process.stdout.close()


def test_a_bundle_tells_the_outcomes_and_none_of_the_secrets(rig):
    rig.start_server()
    conf = rig.node_conf()
    bundle = rig.dir / "bundle.txt"
    code, _, _ = run(conf, "-o", "w1.gpio=17", "--only", "bus,receiver/fix,uplink", "--bundle", bundle)
    text = bundle.read_text()
    assert code == 0 and "PASS  bus/idle" in text and "PASS  uplink/session" in text
    assert "bus = simulated\n" in text and "-o w1.gpio=17\n" in text
    assert bundle.stat().st_mode & 0o077 == 0
    assert "PRIVATE KEY" not in text and "127.0.0.1" not in text and DEVICE not in text
    for line in (rig.pki / "node.key").read_text().splitlines():
        assert line not in text
    fix = next(line for line in text.splitlines() if "receiver/fix" in line)
    assert "satellites" in fix and len([w for w in fix.split() if w.count(".") == 1 and len(w.split(".")[1]) > 4]) == 0


@pytest.mark.long
def test_the_position_is_told_only_when_asked_for(rig):
    _, seen = selftest(rig.node_conf(), "--only", "receiver/fix", "--position")
    assert re.search(r", -?\d+\.\d{7} -?\d+\.\d{7}; ", seen["receiver/fix"]["value"])


@pytest.mark.long
def test_it_refuses_politely_while_the_node_holds_the_port(rig):
    receiver = Receiver()
    try:
        conf = rig.node_conf(gnss={"port": receiver.port}, node={"period": "100ms"})
        node = rig.start_node(conf=conf)
        until(lambda: (rig.dir / "status.json").exists(), "the node tells its status")
        code, out, err = run(conf)
        assert (code, out) == (3, "")
        assert f"geotherm-node (process {node.process.pid}) holds the receiver's port" in err
        code, _, _ = run(conf, "--only", "board,system")
        assert code == 0
        assert node.stop() == 0
        code, out, _ = run(conf, "--only", "uart")
        assert code == 0, out
    finally:
        receiver.stop()


def test_it_refuses_politely_while_the_node_holds_the_line(rig):
    node = rig.start_node()
    until(lambda: (rig.dir / "status.json").exists(), "the node tells its status")
    # As it would be on a Pi: what is said here is all that the self-test goes by.
    status = json.loads((rig.dir / "status.json").read_text())
    status["w1"]["bus"] = "userspace"
    (rig.dir / "pi.json").write_text(json.dumps(status))
    conf = rig.node_conf(node={"status": rig.dir / "pi.json"})
    for only in ("bus", "gpio/line", "sensors/search", "timing/slots"):
        code, out, err = run(conf, "--only", only)
        assert (code, out) == (3, "") and f"geotherm-node (process {node.process.pid}) holds the 1-Wire line" in err
    assert run(conf, "--only", "board,receiver/baud")[0] == 0
    assert node.stop() == 0
    assert run(conf, "--only", "bus")[0] == 0


# --- the receivers that were begun above -------------------------------------------

@pytest.mark.parametrize("name", [name if name in SHORT else pytest.param(name, marks=pytest.mark.long) for name in RECEIVERS])
def test_a_receiver_s_fault_is_named(tested, name):
    _, expected, values = RECEIVERS[name]
    code, seen = tested[name].result()
    expected, more = {k: v for k, v in expected.items() if k is not ...}, ... in expected
    assert wrong(seen).items() >= expected.items() if more else wrong(seen) == expected, seen
    assert code == (1 if any(o["status"] == "FAIL" for o in seen.values()) else 0)
    for check, text in values.items():
        assert text in seen[check]["value"]
    assert all(o["hint"] for o in seen.values() if o["cause"])
