-- SPDX-License-Identifier: BSD-2-Clause
-- Why a node made no reading before its start, in the first reading after it. Few rows: the index holds only them.

ALTER TABLE readings ADD COLUMN start_cause INTEGER;

CREATE INDEX readings_start ON readings (stream, seq) WHERE start_cause IS NOT NULL;
