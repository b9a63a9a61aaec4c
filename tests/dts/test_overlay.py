# SPDX-License-Identifier: BSD-2-Clause
"""The overlay: its parameters as the firmware would apply them, merged into Pi 3 and Pi 4 trees, and booted.

make check-overlay. The trees are Debian's 6.12 kernel's, which have symbols, and a stub with Raspberry Pi's own labels.
"""
import os
import pathlib
import re
import socket
import struct
import subprocess

import pytest

from overrides import Overlay, Wrong

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = pathlib.Path(os.environ["GEOTHERM_BUILD"])
DTBO = BUILD / "dts/geotherm.dtbo"
BOOT_S = 180


def run(*argv, **options):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{argv[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def fetched(*what):
    done = subprocess.run([ROOT / "tests/qemu/fetch", *what], capture_output=True, text=True)
    if done.returncode == 75:
        pytest.skip(f"Debian's archive has none of {' '.join(what)} now: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return pathlib.Path(done.stdout.strip())


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    stub = tmp_path_factory.mktemp("stub") / "stub.dtb"
    run("dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", stub, HERE / "stub.dts")
    dtb = fetched("kernel", "6.12", "arm64") / "dtb/broadcom"
    return {"stub": stub, "Pi 3": dtb / "bcm2837-rpi-3-b.dtb", "Pi 4": dtb / "bcm2711-rpi-4-b.dtb"}


def merged(base, folder, **params):
    """The tree that the firmware would hand to the kernel."""
    overlay = Overlay(DTBO.read_bytes())
    for name, value in params.items():
        overlay.apply(name, value)
    (folder / "o.dtbo").write_bytes(overlay.blob())
    run("fdtoverlay", "-i", base, "-o", folder / "m.dtb", folder / "o.dtbo")
    return folder / "m.dtb"


def get(tree, node, prop, kind="s"):
    done = subprocess.run(["fdtget", "-t", kind, tree, node, prop], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def nodes(tree, path="/"):
    return run("fdtget", "-l", tree, path).split()


def path_of(tree, label):
    return get(tree, "/__symbols__", label)


def test_every_target_of_every_parameter_exists():
    overlay = Overlay(DTBO.read_bytes())
    overlay.check()
    assert len(overlay.targets) >= 6


def test_the_checker_finds_what_is_wrong(tmp_path):
    source = (ROOT / "dts/geotherm-overlay.dts").read_text()
    for old, new, said in [('"data-gpios:4"', '"data-gpios:12"', "12 bytes"), ('"brcm,pull:0"', '"brcm,pul:0"', "has no brcm,pul"),
                           ('"=6"', '"=16"', "no fragment 16"), ('"!1=2"', '"1,2"', "switches no fragment")]:
        assert old in source
        broken = tmp_path / "broken.dtbo"
        run("dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", broken, "-", input=source.replace(old, new, 1))
        with pytest.raises(Wrong, match=said):
            Overlay(broken.read_bytes()).check()
    with pytest.raises(Wrong, match="no parameter gpio_pin"):
        Overlay(DTBO.read_bytes()).apply("gpio_pin", "4")


def test_the_readme_names_every_parameter_and_no_other_in_raspberry_pis_format():
    text = (ROOT / "dts/README").read_text()
    assert "\t" not in text and text.startswith("Name:   geotherm\nInfo:   ") and text.endswith("\n\n\n")
    params = re.findall(r"^(?:Params: |        )([a-z][a-z0-9_]*)(?= )", text[text.index("Params:"):], re.M)
    assert sorted(params) == sorted(Overlay(DTBO.read_bytes()).targets)
    for line in text[text.index("Params:"):].splitlines():
        if line.strip():
            assert re.match(r"(Params: |        )[a-z0-9_]+ +", line) and len(line) > 32 or line.startswith(" " * 32), line
            assert line[31] == " " and line[32] != " ", f"the text begins in column 33: {line}"


@pytest.mark.parametrize("model", ["stub", "Pi 3", "Pi 4"])
def test_without_parameters_only_the_pin_is_declared(trees, tmp_path, model):
    tree = merged(trees[model], tmp_path)
    assert get(tree, "/geotherm-onewire@4", "compatible") == "geotherm,onewire-userspace"
    gpio, pin, flags = map(int, get(tree, "/geotherm-onewire@4", "data-gpios", "u").split())
    assert (pin, flags) == (4, 6)
    assert gpio == int(get(tree, path_of(tree, "gpio"), "phandle", "u"))
    before = nodes(trees[model])
    assert sorted(set(nodes(tree)) - set(before)) in (["geotherm-onewire@4"], ["__symbols__", "geotherm-onewire@4"])
    for label in ("uart0", "uart1"):
        path = path_of(trees[model], label)
        assert get(tree, path, "status") == get(trees[model], path, "status")


@pytest.mark.parametrize("model", ["stub", "Pi 3", "Pi 4"])
def test_the_pin_can_be_another_one(trees, tmp_path, model):
    tree = merged(trees[model], tmp_path, gpiopin="17")
    assert get(tree, "/geotherm-onewire@11", "data-gpios", "u").split()[1] == "17"
    tree = merged(trees[model], tmp_path, gpiopin="22", geotherm_w1="")
    assert get(tree, "/onewire@16", "data-gpios", "u").split()[1:] == ["22", "6"]
    tree = merged(trees[model], tmp_path, gpiopin="22", kernel_bus="", pull="2")
    assert get(tree, "/onewire@16", "gpios", "u").split()[1:] == ["22", "0"]
    pins = path_of(tree, "gpio") + "/geotherm_w1_pins@16"
    assert get(tree, pins, "brcm,pins", "u") == "22" and get(tree, pins, "brcm,pull", "u") == "2"
    assert get(tree, "/onewire@16", "pinctrl-0", "u") == get(tree, pins, "phandle", "u")


@pytest.mark.parametrize("model", ["stub", "Pi 3", "Pi 4"])
def test_the_line_is_the_kernels_or_the_programs_never_both(trees, tmp_path, model):
    for value, kernel in [("", True), ("on", True), ("off", False)]:
        tree = merged(trees[model], tmp_path, kernel_bus=value)
        assert ("onewire@4" in nodes(tree)) == kernel
        assert ("geotherm-onewire@4" in nodes(tree)) == (not kernel)
    for parameter, driver in [("kernel_bus", "w1-gpio"), ("geotherm_w1", "geotherm,onewire")]:
        tree = merged(trees[model], tmp_path, **{parameter: "on"})
        assert get(tree, "/onewire@4", "compatible") == driver
        assert get(tree, "/onewire@4", "raspberrypi,delay-needs-poll") == "", "the Pi 5's writes are posted"
        assert "geotherm-onewire@4" not in nodes(tree)
    with pytest.raises(Wrong, match="neither on nor off"):
        merged(trees[model], tmp_path, kernel_bus="maybe")


@pytest.mark.parametrize("model", ["stub", "Pi 3", "Pi 4"])
def test_the_good_serial_port_is_put_on_the_header(trees, tmp_path, model):
    tree = merged(trees[model], tmp_path, pl011="on")
    uart0, uart1 = path_of(tree, "uart0"), path_of(tree, "uart1")
    assert get(tree, uart0, "status") == "okay" and get(tree, uart1, "status") == "disabled"
    assert get(tree, f"{uart0}/bluetooth", "status") == "disabled"
    pins = path_of(tree, "gpio") + "/geotherm_uart_pins"
    assert get(tree, uart0, "pinctrl-0", "u") == get(tree, pins, "phandle", "u")
    assert get(tree, pins, "brcm,pins", "u") == "14 15"
    assert get(tree, "/aliases", "serial0") == uart0 and get(tree, "/aliases", "serial1") == uart1


@pytest.mark.parametrize("model", ["stub", "Pi 3", "Pi 4"])
def test_a_pulse_per_second_can_be_asked_for(trees, tmp_path, model):
    tree = merged(trees[model], tmp_path, pps="on", pps_pin="23")
    assert get(tree, "/pps@17", "compatible") == "pps-gpio"
    assert get(tree, "/pps@17", "gpios", "u").split()[1:] == ["23", "0"]


# --- the merged tree, booted: QEMU's Raspberry Pi 3 with Debian's kernel ---

CONSOLE = """/dts-v1/; /plugin/;
/ { compatible = "brcm,bcm2835"; fragment@0 { target = <&uart1>; __overlay__ { status = "okay"; pinctrl-names; }; }; };"""

INIT = r"""#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc none /proc; mount -t sysfs none /sys; mount -t devtmpfs none /dev; mount -t debugfs none /sys/kernel/debug
tell() { echo "GUEST $1 $2" >/dev/ttyS1; }
for m in @MODULES@; do insmod /modules/$m.ko 2>/dev/ttyS1 || tell insmod $m; done
tell model "$(tr -d '\0' </proc/device-tree/model)"
tell declared "$(ls -d /proc/device-tree/geotherm-onewire* 2>/dev/null)"
tell master "$(ls /sys/bus/w1/devices 2>/dev/null | tr '\n' ' ')"
tell line4 "$(grep -E 'gpio-(4|516) ' /sys/kernel/debug/gpio | tr -s ' ')"
for pin in 4 14 15 18; do tell pin$pin "$(grep -h "^pin $pin " /sys/kernel/debug/pinctrl/*/pinmux-pins | tr -s ' ')"; done
tell pps "$(ls /dev/pps0 2>/dev/null)"
tell serdev "$(ls /sys/bus/serial/devices 2>/dev/null)"
tell consoles "$(cat /proc/consoles | cut -d ' ' -f 1 | tr '\n' ' ')"
if [ -c /dev/ttyAMA0 ]; then
	stty -F /dev/ttyAMA0 115200 raw -echo
	exec 3<>/dev/ttyAMA0
	echo "from the guest" >&3
	read -r answer <&3
	tell answer "$answer"
fi
tell end "."
poweroff -f
"""


def boot(trees, folder, modules, **params):
    """Boots the Pi 3 tree with these parameters: (what the guest told, what its ttyAMA0 said)."""
    kernel = fetched("kernel", "6.12", "arm64")
    busybox = fetched("package", "bookworm", "arm64", "busybox-static")
    tree = merged(trees["Pi 3"], folder, **params)
    console = folder / "console.dtbo"
    run("dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", console, "-", input=CONSOLE)
    run("fdtoverlay", "-i", tree, "-o", folder / "boot.dtb", console)

    root = folder / "root"
    for d in ("bin", "dev", "proc", "sys", "modules"):
        (root / d).mkdir(parents=True)
    (root / "bin/busybox").write_bytes((busybox / "bin/busybox").read_bytes())
    (root / "bin/busybox").chmod(0o755)
    modules = [*modules, "bcm2835_wdt"]     # without it the guest cannot power off
    for name in modules:
        found = [p for p in (kernel / "modules/kernel").rglob(f"{name}.ko")]
        assert found, f"the kernel's packages have no {name}.ko"
        (root / f"modules/{name}.ko").write_bytes(found[0].read_bytes())
    (root / "init").write_text(INIT.replace("@MODULES@", " ".join(modules)))
    (root / "init").chmod(0o755)
    archive = folder / "initramfs"
    listing = run("find", ".", "-mindepth", "1", cwd=root)
    with open(archive, "wb") as out:
        subprocess.run(["cpio", "--quiet", "--create", "--format=newc"], input=listing.encode(), stdout=out, cwd=root, check=True)

    path = folder / "uart"
    guest = subprocess.Popen(
        ["qemu-system-aarch64", "-M", "raspi3b", "-nographic", "-no-reboot", "-nodefaults", "-kernel", kernel / "boot/vmlinuz",
         "-initrd", archive, "-dtb", folder / "boot.dtb", "-append", "console=ttyS1 panic=-1 quiet loglevel=0",
         "-chardev", f"socket,id=g,path={path},server=on,wait=on", "-serial", "chardev:g", "-serial", "stdio"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    heard = b""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(BOOT_S)
            while True:
                try:
                    line.connect(str(path))
                    break
                except (FileNotFoundError, ConnectionRefusedError):
                    assert guest.poll() is None, guest.stdout.read().decode(errors="replace")
            if "pl011" in params:
                while b"from the guest\n" not in heard:
                    got = line.recv(100)
                    assert got, "the guest closed its serial port"
                    heard += got
                line.sendall(b"from outside\n")
            text = guest.communicate(timeout=BOOT_S)[0].decode(errors="replace")
    finally:
        if guest.poll() is None:
            guest.kill()
            guest.wait()
    told = dict(re.findall(r"GUEST (\w+) (.*?)\r?$", text, re.M))
    assert {"model", "end"} <= set(told), text[-4000:]
    return told, heard


def test_a_pi_3_boots_with_a_free_line_the_good_port_and_a_pulse(trees, tmp_path):
    told, heard = boot(trees, tmp_path, ["pps-gpio"], pl011="on", pps="on")
    assert "Raspberry Pi 3" in told["model"]
    assert told["declared"] == "/proc/device-tree/geotherm-onewire@4"
    assert told["master"] == "" and "|" not in told["line4"], "the line is free for geotherm-node"
    assert "(MUX UNCLAIMED)" in told["pin4"]
    for pin in ("pin14", "pin15"):
        assert "serial" in told[pin] and "alt0" in told[pin], told[pin]
    assert told["pps"] == "/dev/pps0"
    assert told["serdev"] == "", "nothing took the port"
    assert told["consoles"].split() == ["ttyS1"], "no console on the receiver's port"
    assert heard.endswith(b"from the guest\n") and told["answer"] == "from outside"


def test_a_pi_3_boots_with_the_kernels_bus(trees, tmp_path):
    told, _ = boot(trees, tmp_path, ["wire", "w1-gpio"], kernel_bus="on")
    assert told["declared"] == ""
    assert "w1_bus_master1" in told["master"]
    assert "onewire@4" in told["line4"] or "onewire" in told["pin4"], (told["line4"], told["pin4"])
    assert told["serdev"] != "", "without pl011 Bluetooth has the port: what the test above finds free"
