# SPDX-License-Identifier: BSD-2-Clause
"""geotherm-setup on boot partitions of every shape: put on, put on again, cut short at each write, taken off byte for byte.

make check-setup.
"""
import itertools
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ["GEOTHERM_BUILD"])
SETUP = ROOT / "dts/geotherm-setup"
DTBO = BUILD / "dts/geotherm.dtbo"

STOCK = """# For more options and information see
# http://rptl.io/configtxt

dtparam=i2c_arm=on
#dtparam=spi=on
dtparam=audio=on
camera_auto_detect=1
auto_initramfs=1
dtoverlay=vc4-kms-v3d
max_framebuffers=2
arm_64bit=1

[cm4]
otg_mode=1

[all]
"""
CONFIGS = {
    "stock": STOCK,
    "empty": "",
    "one empty line": "\n",
    "only comments": "# nothing\n# more nothing\n",
    "no final newline": STOCK + "gpu_mem=16",
    "CRLF": STOCK.replace("\n", "\r\n"),
    "CRLF, no final newline": STOCK.replace("\n", "\r\n") + "gpu_mem=16",
    "ends in a section": STOCK + "[pi4]\narm_boost=1\n",
    "ends in a section, no final newline": STOCK + "[0x1234abcd]\narm_boost=1",
    "blank lines at the end": STOCK + "\n\n\n",
    "w1-gpio": STOCK + "dtoverlay=w1-gpio\n",
    "w1-gpio on our pin by name": STOCK + "dtoverlay=w1-gpio,gpiopin=4,pullup=1\n",
    "w1-gpio with its parameters below": STOCK + "dtoverlay=w1-gpio\ndtparam=gpiopin=4\ndtparam=pullup=on\ndtoverlay=\ndtparam=spi=on\n",
    "w1-gpio twice": STOCK + "dtoverlay=w1-gpio\n[pi4]\ndtoverlay=w1-gpio-pullup,gpiopin=4\n",
    "w1-gpio, CRLF, no final newline": STOCK.replace("\n", "\r\n") + "dtoverlay=w1-gpio",
    "w1-gpio on another pin": STOCK + "dtoverlay=w1-gpio,gpiopin=17\n",
    "w1-gpio on another pin, below": STOCK + "dtoverlay=w1-gpio\ndtparam=gpiopin=17\n",
    "w1-gpio for the Pi 5": STOCK + "[pi5]\ndtoverlay=w1-gpio-pullup-pi5,gpiopin=4\ndtoverlay=w1-gpio-pi5\n[all]\n",
    "w1-gpio on our pin, hexadecimal and octal": STOCK + "dtoverlay=w1-gpio,gpiopin=0x4\ndtoverlay=w1-gpio,gpiopin=04\ndtoverlay=w1-gpio,pullup\n",
    "w1-gpio commented out": STOCK + "#dtoverlay=w1-gpio\n",
    "our overlay by hand": STOCK + "dtoverlay=geotherm\n",
    "a line of 300 characters": STOCK + "#" + "x" * 299 + "\n",
    "not ASCII": STOCK + "# Temp\u00e9rature \u2603\n",
    "not UTF-8": (STOCK + "# Temp").encode() + b"\xe9rature\n",
    "include": STOCK + "include more.txt\n",
    "Bluetooth is off already": STOCK + "dtoverlay=disable-bt\nenable_uart=1\n",
    "leading spaces": STOCK + "  dtoverlay=w1-gpio\n\tgpu_mem=16\n",
    "a tab and a carriage return alone": "gpu_mem=16\r\n\t\nx=1\n",
}
CMDLINES = {
    "stock": "console=serial0,115200 console=tty1 root=PARTUUID=1 rootfstype=ext4 fsck.repair=yes rootwait\n",
    "no console": "console=tty1 root=/dev/mmcblk0p2 rootwait\n",
    "at the end": "console=tty1 root=/dev/mmcblk0p2 rootwait console=ttyAMA0,115200\n",
    "two neighbours": "console=ttyAMA0,115200 console=serial0 console=tty1 root=/dev/mmcblk0p2\n",
    "8n1 and ttyS0": "root=/dev/mmcblk0p2 console=ttyS0,115200n8 console=tty1 quiet\n",
    "Pi 5": "console=ttyAMA10,115200 console=tty1 root=PARTUUID=1\n",
    "no final newline": "console=serial0,115200 console=tty1 root=PARTUUID=1 rootwait",
    "CRLF": "console=serial0,115200 console=tty1 root=PARTUUID=1 rootwait\r\n",
    "spaces": "  console=serial0,115200   console=tty1  root=PARTUUID=1 \n",
    "only a serial console": "console=serial0,115200",
    "looks like one": "xconsole=serial0 console=serial0x earlycon=console=serial0,1 root=PARTUUID=1\n",
    "two lines": "console=serial0,115200 console=tty1 root=PARTUUID=1\nignored by the firmware\n",
}
CONSOLE = re.compile(rb"^console=(serial[0-9]|ttyAMA[0-9]+|ttyS[0-9]+)(,[0-9a-z]+)?$")


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


