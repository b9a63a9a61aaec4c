# SPDX-License-Identifier: BSD-2-Clause
import pytest

from rig import BUILD, Rig


@pytest.fixture
def rig(tmp_path):
    assert (BUILD / "geotherm-server").exists(), f"{BUILD} holds no geotherm-server: run make first"
    rig = Rig(tmp_path)
    yield rig
    rig.close()
