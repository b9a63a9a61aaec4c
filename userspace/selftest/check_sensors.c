// SPDX-License-Identifier: BSD-2-Clause
/* The sensors on the bus, and whether each is trustworthy. Writes only RAM of the sensors, and
 * restores it. */
#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "userspace/reading/rom.h"
#include "gpio-w1/ds18b20_identify.h"
#include "gpio-w1/w1_convert.h"
#include "gpio-w1/w1_error.h"
#include "gpio-w1/w1_rise.h"
#include "gpio-w1/w1_scratchpad.h"
#include "gpio-w1/w1_search.h"
#include "gpio-w1/w1_sysfs.h"

#define CONVERSION_LIMIT_US 750000 /* tCONV at 12 bit */
#define EXAMINED_MAX 20 /* tries until a sensor with a false answer reports its own supply */

static void show_rom(struct selftest *t, const uint8_t *rom)
{
	char name[ROM_NAME_SIZE];

	selftest_value(t, "%s%s", t->out->value[0] != '\0' ? ", " : "", rom_format(name, rom));
}

/* The cause for an error of the bus; the value has the details. */
static enum selftest_cause bus_cause(struct selftest *t, int code)
{
	selftest_value(t, "%s%s", t->out->value[0] != '\0' ? ": " : "",
		       code < -1000 ? w1_error_text(code) : strerror(-code));
	switch (code) {
	case W1_ENOPRESENCE:
		return CAUSE_NO_ANSWER;
	case W1_ESHORT:
		return CAUSE_LINE_LOW;
	case W1_EVIOLATION:
		return CAUSE_TIMING;
	case W1_ECRC:
	case W1_EDUPLICATE:
		return CAUSE_CRC;
	case W1_EECHO:
		return CAUSE_ECHO;
	case W1_ESEARCH:
		return CAUSE_SEARCH;
	default:
		return CAUSE_LINE_ERROR;
	}
}

/* The search, once for all checks. */
enum selftest_cause check_sensors_find(struct selftest *t)
{
	enum selftest_cause why = check_gpio_open(t);
	struct w1_search search;
	int code = 1;

	if (why != CAUSE_NONE || t->searched) {
		return why;
	}
	t->searched = true;
	w1_bus_init(&t->bus, t->line, 0);
	w1_rise_measure(&t->bus.slots); /* a failure shows again in the search, with its cause */
	w1_search_init(&search);
	while (t->n < W1_CYCLE_DEVICES && (code = w1_search_next(&search, &t->bus)) == 1) {
		memcpy(t->rom[t->n++], search.rom, W1_ROM_SIZE);
	}
	t->search_error = code < 0 ? code : 0;
	return CAUSE_NONE;
}

enum selftest_cause check_sensors_found(struct selftest *t)
{
	enum selftest_cause why = check_sensors_find(t);

	return why != CAUSE_NONE ? why : t->n == 0 ? CAUSE_NO_SENSOR : CAUSE_NONE;
}

enum selftest_cause check_sensors_search(struct selftest *t)
{
	unsigned foreign = 0;

	for (unsigned i = 0; i < t->n; i++) {
		show_rom(t, t->rom[i]);
		foreign += !ds18b20_is_thermometer(t->rom[i][0]);
	}
	if (t->search_error != 0) {
		return bus_cause(t, t->search_error);
	}
	return t->n == 0 ? CAUSE_NO_ANSWER : foreign > 0 ? CAUSE_NOT_A_THERMOMETER : CAUSE_NONE;
}

enum selftest_cause check_sensors_scratchpad(struct selftest *t)
{
	unsigned retries = 0;