class Boot:
    def __init__(self, folder, config=STOCK, cmdline=CMDLINES["stock"]):
        self.dir = pathlib.Path(folder)
        (self.dir / "overlays").mkdir(parents=True)
        (self.dir / "config.txt").write_bytes(as_bytes(config))
        if cmdline is not None:
            (self.dir / "cmdline.txt").write_bytes(as_bytes(cmdline))

    def run(self, *argv, env=None):
        return subprocess.run([SETUP, *argv, "--boot", self.dir, "--dtbo", DTBO], stdin=subprocess.DEVNULL, text=True,
                              errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ, **(env or {})))

    def __call__(self, *argv, code=0):
        done = self.run(*argv)
        assert done.returncode == code, f"{argv} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def files(self):
        return {str(p.relative_to(self.dir)): p.read_bytes() for p in sorted(self.dir.rglob("*")) if p.is_file()}

    def config(self):
        return (self.dir / "config.txt").read_bytes()

    def active(self):
        """What the firmware would read of config.txt: (section, line) without comments."""
        section, found = "all", []
        for line in self.config().split(b"\n"):
            line = line.rstrip(b"\r").strip()
            if re.match(rb"^\[.*\]$", line):
                section = line[1:-1].decode()
            elif line and not line.startswith(b"#"):
                found.append((section, line.decode(errors="replace")))
        return found

    def consoles(self):
        return [t for t in (self.dir / "cmdline.txt").read_bytes().split(b"\n")[0].split() if CONSOLE.match(t)]


def others(config, disabled):
    return [line for line in config.rstrip(b"\n").split(b"\n") if not any(d in line for d in disabled)]


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("options", [(), ("--gpio", "17", "--uart", "keep"), ("--uart", "mini", "--bus", "kernel")],
                         ids=["default", "gpio17 keep", "mini kernel"])
def test_config_is_changed_in_our_block_only_and_comes_back_byte_for_byte(tmp_path, name, options):
    boot = Boot(tmp_path / "boot", CONFIGS[name])
    before = boot.files()
    gpio = "17" if "17" in options else "4"
    boot("install", *options)
    overlay = f"dtoverlay=geotherm,gpiopin={gpio}" + (",kernel_bus" if "kernel" in options else "")
    assert [line for line in boot.active() if "geotherm" in line[1] and "cmdline" not in line[1]] == [("all", overlay)]
    assert ("all", "dtoverlay=disable-bt") in boot.active() or options
    # Nobody else drives the pin.
    config = boot.config()
    rivals = re.findall(rb"^[ \t]*dtoverlay=w1-gpio[^\r\n]*", config, re.M)
    assert all(b"gpiopin=17" in r or b"gpiopin=17" in config for r in rivals) if gpio == "4" else True
    # What is not ours is still there, line by line.
    kept = config.replace(b"#geotherm-off# ", b"")
    block = re.compile(rb"# geotherm begin.*?# geotherm end\r?\n", re.S)
    assert len(block.findall(kept)) == 1
    rest = block.sub(b"", kept)
    original = as_bytes(CONFIGS[name])
    assert rest == original or rest.rstrip(b"\r\n") == original
    assert max(map(len, block.findall(kept)[0].splitlines())) <= 98
    # CRLF files stay CRLF.
    if original.count(b"\r\n") == original.count(b"\n") > 0:
        assert kept.count(b"\r\n") == kept.count(b"\n")

    installed = boot.files()
    assert "nothing to do" in boot("install", *options)
    assert boot.files() == installed, "a second run changed something"
    boot("remove")
    assert boot.files() == before


