// SPDX-License-Identifier: BSD-2-Clause
/* Places of sensors over cycles and restarts, on simulated buses and with made results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "gpio-w1/w1_crc.h"
#include "gpio-w1/w1_cycle.h"
#include "userspace/node/sensor_list.h"
#include "userspace/reading/rom.h"
#include "userspace/sim/w1_sim_line.h"

#define S UINT64_C(1000000000)
#define UTC INT64_C(1700000000000000)

static struct sensor_list list;
static struct thermometers_result result;

static int fresh(void **state)
{
	(void)state;
	memset(&list, 0, sizeof(list));
	return 0;
}

static void restart(void)
{
	char text[SENSOR_LIST_TEXT_SIZE];

	sensor_list_write(&list, text);
	memset(&list, 0x55, sizeof(list));
	assert_int_equal(sensor_list_read(&list, text), 0);
}

/* --- made results: sensor k has serial number k --- */

static void put(unsigned k, enum ds18b20_quality quality)
{
	struct thermometer_sample *t = &result.sample[result.n++];

	*t = (struct thermometer_sample){
		.rom = { 0x28, (uint8_t)k },
		.scratchpad = { 0x50, 0x01, 0x55, 0x00, 0x7f, 0xff, 0x0c, 0x10 },
		.scratchpad_known = quality != DS18B20_ABSENT,
		.temp_known = ds18b20_has_value(quality),
		.temp_mc = 21000,
		.quality = quality,
	};
	t->rom[7] = w1_crc8(t->rom, 7);
}

static void begin(void)
{
	memset(&result, 0, sizeof(result));
	result.missing = DS18B20_ABSENT;
}

/* A cycle in which these answer, in the order found: "21" is sensor 2, then 1; an 'x' behind one
 * that it is known and absent, a '?' that its CRC is wrong. What is in the reading. */
static const char *cycle(const char *sensors)
{
	static char text[200];
	size_t used = 0;

	begin();
	for (const char *c = sensors; *c != '\0'; c++) {
		if (*c >= '0' && *c <= '9') {
			put((unsigned)(*c - '0'), c[1] == 'x'	? DS18B20_ABSENT
						  : c[1] == '?' ? DS18B20_CRC_FAILED
								: DS18B20_OK);
		}
	}
	sensor_list_apply(&list, &result, UTC);
	text[0] = '\0';
	for (unsigned i = 0; i < result.n; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%u%s",
					 result.sample[i].rom[1],
					 result.sample[i].quality == DS18B20_ABSENT	  ? "x"
					 : result.sample[i].quality == DS18B20_CRC_FAILED ? "?"
					 : result.sample[i].quality == DS18B20_BUS_FAILED ? "!"
											  : "");
	}
	return text;
}

static void know(const char *sensors)
{
	for (int i = 0; i < SENSOR_LIST_READS; i++) {
		cycle(sensors);
	}
}

static void a_sensor_is_known_from_its_third_value_on(void **state)
{
	(void)state;
	assert_string_equal(cycle("21"), "21");
	assert_false(list.changed);
	assert_string_equal(cycle("21?"), "21?");
	assert_string_equal(cycle("21"), "21");
	assert_int_equal(list.sensors[0].event, SENSOR_KNOWN);
	assert_true(list.changed);
	assert_false(sensor_list_is_known(&list.sensors[1]));
	restart();
	assert_string_equal(cycle(""), "2x"); /* 1 never had a third value */
}

static void what_gave_no_value_and_is_gone_has_no_place(void **state)
{
	(void)state;
	assert_string_equal(cycle("5?1"), "5?1");
	assert_string_equal(cycle("1"), "5x1"); /* 1 would have to move */
	fresh(NULL);
	assert_string_equal(cycle("15?"), "15?");
	assert_string_equal(cycle("1"), "1");
	assert_string_equal(cycle("15x"), "1");
}

static void places_stay_whatever_the_order_of_the_search(void **state)
{
	(void)state;
	know("312");
	assert_string_equal(cycle("123"), "312");
	assert_string_equal(cycle("2"), "3x1x2");
	restart();
	assert_string_equal(cycle("21"), "3x12"); /* absent from the first cycle on */
	assert_string_equal(cycle("123"), "312");
	assert_string_equal(cycle("4123"), "3124");
}