	for (unsigned i = 0; i < t->n; i++) {
		uint8_t sp[DS18B20_SCRATCHPAD_SIZE];
		struct ds18b20_value value;
		int code = w1_scratchpad_read(&t->bus, t->rom[i], t->bus.troubles, sp, &retries);

		if (code != 0) {
			show_rom(t, t->rom[i]);
			return bus_cause(t, code);
		}
		if (ds18b20_decode(t->rom[i][0], sp, &value) == DS18B20_BAD_SCRATCHPAD) {
			show_rom(t, t->rom[i]);
			return CAUSE_BAD_SCRATCHPAD;
		}
	}
	selftest_value(t, "%u read, %u repeated", t->n, retries);
	return CAUSE_NONE;
}

/* Twice, with several answers each: some clones answer at random. */
static int read_power(struct selftest *t, const uint8_t *rom, enum w1_power *power)
{
	struct w1_device first = { .power = W1_POWER_UNKNOWN }, second;
	int code;

	memcpy(first.rom, rom, W1_ROM_SIZE);
	second = first;
	code = w1_convert_read_power(&t->bus, &first);
	code = code == 0 ? w1_convert_read_power(&t->bus, &second) : code;
	*power = first.power == second.power ? first.power : W1_POWER_CONTRADICTS;
	return code;
}

enum selftest_cause check_sensors_power(struct selftest *t)
{
	bool lies = false;

	for (unsigned i = 0; i < t->n; i++) {
		enum w1_power power;
		int code = read_power(t, t->rom[i], &power);

		if (code < 0 || power != W1_POWER_OWN) {
			show_rom(t, t->rom[i]);
		}
		if (code < 0) {
			return bus_cause(t, code);
		}
		t->lies[i] = power == W1_POWER_CONTRADICTS;
		lies |= t->lies[i];
		t->parasite |= power == W1_POWER_PARASITE;
	}
	if (!t->parasite && !lies) {
		selftest_value(t, "%u with a supply of their own", t->n);
	}
	return lies ? CAUSE_CONTRADICTS : t->parasite ? CAUSE_PARASITE : CAUSE_NONE;
}

static enum selftest_cause judge(struct selftest *t, const struct thermometer_sample *samples,
				 unsigned n)
{
	static const enum selftest_cause causes[] = {
		[DS18B20_OK] = CAUSE_NONE,
		[DS18B20_POWER_ON] = CAUSE_POWER_ON,
		[DS18B20_CRC_FAILED] = CAUSE_CRC,
		[DS18B20_ABSENT] = CAUSE_ABSENT,
		[DS18B20_NOT_CONVERTED] = CAUSE_NOT_CONVERTED,
		[DS18B20_BAD_SCRATCHPAD] = CAUSE_BAD_SCRATCHPAD,
		[DS18B20_OUT_OF_RANGE] = CAUSE_OUT_OF_RANGE,
		[DS18B20_BUS_FAILED] = CAUSE_BUS_FAILED,
		[DS18B20_SENSOR_FAULT] = CAUSE_SENSOR_FAULT,
		[DS18B20_UNSEEN] = CAUSE_UNSEEN,
		[DS18B20_UNGUARDED] = CAUSE_UNGUARDED,
		[DS18B20_UNPROVEN] = CAUSE_UNPROVEN,
		[DS18B20_DUPLICATE] = CAUSE_DUPLICATE,
	};
	enum selftest_cause worst = CAUSE_NONE;
	bool worst_has_value = true;

	for (unsigned i = 0; i < n; i++) {
		const struct thermometer_sample *s = &samples[i];

		show_rom(t, s->rom);
		if (s->temp_known) {
			selftest_value(t, " %s%d.%02d C", s->temp_mc < 0 ? "-" : "",
				       (s->temp_mc < 0 ? -s->temp_mc : s->temp_mc) / 1000,
				       (s->temp_mc < 0 ? -s->temp_mc : s->temp_mc) % 1000 / 10);
		}
		if (s->quality != DS18B20_OK) {
			selftest_value(t, " %s", ds18b20_quality_name(s->quality));
		}
		/* What gives no value at all is worse than what gives one without its proof. */
		if (worst == CAUSE_NONE || (!s->temp_known && worst_has_value)) {
			worst = causes[s->quality];
			worst_has_value = s->temp_known;
		}
	}
	return n == 0 ? CAUSE_NO_ANSWER : worst;
}