@pytest.mark.parametrize("name", CMDLINES)
def test_serial_consoles_leave_the_command_line_and_come_back(tmp_path, name):
    boot = Boot(tmp_path / "boot", STOCK, CMDLINES[name])
    before = boot.files()
    others_before = [t for t in as_bytes(CMDLINES[name]).split(b"\n")[0].split() if not CONSOLE.match(t)]
    boot("install")
    assert boot.consoles() == []
    now = (boot.dir / "cmdline.txt").read_bytes()
    assert now.split(b"\n")[0].split() == others_before
    assert now.count(b"\n") == as_bytes(CMDLINES[name]).count(b"\n")
    boot("remove")
    assert boot.files() == before


def test_a_command_line_edited_since_keeps_the_edit_and_gets_its_console_back(tmp_path):
    boot = Boot(tmp_path / "boot")
    boot("install")
    cmdline = boot.dir / "cmdline.txt"
    cmdline.write_text(cmdline.read_text().replace("rootwait", "rootwait quiet"))
    boot("remove")
    assert sorted(cmdline.read_text().split()) == sorted((CMDLINES["stock"].strip() + " quiet").split())
    assert cmdline.read_text().endswith("\n") and cmdline.read_text().count("\n") == 1


def test_lines_added_below_the_block_stay_and_the_block_keeps_its_place(tmp_path):
    boot = Boot(tmp_path / "boot", STOCK + "gpu_mem=16")
    boot("install")
    with open(boot.dir / "config.txt", "ab") as file:
        file.write(b"[pi4]\nover_voltage=1\n")
    boot("install", "--gpio", "22")
    assert boot.active()[-1] == ("pi4", "over_voltage=1")
    assert ("all", "dtoverlay=geotherm,gpiopin=22") in boot.active()
    boot("remove")
    assert boot.config() == (STOCK + "gpu_mem=16\n[pi4]\nover_voltage=1\n").encode()


def test_options_are_remembered_and_changed_one_at_a_time(tmp_path):
    boot = Boot(tmp_path / "boot")
    boot("install", "--gpio", "22", "--uart", "mini")
    boot("install", "--bus", "kernel")
    assert ("all", "dtoverlay=geotherm,gpiopin=22,kernel_bus") in boot.active()
    assert ("all", "dtoverlay=disable-bt") not in boot.active()
    boot("install", "--bus", "geotherm-w1")
    boot("install", "--uart", "keep")
    assert ("all", "dtoverlay=geotherm,gpiopin=22,geotherm_w1") in boot.active()
    assert boot.consoles() == [b"console=serial0,115200"], "uart keep gives the console back"


@pytest.mark.parametrize("text, line", [
    ("# geotherm begin gpio=4\ndtoverlay=geotherm\n", 1),
    ("x=1\n# geotherm end\n", 2),
    ("# geotherm begin a\n# geotherm begin b\n# geotherm end\n", 2),
    ("# geotherm begin a\n# geotherm end\n# geotherm end\n", 3),
])
@pytest.mark.parametrize("command", ["install", "remove", "status"])
def test_damaged_marks_are_left_to_a_person(tmp_path, command, text, line):
    boot = Boot(tmp_path / "boot", text)
    before = boot.files()
    assert f"config.txt:{line}:" in boot(command, code=4)
    assert boot.files() == before