static void a_forgotten_sensor_that_is_there_comes_back_at_the_end(void **state)
{
	struct sensor *first = &list.sensors[0];
	uint8_t rom[8];

	(void)state;
	know("123");
	memcpy(rom, first->rom, 8);
	list.changed = false;
	assert_true(sensor_list_forget(&list, rom));
	assert_true(list.changed);
	assert_false(sensor_list_forget(&list, rom));
	assert_string_equal(cycle("23"), "23");
	know("123");
	assert_string_equal(cycle("123"), "231");
	assert_true(sensor_list_is_known(&list.sensors[2]));
	restart();
	assert_string_equal(cycle("123"), "231");
}

static void a_failed_bus_is_no_absence(void **state)
{
	(void)state;
	know("12");
	restart();
	begin();
	result.error = -16;
	result.missing = DS18B20_BUS_FAILED;
	sensor_list_apply(&list, &result, UTC);
	assert_int_equal(result.n, 2);
	assert_int_equal(result.sample[0].quality, DS18B20_BUS_FAILED);
	assert_int_equal(result.sample[1].rom[1], 2);
	assert_false(result.sample[1].temp_known);
	for (int i = 0; i < 10; i++) { /* it is the bus that is reported then */
		begin();
		result.missing = DS18B20_BUS_FAILED;
		sensor_list_apply(&list, &result, UTC);
		assert_int_equal(list.sensors[1].event, SENSOR_UNCHANGED);
	}
}

static void missing_and_coming_back_are_events_after_three_cycles(void **state)
{
	(void)state;
	know("12");
	for (int round = 0; round < 3; round++) {
		for (int i = 1; i <= 6; i++) {
			cycle("12x");
			assert_int_equal(list.sensors[1].event,
					 i == 3 ? SENSOR_MISSED : SENSOR_UNCHANGED);
		}
		cycle("12");
		assert_int_equal(list.sensors[1].event, SENSOR_BACK);
		cycle("12x"); /* a loose contact */
		cycle("12x");
		cycle("12");
		assert_int_equal(list.sensors[1].event, SENSOR_UNCHANGED);
	}
}

static void first_and_newest_value_are_kept(void **state)
{
	(void)state;
	begin();
	put(1, DS18B20_OK);
	sensor_list_apply(&list, &result, 0); /* no clock yet */
	assert_true(list.sensors[0].since_us == 0 && list.sensors[0].seen_us == 0);
	for (int i = 0; i < 5; i++) {
		begin();
		put(1, i == 4 ? DS18B20_ABSENT : DS18B20_OK);
		sensor_list_apply(&list, &result, UTC + i);
	}
	restart();
	assert_true(list.sensors[0].since_us == UTC);
	assert_true(list.sensors[0].seen_us == UTC + 3);
	assert_string_equal(list.sensors[0].make, "DS18B20");
}

static void another_make_needs_three_reads(void **state)
{
	(void)state;
	know("1");
	list.changed = false;
	for (int i = 1; i <= 3; i++) {
		begin();
		put(1, DS18B20_OK);
		result.sample[0].scratchpad[7] = 0x66;
		sensor_list_apply(&list, &result, UTC);
		assert_int_equal(list.sensors[0].event,
				 i == 3 ? SENSOR_OTHER_MAKE : SENSOR_UNCHANGED);
	}
	assert_false(list.changed); /* two that alternate would write to the card for ever */
	assert_string_equal(list.sensors[0].make, "DS18B20 clone");
	assert_string_equal(list.sensors[0].former_make, "DS18B20");
	restart();
	assert_string_equal(list.sensors[0].make, "DS18B20 clone");
}

static void the_kernels_values_count_though_it_proves_none(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		begin();
		put(1, DS18B20_UNPROVEN);
		put(2, DS18B20_UNSEEN);
		put(3, DS18B20_NOT_CONVERTED);
		sensor_list_apply(&list, &result, UTC);
	}
	restart();
	assert_string_equal(cycle(""), "1x2x");
}

