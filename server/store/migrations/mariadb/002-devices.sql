-- SPDX-License-Identifier: BSD-2-Clause
-- What an operator says of a device. settings: a JSON object that its node may ask for.

CREATE TABLE IF NOT EXISTS devices (
	device VARCHAR(95) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
	label VARCHAR(127),
	settings TEXT,
	retention_days INT,
	changed_us BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
