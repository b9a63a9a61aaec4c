// SPDX-License-Identifier: BSD-2-Clause
/*
 * On any wire, however slowly it rises: no false temperature is accepted (w1_campaign.h); and the
 * table of wires in docs/hardware.md is what the simulator gives, beside a textbook master.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "w1_campaign.h"
#include "w1_textbook.h"

static const struct campaign_kind kinds[] = {
	{ .name = "RC 3.5 us",
	  .rc_ns = 3500,
	  .devices = 3,
	  .makes = CAMPAIGN_GENUINE,
	  .answered_percent = 99 },
	{ .name = "RC 4.7 us",
	  .rc_ns = 4700,
	  .devices = 3,
	  .makes = CAMPAIGN_GENUINE,
	  .answered_percent = 99 },
	{ .name = "RC 6 us",
	  .rc_ns = 6000,
	  .devices = 3,
	  .makes = CAMPAIGN_GENUINE,
	  .answered_percent = 99 },
	{ .name = "RC 7 us",
	  .rc_ns = 7000,
	  .devices = 3,
	  .makes = CAMPAIGN_GENUINE,
	  .answered_percent = 99 },
	{ .name = "RC 7 us, every make", .rc_ns = 7000, .answered_percent = 99 },
	{ .name = "RC 8 us", .rc_ns = 8000, .devices = 3, .makes = CAMPAIGN_GENUINE },
	{ .name = "RC 10 us", .rc_ns = 10000, .devices = 3, .makes = CAMPAIGN_GENUINE },
	{ .name = "RC 5 us, preemption 3e-3", .rc_ns = 5000, .preempt_ppm = 3000 },
	{ .name = "parasite, RC 3 us", .rc_ns = 3000, .devices = 3, .makes = CAMPAIGN_PARASITES },
	{ .name = "parasite, RC 5 us", .rc_ns = 5000, .devices = 3, .makes = CAMPAIGN_PARASITES },
};

static void on_any_wire_no_false_temperature_is_accepted(void **state)
{
	(void)state;
	campaign_run_all("wires", kinds, sizeof kinds / sizeof kinds[0]);
}

#define WIRE_SENSORS 3
#define WIRE_CYCLES 6
#define RC_READ_NS 7100 /* 30 m of 50 pF/m and 4.7 kohm */

static struct w1_sim *wire(uint64_t seed, uint32_t rc_ns)
{
	const struct w1_sim_config config = { .seed = seed, .rc_ns = rc_ns };
	struct w1_sim *sim = w1_sim_new(&config);

	for (unsigned i = 0; i < WIRE_SENSORS; i++) {
		w1_sim_add(sim, W1_MODEL_A1, false);
		truth_move(sim, i);
	}
	return sim;
}

static void read_ours(uint64_t seed, uint32_t rc_ns, struct truth_tally *t)
{
	struct w1_sim *sim = wire(seed, rc_ns);
	static struct thermometer_sample samples[W1_CYCLE_DEVICES];
	static struct w1_cycle cycle;
	unsigned n;

	w1_cycle_init(&cycle, w1_sim_line(sim), NULL, 10);
	for (unsigned k = 0; k < WIRE_CYCLES; k++) {
		uint64_t start = w1_sim_now(sim);

		w1_cycle_run(&cycle, samples, &n);
		for (unsigned i = 0; i < WIRE_SENSORS; i++) {
			bool known = i < n && samples[i].temp_known;

			truth_count(t, sim,
				    known ? truth_device(sim, WIRE_SENSORS, samples[i].rom) : 0,
				    start, known, ds18b20_raw(samples[i].temp_mc));
		}
		w1_sim_advance(sim, 300000000);
	}
	w1_sim_free(sim);
}

static void read_textbook(uint64_t seed, uint32_t rc_ns, struct truth_tally *t)
{
	struct w1_sim *sim = wire(seed, rc_ns);
	struct master m = master_on(sim);

	m.long_line = true;
	textbook_run(&m, sim, WIRE_SENSORS, WIRE_CYCLES, t);
	w1_sim_free(sim);
}

/* The cell of docs/hardware.md. */
static void judge_wire(char *cell, size_t size, uint32_t rc_ns)
{
	struct truth_tally ours = { 0 }, textbook = { 0 };
	unsigned percent;

	for (uint64_t seed = 1; seed <= (campaign_wanted_reads() > 0 ? 60 : 12); seed++) {
		read_ours(seed, rc_ns, &ours);
		read_textbook(seed, rc_ns, &textbook);
	}
	percent = ours.accepted * 100 / ours.reads;
	print_message("RC %4.1f us: %u of %u read, %u false; AN126: %u read, %u false\n",
		      rc_ns / 1000.0, ours.accepted, ours.reads, ours.stale + ours.wrong,
		      textbook.accepted, textbook.stale + textbook.wrong);
	assert_int_equal(ours.stale + ours.wrong, 0);
	assert_true(rc_ns > RC_READ_NS || percent >= 99);
	snprintf(cell, size, "%.1f µs: %s", rc_ns / 1000.0,
		 percent >= 99	     ? "read"
		 : ours.accepted > 0 ? "read in part"
				     : "refused");
}

static void a_quiet_computer_reads_the_wires_of_hardware_md(void **state)
{
	static const unsigned metres[] = { 10, 20, 30, 35, 50, 75 }, ohms[] = { 4700, 2200, 1500 };
	static char page[20000];
	FILE *file = fopen("docs/hardware.md", "r");
	unsigned missing = 0;

	(void)state;
	assert_non_null(file);
	page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
	fclose(file);
	for (unsigned m = 0; m < sizeof metres / sizeof metres[0]; m++) {
		char row[200];
		int length = snprintf(row, sizeof(row), "| %u m", metres[m]);

		for (unsigned i = 0; i < sizeof ohms / sizeof ohms[0]; i++) {
			char cell[40];

			judge_wire(cell, sizeof(cell), metres[m] * 50 * ohms[i] / 1000);
			length +=
				snprintf(row + length, sizeof(row) - (size_t)length, " | %s", cell);
		}
		snprintf(row + length, sizeof(row) - (size_t)length, " |\n");
		print_message("%s", row);
		missing += strstr(page, row) == NULL;
	}
	assert_int_equal(missing, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_any_wire_no_false_temperature_is_accepted),
		cmocka_unit_test(a_quiet_computer_reads_the_wires_of_hardware_md),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
