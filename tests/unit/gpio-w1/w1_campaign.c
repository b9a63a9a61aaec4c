// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "w1_campaign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "w1_truth.h"

#define KINDS 35 /* of all campaigns: each has its share of the reads */
#define READS_LEAST 400
#define CYCLES 12

static const enum w1_model_id models[] = {
	W1_MODEL_A1,	 W1_MODEL_A2,	    W1_MODEL_A3,       W1_MODEL_B1,	  W1_MODEL_B1V2,
	W1_MODEL_B2,	 W1_MODEL_C,	    W1_MODEL_D1,       W1_MODEL_D2,	  W1_MODEL_E,
	W1_MODEL_F,	 W1_MODEL_G,	    W1_MODEL_H,	       W1_MODEL_DS18S20,  W1_MODEL_DS1822,
	W1_MODEL_DS1825, W1_MODEL_MAX31826, W1_MODEL_MAX31850, W1_MODEL_DS28EA00,
};
/* Those that work on parasite power. */
static const enum w1_model_id parasites[] = {
	W1_MODEL_A1, W1_MODEL_B1,      W1_MODEL_B1V2,	W1_MODEL_B2,
	W1_MODEL_E,  W1_MODEL_DS18S20, W1_MODEL_DS1822,
};
#define N_MODELS (sizeof models / sizeof models[0])
#define N_PARASITES (sizeof parasites / sizeof parasites[0])

static FILE *log_file; /* of the campaign that runs; NULL: none */

uint64_t campaign_wanted_reads(void)
{
	const char *text = getenv("GEOTHERM_W1_READS");

	return text != NULL ? strtoull(text, NULL, 10) : 0;
}

uint64_t campaign_later(struct w1_random *r, uint64_t start, unsigned within_ms)
{
	return start + (uint64_t)w1_random_between(r, 0, within_ms * 1000) * 1000;
}

static enum w1_model_id make_of(const struct campaign_kind *k, uint64_t number)
{
	switch (k->makes) {
	case CAMPAIGN_GENUINE:
		return W1_MODEL_A1;
	case CAMPAIGN_LAGGING:
		return number % 2 ? W1_MODEL_D1 : W1_MODEL_F;
	case CAMPAIGN_PARASITES:
		return parasites[number % N_PARASITES];
	case CAMPAIGN_ALL_MAKES:
	default:
		return models[number % N_MODELS];
	}
}

/* One run: some sensors on a wire of their own, for CYCLES cycles. */
struct run {
	const struct campaign_kind *kind;
	struct campaign_tally *tally;
	struct w1_sim *sim;
	struct w1_cycle cycle;
	struct w1_random random;
	uint64_t seed;
	unsigned devices, number; /* of the cycle */
};

static void print_bytes(const uint8_t *bytes, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		fprintf(log_file, "%02x", bytes[i]);
	}
	fputc(' ', log_file);
}

static int64_t us_after(uint64_t at_ns, uint64_t start_ns)
{
	int64_t ns = (int64_t)(at_ns - start_ns);

	return ns >= 0 ? ns / 1000 : -1 - (-1 - ns) / 1000;
}

/*
 * The master's proof, and what the device really did: its conversion to this value in this cycle,
 * or its newest. Times are us since the cycle began; heard: - where it was not heard in this one.
 */
static void log_value(const struct run *r, const struct thermometer_sample *s, uint64_t start,
		      unsigned device, const struct w1_slave_conversion *what)
{
	uint64_t heard = 0;

	if (log_file == NULL) {
		return;
	}
	for (unsigned i = 0; i < r->cycle.n; i++) {
		if (memcmp(r->cycle.device[i].rom, s->rom, W1_ROM_SIZE) == 0) {
			heard = r->cycle.device[i].heard_ns;
		}
	}
	fprintf(log_file, "%" PRIu64 " %u %u ", r->seed, r->number, device);
	print_bytes(s->rom, W1_ROM_SIZE);
	print_bytes(s->scratchpad, DS18B20_SCRATCHPAD_SIZE);
	fprintf(log_file, "%s %d ", ds18b20_quality_name(s->quality), (int)s->temp_mc);
	if (heard >= start) {
		fprintf(log_file, "%" PRId64, us_after(heard, start));
	} else {
		fputc('-', log_file);
	}
	fprintf(log_file, " %" PRId64 " %" PRId64 " %d\n", us_after(what->start_ns, start),
		us_after(what->end_ns, start), what->raw);
}

static void judge(const struct run *r, uint64_t start, const struct thermometer_sample *s)
{
	struct campaign_tally *t = r->tally;
	unsigned device = truth_device(r->sim, r->devices, s->rom);
	const struct w1_slave_conversion *what;
	enum truth truth;
	int16_t raw = ds18b20_raw(s->temp_mc);

	if (!s->temp_known) {
		assert_false(ds18b20_has_value(s->quality));
		return;
	}
	assert_true(ds18b20_has_value(s->quality));
	assert_in_range(device, 0, r->devices - 1); /* a ROM code has its CRC */
	truth = truth_of(r->sim, device, start, raw);
	if (s->quality == DS18B20_OK) {
		t->ok++;
		t->stale_ok += truth == TRUTH_STALE;
		t->wrong_ok += truth == TRUTH_WRONG;
	} else {
		t->other++;
		t->false_other += truth != TRUTH_RIGHT;
	}
	what = truth_conversion(r->sim, device, start, raw);
	log_value(r, s, start, device, what ? what : &w1_sim_slave(r->sim, device)->last);
}

