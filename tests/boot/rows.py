# SPDX-License-Identifier: BSD-2-Clause
"""A machine's life from install to purge; each row is a test, in this order, on the same machine.

test_SUITE.py takes them over for its suite. Sensors and receiver are simulated ones; server and node share the machine.
"""
import re
import shlex

import pytest

from guest import OLD, ROOT, Guest

DEVICE = "urn:dev:mac:0200c0fffe000001"
NODE_CONF = f"""[node]
device = {DEVICE}
period = 1
simulate = if-absent
[w1]
alarms = on
[server]
uri = coaps://127.0.0.1
"""
SERVER_CONF = """[server]
listen = 127.0.0.1:5684
workers = 2
"""
BOTH = "geotherm-node geotherm-server"
PI = "/srv/pi"         # what geotherm-setup sees of a Pi
INSTANCES = "geotherm-server@1 geotherm-server@2"
SQL = "sqlite3 -readonly /var/lib/geotherm-server/readings.db"
COUNT = f"{SQL} 'SELECT count(*) FROM readings'"


@pytest.fixture(autouse=True)
def row(request, record_property):
    yield
    record_property("shows", f"{request.module.__name__.removeprefix('test_')}: {request.node.name.removeprefix('test_').replace('_', ' ')}")


@pytest.fixture(scope="module")
def guest(request, tmp_path_factory):
    guest = Guest(request.module.__name__.removeprefix("test_"), tmp_path_factory.mktemp("guest"))
    guest.power_on()
    yield guest
    guest.kill()


def write(guest, path, text):
    guest.sh(f"cat >{path} <<'TEXT_END'\n{text}TEXT_END")


def active(guest):
    """The states of node and server, a line each."""
    return guest.sh(f"systemctl is-active {BOTH} || :").split()


def query(guest, sql):
    return guest.sh(f"{SQL} {shlex.quote(sql)}").strip()


def stored(guest):
    """How many readings the server has."""
    return int(guest.sh(f"{COUNT} || echo 0").split()[-1])


def wait_for_readings(guest, more):
    """Until so many more than now are stored."""
    wanted = stored(guest) + more
    guest.until(f"test $({COUNT}) -ge {wanted} && echo", f"the server has {wanted} readings")


def expect_no_hole(guest):
    """Every number that was used is stored, as soon as those on their way are."""
    missing = "SELECT stream FROM readings GROUP BY stream HAVING max(seq) - min(seq) + 1 > count(*)"
    guest.until(f"test -z \"$({SQL} '{missing}')\" && echo", "no reading is missing")


def pids(guest, units):
    return guest.sh(f"systemctl show -P MainPID {units}").split()


def sockets(guest):
    """The inodes of the sockets on the server's port."""
    return sorted(re.findall(r"ino:(\d+)", guest.sh("ss -uanpe 'sport = 5684'")))


def install(guest, version):
    return guest.sh(f"DEBIAN_FRONTEND=noninteractive dpkg --force-confold -i /root/{version}/geotherm-*.deb")


def test_a_first_installation_starts_nothing_and_finds_its_groups(guest):
    said = install(guest, "old")
    assert "Failed" not in said and "failed" not in said, said
    assert active(guest) == ["inactive", "inactive"]
    assert "Failed to resolve" not in guest.sh("journalctl -b --no-pager")
    guest.sh("udevadm settle")
    assert guest.sh("stat -c '%G %a' /dev/cpu_dma_latency").split() == ["gpio", "660"]
    assert guest.sh("systemctl --failed --no-legend") == ""


def test_certificates_are_installed_and_the_services_start_as_in_the_packages_own_test(guest):
    write(guest, "/root/services", (ROOT / "debian/tests/services").read_text())
    said = guest.sh("AUTOPKGTEST_TMP=/root sh /root/services")
    for service in ("node", "server"):
        assert f"readable by geotherm-{service}" in said
        assert guest.sh(f"stat -c '%U %G %a' /etc/geotherm/pki/{service}.pem").split() == ["root", f"geotherm-{service}", "640"]
    wait_for_readings(guest, 5)
    expect_no_hole(guest)


def test_an_upgrade_restarts_what_runs_and_no_reading_is_missing(guest):
    write(guest, "/etc/geotherm/node.conf", NODE_CONF)
    write(guest, "/etc/geotherm/server.conf", SERVER_CONF)
    guest.sh(f"systemctl restart {BOTH}")
    before = guest.sh(f"systemctl show -P MainPID {BOTH}").split()
    install(guest, "new")
    assert OLD not in guest.sh("geotherm --version; dpkg-query -W -f '${Version}' geotherm-node")
    assert active(guest) == ["active", "active"]
    after = guest.sh(f"systemctl show -P MainPID {BOTH}").split()
    assert not set(before) & set(after)
    wait_for_readings(guest, 5)
    expect_no_hole(guest)
    # An old configuration with removed keys is a warning, not an end.
    for key in ("alarms", "workers"):
        assert key in guest.sh("journalctl -b --no-pager -p warning -t geotherm-node -t geotherm-server")