@pytest.mark.parametrize("argv, code, said", [
    ((), 2, "no command is given"),
    (("instal",), 2, "unknown argument 'instal'"),
    (("install", "remove"), 2, "one command"),
    (("install", "--gpio", "28"), 2, "0 to 27"),
    (("install", "--gpio", "four"), 2, "0 to 27"),
    (("install", "--uart=tty"), 2, "keep, pl011 or mini"),
    (("install", "--bus", "both"), 2, "userspace, kernel or geotherm-w1"),
    (("install", "--pin", "4"), 2, "unknown argument '--pin'"),
    (("commit",), 1, "nothing to commit"),
])
def test_wrong_arguments_are_named(tmp_path, argv, code, said):
    boot = Boot(tmp_path / "boot")
    before = boot.files()
    assert said in boot(*argv, code=code)
    assert boot.files() == before


def plain(*argv, code, **env):
    done = subprocess.run([SETUP, *argv], stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=dict(os.environ, **env))
    assert done.returncode == code, done.stdout
    return done.stdout


def test_what_is_no_pi_or_has_no_boot_partition_is_told_so(tmp_path):
    model = tmp_path / "proc/device-tree/model"
    assert plain("status", code=3, GEOTHERM_SETUP_SYSROOT=str(tmp_path)).startswith("geotherm-setup: this is not a Raspberry Pi")
    model.parent.mkdir(parents=True)
    model.write_bytes(b"Other Board\0")
    assert "Other Board" in plain("install", code=3, GEOTHERM_SETUP_SYSROOT=str(tmp_path))
    model.write_bytes(b"Raspberry Pi 3 Model B Plus Rev 1.3\0")
    assert "no boot partition" in plain("install", code=3, GEOTHERM_SETUP_SYSROOT=str(tmp_path))
    # Debian 12 and later: the one in /boot is only a note.
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot/config.txt").write_text("DO NOT EDIT THIS FILE\n")
    Boot(tmp_path / "boot/firmware")
    plain("install", "--dtbo", str(DTBO), code=0, GEOTHERM_SETUP_SYSROOT=str(tmp_path))
    assert (tmp_path / "boot/config.txt").read_text() == "DO NOT EDIT THIS FILE\n"
    assert "in effect:        not yet" in plain("check", code=1, GEOTHERM_SETUP_SYSROOT=str(tmp_path))
    onewire = tmp_path / "proc/device-tree/geotherm-onewire@4"
    onewire.mkdir()
    (onewire / "data-gpios").write_bytes(bytes.fromhex("00000007 00000004 00000006"))
    plain("check", code=0, GEOTHERM_SETUP_SYSROOT=str(tmp_path))
    # Another pin, or another driver, takes a reboot.
    plain("install", "--gpio", "17", "--dtbo", str(DTBO), code=0, GEOTHERM_SETUP_SYSROOT=str(tmp_path))
    assert "in effect:        not yet" in plain("check", code=1, GEOTHERM_SETUP_SYSROOT=str(tmp_path))
    plain("install", "--gpio", "4", "--bus", "kernel", "--dtbo", str(DTBO), code=0, GEOTHERM_SETUP_SYSROOT=str(tmp_path))
    assert "in effect:        not yet" in plain("check", code=1, GEOTHERM_SETUP_SYSROOT=str(tmp_path))
    plain("install", "--bus", "geotherm-w1", "--dtbo", str(DTBO), code=0, GEOTHERM_SETUP_SYSROOT=str(tmp_path))
    (tmp_path / "proc/device-tree/onewire@4").mkdir()
    (tmp_path / "proc/device-tree/onewire@4/gpios").write_bytes(bytes.fromhex("00000007 00000004 00000000"))
    assert "in effect:        not yet" in plain("check", code=1, GEOTHERM_SETUP_SYSROOT=str(tmp_path)), "it is w1-gpio's"
    (onewire / "data-gpios").rename(tmp_path / "proc/device-tree/onewire@4/data-gpios")
    plain("check", code=0, GEOTHERM_SETUP_SYSROOT=str(tmp_path))
    assert "no such folder" in plain("install", "--boot", str(tmp_path / "nowhere"), code=3)
    assert "no config.txt" in plain("install", "--boot", str(tmp_path), code=3)


