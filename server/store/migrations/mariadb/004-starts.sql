-- SPDX-License-Identifier: BSD-2-Clause
-- Why a node made no reading before its start, in the first reading after it.

ALTER TABLE readings ADD COLUMN IF NOT EXISTS start_cause TINYINT UNSIGNED;

CREATE INDEX IF NOT EXISTS readings_start ON readings (stream, start_cause);