def test_an_upgrade_starts_nothing_that_was_switched_off(guest):
    guest.sh(f"systemctl disable --now {BOTH}")
    install(guest, "new")
    assert active(guest) == ["inactive", "inactive"]
    guest.sh(f"systemctl enable --now {BOTH}")


def test_kill_9_is_followed_by_a_restart(guest):
    wait_for_readings(guest, 1)
    guest.sh(f"systemctl kill -s KILL {BOTH}")
    guest.until("test $(systemctl show -P NRestarts geotherm-node) -ge 1 && test $(systemctl show -P NRestarts geotherm-server) -ge 1 && "
                f"systemctl is-active {BOTH}", "both restarted")
    wait_for_readings(guest, 3)
    expect_no_hole(guest)


def test_a_stopped_process_is_killed_by_the_watchdog(guest):
    before = guest.sh("systemctl show -P NRestarts geotherm-node").strip()
    guest.sh("systemctl kill -s STOP geotherm-node")
    guest.until(f"test $(systemctl show -P NRestarts geotherm-node) -gt {before} && systemctl is-active geotherm-node", "node restarted")
    assert "watchdog" in guest.sh("journalctl -b --no-pager -u geotherm-node").lower()
    wait_for_readings(guest, 3)


def test_a_reload_is_taken_or_fails_and_changes_nothing(guest):
    pid = guest.sh("systemctl show -P MainPID geotherm-node")
    guest.sh(f"systemctl reload {BOTH}")
    guest.sh("sed -i 's/^period = .*/period = soon/' /etc/geotherm/node.conf")
    said = guest.sh("systemctl reload geotherm-node", expect=None)
    assert not said.endswith("\n0") and said != "0", said
    assert "period" in guest.sh("journalctl -b -n 30 --no-pager -u geotherm-node")
    write(guest, "/etc/geotherm/node.conf", NODE_CONF)
    guest.sh("systemctl reload geotherm-node")
    # A renewed certificate that the service cannot read.
    for service in ("node", "server"):
        pem = f"/etc/geotherm/pki/{service}.pem"
        guest.sh(f"chmod 600 {pem}")
        said = guest.sh(f"systemctl reload geotherm-{service}", expect=None)
        assert not said.endswith("0"), said
        assert pem in guest.sh(f"journalctl -b -n 30 --no-pager -u geotherm-{service}")
        guest.sh(f"chmod 640 {pem} && systemctl reload geotherm-{service}")
    assert guest.sh("systemctl show -P MainPID geotherm-node") == pid
    wait_for_readings(guest, 3)
    expect_no_hole(guest)


def test_a_power_cut_loses_no_acknowledged_reading(guest):
    wait_for_readings(guest, 3)
    rows = "SELECT epoch, seq, time, t1, received FROM reading_view ORDER BY epoch, seq"
    before = query(guest, rows).splitlines()
    guest.power_cut()
    guest.power_on()
    assert active(guest) == ["active", "active"]
    assert set(before) <= set(query(guest, rows).splitlines())
    assert query(guest, "PRAGMA integrity_check") == "ok"
    wait_for_readings(guest, 3)
    expect_no_hole(guest)


