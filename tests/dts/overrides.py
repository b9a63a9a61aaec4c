# SPDX-License-Identifier: BSD-2-Clause
"""What Raspberry Pi's firmware does with an overlay's __overrides__, so that dtoverlay=geotherm,gpiopin=17 can be tried
without a Pi: fdtoverlay ignores them, and the program that knows them (dtmerge) is in no Debian.

Grammar (Raspberry Pi documentation, "Device Trees, overlays, and parameters", 2.2.6): a parameter is a list of targets,
each a phandle and a string. Phandle 0: fragments, "=3" on if the value is true, "!3" on if it is false, "+3" on, "-3" off.
Else a property of that node: "name:4" a 32-bit cell at byte 4, ";" 16 bits, "." 8 bits, "#" 64 bits, "name?" a boolean, "name!"
one inverted, "name" a string; "=literal" behind it stands for the value. "reg" also renames the node.
"""
import re
import struct

import libfdt

SIZES = {":": 4, ";": 2, ".": 1, "#": 8}
TRUE = {"", "y", "yes", "on", "true", "1"}
FALSE = {"n", "no", "off", "false", "0"}


class Wrong(Exception):
    """The overlay's table, or the value given, is not what the firmware would take."""


class Overlay:
    def __init__(self, blob):
        self.fdt = libfdt.Fdt(bytearray(blob))
        self.fdt.resize(len(blob) + 4096)
        self.targets = {}
        table = self.fdt.path_offset("/__overrides__")
        offset = self.fdt.first_property_offset(table, libfdt.QUIET_NOTFOUND)
        while offset >= 0:
            prop = self.fdt.get_property_by_offset(offset)
            self.targets[prop.name] = list(self._parse(prop.name, bytes(prop)))
            offset = self.fdt.next_property_offset(offset, libfdt.QUIET_NOTFOUND)

    @staticmethod
    def _parse(name, data):
        while data:
            if len(data) < 5 or b"\0" not in data[4:]:
                raise Wrong(f"{name}: a target is a phandle and a string")
            phandle = struct.unpack(">I", data[:4])[0]
            text, data = data[4:].split(b"\0", 1)
            yield phandle, text.decode("ascii")

    def node(self, phandle):
        try:
            return self.fdt.node_offset_by_phandle(phandle)
        except libfdt.FdtException:
            raise Wrong(f"phandle {phandle} is no node of the overlay") from None

    def fragment(self, number):
        try:
            return self.fdt.path_offset(f"/fragment@{number}")
        except libfdt.FdtException:
            raise Wrong(f"there is no fragment {number}") from None

    def check(self):
        """Each target exists and each cell lies inside its property."""
        for name, targets in self.targets.items():
            if not targets:
                raise Wrong(f"{name} has no target")
            for phandle, text in targets:
                if phandle == 0:
                    if not re.fullmatch(r"([-+=!]\d+)+", text):
                        raise Wrong(f"{name}: '{text}' switches no fragment")
                    for number in re.findall(r"\d+", text):
                        self.fragment(int(number))
                    continue
                prop, kind, at, _ = self.split(name, text)
                node = self.node(phandle)
                if kind in SIZES and prop != "reg":
                    length = len(bytes(self.property(node, prop, name)))
                    if at + SIZES[kind] > length:
                        raise Wrong(f"{name}: {prop} has {length} bytes, and byte {at} is not in it")

    def property(self, node, prop, name):
        try:
            return self.fdt.getprop(node, prop)
        except libfdt.FdtException:
            raise Wrong(f"{name}: {self.fdt.get_name(node)} has no {prop}") from None

    @staticmethod
    def split(name, text):
        match = re.fullmatch(r"([A-Za-z0-9,._+#-]+?)(?:([:;.#])(\d+)|([?!]))?(=.*)?", text)
        if not match:
            raise Wrong(f"{name}: '{text}' is no target")
        prop, sized, at, flag, literal = match.groups()
        return prop, sized or flag or "", int(at or 0), None if literal is None else literal[1:]

    def apply(self, name, value=""):
        """One parameter, as in dtoverlay=geotherm,NAME=VALUE."""
        if name not in self.targets:
            raise Wrong(f"there is no parameter {name}")
        for phandle, text in self.targets[name]:
            if phandle == 0:
                for sign, number in re.findall(r"([-+=!])(\d+)", text):
                    on = {"+": True, "-": False, "=": self.truth(value), "!": not self.truth(value)}[sign]
                    self.switch(int(number), on)
            else:
                self.set(self.node(phandle), *self.split(name, text), value)

    @staticmethod
    def truth(value):
        if value.lower() in TRUE:
            return True
        if value.lower() in FALSE:
            return False
        raise Wrong(f"'{value}' is neither on nor off")

    def switch(self, number, on):
        fragment = self.fragment(number)
        body = self.fdt.first_subnode(fragment)
        self.rename(body, "__overlay__" if on else "__dormant__")

    def path(self, node):
        """Debian 12's libfdt for Python has no get_path()."""
        names = []
        while node > 0:
            names.append(self.fdt.get_name(node))
            node = self.fdt.parent_offset(node)
        return "/" + "/".join(reversed(names))

    def rename(self, node, name):
        """The firmware resolves references before it renames; fdtoverlay does after, so its lists must follow."""
        old = self.path(node)
        new = old.rsplit("/", 1)[0] + "/" + name
        if new == old:
            return
        self.fdt.set_name(node, name)
        local = self.fdt.path_offset("/__local_fixups__" + old, libfdt.QUIET_NOTFOUND)
        if local >= 0:
            self.fdt.set_name(local, name)
        for table in ("/__fixups__", "/__symbols__"):
            parent = self.fdt.path_offset(table, libfdt.QUIET_NOTFOUND)
            props = []
            offset = self.fdt.first_property_offset(parent, libfdt.QUIET_NOTFOUND) if parent >= 0 else -1
            while offset >= 0:
                prop = self.fdt.get_property_by_offset(offset)
                props.append((prop.name, bytes(prop)))
                offset = self.fdt.next_property_offset(offset, libfdt.QUIET_NOTFOUND)
            for key, data in props:
                paths = data.decode().split("\0")
                moved = [new + p[len(old):] if p == old or p.startswith((old + "/", old + ":")) else p for p in paths]
                if moved != paths:
                    self.fdt.setprop(self.fdt.path_offset(table), key, "\0".join(moved).encode())

    def set(self, node, prop, kind, at, literal, value):
        value = value if literal is None else literal
        if prop == "reg":
            base = self.fdt.get_name(node).split("@")[0]
            self.rename(node, f"{base}@{int(value, 0):x}")
        elif kind in SIZES:
            data = bytearray(self.fdt.getprop(node, prop))
            data[at:at + SIZES[kind]] = int(value, 0).to_bytes(SIZES[kind], "big")
            self.fdt.setprop(node, prop, bytes(data))
        elif kind in "?!" and kind:
            if self.truth(value) == (kind == "?"):
                self.fdt.setprop(node, prop, b"")
            elif self.fdt.getprop(node, prop, libfdt.QUIET_NOTFOUND) != -libfdt.NOTFOUND:
                self.fdt.delprop(node, prop)
        else:
            self.fdt.setprop_str(node, prop, value)

    def blob(self):
        """For fdtoverlay, which also applies what is dormant nowhere."""
        self.fdt.pack()
        return bytes(self.fdt.as_bytearray())
