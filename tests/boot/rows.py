# SPDX-License-Identifier: BSD-2-Clause
"""A machine's life from install to purge; each row is a test, in this order, on the same machine.

test_SUITE.py takes them over for its suite. Sensors and receiver are simulated ones; server and node share the machine.
"""
import pytest

from guest import OLD, Guest

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


@pytest.fixture(autouse=True)
def row(request, record_property):
    yield
    record_property("shows", f"{request.module.__name__.removeprefix('test_')}: {request.node.name.removeprefix('test_').replace('_', ' ')}")


@pytest.fixture(scope="module")
def guest(request, tmp_path_factory):
    guest = Guest(request.module.__name__.removeprefix("test_"), tmp_path_factory.mktemp("guest"))
    guest.power_on()
    yield guest
    guest.power_cut()


def write(guest, path, text):
    guest.sh(f"cat >{path} <<'TEXT'\n{text}TEXT")


def active(guest):
    """The states of node and server, a line each."""
    return guest.sh(f"systemctl is-active {BOTH} || :").split()


def stored(guest):
    """How many readings the server has."""
    return int(guest.sh("sqlite3 -readonly /var/lib/geotherm-server/readings.db 'SELECT count(*) FROM reading_view' || echo 0").split()[-1])


def wait_for_readings(guest, more):
    """Until so many more than now are stored."""
    wanted = stored(guest) + more
    guest.until(f"test $(sqlite3 -readonly /var/lib/geotherm-server/readings.db 'SELECT count(*) FROM reading_view') -ge {wanted} && echo",
                f"the server has {wanted} readings")


def missing(guest):
    """Sequence numbers that were used and are not stored, per epoch; the node must be drained."""
    return guest.sh("sqlite3 -readonly /var/lib/geotherm-server/readings.db 'SELECT epoch, max(seq) - min(seq) + 1 - count(*) FROM reading_view "
                    "GROUP BY epoch HAVING max(seq) - min(seq) + 1 > count(*)'").strip()


def install(guest, version):
    return guest.sh(f"DEBIAN_FRONTEND=noninteractive dpkg --force-confold -i /root/{version}/geotherm-*.deb", patience_s=300)


def test_a_first_installation_starts_nothing_and_finds_its_groups(guest):
    said = install(guest, "old")
    assert "Failed" not in said and "failed" not in said, said
    assert active(guest) == ["inactive", "inactive"]
    assert "Failed to resolve" not in guest.sh("journalctl -b --no-pager")
    guest.sh("udevadm settle")
    assert guest.sh("stat -c '%G %a' /dev/cpu_dma_latency").split() == ["gpio", "660"]
    assert guest.sh("systemctl --failed --no-legend") == ""


def test_certificates_are_installed_for_the_services(guest):
    ca = "geotherm ca --dir /root/ca"
    guest.sh(f"{ca} init test && {ca} issue --role server --also 127.0.0.1 localhost && {ca} issue {DEVICE} && "
             f"{ca} bundle localhost --out /root/server.tar && {ca} bundle {DEVICE} --out /root/node.tar")
    for service in ("node", "server"):
        assert f"readable by geotherm-{service}" in guest.sh(f"geotherm ca install /root/{service}.tar")
        assert guest.sh(f"stat -c '%U %G %a' /etc/geotherm/pki/{service}.pem").split() == ["root", f"geotherm-{service}", "640"]


def test_the_services_start_and_readings_are_stored(guest):
    write(guest, "/etc/geotherm/node.conf", NODE_CONF)
    write(guest, "/etc/geotherm/server.conf", SERVER_CONF)
    guest.sh(f"systemctl enable --now {BOTH}")
    assert active(guest) == ["active", "active"]
    wait_for_readings(guest, 5)
    assert missing(guest) == ""


