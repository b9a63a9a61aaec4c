# SPDX-License-Identifier: BSD-2-Clause
"""A machine in QEMU: a Debian root on ext4 with systemd as PID 1, Debian's kernel, no network but loopback.

    test ══ unix socket ══ virtio port "shell" ══ bash as root        serial console ──▶ console.log

The root comes from Debian's archive once and is kept in DEPS_DIR. The processor is emulated, and its time passes by instructions: a
busy host changes nothing in it, and where the guest waits, its clock goes on at once. So the disk is memory (a file, as an NVDIMM):
no wait for it could be skipped.
"""
import datetime
import pathlib
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from debs import NATIVE, ROOT, field, packages, root_archive, run, with_version  # noqa: E402

KERNEL = {"amd64": "linux-image-cloud-amd64", "arm64": "linux-image-cloud-arm64"}
QEMU = {"amd64": ["qemu-system-x86_64", "-machine", "pc,nvdimm=on", "-cpu", "qemu64,-svm"],
        "arm64": ["qemu-system-aarch64", "-machine", "virt,nvdimm=on", "-cpu", "cortex-a53"]}
CONSOLE = {"amd64": "ttyS0", "arm64": "ttyAMA0"}
# What a machine without screen, user and hardware needs not; each costs seconds of an emulated processor.
MASKED = ["getty.target", "systemd-logind.service", "sys-fs-fuse-connections.mount", "sys-kernel-config.mount", "dev-hugepages.mount",
          "dev-mqueue.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount", f"serial-getty@{CONSOLE[NATIVE]}.service",
          "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer",
          "systemd-pcrphase.service", "modprobe@efi_pstore.service", "modprobe@drm.service"]
