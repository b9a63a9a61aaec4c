# SPDX-License-Identifier: BSD-2-Clause
"""Disks that are slow, that fail, that are full or read-only: strace makes the system calls behave so."""
import pytest

from rig import until
from test_server_operation import assert_whole

SERVED_AGAIN_S = 20
ERRORS = pytest.mark.parametrize("error", ["EIO", *(pytest.param(e, marks=pytest.mark.long) for e in ("ENOSPC", "EROFS"))])


def sound(rig):
    """What the server has is whole, and nothing is stored twice (the key would not allow it) or wrong."""
    code, out, err = rig.run("geotherm-server", "verify", "--config", rig.dir / "server.conf")
    assert code in (0, 7), out + err        # 7: numbers are missing, those that still wait
    assert_whole(rig)


def test_a_slow_disk_delays_answers_and_loses_nothing(rig):
    rig.start_server(wrap=rig.strace("server", "-e", "inject=fdatasync:delay_exit=400000"))
    node = rig.start_node()
    rig.wait_rows(8)
    assert rig.status()["uplink"]["failures"] == 0, "a slow commit is not taken for a dead server"
    assert node.stop() == 0
    sound(rig)


@ERRORS
def test_a_disk_that_refuses_a_while_delays_and_loses_nothing(rig, error):
    server = rig.start_server(wrap=rig.strace("server", "-e", f"inject=fdatasync,pwrite64:error={error}:when=120..121"))
    node = rig.start_node()
    server.wait_log("nodes keep their readings")
    stuck = len(rig.rows())
    until(lambda: len(rig.rows()) > stuck, "readings are stored again", SERVED_AGAIN_S)
    assert server.alive()
    assert node.stop() == 0 and server.stop() == 0
    sound(rig)


@ERRORS
def test_a_node_whose_card_refuses_a_while_goes_on(rig, error):
    rig.start_server()
    node = rig.start_node(wrap=rig.strace("node", "-e", f"inject=fdatasync,pwrite64:error={error}:when=60..90"))
    node.wait_log("outbox.*(Input/output|No space|Read-only).*readings are sent from memory")
    stuck = len(rig.rows())
    until(lambda: len(rig.rows()) > stuck + 3, "readings are stored again", SERVED_AGAIN_S)
    node.wait_log("readings are written again")
    until(lambda: rig.status()["outbox"]["waiting"] == 0, "all is sent", SERVED_AGAIN_S)
    assert node.stop() == 0
    # What the card did not take came from memory, under an epoch of its own: no number is missing in either.
    assert rig.rows("SELECT * FROM holes") == []
    numbers = {}
    for row in rig.rows():
        numbers.setdefault(row["epoch"], set()).add(row["seq"])
    assert len(numbers) == 2
    for seqs in numbers.values():
        assert seqs == set(range(1, max(seqs) + 1))