def test_a_config_txt_that_only_points_elsewhere_is_followed_or_refused(tmp_path):
    real = Boot(tmp_path / "boot/firmware")
    before = real.files()
    note = tmp_path / "boot/config.txt"
    note.write_text("DO NOT EDIT THIS FILE\n\nThe file you are looking for has moved to /boot/firmware/config.txt\n")
    said = plain("install", "--boot", str(tmp_path / "boot"), "--dtbo", str(DTBO), code=3)
    assert "has moved" in said and f"{tmp_path}/boot/firmware" in said
    note.unlink()
    note.symlink_to("firmware/config.txt")
    plain("install", "--boot", str(tmp_path / "boot"), "--dtbo", str(DTBO), code=0)
    assert note.is_symlink() and (real.dir / "overlays/geotherm.dtbo").exists() and real.consoles() == []
    plain("remove", "--boot", str(tmp_path / "boot"), code=0)
    assert note.is_symlink() and real.files() == before


@pytest.mark.parametrize("config, options, said", [
    (STOCK + "dtoverlay=disable-bt\n", ("--uart", "mini"), f"config.txt:{STOCK.count(chr(10)) + 1}: dtoverlay=disable-bt"),
    (STOCK + "dtoverlay=miniuart-bt\r\n", ("--uart", "mini"), f"config.txt:{STOCK.count(chr(10)) + 1}: dtoverlay=miniuart-bt:"),
    (STOCK + "dtoverlay=pi3-disable-bt\n", ("--uart", "mini"), f"config.txt:{STOCK.count(chr(10)) + 1}: dtoverlay=pi3-disable-bt:"),
    (STOCK + "dtoverlay=disable-bt\n", (), None),
    (STOCK + "enable_uart=0\n", (), None),       # ours comes later
], ids=["disable-bt and mini", "miniuart-bt and mini", "pi3-disable-bt and mini", "disable-bt and pl011", "a port switched off before"])
def test_what_contradicts_is_told(tmp_path, config, options, said):
    boot = Boot(tmp_path / "boot", config)
    words = boot("install", *options)
    assert said in words if said else "Note:" not in words
    assert boot("install", *options).count("Note:") == (said is not None), "told again"


def test_a_serial_port_that_is_switched_off_below_our_block_is_told(tmp_path):
    boot = Boot(tmp_path / "boot")
    boot("install")
    with open(boot.dir / "config.txt", "a", encoding="ascii") as file:
        file.write("enable_uart=0\n")
    assert ": enable_uart=0: this comes later" in boot("install", "--gpio", "5")


@pytest.mark.parametrize("filters", ["[cm5]\ndtoverlay=dwc2,dr_mode=host\n", "[pi5]\narm_boost=1\n", "[gpio4=1]\ngpu_mem=16\n",
                                     "[EDID=VSC-TD2220]\nhdmi_group=2\n", "[none]\n# nothing\n", "[pi4]\n[0x12345678]\nx=1"], ids=lambda text: text.split("]")[0][1:])
def test_whatever_filter_is_in_force_above_our_lines_are_for_all(tmp_path, filters):
    boot = Boot(tmp_path / "boot", STOCK + filters)
    before = boot.files()
    boot("install")
    for line in ("enable_uart=1", "dtoverlay=disable-bt", "dtoverlay=geotherm,gpiopin=4"):
        assert ("all", line) in boot.active()
    assert ("pi5", "dtparam=uart0=on") in boot.active()
    # What is added later, by hand or by raspi-config, is for all as well.
    with open(boot.dir / "config.txt", "ab") as file:
        file.write(b"dtparam=spi=on\n")
    assert boot.active()[-1] == ("all", "dtparam=spi=on")
    boot("remove")
    assert boot.config() == before["config.txt"] + (b"" if filters.endswith("\n") else b"\n") + b"dtparam=spi=on\n"