static void the_65th_is_refused_and_named(void **state)
{
	char text[200];

	(void)state;
	for (int i = 0; i < 3; i++) {
		begin();
		for (unsigned k = 0; k < 66; k++) { /* of two buses */
			put(k, DS18B20_OK);
		}
		sensor_list_apply(&list, &result, UTC);
	}
	assert_int_equal(result.n, 64);
	sensor_list_refusal(&list, text, sizeof(text));
	assert_non_null(strstr(text, "2 more sensors are not recorded, such as 28-0000000000"));
	assert_non_null(strstr(text, "the list is full (64)"));
	restart();
	assert_int_equal(list.n, 64);
	begin();
	put(65, DS18B20_OK); /* 64 others are absent, and keep their places */
	sensor_list_apply(&list, &result, UTC);
	assert_int_equal(result.n, 64);
	assert_int_equal(list.refused, 1);
	assert_true(sensor_list_forget(&list, list.sensors[10].rom));
	begin();
	put(65, DS18B20_OK);
	sensor_list_apply(&list, &result, UTC);
	assert_int_equal(result.n, 64);
	assert_int_equal(result.sample[63].rom[1], 65);
	sensor_list_refusal(&list, text, sizeof(text));
	assert_string_equal(text, "");
	begin();
	result.turned_away = 3; /* of one bus: their codes are not known */
	sensor_list_apply(&list, &result, UTC);
	sensor_list_refusal(&list, text, sizeof(text));
	assert_non_null(strstr(text, "3 more sensors are not recorded: "));
}

static void a_fixed_list_has_its_order_and_refuses_others(void **state)
{
	uint8_t roms[2][8];
	char text[200];

	(void)state;
	know("123");
	memcpy(roms[0], list.sensors[2].rom, 8);
	memcpy(roms[1], list.sensors[1].rom, 8);
	roms[1][1] = 9;
	roms[1][7] = w1_crc8(roms[1], 7);
	list.changed = false;
	sensor_list_fix(&list, (const uint8_t(*)[8])roms, 2);
	assert_true(list.changed);
	list.changed = false;
	sensor_list_fix(&list, (const uint8_t(*)[8])roms, 2); /* as at each start */
	assert_false(list.changed);
	assert_true(list.sensors[0].since_us == UTC);
	assert_string_equal(cycle("123"), "39x");
	sensor_list_refusal(&list, text, sizeof(text));
	assert_non_null(strstr(text, "2 more sensors"));
	assert_non_null(strstr(text, "[w1] sensors names others"));
	restart(); /* without the key: the same list, and what is found behind it */
	assert_string_equal(cycle("123"), "39x12");
}

static void a_damaged_text_gives_what_stands_before_the_damage(void **state)
{
	static const char *const bad[] = { "nonsense\n",
					   "28-000000000002 5\n",
					   "28-00000000000x 5 6 DS18B20\n",
					   "28-000000000002 5 6 DS18B20",
					   "28-000000000001 5 6 twice\n",
					   "28-000000000002 5 6DS18B20\n",
					   "\n" };
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "28-000000000001 5 6 DS18B20\n%s", bad[i]);
		assert_int_equal(sensor_list_read(&list, text), -22);
		assert_int_equal(list.n, 1);
	}
	assert_int_equal(sensor_list_read(&list, "28-000000000001 0 0 \n"), 0);
	assert_string_equal(list.sensors[0].make, "");
	assert_int_equal(sensor_list_read(&list, ""), 0);
	assert_int_equal(list.n, 0);
}

/* Where a sensor is in the newest result; -1: nowhere. */
static int place(const uint8_t rom[8], const struct thermometers_result *r)
{
	for (unsigned i = 0; i < r->n; i++) {
		if (memcmp(r->sample[i].rom, rom, 8) == 0) {
			return (int)i;
		}
	}
	return -1;
}

/* Two sensors that are in two readings one after the other have not changed sides. */
static void expect_order(const struct thermometers_result *before)
{
	int last = -1;

	for (unsigned i = 0; i < before->n; i++) {
		int at = place(before->sample[i].rom, &result);

		if (at >= 0) {
			assert_true(at > last);
			last = at;
		}
	}
}

