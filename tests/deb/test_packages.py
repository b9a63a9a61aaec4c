# SPDX-License-Identifier: BSD-2-Clause
"""The Debian packages: made for six targets, run where this machine can, installed, upgraded and purged in real roots.

make check-deb. Roots and libraries of other suites come from Debian's archive and are kept in DEPS_DIR.
"""
import concurrent.futures
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from debs import BUILD, DEPS, NATIVE, ROOT, field, packages, root_archive, run, with_version  # noqa: E402

SUITES = ["bookworm", "trixie"]
TARGETS = [(suite, arch) for suite in SUITES for arch in ["amd64", "arm64", "armhf"]]
MACHINE = {"amd64": "x86-64", "arm64": "ARM aarch64", "armhf": "ARM, EABI5"}
GPIOD = {"bookworm": "libgpiod2", "trixie": "libgpiod3"}


@pytest.mark.parametrize("suite, arch", TARGETS)
def test_packages_are_made_and_ask_for_the_libraries_of_their_suite(suite, arch, tmp_path):
    debs = packages(suite, arch)
    assert set(debs) == {"geotherm-common", "geotherm-node", "geotherm-server", "geotherm-dkms"}
    node = debs["geotherm-node"]
    assert field(node, "Architecture") == arch
    depends = field(node, "Depends")
    assert re.search(rf"\b{GPIOD[suite]}\b", depends), depends
    run("dpkg-deb", "--extract", node, tmp_path)
    assert MACHINE[arch] in run("file", tmp_path / "usr/sbin/geotherm-node")


def test_a_second_build_elsewhere_gives_the_same_bytes(tmp_path):
    """Another folder, time zone, language and umask; libcoap and Mbed TLS are compiled again, too."""
    suite = SUITES[-1]
    first = packages(suite, NATIVE)
    deps = tmp_path / "deps"
    deps.mkdir()
    for kept in ["sources", *(path.name for path in DEPS.glob(f"sysroot-{suite}-{NATIVE}-*"))]:
        (deps / kept).symlink_to(DEPS / kept)
    run("sh", "-c", 'umask 027; exec scripts/make-deb --build "$0" --suite "$1"', tmp_path / "elsewhere/deeper", suite, cwd=ROOT,
        env=dict(os.environ, DEPS_DIR=str(deps), TZ="Pacific/Kiritimati", LC_ALL="C", LANG="de_DE.UTF-8"))
    for name, deb in first.items():
        [second] = (tmp_path / "elsewhere/deeper/deb").glob(f"*/{name}_*.deb")
        assert second.read_bytes() == deb.read_bytes(), name


def test_the_source_archive_makes_a_source_package_that_builds(tmp_path):
    archive = run("make", "-s", f"BUILD={tmp_path}", "dist", cwd=ROOT, env=dict(os.environ, MAKEFLAGS="")).strip()
    run("tar", "-x", "-C", tmp_path, "-f", archive)
    [tree] = tmp_path.glob("geotherm-*/")
    run("dpkg-buildpackage", "-us", "-uc", "-d", cwd=tree,
        env=dict(os.environ, DEPS_DIR=str(DEPS), DEB_BUILD_OPTIONS=f"nocheck noautodbgsym parallel={os.cpu_count()}"))
    assert {path.name.split("_")[0] for path in tmp_path.glob("*.deb")} == set(packages(SUITES[0], NATIVE))
    [source] = tmp_path.glob("*.dsc")
    run("dpkg-source", "--extract", source, tmp_path / "again")
    git = run("git", "ls-tree", "-r", "--name-only", "HEAD", cwd=ROOT).splitlines()
    assert {str(p.relative_to(tmp_path / "again")) for p in (tmp_path / "again").rglob("*") if not p.is_dir()} == set(git)


@pytest.mark.parametrize("arch, mark", [("amd64", "IBT, SHSTK"), ("arm64", "BTI, PAC")])
def test_libcoap_and_mbedtls_have_the_flags_of_the_packages(arch, mark):
    """By the note in each object; programs have it where glibc's and gcc's start-up objects do (readelf -n)."""
    suite = SUITES[0]
    packages(suite, arch)
    prefix = re.search(r"-isystem (\S+)/include", (BUILD / "deb" / f"{suite}-{arch}/build.log").read_text())[1]
    for library in ("libcoap-3.a", "libmbedtls.a", "libmbedx509.a", "libmbedcrypto.a"):
        objects = run("readelf", "-n", f"{prefix}/lib/{library}").split("\nFile: ")[1:]
        assert objects and [text.split("\n")[0] for text in objects if mark not in text] == [], library


