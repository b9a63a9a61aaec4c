// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every fault that the simulated 1-Wire bus can have is found and named by the right check; a sound
 * bus passes all.
 *
 * One row of the table is a bus; what is expected of it is the list of checks that do not pass,
 * with the cause.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "userspace/selftest/selftest.h"
#include "userspace/sim/w1_sim_line.h"

#define ONLY "bus,sensors,timing"
#define SEEDS 8

struct fault {
	const char *name;
	struct w1_sim_config config;
	enum w1_model_id model; /* none given: a genuine DS18B20 */
	unsigned devices; /* none given: one */
	bool parasite;
	void (*break_it)(struct w1_sim *sim);
	const char *expected; /* "check=cause ..." of those that did not pass, without skips; "*":
				 and what follows */
	const char *says; /* the value of the last of them has this; and a clone's has its family */
};

/* --- what is done to a bus --- */

static void vanish_at_once(struct w1_sim *sim)
{
	w1_sim_unplug(sim, 0, w1_sim_now(sim), W1_SLAVE_NEVER);
}

/* Found, and gone in the middle of the first conversion. */
static void loosen(struct w1_sim *sim)
{
	w1_sim_unplug(sim, 0, w1_sim_now(sim) + 900000000, W1_SLAVE_NEVER);
}

/* Its supply breaks down in the middle of the last conversion that counts, for 20 ms. */
static void brown_out(struct w1_sim *sim)
{
	w1_sim_unplug(sim, 0, w1_sim_now(sim) + 1200000000, w1_sim_now(sim) + 1220000000);
}

/* A device's power goes and comes at each of its conversions: it answers, and never with a new
 * value. */
static void starve(struct w1_sim *sim)
{
	w1_sim_slave(sim, 0)->timing.convert_ns = 4000000000u;
}

static void slow(struct w1_sim *sim)
{
	w1_sim_slave(sim, 0)->timing.convert_ns = 790000000;
}

/* What a part says that ran out of power while it converted. */
static void give_07ff(struct w1_sim *sim)
{
	w1_sim_slave(sim, 0)->starved_gives_07ff = true;
}

/* A copy, and a genuine one that may be read before it or after. */
static void add_a_copy(struct w1_sim *sim)
{
	w1_sim_add(sim, W1_MODEL_B1V2, false);
	w1_sim_add(sim, W1_MODEL_A1, false);
}

/* The same, and one that is also slow. */
static void add_a_copy_and_a_slow_one(struct w1_sim *sim)
{
	slow(sim);
	add_a_copy(sim);
}

/* Holds a presence pulse for longer than any part may. */
static void hold_presence(struct w1_sim *sim)
{
	w1_sim_slave(sim, 0)->timing.presence_ns = 420000;
}

static void bad_rom(struct w1_sim *sim)
{
	w1_sim_slave(sim, 0)->rom[7] ^= 0x40;
}

static void not_a_thermometer(struct w1_sim *sim)
{
	struct w1_slave *s = w1_sim_slave(sim, 0);

	s->rom[0] = 0x01;
	s->rom[7] = w1_model_crc8(0, s->rom, 7);
}

/* clang-format off */
#define CLONE(x, also)                                                                                             \
	{                                                                                                          \
		.name = "clone " #x, .model = W1_MODEL_##x, .says = "clone, family ",                              \
		.expected = also "sensors/identity=clone"                                                          \
	}
#define OTHER(x) { .name = #x, .model = W1_MODEL_##x, .expected = "" }
/* clang-format on */

