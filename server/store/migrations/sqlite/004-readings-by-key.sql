-- SPDX-License-Identifier: BSD-2-Clause
-- Readings lie in the order of their key: a device's day is read in 1/20 of the time when there are millions of rows.
-- A database of before is copied, once, at the start: some 20 s for a million readings on a Pi's card.

DROP TABLE IF EXISTS readings_by_key;

CREATE TABLE readings_by_key (
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
) STRICT, WITHOUT ROWID;

INSERT INTO readings_by_key SELECT * FROM readings ORDER BY stream, seq;

DROP VIEW IF EXISTS reading_view;

DROP TABLE readings;

ALTER TABLE readings_by_key RENAME TO readings;

CREATE INDEX readings_time ON readings (stream, time_us);

CREATE VIEW reading_view AS
SELECT s.device, s.epoch, r.seq, r.time_us,
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
