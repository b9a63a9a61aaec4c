/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ublox7_faults: the faults of a simulated receiver by name: X(name, member of struct
 * ublox7_config, max, help). The command line and its manual come from this list.
 */
#ifndef UBLOX7_FAULTS_H
#define UBLOX7_FAULTS_H

/* clang-format off */
#define UBLOX7_FAULTS(X) \
	X("ttff-ms", ttff_ms, 3600000, "time from the start to the first fix") \
	X("hot-ttff-ms", hot_ttff_ms, 3600000, "and after a brown-out with battery (0; data sheet: 1000)") \
	X("cold-ttff-ms", cold_ttff_ms, 3600000, "and after a start with nothing known (29000)") \
	X("utc-page-ms", utc_page_ms, 3600000, "UTC is 2 s wrong and unresolved so long after the first fix") \
	X("doubtful-ppm", doubtful_ppm, 1000000, "epochs in a million that have a fix which is not gnssFixOK") \
	X("no-battery", no_battery, 1, "1: saved settings are lost with the supply") \
	X("delay-min-us", delay_min_us, 10000000, "a command is carried out no earlier than this (10000)") \
	X("delay-max-us", delay_max_us, 10000000, "and no later (10000)") \
	X("deaf-ms", deaf_ms, 10000, "input is dropped so long after CFG-PRT (clones: 300)") \
	X("drop-ppm", drop_ppm, 1000000, "bytes in a million that are lost, each way") \
	X("corrupt-ppm", corrupt_ppm, 1000000, "bytes in a million with a flipped bit, each way") \
	X("framing-limit", framing_limit, 1000000, \
	  "deaf for the rest of a second after so many framing errors in it (later parts: 100)") \
	X("refuse-cfg", refused_cfg, 255, "id of a CFG message that gets NAK (62: GNSS)") \
	X("refuse-set", refused_set, 255, "id of a CFG message whose sets get NAK (36: NAV5)") \
	X("refuse-all", refuse_all, 1, "1: every CFG message gets NAK") \
	X("latency-ms", latency_ms, 500, "from an epoch to its first byte (15)") \
	X("asleep", asleep, 1, "1: in power save at first, whatever the mode") \
	X("warn-every", warn_every, 3600, "one warning (UBX-INF) per so many epochs") \
	X("antenna", antenna, 4, "MON-HW: 0 init, 1 unknown, 2 ok, 3 short, 4 open") \
	X("jam-ind", jam_ind, 255, "MON-HW: strength of continuous-wave jamming (5)")
/* clang-format on */

#endif
