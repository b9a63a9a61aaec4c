# SPDX-License-Identifier: BSD-2-Clause
"""The packages of `make deb` and Debian's archive, for the tests of packages (tests/deb) and of booted machines (tests/boot)."""
import functools
import os
import pathlib
import subprocess
import zlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ["GEOTHERM_BUILD"])
DEPS = pathlib.Path(os.environ.get("DEPS_DIR", ROOT / ".deps"))
NATIVE = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()


def run(*argv, **options):
    done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", **options)
    assert done.returncode == 0, f"{' '.join(map(str, argv))} ended with {done.returncode}:\n{done.stdout[-4000:]}"
    return done.stdout


@functools.cache
def packages(suite, arch):
    """name -> .deb"""
    done = subprocess.run(["scripts/make-deb", "--build", BUILD, "--suite", suite, "--arch", arch], cwd=ROOT,
                          env=dict(os.environ, DEPS_DIR=str(DEPS)), capture_output=True, text=True)
    if done.returncode == 75:
        pytest.skip(f"Debian's archive has no {suite} {arch} to offer now: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    debs = sorted((BUILD / "deb" / f"{suite}-{arch}").glob("*.deb"))
    return {deb.name.split("_")[0]: deb for deb in debs}


def field(deb, name):
    return run("dpkg-deb", "--field", deb, name).strip()


def with_version(deb, version, into):
    """The same package as an older release would have been."""
    tree = into / deb.stem
    run("dpkg-deb", "--raw-extract", deb, tree)
    control = tree / "DEBIAN/control"
    now = field(deb, "Version")
    control.write_text(control.read_text().replace(now, version))
    old = into / f"{field(deb, 'Package')}_{version}_{field(deb, 'Architecture')}.deb"
    run("dpkg-deb", "--build", "--root-owner-group", tree, old)
    return old


def root_archive(suite, variant, contents, kind):
    """A Debian root with these packages, as a tar that is made once and kept: DEPS_DIR/KIND-..."""
    kept = DEPS / f"{kind}-{suite}-{NATIVE}-{zlib.crc32(contents.encode()):08x}.tar"
    if not kept.exists():
        new = kept.with_suffix(".new.tar")
        uris = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages",
                               "Component: main"], capture_output=True, text=True, check=True).stdout.split()
        mirror = sorted({u for u in uris if "security" not in u})[0]
        made = subprocess.run(["mmdebstrap", "--mode=root", f"--variant={variant}", f"--include={contents}", suite, new,
                               f"deb {mirror} {suite} main"], capture_output=True, text=True)
        if made.returncode != 0:
            pytest.skip(f"Debian's archive has no {suite} {NATIVE} to offer now: {made.stderr.strip().splitlines()[-1]}")
        new.rename(kept)
    return kept