/* The node's own cycle, twice: the second time it knows each sensor's marks. */
enum selftest_cause check_sensors_temperature(struct selftest *t)
{
	struct thermometer_sample samples[W1_CYCLE_DEVICES];
	struct w1_cycle cycle;
	enum selftest_cause why = check_gpio_open(t);
	unsigned n = 0;
	int code;

	if (why != CAUSE_NONE && (why == CAUSE_KERNEL || (t->config->w1_bus == NODE_W1_AUTO &&
							  t->line_error == W1_EKERNEL))) {
		char path[512];

		snprintf(path, sizeof(path), "%s/sys/bus/w1", t->root);
		code = w1_sysfs_read(path, &t->config->w1_resolutions, samples, &n, t->line_why,
				     sizeof(t->line_why));
		if (code != 0) {
			selftest_value(t, "%s", t->line_why);
			return CAUSE_KERNEL_HAS_NONE;
		}
		return judge(t, samples, n);
	}
	if (why != CAUSE_NONE || (why = check_sensors_found(t)) != CAUSE_NONE) {
		return why;
	}
	w1_cycle_init(&cycle, t->line, &t->config->w1_resolutions, 1);
	cycle.proof = (enum w1_proof)t->config->w1_proof;
	for (unsigned i = 0; i < t->n; i++) { /* what the search found must answer, or be named
						 absent */
		if (ds18b20_is_thermometer(t->rom[i][0])) {
			cycle.device[w1_cycle_add(&cycle, t->rom[i])].proven = true;
		}
	}
	for (unsigned i = 0; i < 2; i++) {
		code = w1_cycle_run(&cycle, samples, &n);
		if (code < 0) {
			return bus_cause(t, code);
		}
	}
	return judge(t, samples, n);
}

/* One that repeats a false answer about its power is examined until it gives the true one. */
static int examine(struct selftest *t, unsigned i, struct ds18b20_evidence *e)
{
	unsigned tries = 0;
	int code;

	do {
		code = ds18b20_examine(&t->bus, t->rom[i], e);
	} while (code == 0 && e->parasite && t->lies[i] && ++tries < EXAMINED_MAX);
	return code;
}

/* CAUSE_CLONE or CAUSE_SLOW, which is worse. */
static enum selftest_cause judge_identity(struct selftest *t, const struct ds18b20_evidence *e)
{
	struct ds18b20_identity identity;
	uint32_t us = e->conversion_us[0];

	ds18b20_identify(e, &identity);
	selftest_value(t, " %s%s%s (%u of %u)", ds18b20_verdict_text(identity.verdict),
		       *identity.family ? " " : "", identity.family, identity.passed,
		       (unsigned)DS18B20_CHECK_COUNT);
	if (us > CONVERSION_LIMIT_US || (e->busy_seen && us == 0)) {
		selftest_value(t, " converts in %u ms or more",
			       (unsigned)(us > 0 ? us / 1000 : 1000));
		return CAUSE_SLOW;
	}
	return identity.verdict == DS18B20_CLONE || identity.verdict == DS18B20_CLONE_UNKNOWN
		       ? CAUSE_CLONE
		       : CAUSE_NONE;
}

enum selftest_cause check_sensors_identity(struct selftest *t)
{
	enum selftest_cause worst = CAUSE_NONE;

	for (unsigned i = 0; i < t->n && !(t->stop != NULL && *t->stop); i++) {
		struct ds18b20_evidence e;
		enum selftest_cause why;
		int code;

		if (t->rom[i][0] != DS18B20_FAMILY) {
			continue; /* other makes are not copied */
		}
		show_rom(t, t->rom[i]);
		code = examine(t, i, &e);
		if (code != 0) {
			return bus_cause(t, code);
		}
		why = judge_identity(t, &e);
		worst = worst == CAUSE_NONE || why == CAUSE_SLOW ? why : worst;
	}
	return worst;
}