static const struct fault faults[] = {
	{ .name = "a sound bus of one", .expected = "" },
	{ .name = "a sound bus of ten", .devices = 10, .expected = "" },
	{ .name = "a sound bus, preempted now and then",
	  .devices = 2,
	  .config = { .preempt_ppm = 100 },
	  .expected = "" },

	{ .name = "short to ground",
	  .config = { .wiring = W1_SIM_SHORT_TO_GND },
	  .expected = "bus/idle=short-to-ground sensors/search=line-low" },
	{ .name = "no pull-up",
	  .config = { .wiring = W1_SIM_NO_PULLUP },
	  .expected = "bus/idle=no-pull-up sensors/search=line-low" },
	{ .name = "short to the supply",
	  .config = { .wiring = W1_SIM_SHORT_TO_VDD },
	  .expected = "bus/low=short-to-supply sensors/search=no-answer" },
	{ .name = "no-answer",
	  .break_it = vanish_at_once,
	  .expected = "bus/presence=no-answer sensors/search=no-answer" },
	{ .name = "a weak pull-up",
	  .config = { .rc_ns = 12000 },
	  .expected = "bus/rise=weak-pull-up *" },
	{ .name = "a long cable", .config = { .rc_ns = 4700 }, .expected = "bus/rise=slow-rise *" },
	{ .name = "noise", .config = { .noise_ppm = 5000 }, .expected = "bus/noise=noise *" },
	{ .name = "a presence that does not end",
	  .break_it = hold_presence,
	  .expected = "bus/presence=held-low *" },

	{ .name = "parasite power",
	  .devices = 2,
	  .parasite = true,
	  .expected = "sensors/power=parasite sensors/temperature=unseen" },
	{ .name = "parasite power without strong pull-up",
	  .config = { .no_strong_pullup = true },
	  .parasite = true,
	  .expected = "sensors/power=parasite sensors/temperature=line-error" },
	{ .name = "a copy that hangs on parasite power",
	  .model = W1_MODEL_D2,
	  .parasite = true,
	  .expected = "bus/idle=no-pull-up sensors/search=line-low" },
	{ .name = "a copy that says falsely to have a supply",
	  .model = W1_MODEL_C,
	  .parasite = true,
	  .break_it = give_07ff,
	  .expected = "sensors/power=contradicts *" },
	{ .name = "a copy that knows no parasite power",
	  .model = W1_MODEL_D1,
	  .parasite = true,
	  .expected = "bus/presence=no-answer sensors/search=no-answer" },
	{ .name = "a loose contact",
	  .devices = 2,
	  .break_it = loosen,
	  .expected = "sensors/temperature=absent *" },
	{ .name = "a supply that breaks down",
	  .break_it = brown_out,
	  .expected = "sensors/temperature=power-on" },
	{ .name = "a slow conversion", .break_it = slow, .expected = "sensors/identity=slow" },
	{ .name = "a conversion that never ends",
	  .break_it = starve,
	  .expected = "sensors/identity=slow *" },
	{ .name = "one copy among genuine ones",
	  .break_it = add_a_copy,
	  .expected = "sensors/identity=clone" },
	{ .name = "a slow one beside a copy",
	  .break_it = add_a_copy_and_a_slow_one,
	  .expected = "sensors/identity=slow" },
	{ .name = "an address with a wrong CRC",
	  .break_it = bad_rom,
	  .expected = "sensors/search=search" },
	{ .name = "another kind of device",
	  .break_it = not_a_thermometer,
	  .expected = "sensors/search=not-a-thermometer *" },

	CLONE(A2, ""),
	CLONE(A3, ""),
	CLONE(B1, ""),
	CLONE(B1V2, ""),
	CLONE(B2, ""),
	CLONE(C, "sensors/power=contradicts "),
	CLONE(D1, ""),
	CLONE(D2, ""),
	CLONE(E, ""),
	CLONE(F, "sensors/temperature=unseen "),
	CLONE(G, ""),
	CLONE(H, "sensors/power=contradicts "),
	OTHER(DS18S20),
	OTHER(DS1822),
	OTHER(DS1825),
	{ .name = "MAX31826",
	  .model = W1_MODEL_MAX31826,
	  .expected = "sensors/temperature=unguarded" },
	{ .name = "MAX31850",
	  .model = W1_MODEL_MAX31850,
	  .expected = "sensors/temperature=unguarded" },
	OTHER(DS28EA00),

	{ .name = "a computer that is kept away",
	  .config = { .preempt_ppm = 5000 },
	  .expected = "timing/slots=preempted timing/slots-rt=preempted *" },
	{ .name = "a computer that is kept away all the time",
	  .config = { .preempt_ppm = 30000 },
	  .expected =
		  "timing/slots=preempted timing/slots-rt=preempted timing/verdict=use-kernel *" },
	{ .name = "a slow board",
	  .config = { .set = { 15000, 17000 },
		      .get = { 14000, 16000 },
		      .reconfigure = { 50000, 60000 },
		      .clock = { 800, 1000 } },
	  .expected = "timing/calls=too-slow timing/slots=preempted timing/slots-rt=preempted "
		      "timing/verdict=use-kernel *" },
};

