-- SPDX-License-Identifier: BSD-2-Clause
-- A database user for Grafana that can read the view and nothing else. Put in a password, then: mariadb <reader.sql
CREATE USER IF NOT EXISTS 'grafana'@'localhost' IDENTIFIED BY 'put-a-password-here';
GRANT SELECT ON geotherm.reading_view TO 'grafana'@'localhost';