def test_every_file_is_on_the_disk_before_it_is_renamed_and_its_folder_before_the_next(tmp_path):
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    boot = Boot(tmp_path / "boot")
    trace = tmp_path / "trace"
    for command in ("install", "remove"):
        done = subprocess.run(["strace", "-f", "-y", "-o", trace, "-e", "trace=fsync,fdatasync,/^rename,/^unlink", SETUP, command, "--boot",
                               boot.dir, "--dtbo", DTBO], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if "PTRACE" in done.stderr:
            pytest.skip("nothing may be traced here")
        assert done.returncode == 0, done.stderr
        synced, dirty, renamed = set(), set(), []
        for call in trace.read_text().splitlines():
            if match := re.search(r"f(?:data)?sync\(\d+<([^>]*)>\) += 0", call):
                synced.add(match[1])
                dirty.discard(match[1])
            elif match := re.search(r'rename\w*\(.*?"([^"]*\.geotherm-new)".*?"([^"]*)".* = 0', call):
                assert match[1] in synced, f"{command}: {match[1]} is renamed before it is on the disk"
                assert not dirty, f"{command}: {match[2]} before {dirty} is on the disk"
                dirty.add(os.path.dirname(match[2]))
                renamed.append(os.path.basename(match[2]))
            elif match := re.search(r'unlink\w*\(.*?"([^"]*)".* = 0', call):
                if match[1].startswith(str(boot.dir)):
                    assert not dirty
                    dirty.add(os.path.dirname(match[1]))
        assert not dirty, "at the end all of it is on the disk"
        # What takes effect is the last to come and the first to go.
        assert renamed == {"install": ["geotherm.dtbo", "geotherm-cmdline.bak", "cmdline.txt", "config.txt"],
                           "remove": ["config.txt", "cmdline.txt"]}[command]


def test_a_dry_run_shows_everything_and_changes_nothing(tmp_path):
    boot = Boot(tmp_path / "boot", CONFIGS["w1-gpio"])
    before = boot.files()
    said = boot("install", "--dry-run")
    for line in ["+dtoverlay=geotherm,gpiopin=4", "-dtoverlay=w1-gpio", "+#geotherm-off# dtoverlay=w1-gpio", "-console=serial0"]:
        assert line in said
    assert boot.files() == before


def test_the_firmware_is_told_where_to_look_by_prefixes_and_so_are_we(tmp_path):
    boot = Boot(tmp_path / "boot", STOCK + "os_prefix=linux/\noverlay_prefix=ov/\ncmdline=line.txt\n", None)
    (boot.dir / "linux/ov").mkdir(parents=True)
    (boot.dir / "linux/line.txt").write_text(CMDLINES["stock"])
    before = boot.files()
    boot("install")
    assert (boot.dir / "linux/ov/geotherm.dtbo").read_bytes() == DTBO.read_bytes()
    assert "serial0" not in (boot.dir / "linux/line.txt").read_text()
    boot("remove")
    assert boot.files() == before


def test_a_trial_touches_no_file_of_the_next_normal_boot_and_commit_keeps_it(tmp_path):
    boot = Boot(tmp_path / "boot")
    before = boot.files()
    assert "reboot '0 tryboot'" in boot("try", "--gpio", "22")
    for name, content in before.items():
        assert boot.files()[name] == content
    assert b"gpiopin=22" in (boot.dir / "tryboot.txt").read_bytes()
    assert b"cmdline=geotherm-try.txt" in (boot.dir / "tryboot.txt").read_bytes()
    assert b"serial0" not in (boot.dir / "geotherm-try.txt").read_bytes()
    boot("commit")
    assert ("all", "dtoverlay=geotherm,gpiopin=22") in boot.active()
    assert not (boot.dir / "tryboot.txt").exists() and not (boot.dir / "geotherm-try.txt").exists()
    boot("remove")
    assert boot.files() == before
    boot("try")
    boot("remove")
    assert boot.files() == before
    (boot.dir / "tryboot.txt").write_text("somebody else's\n")
    assert "not ours" in boot("try", code=4)


def test_two_at_once_do_not_meet(tmp_path):
    boot = Boot(tmp_path / "boot")
    holder = subprocess.Popen(["flock", boot.dir, "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    holder.stdin.write(b"x\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == b"x\n"    # it runs, so it holds the lock
    assert "another geotherm-setup" in boot("install", code=1)
    holder.communicate()
    boot("install")


@pytest.mark.parametrize("start, command", [((), ("install",)), (("install",), ("remove",)),
                                            (("install", "--uart", "keep"), ("install", "--uart", "mini", "--gpio", "17")),
                                            (("install", "--gpio", "22"), ("install", "--uart", "keep")),
                                            ((), ("try",)), (("try",), ("commit",))])
def test_a_power_cut_at_any_step_leaves_the_old_or_the_new_and_both_can_be_reached(tmp_path, start, command):
    def fresh(name):
        boot = Boot(tmp_path / name, CONFIGS["w1-gpio, CRLF, no final newline"])
        if start:
            boot(*start)
        return boot
    pristine = Boot(tmp_path / "pristine", CONFIGS["w1-gpio, CRLF, no final newline"]).files()
    old = fresh("old").files()
    done = fresh("new")
    done(*command)
    new = done.files()
    for step in itertools.count(1):
        boot = fresh(f"cut{step}")
        result = boot.run(*command, env={"GEOTHERM_SETUP_DIE_AT": str(step)})
        if result.returncode == 0:
            break
        assert result.returncode == -9, result.stdout
        now = boot.files()
        for name in set(now) - {n for n in now if n.endswith(".geotherm-new")}:
            assert now[name] in (old.get(name), new.get(name)), f"step {step}: {name} is neither old nor new"
        # What the firmware will take: the whole of the new, or nothing that hurts of the old.
        if now["config.txt"] == new["config.txt"] != old["config.txt"] and command[0] != "remove":
            for name in ("cmdline.txt", "overlays/geotherm.dtbo"):
                assert now[name] == new[name], f"step {step}: config.txt is new and {name} is not"
        if now["config.txt"] == old["config.txt"] and b"# geotherm begin" in old["config.txt"]:
            assert now["overlays/geotherm.dtbo"] == DTBO.read_bytes()
        again = Boot.__new__(Boot)
        again.dir = tmp_path / f"back{step}"
        subprocess.run(["cp", "-a", boot.dir, again.dir], check=True)
        retry = boot.run(*command)
        # The trial's own file is the last thing that commit removes: then there is nothing left to keep.
        if not (command == ("commit",) and "tryboot.txt" not in now):
            assert retry.returncode == 0, retry.stdout
            assert boot.files() == new, f"step {step}: a second {command} does not get there"
        again("remove")
        assert again.files() == pristine, f"step {step}: remove does not get back"
    assert step > 4, "the power was cut nowhere"


def test_two_names_of_one_file_as_a_cut_rename_on_fat_leaves_them_are_for_fsck(tmp_path):
    boot = Boot(tmp_path / "boot")
    os.link(boot.dir / "config.txt", boot.dir / "config.txt.geotherm-new")
    before = boot.files()
    for command in ("install", "remove"):
        assert "fsck.vfat" in boot(command, code=3)
        assert boot.files() == before
    (boot.dir / "config.txt.geotherm-new").unlink()
    (boot.dir / "config.txt.geotherm-new").write_bytes(b"")      # what fsck makes of it
    boot("install")
    assert not list(boot.dir.glob("*.geotherm-new"))


@pytest.fixture
def small(tmp_path):
    """A partition of 64 KiB of its own, where this machine lets us mount one."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root's rights")
    where = tmp_path / "small"
    where.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", where], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    yield Boot(where / "boot")
    subprocess.run(["umount", where], check=True)


def test_a_full_partition_is_told_and_nothing_is_half_written(small):
    with open(small.dir / "filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 512)
        except OSError:
            pass
    before = small.files()
    assert "No space left" in small("install", code=3)
    assert small.files() == before


def test_a_read_only_partition_is_told(small):
    before = small.files()
    subprocess.run(["mount", "-o", "remount,ro", small.dir.parent], check=True)
    assert "read-only" in small("install", code=3).lower()
    assert small.files() == before
    subprocess.run(["mount", "-o", "remount,rw", small.dir.parent], check=True)


def test_what_is_no_overlay_is_not_installed(tmp_path):
    boot = Boot(tmp_path / "boot")
    before = boot.files()
    other = tmp_path / "other.dtbo"
    other.write_text("not a device tree")
    done = subprocess.run([SETUP, "install", "--boot", boot.dir, "--dtbo", other], capture_output=True, text=True)
    assert done.returncode == 1 and "not a compiled device tree" in done.stderr
    assert boot.files() == before