static void run_all(struct w1_sim *sim, char *seen, size_t size, char *value, size_t value_size)
{
	const struct node_config config = { .w1_bus = NODE_W1_USERSPACE,
					    .w1_resolutions.all_bits = 12 };
	struct selftest t = { .config = &config, .root = "/nonexistent", .has_line = true };
	struct selftest_outcome out;

	*seen = *value = '\0';
	t.line = w1_sim_line(sim);
	for (size_t i = 0; i < selftest_checks_count; i++) {
		const struct selftest_check *c = &selftest_checks[i];
		size_t used = strlen(seen);

		if (!selftest_wanted(c, ONLY)) {
			continue;
		}
		selftest_run(&t, c, &out);
		if (getenv("VERBOSE") != NULL) {
			printf("    %s/%s %s %s: %s\n", c->group, c->name,
			       selftest_status_name(out.status),
			       out.cause ? selftest_cause_name(out.cause) : "", out.value);
		}
		if (out.status == SELFTEST_WARN || out.status == SELFTEST_FAIL) {
			snprintf(seen + used, size - used, "%s%s/%s=%s", used > 0 ? " " : "",
				 c->group, c->name, selftest_cause_name(out.cause));
			snprintf(value, value_size, "%s", out.value);
			assert_non_null(out.hint);
		}
	}
	selftest_close(&t);
}

static bool has_word(const char *list, const char *word, size_t length)
{
	while (*(list += strspn(list, " ")) != '\0') {
		size_t n = strcspn(list, " ");

		if (n == length && strncmp(list, word, n) == 0) {
			return true;
		}
		list += n;
	}
	return false;
}

/* All that is expected, and nothing else unless "*" says that more may follow from it. */
static bool as_expected(const char *expected, const char *seen)
{
	bool more = strchr(expected, '*') != NULL;

	for (const char *at = expected; *(at += strspn(at, " *")) != '\0'; at += strcspn(at, " ")) {
		if (!has_word(seen, at, strcspn(at, " "))) {
			return false;
		}
	}
	for (const char *at = seen; !more && *(at += strspn(at, " ")) != '\0';
	     at += strcspn(at, " ")) {
		if (!has_word(expected, at, strcspn(at, " "))) {
			return false;
		}
	}
	return true;
}

/* "clone, family D1 (3 of 8)", whatever the case of the letters. */
static bool says(const char *value, const char *words, const char *family)
{
	const char *at = strstr(value, words);

	return at != NULL && strncasecmp(at + strlen(words), family, strlen(family)) == 0 &&
	       at[strlen(words) + strlen(family)] == ' ';
}

static void each_fault_of_the_bus_is_named_by_the_right_check(void **state)
{
	unsigned wrong = 0, buses = 0;

	(void)state;
	for (size_t f = 0; f < sizeof(faults) / sizeof(faults[0]); f++) {
		for (uint64_t seed = 1; seed <= SEEDS; seed++) {
			struct w1_sim_config config = faults[f].config;
			unsigned devices = faults[f].devices != 0 ? faults[f].devices : 1;
			struct w1_sim *sim;
			char seen[1024], value[sizeof(((struct selftest_outcome *)0)->value)];

			config.seed = seed;
			sim = w1_sim_new(&config);
			assert_non_null(sim);
			for (unsigned i = 0; i < devices; i++) {
				assert_int_equal(
					w1_sim_add(sim, faults[f].model, faults[f].parasite), i);
				w1_sim_slave(sim, i)->temp_mc = 21500;
			}
			if (faults[f].break_it != NULL) {
				faults[f].break_it(sim);
			}
			run_all(sim, seen, sizeof(seen), value, sizeof(value));
			buses++;
			assert_true(w1_sim_released(sim));
			for (unsigned i = 0; i < devices; i++) {
				/* Nothing may wear a part or try what its data sheet does not name.
				 */
				if (w1_sim_slave(sim, i)->copies > 0) {
					print_message("%s (seed %u): EEPROM written %u times\n",
						      faults[f].name, (unsigned)seed,
						      (unsigned)w1_sim_slave(sim, i)->copies);
					wrong++;
				}
			}
			if (!as_expected(faults[f].expected, seen) ||
			    (faults[f].says != NULL &&
			     !says(value, faults[f].says, w1_model(faults[f].model)->name))) {
				print_message("%s (seed %u): expected \"%s\", found \"%s\" (%s)\n",
					      faults[f].name, (unsigned)seed, faults[f].expected,
					      seen, value);
				wrong++;
			}
			w1_sim_free(sim);
		}
	}
	print_message("%u buses of %zu kinds, %u taken for another\n", buses,
		      sizeof(faults) / sizeof(faults[0]), wrong);
	assert_int_equal(wrong, 0);
}