SHELL = """[Unit]
Description=commands of the test
[Service]
ExecStart=/bin/bash -c 'exec bash 0<>/dev/virtio-ports/shell >&0 2>&0'
Restart=always
[Install]
WantedBy=multi-user.target
"""
# Instead of Debian's initramfs: loads the disk's drivers and hands over.
INIT = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in /*.ko; do /bin/busybox insmod $module; done
until [ -b /dev/pmem0 ]; do /bin/busybox sleep 0.1; done
/bin/busybox mount -t ext4 /dev/pmem0 /root || exit
echo "boot: root is mounted"
exec /bin/busybox switch_root /root /sbin/init
"""
OLD = "0.0.1"
HOST_S = 900        # for a boot or a command, by this machine's clock, which may be busy


class Guest:
    def __init__(self, suite, folder):
        self.suite, self.folder, self.process, self.socket = suite, folder, None, None
        self.ahead_s = 0        # of this machine's clock
        self.image, self.console = folder / "disk.img", folder / "console.log"
        debs = [deb for name, deb in packages(suite, NATIVE).items() if name != "geotherm-dkms"]
        depends = {word.split()[0] for deb in debs for word in re.split("[,|]", field(deb, "Depends"))}
        libraries = sorted(name for name in depends if not re.match("geotherm|systemd", name))
        archive = root_archive(suite, "minbase", ",".join(["systemd-sysv", "udev", "dbus", "iproute2", "sqlite3", "sudo", "busybox-static",
                                                           KERNEL[NATIVE], *libraries]), "boot")
        tree = folder / "tree"
        tree.mkdir()
        run("tar", "-x", "-C", tree, "-f", archive)
        (tree / "etc/hostname").write_text("guest\n")
        (tree / "etc/hosts").write_text("127.0.0.1 localhost guest\n")
        (tree / "etc/systemd/system/shell.service").write_text(SHELL)
        wants = tree / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir(parents=True, exist_ok=True)
        (wants / "shell.service").symlink_to("../shell.service")
        for unit in MASKED:
            (tree / "etc/systemd/system" / unit).symlink_to("/dev/null")
        for version in ("old", "new"):
            (tree / "root" / version).mkdir()
        for deb in debs:
            shutil.copy(deb, tree / "root/new")
            shutil.copy(with_version(deb, OLD, folder), tree / "root/old")
        self.make_initramfs(tree)
        self.image.touch()
        run("truncate", "-s", "1G", self.image)
        run("mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, self.image)
        shutil.rmtree(tree)

    def make_initramfs(self, tree):
        new = self.folder / "initramfs"
        for name in ("bin", "dev", "root"):
            (new / name).mkdir(parents=True)
        shutil.copy(tree / "bin/busybox", new / "bin")
        [kernel] = (tree / "boot").glob("vmlinuz-*")
        shutil.copy(kernel, self.folder / "vmlinuz")
        order = []
        for name in ("virtio_pci", "nfit", "nd_pmem"):
            release = kernel.name.removeprefix("vmlinuz-")
            for line in run("modprobe", "-d", tree, "-S", release, "--show-depends", name).splitlines():
                if line.startswith("insmod") and (module := pathlib.Path(line.split()[1])) not in order:
                    order.append(module)
        for i, module in enumerate(order):
            shutil.copy(module, new / f"{i}-{module.name}")
            if module.suffix == ".xz":
                run("unxz", new / f"{i}-{module.name}")
        (new / "init").write_text(INIT)
        (new / "init").chmod(0o755)
        run("sh", "-c", "find . | cpio --quiet -o -H newc >../initrd", cwd=new)

    # --- power ---
    def power_on(self):
        clock = f"base={datetime.datetime.fromtimestamp(time.time() + self.ahead_s, datetime.UTC):%Y-%m-%dT%H:%M:%S},clock=vm"
        path = self.folder / "shell.sock"
        path.unlink(missing_ok=True)
        self.console.touch()
        self.boots = self.booted()
        options = (f"root=/dev/pmem0 rw console={CONSOLE[NATIVE]} loglevel=4 net.ifnames=0 mitigations=off audit=0 nokaslr "
                   "apparmor=0 panic=-1")
        with open(self.folder / "qemu.log", "ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *QEMU[NATIVE], "-accel", "tcg", "-icount", "shift=2,sleep=off", "-rtc", clock,
                 "-smp", "1", "-m", "512,slots=1,maxmem=2G", "-nodefaults", "-no-reboot", "-display", "none",
                 "-kernel", self.folder / "vmlinuz", "-initrd", self.folder / "initrd", "-append", options,
                 "-object", f"memory-backend-file,id=disk,share=on,mem-path={self.image},size=1G", "-device", "nvdimm,memdev=disk",
                 "-device", "virtio-rng-pci",
                 "-device", "virtio-serial-pci", "-chardev", f"socket,id=shell,path={path},server=on,wait=off",
                 "-device", "virtserialport,chardev=shell,name=shell",
                 "-chardev", f"file,id=console,path={self.console},append=on", "-serial", "chardev:console"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while self.socket is None:
            try:
                new = socket.socket(socket.AF_UNIX)
                new.connect(str(path))
                self.socket = new
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "qemu.log").read_text()
                time.sleep(0.05)
        self.wait_for_boot()

    def booted(self):
        return self.console.read_bytes().count(b"boot: root is mounted")

    def wait_for_boot(self):
        deadline = time.monotonic() + HOST_S
        while self.booted() == self.boots:
            assert self.process.poll() is None and time.monotonic() < deadline, f"no boot: {self.tail()}"
            time.sleep(0.2)
        self.boots = self.booted()
        self.sh("systemctl is-system-running --wait || systemctl --failed")

    def power_cut(self):
        """The pages that the guest has not written are gone."""
        self.note_clock()
        self.kill()

    def note_clock(self):
        self.ahead_s = int(self.sh("date +%s")) - time.time()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.socket.close()
        self.socket = None

    def reboot(self):
        """QEMU ends at the reset (-no-reboot) and starts again: with Debian 12's kernel a warm reset hung."""
        self.note_clock()
        self.socket.sendall(b"systemctl --no-block reboot\n")      # its end may come too late to be printed
        self.process.wait(HOST_S)
        self.socket.close()
        self.socket = None
        self.power_on()

    def tail(self):
        return self.console.read_text(errors="replace")[-3000:]

    # --- commands ---
    def sh(self, command, expect=0):
        """What the command prints; expect=None takes any exit status and appends it as a line."""
        token = uuid.uuid4().hex
        line = f"bash -c {shlex.quote(command)} </dev/null 2>&1; printf '\\036%s %d\\n' {token} $?\n"
        self.socket.sendall(line.encode())
        said, end = b"", re.compile(rb"\x1e" + token.encode() + rb" (\d+)\n")
        deadline = time.monotonic() + HOST_S
        while not (found := end.search(said)):
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                got = self.socket.recv(65536)
            except TimeoutError:
                got = b""
            assert got, f"no end of {command!r} within {HOST_S} s:\n{said.decode(errors='replace')}\n{self.tail()}"
            said += got
        text, status = said[:found.start()].decode(errors="replace"), int(found[1])
        if b"\x1e" in said[:found.start()]:        # the answer to a command of before a reboot
            text = text.rsplit("\x1e", 1)[1].split("\n", 1)[1]
        if expect is None:
            return f"{text}{status}"
        assert status == expect, f"{command!r} ended with {status}:\n{text}\n{self.sh('journalctl -n 40 --no-pager', None)}"
        return text

    def until(self, command, what, seconds=180):
        """Until the command ends with 0; its output."""
        return self.sh(f"for i in $(seq {seconds * 2}); do out=$({command}) && echo \"$out\" && exit; sleep 0.5; done; "
                       f"echo 'waited in vain: '{shlex.quote(what)}; exit 1")
