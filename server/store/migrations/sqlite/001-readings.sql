-- SPDX-License-Identifier: BSD-2-Clause
-- What the columns mean: server/store_row.h. Times are microseconds of UTC; unknown is NULL.

CREATE TABLE IF NOT EXISTS streams (
	id INTEGER PRIMARY KEY,
	device TEXT NOT NULL,
	epoch TEXT NOT NULL,
	complete INTEGER NOT NULL DEFAULT 0,
	created_us INTEGER NOT NULL,
	UNIQUE (device, epoch)
) STRICT;

CREATE TABLE IF NOT EXISTS readings (
	stream INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	time_us INTEGER,
	time_source INTEGER NOT NULL,
	time_acc_ns INTEGER,
	boot_ns INTEGER,
	received_us INTEGER NOT NULL,
	lat_e7 INTEGER,
	lon_e7 INTEGER,
	height_mm INTEGER,
	hmsl_mm INTEGER,
	hacc_mm INTEGER,
	vacc_mm INTEGER,
	speed_mm_s INTEGER,
	heading_e5 INTEGER,
	pdop_e2 INTEGER,
	fix_type INTEGER,
	fix_ok INTEGER,
	num_sv INTEGER,
	fix_age_ms INTEGER,
	flow_pulses INTEGER,
	flow_ul_s INTEGER,
	uptime_s INTEGER,
	cpu_mc INTEGER,
	load_e2 INTEGER,
	mem_free_b INTEGER,
	throttled INTEGER,
	w1_violations INTEGER,
	w1_retries INTEGER,
	ubx_errors INTEGER,
	uplink_failures INTEGER,
	host TEXT,
	version TEXT,
	note TEXT,
	t1_mc INTEGER,
	t2_mc INTEGER,
	t3_mc INTEGER,
	t4_mc INTEGER,
	sensors BLOB,
	PRIMARY KEY (stream, seq)
) STRICT;

CREATE INDEX IF NOT EXISTS readings_time ON readings (stream, time_us);

-- Why numbers are missing that will never come: dropped by the node's policy, removed by an operator.
CREATE TABLE IF NOT EXISTS holes (
	stream INTEGER NOT NULL,
	first_seq INTEGER NOT NULL,
	last_seq INTEGER NOT NULL,
	cause TEXT NOT NULL,
	created_us INTEGER NOT NULL,
	PRIMARY KEY (stream, first_seq)
) STRICT;

DROP VIEW IF EXISTS reading_view;

CREATE VIEW reading_view AS
SELECT s.device, s.epoch, r.seq,
	strftime('%Y-%m-%dT%H:%M:%S', r.time_us / 1000000, 'unixepoch')
		|| printf('.%06dZ', r.time_us % 1000000) AS time,
	CASE r.time_source WHEN 0 THEN 'none' WHEN 1 THEN 'gnss' WHEN 2 THEN 'ntp'
		WHEN 3 THEN 'host' WHEN 4 THEN 'server' END AS time_source,
	r.time_acc_ns / 1e9 AS time_acc_s,
	r.t1_mc / 1e3 AS t1, r.t2_mc / 1e3 AS t2, r.t3_mc / 1e3 AS t3, r.t4_mc / 1e3 AS t4,
	r.lat_e7 / 1e7 AS lat, r.lon_e7 / 1e7 AS lon, r.hmsl_mm / 1e3 AS alt_m,
	r.hacc_mm / 1e3 AS hacc_m, r.speed_mm_s / 1e3 AS speed_m_s, r.fix_type, r.num_sv,
	r.fix_age_ms / 1e3 AS fix_age_s, r.flow_pulses, r.flow_ul_s / 1e6 AS flow_l_s,
	r.host, r.note,
	strftime('%Y-%m-%dT%H:%M:%S', r.received_us / 1000000, 'unixepoch')
		|| printf('.%06dZ', r.received_us % 1000000) AS received
FROM readings r JOIN streams s ON s.id = r.stream;