static void a_temperature_is_shown_with_its_sign_and_two_decimals(void **state)
{
	static const struct {
		int32_t mc;
		const char *text;
	} rows[] = { { 21500, " 21.50 C" },
		     { 63, " 0.06 C" },
		     { -63, " -0.06 C" },
		     { -10125, " -10.12 C" } };
	const struct node_config config = { .w1_bus = NODE_W1_USERSPACE,
					    .w1_resolutions.all_bits = 12 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct w1_sim *sim = w1_sim_new(&(const struct w1_sim_config){ .seed = 1 });
		struct selftest t = { .config = &config, .root = "/nonexistent", .has_line = true };
		struct selftest_outcome out = { .status = SELFTEST_SKIP };

		w1_sim_add(sim, W1_MODEL_A1, false);
		w1_sim_slave(sim, 0)->temp_mc = rows[i].mc;
		t.line = w1_sim_line(sim);
		for (size_t k = 0; k < selftest_checks_count; k++) {
			if (selftest_wanted(&selftest_checks[k], "sensors/temperature")) {
				selftest_run(&t, &selftest_checks[k], &out);
			}
		}
		assert_int_equal(out.status, SELFTEST_PASS);
		assert_non_null(strstr(out.value, rows[i].text));
		selftest_close(&t);
		w1_sim_free(sim);
	}
}

static void every_check_and_cause_says_what_to_try(void **state)
{
	(void)state;
	for (size_t i = 0; i < selftest_checks_count; i++) {
		const struct selftest_check *c = &selftest_checks[i];

		assert_non_null(c->what);
		for (size_t j = 0; j < i; j++) {
			assert_false(strcmp(c->group, selftest_checks[j].group) == 0 &&
				     strcmp(c->name, selftest_checks[j].name) == 0);
		}
		for (const struct selftest_advice *cause = c->causes;
		     cause != NULL && cause->cause != CAUSE_NONE; cause++) {
			assert_int_not_equal(cause->status, SELFTEST_PASS);
			assert_true(strlen(cause->hint) > 10);
			for (const struct selftest_advice *other = c->causes; other != cause;
			     other++) {
				if (other->cause == cause->cause) {
					fail_msg("%s/%s has the cause %s twice", c->group, c->name,
						 selftest_cause_name(cause->cause));
				}
			}
		}
	}
}

static void only_takes_groups_and_checks_and_nothing_else(void **state)
{
	unsigned n = 0, m = 0;
	char word[32];

	(void)state;
	for (size_t i = 0; i < selftest_checks_count; i++) {
		n += selftest_wanted(&selftest_checks[i], "bus");
		m += selftest_wanted(&selftest_checks[i], "bus/rise, uplink/time");
	}
	assert_int_equal(n, 5);
	assert_int_equal(m, 2);
	assert_null(selftest_unknown("bus,uplink/time", word, sizeof(word)));
	assert_null(selftest_unknown(NULL, word, sizeof(word)));
	assert_string_equal(selftest_unknown("bus,bu", word, sizeof(word)), "bu");
	assert_string_equal(selftest_unknown("bus/", word, sizeof(word)), "bus/");
	assert_string_equal(selftest_unknown("bus/rises", word, sizeof(word)), "bus/rises");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_temperature_is_shown_with_its_sign_and_two_decimals),
		cmocka_unit_test(every_check_and_cause_says_what_to_try),
		cmocka_unit_test(only_takes_groups_and_checks_and_nothing_else),
		cmocka_unit_test(each_fault_of_the_bus_is_named_by_the_right_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