static void whatever_happens_no_two_sensors_change_places(void **state)
{
	static struct thermometers_result before;
	uint64_t chance = 1;

	(void)state;
	before.n = 0;
	for (unsigned step = 0; step < 50000; step++) {
		unsigned order = (unsigned)((chance = chance * 6364136223846793005ull + 1) >> 33);
		uint8_t known[SENSOR_LIST_MAX][8], forgotten[8] = { 0 };
		unsigned n_known = 0;

		if (order % 97 == 0) {
			restart();
			before.n = 0; /* of those that were not known yet nothing is */
		}
		if (order % 101 == 0 && list.n > 0) {
			memcpy(forgotten, list.sensors[order % list.n].rom, 8);
			assert_true(sensor_list_forget(&list, forgotten));
		}
		for (unsigned i = 0; i < list.n; i++) {
			if (sensor_list_is_known(&list.sensors[i])) {
				memcpy(known[n_known++], list.sensors[i].rom, 8);
			}
		}
		begin();
		for (unsigned k = 0; k < 80; k++) { /* in the order of some search */
			unsigned sensor = (k * 7 + order) % 80;
			unsigned fate =
				(unsigned)((chance = chance * 6364136223846793005ull + 1) >> 60);

			if (fate < 9) {
				put(sensor, fate < 5   ? DS18B20_OK
					    : fate < 6 ? DS18B20_CRC_FAILED
					    : fate < 8 ? DS18B20_ABSENT
						       : DS18B20_BUS_FAILED);
			}
		}
		sensor_list_apply(&list, &result, UTC + step);
		assert_in_range(result.n, n_known, SENSOR_LIST_MAX);
		for (unsigned i = 0; i < before.n; i++) { /* it may be the last at once */
			if (memcmp(before.sample[i].rom, forgotten, 8) == 0) {
				memset(before.sample[i].rom, 0xff, 8);
			}
		}
		expect_order(&before);
		for (unsigned i = 0, last = 0; i < n_known; i++) {
			int at = place(known[i], &result);

			assert_true(at >= (int)last);
			last = (unsigned)at;
		}
		before = result;
	}
	assert_int_equal(list.n, SENSOR_LIST_MAX);
}

/* --- a simulated bus --- */

static void run(struct w1_cycle *c)
{
	begin();
	w1_cycle_run(c, result.sample, &result.n);
	sensor_list_apply(&list, &result, UTC);
}

/* Of two sensors the first found is away for a while; the node is restarted meanwhile, or not. */
static void no_places_change(bool restarted)
{
	struct w1_sim *sim = w1_sim_new(&(struct w1_sim_config){ .seed = 7 });
	struct w1_cycle c;
	uint8_t first[8], second[8];
	unsigned device;

	assert_int_equal(w1_sim_add(sim, W1_MODEL_A1, false), 0);
	assert_int_equal(w1_sim_add(sim, W1_MODEL_A1, false), 1);
	w1_cycle_init(&c, w1_sim_line(sim), NULL, 10);
	for (int i = 1; i <= 36; i++) {
		if (i == 5) {
			memcpy(first, result.sample[0].rom, 8);
			memcpy(second, result.sample[1].rom, 8);
			device = memcmp(w1_sim_slave(sim, 0)->rom, first, 8) == 0 ? 0 : 1;
			w1_sim_unplug(sim, device, w1_sim_now(sim), w1_sim_now(sim) + 12 * S);
		}
		if (i == 9 && restarted) {
			restart();
			w1_cycle_init(&c, w1_sim_line(sim), NULL, 10);
		}
		run(&c);
		assert_int_equal(result.n, 2);
		if (i >= 5) {
			assert_memory_equal(result.sample[0].rom, first, 8);
			assert_memory_equal(result.sample[1].rom, second, 8);
			assert_int_equal(result.sample[1].quality, DS18B20_OK);
		}
		if (i >= 6 && i < 15) {
			assert_int_equal(result.sample[0].quality, DS18B20_ABSENT);
		}
	}
	assert_int_equal(result.sample[0].quality, DS18B20_OK);
	w1_sim_free(sim);
}

static void a_sensor_that_was_away_comes_back_to_its_place(void **state)
{
	(void)state;
	no_places_change(false);
}

static void also_where_the_node_restarts_meanwhile(void **state)
{
	(void)state;
	no_places_change(true);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sensor_is_known_from_its_third_value_on),
		TEST(what_gave_no_value_and_is_gone_has_no_place),
		TEST(places_stay_whatever_the_order_of_the_search),
		TEST(a_forgotten_sensor_that_is_there_comes_back_at_the_end),
		TEST(a_failed_bus_is_no_absence),
		TEST(missing_and_coming_back_are_events_after_three_cycles),
		TEST(first_and_newest_value_are_kept),
		TEST(another_make_needs_three_reads),
		TEST(the_kernels_values_count_though_it_proves_none),
		TEST(the_65th_is_refused_and_named),
		TEST(a_fixed_list_has_its_order_and_refuses_others),
		TEST(a_damaged_text_gives_what_stands_before_the_damage),
		TEST(whatever_happens_no_two_sensors_change_places),
		TEST(a_sensor_that_was_away_comes_back_to_its_place),
		TEST(also_where_the_node_restarts_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
