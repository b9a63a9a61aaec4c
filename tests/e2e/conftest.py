# SPDX-License-Identifier: BSD-2-Clause
import pytest

from rig import BUILD, Rig


def pytest_configure(config):
    config.addinivalue_line("markers", "long: not in make check, for its time; its suite's own target runs it (tests/run --long)")


@pytest.fixture
def rig(tmp_path):
    assert (BUILD / "geotherm-server").exists(), f"{BUILD} holds no geotherm-server: run make first"
    rig = Rig(tmp_path)
    yield rig
    rig.close()
