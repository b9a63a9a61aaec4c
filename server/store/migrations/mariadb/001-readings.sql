-- SPDX-License-Identifier: BSD-2-Clause
-- What the columns mean: server/store_row.h. Times are microseconds of UTC; unknown is NULL.

CREATE TABLE IF NOT EXISTS streams (
	id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	device VARCHAR(95) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	epoch CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	complete BIGINT NOT NULL DEFAULT 0,
	created_us BIGINT NOT NULL,
	UNIQUE KEY device_epoch (device, epoch)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS readings (
	stream INT UNSIGNED NOT NULL,
	seq BIGINT NOT NULL,
	time_us BIGINT,
	time_source TINYINT UNSIGNED NOT NULL,
	time_acc_ns BIGINT,
	boot_ns BIGINT,
	received_us BIGINT NOT NULL,
	lat_e7 INT,
	lon_e7 INT,
	height_mm INT,
	hmsl_mm INT,
	hacc_mm INT UNSIGNED,
	vacc_mm INT UNSIGNED,
	speed_mm_s INT,
	heading_e5 INT,
	pdop_e2 SMALLINT UNSIGNED,
	fix_type TINYINT UNSIGNED,
	fix_ok TINYINT UNSIGNED,
	num_sv TINYINT UNSIGNED,
	fix_age_ms INT UNSIGNED,
	flow_pulses BIGINT,
	flow_ul_s INT,
	uptime_s INT UNSIGNED,
	cpu_mc INT,
	load_e2 INT UNSIGNED,
	mem_free_b BIGINT,
	throttled INT UNSIGNED,
	w1_violations INT UNSIGNED,
	w1_retries INT UNSIGNED,
	ubx_errors INT UNSIGNED,
	uplink_failures INT UNSIGNED,
	host VARCHAR(63),
	version VARCHAR(31),
	note VARCHAR(95),
	t1_mc INT,
	t2_mc INT,
	t3_mc INT,
	t4_mc INT,
	sensors VARBINARY(2048),
	PRIMARY KEY (stream, seq),
	KEY readings_time (stream, time_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Why numbers are missing that will never come: dropped by the node's policy, removed by an operator.
CREATE TABLE IF NOT EXISTS holes (
	stream INT UNSIGNED NOT NULL,
	first_seq BIGINT NOT NULL,
	last_seq BIGINT NOT NULL,
	cause VARCHAR(31) NOT NULL,
	created_us BIGINT NOT NULL,
	PRIMARY KEY (stream, first_seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE OR REPLACE VIEW reading_view AS
SELECT s.device, s.epoch, r.seq,
	TIMESTAMP('1970-01-01') + INTERVAL r.time_us MICROSECOND AS time,
	CASE r.time_source WHEN 0 THEN 'none' WHEN 1 THEN 'gnss' WHEN 2 THEN 'ntp'
		WHEN 3 THEN 'host' WHEN 4 THEN 'server' END AS time_source,
	r.time_acc_ns / 1e9 AS time_acc_s,
	r.t1_mc / 1e3 AS t1, r.t2_mc / 1e3 AS t2, r.t3_mc / 1e3 AS t3, r.t4_mc / 1e3 AS t4,
	r.lat_e7 / 1e7 AS lat, r.lon_e7 / 1e7 AS lon, r.hmsl_mm / 1e3 AS alt_m,
	r.hacc_mm / 1e3 AS hacc_m, r.speed_mm_s / 1e3 AS speed_m_s, r.fix_type, r.num_sv,
	r.fix_age_ms / 1e3 AS fix_age_s, r.flow_pulses, r.flow_ul_s / 1e6 AS flow_l_s,
	r.host, r.note,
	TIMESTAMP('1970-01-01') + INTERVAL r.received_us MICROSECOND AS received
FROM readings r JOIN streams s ON s.id = r.stream;