def test_make_install_lays_what_the_packages_lay(tmp_path):
    """File by file, but for what Debian adds (changelog, copyright) and where it puts examples."""
    suite = next((s for s in SUITES if f"VERSION_CODENAME={s}" in pathlib.Path("/etc/os-release").read_text()), SUITES[0])
    for name, deb in packages(suite, NATIVE).items():
        if name != "geotherm-dkms":
            run("dpkg-deb", "--extract", deb, tmp_path / "packages")
    run("make", "-s", f"BUILD={BUILD}", f"DESTDIR={tmp_path}/install", "PREFIX=/usr", "install", cwd=ROOT,
        env=dict(os.environ, GEOTHERM_SETUP_DONE="1", DEPS_DIR=str(DEPS), MAKEFLAGS=""))

    def files(tree):
        found = set()
        for path in (tmp_path / tree).rglob("*"):
            name = re.sub(r"/doc/geotherm(-[a-z]+)?/", "/doc/", f"/{path.relative_to(tmp_path / tree)}".removesuffix(".gz"))
            if not path.is_dir() and not re.search(r"/doc/(changelog|copyright|LICENSE|.*Debian)|/lintian/", name):
                found.add(re.sub(r"^/lib/", "/usr/lib/", name.replace("/etc/geotherm/", "/usr/share/doc/").replace(".conf.example", ".conf")))
        return found
    assert files("install") == files("packages") > {"/usr/sbin/geotherm-node", "/usr/lib/systemd/system/geotherm-node.service"}


