-- SPDX-License-Identifier: BSD-2-Clause
-- What an operator says of a device. settings: a JSON object that its node may ask for.

CREATE TABLE IF NOT EXISTS devices (
	device TEXT NOT NULL PRIMARY KEY,
	label TEXT,
	settings TEXT,
	retention_days INTEGER,
	changed_us INTEGER NOT NULL
) STRICT;