def test_an_hour_without_network_is_measured_and_sent_after_it(guest):
    seconds = int(guest.sh("sed -i 's/^period = .*/period = 10/' /etc/geotherm/node.conf && systemctl reload geotherm-node && "
                           "ip link set lo down && date +%s"))
    before = stored(guest)
    guest.sh("sleep 3600")
    assert active(guest) == ["active", "active"]
    assert stored(guest) <= before + 1       # one may have been on its way
    seconds = int(guest.sh("ip link set lo up && date +%s")) - seconds
    wait_for_readings(guest, seconds // 10 - 1)
    expect_no_hole(guest)


def test_after_a_reboot_both_run(guest):
    write(guest, "/etc/geotherm/node.conf", NODE_CONF)
    before = stored(guest)
    guest.reboot()
    assert active(guest) == ["active", "active"]
    assert stored(guest) >= before
    wait_for_readings(guest, 3)
    expect_no_hole(guest)


@pytest.mark.parametrize("years", [-10, 10])
def test_readings_continue_with_a_clock_of_ten_years_before_and_after(guest, years):
    """The server's certificate is not yet valid, or no longer: it serves again once the clock is right, by itself."""
    processes = pids(guest, "geotherm-node")
    newest = int(query(guest, "SELECT max(seq) FROM reading_view"))
    guest.sh(f"date -s '{years:+d} years'")
    guest.sh("systemctl restart geotherm-server", expect=None)
    guest.until(f"journalctl -b --no-pager -n 5 -u geotherm-server -o cat | grep -E '{'not valid before' if years < 0 else 'expired on'}' && "
                "test $(systemctl show -P NRestarts geotherm-server) -ge 1", "the server names the certificate, and is started again")
    guest.sh(f"date -s '{-years:+d} years'")
    guest.until("systemctl is-active geotherm-server", "the server serves by itself")
    wait_for_readings(guest, 5)
    expect_no_hole(guest)
    assert pids(guest, "geotherm-node") == processes
    assert int(query(guest, "SELECT max(seq) FROM reading_view")) >= newest + 5


def test_a_full_disk_stops_nothing_and_what_was_measured_arrives(guest):
    guest.sh("fallocate -l $(($(df --output=avail -B1 / | tail -n 1) - 65536)) /var/tmp/fill; cat /dev/zero >/var/tmp/fill2; :")
    guest.sh("sleep 5")
    assert active(guest) == ["active", "active"]
    guest.sh("rm /var/tmp/fill /var/tmp/fill2")
    wait_for_readings(guest, 5)
    expect_no_hole(guest)


def test_a_node_with_an_expired_certificate_measures_and_sends_after_its_renewal(guest):
    """From here on it is 400 days later."""
    ca = "geotherm ca --dir /root/ca"
    guest.sh("systemctl stop geotherm-node && date -s '+400 days' && systemctl start geotherm-node")
    guest.until("geotherm status | grep 'expired'", "the status names the expired certificate")
    assert active(guest)[0] == "active"
    for name, service in ((DEVICE, "node"), ("localhost", "server")):
        guest.sh(f"{ca} renew --days 3650 {name} && {ca} bundle {name} --out /root/renewed-{service}.tar && "
                 f"geotherm ca install /root/renewed-{service}.tar")
    wait_for_readings(guest, 5)
    expect_no_hole(guest)


def test_instances_have_a_socket_each_and_the_restart_of_one_leaves_the_other(guest):
    guest.sh(f"systemctl disable --now geotherm-server && systemctl enable --now {INSTANCES}")
    processes, inodes = pids(guest, INSTANCES), sockets(guest)
    assert len(set(processes)) == 2 and len(inodes) == 2
    for pid in processes:
        environment = guest.sh(f"tr '\\0' '\\n' </proc/{pid}/environ").split()
        assert "LISTEN_FDS=1" in environment and f"LISTEN_PID={pid}" in environment
    guest.sh("systemctl restart geotherm-server@2")
    after = pids(guest, INSTANCES)
    assert after[0] == processes[0] and after[1] != processes[1] and sockets(guest) == inodes
    wait_for_readings(guest, 5)
    expect_no_hole(guest)


def test_instances_are_restarted_by_an_upgrade(guest):
    before = pids(guest, INSTANCES)
    install(guest, "new")
    assert guest.sh(f"systemctl is-active {INSTANCES}").split() == ["active", "active"]
    assert not set(pids(guest, INSTANCES)) & set(before)
    wait_for_readings(guest, 3)


def test_a_wrong_configuration_of_an_instance_ends_in_no_trigger_limit(guest):
    """Datagrams start it again and again; once the configuration is right it serves by itself."""
    guest.sh("systemctl stop geotherm-server@2.socket")
    write(guest, "/etc/geotherm/server.conf", "[server]\nlisten = nowhere\n")
    guest.sh("systemctl restart geotherm-server@1", expect=None)
    guest.until("test $(journalctl -b --no-pager -o cat -u geotherm-server@1 | grep -c 'listen: ') -ge 3", "three starts have failed")
    assert guest.sh("systemctl is-active geotherm-server@1.socket").strip() == "active"
    write(guest, "/etc/geotherm/server.conf", SERVER_CONF)
    wait_for_readings(guest, 5)
    expect_no_hole(guest)


def test_stopping_an_instances_socket_stops_it_and_no_datagram_starts_it_again(guest):
    guest.sh("systemctl start geotherm-server@2 && systemctl stop geotherm-server@1.socket")
    wait_for_readings(guest, 5)
    assert guest.sh("systemctl is-active geotherm-server@1.socket geotherm-server@1 geotherm-server@2 || :").split() == \
        ["inactive", "inactive", "active"]
    guest.sh("systemctl stop geotherm-server@2.socket")
    guest.sh("sleep 5")
    assert guest.sh(f"systemctl is-active {INSTANCES} || :").split() == ["inactive", "inactive"]
    guest.sh(f"systemctl start {INSTANCES}")
    wait_for_readings(guest, 3)
    expect_no_hole(guest)


def test_the_demo_shows_readings(guest):
    guest.sh("useradd --create-home --shell /bin/bash visitor")
    shown = guest.sh("runuser -l visitor -c 'timeout -s INT 45 geotherm demo'", expect=None)
    assert shown.count("°C") >= 3, shown


def test_every_second_without_a_reading_has_its_cause(guest, record_property):
    """Consecutive readings of one boot, by its clock: the longest time between two where the node did not start."""
    longest = query(guest, "SELECT max(gap) FROM (SELECT (boot_ns - lag(boot_ns) OVER w) / 1e9 AS gap, start_cause FROM readings "
                           "WINDOW w AS (PARTITION BY stream ORDER BY seq)) WHERE start_cause IS NULL")
    starts = dict(line.split("|") for line in query(guest, "SELECT start_cause, count(*) FROM readings WHERE start_cause IS NOT NULL "
                                                           "GROUP BY start_cause").splitlines())
    record_property("shows", f"{guest.suite}: {stored(guest)} readings, none missing; starts of the node after a stop {starts['1']}, "
                             f"a crash {starts['2']}, a power cut {starts['3']}; apart from them at most {float(longest):.1f} s between two "
                             "(period 1 s, and 10 s without network)")
    assert float(longest) < 15, longest


def test_removal_stops_everything(guest):
    guest.sh("DEBIAN_FRONTEND=noninteractive dpkg -r geotherm-node geotherm-server")
    assert guest.sh("readlink /proc/[0-9]*/exe | grep geotherm || :") == ""
    assert guest.sh("systemctl list-units --no-legend 'geotherm*' --state active") == ""


def test_purge_leaves_measurements_and_certificates_only(guest):
    guest.sh("DEBIAN_FRONTEND=noninteractive dpkg -P geotherm-node geotherm-server geotherm-common")
    left = guest.sh("find / -xdev -path /proc -prune -o -path /var/log -prune -o -path /var/lib/dpkg -prune -o -path '/root/*' -prune -o "
                    "-iname '*geotherm*' -print").split()
    assert set(left) == {"/etc/geotherm", "/var/lib/geotherm", "/var/lib/geotherm-server"}, left
    assert guest.sh("systemctl --failed --no-legend") == ""


def commands_of_the_readme():
    """What its six steps tell to type, but for the other way to install."""
    steps = re.search(r"^## On a Pi, in six steps\n(.*?)^```", (ROOT / "README.md").read_text(), re.S | re.M)[1]
    return [c for c in re.findall(r"`((?:sudo|geotherm) [^`]*)`", steps) if not c.startswith("sudo make")]


def test_the_readmes_steps_word_for_word(guest):
    """On a Pi that is a folder; the self-test finds no hardware, and the node simulates it."""
    commands = commands_of_the_readme()
    assert commands == ["sudo apt install ./geotherm-common_*.deb ./geotherm-node_*.deb", "sudo geotherm-setup install", "sudo geotherm-setup remove",
                        "sudo geotherm ca install BUNDLE", "sudo geotherm-selftest", "sudo systemctl enable --now geotherm-node",
                        "geotherm wait --fix --sent 60", "geotherm status"]
    guest.sh("useradd --create-home --shell /bin/bash pi && echo 'pi ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/pi && "
             "echo 'Defaults env_keep += GEOTHERM_SETUP_SYSROOT' >>/etc/sudoers.d/pi && "
             "cp /root/new/*.deb /home/pi && cp /root/renewed-node.tar /home/pi/BUNDLE && "
             f"mkdir -p {PI}/proc/device-tree {PI}/boot/firmware/overlays && printf 'Raspberry Pi 4\\0' >{PI}/proc/device-tree/model && "
             f"echo dtparam=audio=on >{PI}/boot/firmware/config.txt && echo console=tty1 root=/dev/vda >{PI}/boot/firmware/cmdline.txt")
    shown = {}
    for command in commands:
        before = guest.sh(f"cat {PI}/boot/firmware/*.txt")
        shown[command] = guest.sh(f"echo y | runuser -l pi -c {shlex.quote(f'export GEOTHERM_SETUP_SYSROOT={PI}; {command}')}",
                                  expect=None)
        code = shown[command].split()[-1]
        assert code in {"sudo geotherm-selftest": "1", "geotherm status": "01"}.get(command, "0"), shown[command]
        if "setup install" in command:
            unchanged, overlay = before, guest.sh(f"cat {PI}/boot/firmware/*.txt && test -s {PI}/boot/firmware/overlays/geotherm.dtbo")
            assert "dtoverlay=geotherm" in overlay
        if "setup remove" in command:
            assert guest.sh(f"cat {PI}/boot/firmware/*.txt") == unchanged
        if "ca install" in command:
            guest.sh("dpkg -i /root/new/geotherm-server_*.deb && systemctl enable --now geotherm-server")
            write(guest, "/etc/geotherm/node.conf", NODE_CONF)
    assert "gpio/chip" in shown["sudo geotherm-selftest"]
    assert "connected" in shown["geotherm status"]