def sysroot(suite, arch):
    done = subprocess.run(["deps/sysroot", suite, arch], cwd=ROOT, env=dict(os.environ, DEPS_DIR=str(DEPS)),
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def emulated(suite, arch, program, folder):
    """A folder of programs like BUILD, in which this one is the packaged one and runs by emulation."""
    emulator = {"amd64": "qemu-x86_64", "arm64": "qemu-aarch64", "armhf": "qemu-arm"}[arch]
    tree, programs = folder / "tree", folder / "programs"
    for deb in packages(suite, arch).values():
        run("dpkg-deb", "--extract", deb, tree)
    programs.mkdir()
    packaged = next(tree.glob(f"usr/*bin/{program}"))
    for name in {"geotherm", "geotherm-node", "geotherm-server", "geotherm-ca", "make-test-ca"} - {program}:
        (programs / name).symlink_to(BUILD / name)
    (programs / program).write_text(f'#!/bin/sh\nexec {emulator} -L {sysroot(suite, arch)} {packaged} "$@"\n')
    (programs / program).chmod(0o755)
    return programs


FOREIGN = pytest.mark.parametrize("suite, arch", [t for t in TARGETS if t[1] != NATIVE])


def run_node(suite, arch, folder):
    """The node of the other processor, the server of this one."""
    return run("scripts/run", "--build", emulated(suite, arch, "geotherm-node", folder), "--seconds", "12", cwd=ROOT,
               env=dict(os.environ, RUN_DIR=str(folder / "run"), PORT=str(21000 + (os.getpid() + 20 * TARGETS.index((suite, arch))) % 1000)))


def run_selftest(suite, arch, folder):
    """The tests of make check, made by the packaged program. Not even those of timing are judged more leniently: the simulated
    bus has a time of its own, and the receiver's limits are whole seconds."""
    return run("/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", "-m", "not long", "tests/e2e/test_selftest.py",
               cwd=ROOT, env=dict(os.environ, GEOTHERM_BUILD=str(emulated(suite, arch, "geotherm-selftest", folder))))


@pytest.fixture(scope="module")
def emulation(request, tmp_path_factory):
    """What was said by each emulated program that is asked for. Two at once: most of it is waiting for seconds to pass."""
    asked = []
    for item in request.session.items:
        if "emulation" in item.fixturenames and item.path == request.path:
            target = item.callspec.params["suite"], item.callspec.params["arch"]
            try:
                packages(*target)
                asked.append((run_node if "node" in item.name else run_selftest, *target))
            except pytest.skip.Exception:
                pass        # the test itself says so
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        said = {key: pool.submit(*key, tmp_path_factory.mktemp(f"{key[0].__name__}-{key[1]}-{key[2]}")) for key in asked}
        yield lambda *key: packages(*key[1:]) and said[key].result()


@FOREIGN
def test_the_packaged_node_runs_on_its_processor_and_its_readings_are_stored(suite, arch, emulation):
    said = emulation(run_node, suite, arch)
    row = said.strip().splitlines()[-1].split()
    assert row[0] == "urn:dev:mac:0200c0fffe000001", said
    readings, missing = int(row[1]), int(row[4])
    assert readings >= 3 and missing == 0, said


@FOREIGN
def test_the_packaged_self_test_on_its_processor_passes_a_sound_rig_and_names_faults(suite, arch, emulation):
    said = emulation(run_selftest, suite, arch)
    assert int(re.search(r"(\d+) passed", said).group(1)) >= 20 and "skipped" not in said, said


class System:
    """A Debian root in which the packages are installed by apt."""

    def __init__(self, suite, folder):
        self.suite, self.path = suite, folder / suite
        kept = root_archive(suite, "apt", "adduser,systemd-standalone-sysusers,systemd-standalone-tmpfiles,udev", "root")
        self.path.mkdir()
        run("tar", "-x", "-C", self.path, "-f", kept)
        # No service is started in a root that is not booted, and none of this machine may be reached.
        (self.path / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
        (self.path / "usr/sbin/policy-rc.d").chmod(0o755)
        if not (self.path / "etc/resolv.conf").exists():
            shutil.copy("/etc/resolv.conf", self.path / "etc/resolv.conf")

    def __call__(self, *argv):
        # With a /proc of its own, for as long as the command runs: dkms looks into it.
        enter = 'mount -t proc proc "$0/proc" && ln -sfn /proc/self/fd "$0/dev/fd" && exec chroot "$0" "$@"'
        return run("unshare", "--mount", "sh", "-c", enter, self.path, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive",
                   "LC_ALL=C.UTF-8", *argv)

    def install(self, debs):
        self("apt-get", "-q", "update")
        for deb in debs:
            shutil.copy(deb, self.path / "tmp")
        self("apt-get", "-y", "-q", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold", "install",
             *(f"/tmp/{deb.name}" for deb in debs))

    def contents(self):
        """Every file with what is in it; what the package manager writes down of its work left out."""
        its_own = re.compile(r"/(tmp|proc|var/(cache|log|lib/(apt|dpkg|pam|systemd/deb-systemd-helper-.*)))(/|$)")
        found = {}
        for folder, _, names in os.walk(self.path):
            for path in [folder, *(os.path.join(folder, name) for name in names)]:
                shown = path.removeprefix(str(self.path))
                if not its_own.match(shown):
                    plain = os.path.isfile(path) and not os.path.islink(path)
                    found[shown] = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest() if plain else ""
        return found


@pytest.fixture(params=SUITES)
def system(request, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("a root of its own needs root's rights (chroot)")
    yield System(request.param, tmp_path)


def test_install_upgrade_and_purge_leave_nothing_but_data(system, tmp_path):
    new = [deb for name, deb in packages(system.suite, NATIVE).items() if name != "geotherm-dkms"]
    old = [with_version(deb, "0.0.1", tmp_path) for deb in new]

    autoremove = ["apt-get", "-y", "-q", "-o", "APT::AutoRemove::RecommendsImportant=false",
                  "-o", "APT::AutoRemove::SuggestsImportant=false", "autoremove", "--purge"]
    system(*autoremove)     # what the root itself no longer needs
    before = system.contents()
    users_before = {line.split(":")[0] for line in (system.path / "etc/passwd").read_text().splitlines()}
    system.install(old)
    assert "geotherm 0." in system("geotherm", "--version")
    # A package installs no configuration that cannot be read.
    for part in ["node", "server"]:
        assert "/etc/geotherm/" in system("geotherm-" + part, "--help")
        conf = system.path / f"etc/geotherm/{part}.conf"
        assert conf.read_text().strip(), conf

    conf = system.path / "etc/geotherm/node.conf"
    edited = conf.read_text() + "\n; edited by hand\n"
    conf.write_text(edited)
    data = system.path / "var/lib/geotherm/outbox.db"
    data.parent.mkdir(parents=True, exist_ok=True)
    data.write_text("what was measured")
    (system.path / "etc/geotherm/pki").mkdir(exist_ok=True)
    (system.path / "etc/geotherm/pki/node.pem").write_text("of the operator")

    system.install(new)
    assert field(new[0], "Version") in system("dpkg-query", "-W", "-f", "${Version}", "geotherm-node")
    assert conf.read_text() == edited, "an upgrade changed a configuration file that was edited"
    assert data.read_text() == "what was measured"

    system("apt-get", "-y", "-q", "purge", "geotherm-node", "geotherm-server", "geotherm-common")
    system(*autoremove)     # the libraries that came with them
    after = system.contents()
    accounts = {f"/etc/{name}{kept}" for name in ("passwd", "shadow", "group", "gshadow") for kept in ("", "-")}
    changed = {f for f in before.keys() | after.keys() if before.get(f) != after.get(f)} - accounts
    assert changed == {"/var/lib/geotherm", "/var/lib/geotherm/outbox.db", "/etc/geotherm", "/etc/geotherm/pki", "/etc/geotherm/pki/node.pem"}
    assert data.read_text() == "what was measured", "purge removed measurements"
    # The users stay, as Debian's policy has it: what is left belongs to them.
    users = {line.split(":")[0] for line in (system.path / "etc/passwd").read_text().splitlines()}
    assert users - users_before == {"geotherm-node", "geotherm-server"}


def test_dkms_builds_the_kernel_module(system):
    headers = "linux-headers-" + NATIVE
    system("apt-get", "-q", "update")
    system("apt-get", "-y", "-q", "--no-install-recommends", "install", headers)
    system.install([packages(system.suite, NATIVE)["geotherm-dkms"]])
    kernel = sorted(p.name for p in (system.path / "lib/modules").iterdir() if (p / "build").is_symlink())[0]
    version = re.match(r"geotherm \(([0-9.]+)", (ROOT / "debian/changelog").read_text())[1]
    system("dkms", "build", f"geotherm/{version}", "-k", kernel)
    system("dkms", "install", f"geotherm/{version}", "-k", kernel)
    said = system("modinfo", "-k", kernel, "geotherm-w1")
    assert kernel in said and "GPL" in said
    system("apt-get", "-y", "-q", "purge", "geotherm-dkms")
    assert not list((system.path / f"lib/modules/{kernel}").rglob("geotherm*"))


def test_the_demo_of_the_packages_own_tests_passes(system):
    system.install([deb for name, deb in packages(system.suite, NATIVE).items() if name != "geotherm-dkms"])
    system("apt-get", "-y", "-q", "--no-install-recommends", "install", "sqlite3")
    shutil.copy(ROOT / "debian/tests/demo", system.path / "root")
    (system.path / "root/tmp").mkdir()
    system("env", "AUTOPKGTEST_TMP=/root/tmp", "/root/demo")


def test_every_command_of_the_operators_manual_runs(system):
    """docs/operation.md's sh blocks, in order, as one script; systemctl only says what it was asked, for nothing is booted."""
    text = (ROOT / "docs/operation.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.S | re.M)
    assert len(blocks) >= 8
    for deb in packages(system.suite, NATIVE).values():
        if "dkms" not in deb.name:
            shutil.copy(deb, system.path / "root")
    systemctl = system.path / "usr/local/bin/systemctl"
    systemctl.write_text('#!/bin/sh\necho "systemctl $*"\n')
    systemctl.chmod(0o755)
    (system.path / "root/manual").write_text("set -eux\ncd /root\n" + "".join(blocks))
    said = system("env", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "sh", "/root/manual")
    assert "systemctl enable --now geotherm-server" in said
    for name in re.findall(r"\]\((grafana/[a-z.]+|[a-z]+\.md)\)", text):
        assert (ROOT / "docs" / name).exists(), name
