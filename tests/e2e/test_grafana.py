# SPDX-License-Identifier: BSD-2-Clause
"""What docs/grafana ships, against a real MariaDB: the read-only user, and every query of the dashboard as Grafana sends it."""
import json
import subprocess
import time

import pytest

from rig import DEVICE, ROOT
from test_mariadb import mariadb, store, wait_stored     # noqa: F401 (mariadb is a fixture)

GRAFANA = ROOT / "docs/grafana"


def as_reader(db, text):
    return subprocess.run(["mariadb", "--no-defaults", "-S", db.socket, "-ugrafana", "-pput-a-password-here", "-N", "-B", "geotherm"],
                          input=text, capture_output=True, text=True)


def substituted(sql, start, end):
    """Grafana's macros and the dashboard's variable."""
    sql = sql.replace("$__unixEpochFrom()", str(start)).replace("$__unixEpochTo()", str(end)).replace("$device", DEVICE)
    assert "$" not in sql, sql
    return sql


def test_the_reader_sees_the_dashboard_and_nothing_else(rig, mariadb):     # noqa: F811
    rig.start_server(conf=rig.server_conf(store(rig, mariadb)))
    rig.start_node()
    wait_stored(mariadb, 5)
    mariadb.sql((GRAFANA / "reader.sql").read_text())

    dashboard = json.loads((GRAFANA / "dashboard.json").read_text())
    now = int(time.time())
    device = as_reader(mariadb, dashboard["templating"]["list"][0]["query"])
    assert device.stdout.split() == [DEVICE], device.stderr
    for panel in dashboard["panels"]:
        sql = substituted(panel["targets"][0]["rawSql"], now - 3600, now + 60)
        answer = as_reader(mariadb, sql)
        assert answer.returncode == 0 and len(answer.stdout.splitlines()) >= 1, f"{panel['title']}: {answer.stderr}"
        # By an index, not by reading the table (the reader itself may not ask).
        plan = [row for row in mariadb.sql(f"USE geotherm; EXPLAIN {sql}") if row[2] == "r"]
        assert plan and all(row[3] != "ALL" and row[5] != "NULL" for row in plan), plan
    for forbidden in ["SELECT * FROM readings", "DELETE FROM reading_view", "UPDATE reading_view SET host = ''"]:
        assert "denied" in as_reader(mariadb, forbidden).stderr, forbidden


@pytest.mark.parametrize("name", ["datasource.yaml", "dashboard.json", "reader.sql"])
def test_the_files_name_the_same_user_and_database(name):
    text = (GRAFANA / name).read_text()
    assert "geotherm" in text and ("grafana" in text or name == "dashboard.json")
