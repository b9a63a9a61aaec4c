-- SPDX-License-Identifier: BSD-2-Clause
-- What one of several servers does for all: which, and until when. owner is random in each process.

CREATE TABLE IF NOT EXISTS leases (
	name TEXT NOT NULL PRIMARY KEY,
	owner TEXT NOT NULL,
	until_us INTEGER NOT NULL
) STRICT;
