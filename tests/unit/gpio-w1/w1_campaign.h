/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * w1_campaign: the 1-Wire master against simulated sensors, many times over, each kind of trouble
 * by itself. What the master gives as a temperature is held against what that device converted in
 * that cycle (w1_truth.h).
 *
 * Environment: GEOTHERM_W1_READS, how many reads all campaigns make together (test_w1_weather.c,
 * test_w1_wires.c, test_w1_campaign.c); GEOTHERM_W1_LOG, a folder in which each leaves a file with
 * a line for every value that was accepted: tests/w1_recount.py counts them again.
 */
#ifndef W1_CAMPAIGN_H
#define W1_CAMPAIGN_H

#include "gpio-w1/w1_cycle.h"
#include "userspace/sim/w1_random.h"
#include "userspace/sim/w1_sim_line.h"

struct campaign_kind {
	const char *name;
	uint32_t rc_ns, preempt_ppm, noise_ppm;
	unsigned tries; /* for one transaction; 0: as always, which takes longer to simulate */
	bool quiet_first; /* the sensors are found first: no search of 200 slots comes through this
			   */
	unsigned devices; /* 0: 1 to 5 */
	enum {
		CAMPAIGN_ALL_MAKES,
		CAMPAIGN_GENUINE,
		CAMPAIGN_LAGGING, /* clones F, which cannot be polled, beside D1 */
		CAMPAIGN_PARASITES,
	} makes;
	/* Plans what happens to this device in the cycle that begins at `start`. */
	void (*fault)(struct w1_sim *sim, unsigned device, uint64_t start, struct w1_random *r);
	enum w1_proof proof;
	unsigned answered_percent; /* at least, DS18B20_OK and the values of other qualities */
	const char *unshowable; /* why no command of the datasheet could show a false value */
};

struct campaign_tally {
	uint64_t reads, ok, other; /* other: values of a quality that is not DS18B20_OK */
	uint64_t stale_ok, wrong_ok, false_other;
	uint64_t wrong_crcs, violations, offences, copies, unreleased;
};

/* Runs one kind for at least so many reads. */
void campaign_run(const struct campaign_kind *kind, uint64_t reads, struct campaign_tally *tally);
/* Runs all kinds, prints the table, logs, and asserts what holds for each. `name` is the log's. */
void campaign_run_all(const char *name, const struct campaign_kind *kinds, unsigned n);

/* GEOTHERM_W1_READS, or 0. */
uint64_t campaign_wanted_reads(void);

/* A time up to so many ms after `start`. */
uint64_t campaign_later(struct w1_random *r, uint64_t start, unsigned within_ms);

#endif