def test_an_upgrade_restarts_what_runs_and_no_reading_is_missing(guest):
    before = guest.sh(f"systemctl show -P MainPID {BOTH}").split()
    install(guest, "new")
    assert OLD not in guest.sh("geotherm --version; dpkg-query -W -f '${Version}' geotherm-node")
    assert active(guest) == ["active", "active"]
    after = guest.sh(f"systemctl show -P MainPID {BOTH}").split()
    assert not set(before) & set(after)
    wait_for_readings(guest, 5)
    assert missing(guest) == ""
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
    assert missing(guest) == ""


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
    assert missing(guest) == ""


def test_after_a_reboot_both_run(guest):
    before = stored(guest)
    guest.reboot()
    assert active(guest) == ["active", "active"]
    assert stored(guest) >= before
    wait_for_readings(guest, 3)
    assert missing(guest) == ""


def test_a_power_cut_loses_no_acknowledged_reading(guest):
    wait_for_readings(guest, 3)
    before = stored(guest)
    guest.power_cut()
    guest.power_on()
    assert active(guest) == ["active", "active"]
    assert stored(guest) >= before
    wait_for_readings(guest, 3)
    assert missing(guest) == ""
    assert guest.sh("sqlite3 /var/lib/geotherm-server/readings.db 'PRAGMA integrity_check'").strip() == "ok"


@pytest.mark.parametrize("years", [-10, 10])
def test_readings_continue_with_a_clock_of_ten_years_before_and_after(guest, years):
    guest.sh(f"date -s \"$(date -d '{years:+d} years')\"")
    try:
        restarts = guest.sh("systemctl show -P NRestarts geotherm-node")
        wait_for_readings(guest, 0)
        guest.sh("sleep 3")
        assert active(guest)[0] == "active"
        assert guest.sh("systemctl show -P NRestarts geotherm-node") == restarts
    finally:
        guest.sh(f"date -s \"$(date -d '{-years:+d} years')\"")
    guest.sh("systemctl restart geotherm-server")
    wait_for_readings(guest, 5)
    assert missing(guest) == ""


def test_a_full_disk_is_waited_out(guest):
    guest.sh("fallocate -l $(($(df --output=avail -B1 / | tail -n 1) - 65536)) /var/tmp/fill; cat /dev/zero >/var/tmp/fill2; :")
    guest.sh("sleep 5")
    assert active(guest) == ["active", "active"]
    guest.sh("rm /var/tmp/fill /var/tmp/fill2")
    wait_for_readings(guest, 5)


def test_what_was_measured_without_network_is_sent_after_it(guest):
    guest.sh("ip link set lo down")
    before = stored(guest)
    guest.sh("sleep 60")
    assert active(guest) == ["active", "active"]
    guest.sh("ip link set lo up")
    wait_for_readings(guest, 30)
    assert stored(guest) >= before + 30


def test_a_node_with_an_expired_certificate_measures_and_sends_after_its_renewal(guest):
    ca = "geotherm ca --dir /root/ca"
    guest.sh("systemctl stop geotherm-node && date -s \"$(date -d '+400 days')\"")
    try:
        guest.sh("systemctl start geotherm-node && sleep 5")
        assert active(guest)[0] == "active"
        guest.sh(f"{ca} renew --days 3650 {DEVICE} && {ca} renew --days 3650 localhost && {ca} bundle {DEVICE} --out /root/renewed.tar && "
                 f"{ca} bundle localhost --out /root/renewed-server.tar && "
                 "geotherm ca install /root/renewed.tar && geotherm ca install /root/renewed-server.tar")
        wait_for_readings(guest, 5)
    finally:
        # The renewed ones are not valid yet by this clock.
        guest.sh("date -s \"$(date -d '-400 days')\" && geotherm ca install /root/node.tar && geotherm ca install /root/server.tar")


def test_instances_of_the_server_follow_an_upgrade_too(guest):
    guest.sh("systemctl disable --now geotherm-server && systemctl enable --now geotherm-server@1.socket geotherm-server@1.service")
    before = guest.sh("systemctl show -P MainPID geotherm-server@1")
    install(guest, "new")
    assert guest.sh("systemctl is-active geotherm-server@1").strip() == "active"
    assert guest.sh("systemctl show -P MainPID geotherm-server@1") != before


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
