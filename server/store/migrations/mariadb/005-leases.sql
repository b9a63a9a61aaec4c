-- SPDX-License-Identifier: BSD-2-Clause
-- What one of several servers does for all: which, and until when. owner is random in each process.

CREATE TABLE IF NOT EXISTS leases (
	name VARCHAR(31) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
	owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	until_us BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