static void run_cycle(struct run *r)
{
	static struct thermometer_sample samples[W1_CYCLE_DEVICES];
	uint64_t start = w1_sim_now(r->sim);
	unsigned n;

	w1_cycle_run(&r->cycle, samples, &n);
	r->tally->reads += n > r->devices ? n : r->devices;
	for (unsigned i = 0; i < n; i++) {
		judge(r, start, &samples[i]);
	}
	r->tally->unreleased += !w1_sim_released(r->sim);
	r->number++;
}

static void run_once(const struct campaign_kind *k, uint64_t seed, struct campaign_tally *t)
{
	const struct w1_sim_config config = { .seed = seed, .rc_ns = k->rc_ns };
	static struct run r;

	memset(&r, 0, sizeof(r));
	r.kind = k;
	r.tally = t;
	r.seed = seed;
	r.devices = k->devices ? k->devices : 1 + (unsigned)(seed % 5);
	r.sim = w1_sim_new(&config);
	w1_random_init(&r.random, seed);
	for (unsigned i = 0; i < r.devices; i++) {
		w1_sim_add(r.sim, make_of(k, seed + i), k->makes == CAMPAIGN_PARASITES);
		truth_move(r.sim, i);
	}
	w1_cycle_init(&r.cycle, w1_sim_line(r.sim), NULL, k->quiet_first ? UINT32_MAX : 10);
	r.cycle.proof = k->proof;
	if (k->quiet_first) {
		run_cycle(&r);
	}
	w1_sim_set_preemption(r.sim, k->preempt_ppm);
	w1_sim_set_noise(r.sim, k->noise_ppm);
	r.cycle.bus.tries = k->tries ? k->tries : r.cycle.bus.tries;
	for (unsigned c = 0; c < CYCLES; c++) {
		if (k->fault != NULL) {
			k->fault(r.sim, w1_random_between(&r.random, 0, r.devices - 1),
				 w1_sim_now(r.sim), &r.random);
		}
		run_cycle(&r);
		w1_sim_advance(r.sim, campaign_later(&r.random, 200000000, 300));
	}
	t->wrong_crcs += r.cycle.bus.wrong_crcs;
	t->violations += w1_bus_violations(&r.cycle.bus);
	t->offences += w1_sim_judge_total(w1_sim_judge(r.sim));
	for (unsigned i = 0; i < r.devices; i++) {
		/* No one asked for one: a slip of 4Eh to 48h would be one. */
		t->copies += w1_sim_slave(r.sim, i)->copies;
	}
	w1_sim_free(r.sim);
}

void campaign_run(const struct campaign_kind *kind, uint64_t reads, struct campaign_tally *tally)
{
	for (uint64_t seed = 1; tally->reads < reads; seed++) {
		run_once(kind, seed, tally);
	}
}

static void check(const struct campaign_kind *k, const struct campaign_tally *t)
{
	if (k->unshowable == NULL) {
		assert_int_equal(t->stale_ok + t->wrong_ok, 0);
	}
	/* On a sound wire that only preemption disturbs the master itself does no wrong. */
	if (k->fault == NULL && k->noise_ppm == 0 && k->rc_ns == 0) {
		assert_int_equal(t->offences, 0);
	}
	assert_int_equal(t->copies, 0);
	assert_int_equal(t->unreleased, 0);
	assert_true(k->preempt_ppm == 0 || t->violations > 0);
	assert_true((t->ok + t->other) * 100 >= t->reads * k->answered_percent);
}

static void open_log(const char *name)
{
	const char *folder = getenv("GEOTHERM_W1_LOG");
	char path[4096];

	if (folder != NULL) {
		snprintf(path, sizeof(path), "%s/%s.log", folder, name);
		log_file = fopen(path, "w");
		assert_non_null(log_file);
	}
}

void campaign_run_all(const char *name, const struct campaign_kind *kinds, unsigned n)
{
	uint64_t reads = 0, wrong_crcs = 0, wrong = 0;

	open_log(name);
	print_message("%-28s %8s %8s %8s %8s %8s %11s\n", "kind", "reads", "ok", "other",
		      "stale ok", "wrong ok", "false other");
	for (unsigned i = 0; i < n; i++) {
		const struct campaign_kind *k = &kinds[i];
		struct campaign_tally t = { 0 };

		if (log_file != NULL) {
			fprintf(log_file, "kind %s%s%s\n", k->name, k->unshowable ? ": " : "",
				k->unshowable ? k->unshowable : "");
		}
		campaign_run(k, campaign_wanted_reads() / KINDS + READS_LEAST, &t);
		if (log_file != NULL) {
			fprintf(log_file, "reads %" PRIu64 "\n", t.reads);
		}
		print_message("%-28s %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64
			      " %11" PRIu64 "  %s\n",
			      k->name, t.reads, t.ok, t.other, t.stale_ok, t.wrong_ok,
			      t.false_other,
			      t.stale_ok + t.wrong_ok > 0 && k->unshowable ? k->unshowable : "");
		check(k, &t);
		reads += t.reads;
		wrong_crcs += t.wrong_crcs;
		wrong += k->unshowable == NULL ? t.wrong_ok : 0;
	}
	/* ds18b20_judge(): 1 of 126 errors of four bits passes the CRC, 1 of 7000 the constants. */
	print_message("%" PRIu64 " reads; %" PRIu64 " scratchpads of a wrong CRC, so that at most "
		      "%.2f escapes are expected; seen as ok: %" PRIu64 "\n",
		      reads, wrong_crcs, (double)wrong_crcs * 126 / 125 / 7000, wrong);
	if (log_file != NULL) {
		assert_int_equal(fclose(log_file), 0);
		log_file = NULL;
	}
}
