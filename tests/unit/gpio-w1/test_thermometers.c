// SPDX-License-Identifier: BSD-2-Clause
/* The face: a simulated line, the kernel's sysfs as a tree of files, libgpiod 1.x as a fake. */
#define _GNU_SOURCE
#include "fake_gpiod1.h"

#include "gpio-w1/w1_gpiod1.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpio-w1/thermometers.h"
#include "gpio-w1/w1_error.h"
#include "userspace/sim/w1_sim_line.h"

static char root[] = "/tmp/thermometers-XXXXXX";
static char err[300];
static struct thermometers_result got;

static void make(const char *device, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/devices/%s", root, device);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/devices/%s/%s", root, device, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void expect_text(const char *device, const char *name, const char *text)
{
	char path[256], have[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/devices/%s/%s", root, device, name);
	f = fopen(path, "r");
	assert_non_null(f);
	(void)!fgets(have, sizeof(have), f);
	fclose(f);
	assert_string_equal(have, text);
}

/* Slaves as the kernel shows them; the second line is the last good read, which must not be taken.
 */
static void put_sensor(const char *device, const char *bytes)
{
	char text[200];

	snprintf(text, sizeof(text), "%s%s", bytes,
		 bytes[0] == '\0' ? "" : " : crc=00 YES\n91 01 4b 46 7f ff 0f 10 25 t=25062\n");
	make(device, "w1_slave", text);
	make(device, "ext_power", "1\n");
	make(device, "resolution", "12\n");
}

static int set_up(void **state)
{
	char path[64];

	(void)state;
	strcpy(root, "/tmp/thermometers-XXXXXX");
	if (mkdtemp(root) == NULL) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/devices", root);
	memset(&got, 0, sizeof(got));
	fake_reset();
	return mkdir(path, 0700);
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

static unsigned period_ms; /* of the next cycle */

static void cycle(struct thermometers *t)
{
	struct pollfd p = { .fd = thermometers_fd(t), .events = POLLIN };

	assert_int_equal(thermometers_start(t, period_ms), 0);
	assert_int_equal(poll(&p, 1, 60000), 1);
	assert_int_equal(thermometers_take(t, &got), 1);
	assert_int_equal(thermometers_take(t, &got), 0);
	assert_int_equal(poll(&p, 1, 0), 0);
}

static struct thermometers *open_bus(enum thermometers_bus bus)
{
	const struct thermometers_config config = { .bus = bus, .gpio = { 4 }, .sysfs = root };
	struct thermometers *t = thermometers_open(&config, err, sizeof(err));

	assert_non_null(t);
	return t;
}

static const struct thermometer_sample *sample_of(unsigned family, unsigned last)
{
	for (unsigned i = 0; i < got.n; i++) {
		if (got.sample[i].rom[0] == family && got.sample[i].rom[1] == last) {
			return &got.sample[i];
		}
	}
	fail_msg("no sensor %02x..%02x", family, last);
	return NULL;
}

static void a_simulated_line_is_read_cycle_by_cycle(void **state)
{
	struct w1_sim *sim = w1_sim_new_demo(1);
	struct w1_line line = w1_sim_line(sim);
	const struct thermometers_config config = { .line = &line };
	struct thermometers *t = thermometers_open(&config, err, sizeof(err));

	(void)state;
	assert_non_null(t);
	assert_string_equal(thermometers_missing_rights(t), ""); /* virtual time needs no real-time
								    rights */
	assert_int_equal(thermometers_take(t, &got), 0);
	for (int i = 0; i < 20; i++) {
		cycle(t);
		assert_int_equal(got.error, 0);
		assert_int_equal(got.used, THERMOMETERS_USERSPACE);
		assert_int_equal(got.n, 2);
		assert_true(got.sample[0].temp_known && got.sample[1].temp_known);
		assert_true(got.converted_ns > 0);
	}
	thermometers_close(t);
	assert_true(w1_sim_released(sim));
	w1_sim_free(sim);
}

static void one_cycle_at_a_time(void **state)
{
	struct w1_sim *sim = w1_sim_new_demo(1);
	struct w1_line line = w1_sim_line(sim);
	const struct thermometers_config config = { .line = &line };
	struct thermometers *t = thermometers_open(&config, err, sizeof(err));

	(void)state;
	assert_int_equal(thermometers_start(t, 0), 0);
	assert_int_equal(thermometers_start(t, 0), -EBUSY); /* runs, or was not taken */
	thermometers_close(t); /* with a cycle under way */
	assert_true(w1_sim_released(sim));
	w1_sim_free(sim);
	thermometers_close(NULL);
}

static void a_fault_of_the_bus_is_an_error_in_words(void **state)
{
	struct w1_sim *sim = w1_sim_new_demo(1);
	struct w1_line line = w1_sim_line(sim);
	const struct thermometers_config config = { .line = &line };
	struct thermometers *t = thermometers_open(&config, err, sizeof(err));

	(void)state;
	w1_sim_set_wiring(sim, W1_SIM_SHORT_TO_GND);
	cycle(t);
	assert_int_equal(got.error, W1_ESHORT);
	assert_non_null(strstr(got.reason, "short to ground, or no pull-up"));
	w1_sim_set_wiring(sim, W1_SIM_WIRING_OK);
	cycle(t);
	assert_int_equal(got.error, 0);
	assert_string_equal(got.reason, "");
	assert_int_equal(got.n, 2);
	thermometers_close(t);
	w1_sim_free(sim);
}

static void a_resolution_that_does_not_exist_is_refused(void **state)
{
	const struct thermometers_config config = { .resolutions.all_bits = 13 };

	(void)state;
	assert_null(thermometers_open(&config, err, sizeof(err)));
	assert_non_null(strstr(err, "9 to 12"));
}

static void strict_proof_that_does_not_fit_the_period_is_refused(void **state)
{
	struct w1_sim *sim = w1_sim_new(&(struct w1_sim_config){ .seed = 1 });
	struct w1_line line = w1_sim_line(sim);
	struct thermometers_config config = { .line = &line, .proof = W1_PROOF_STRICT };
	struct thermometers *t;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(w1_sim_add(sim, W1_MODEL_A1, false), i);
	}
	t = thermometers_open(&config, err, sizeof(err));
	period_ms = 2000;
	cycle(t); /* finds them */
	cycle(t);
	assert_int_equal(got.n, 3);
	assert_non_null(strstr(got.reason, "refused: 3 sensors x 0.77 s = 2.31 s, longer than the "
					   "period of 2.00 s"));
	assert_int_equal(got.sample[0].quality, DS18B20_OK);
	period_ms = 2310; /* as a reload changes it */
	cycle(t);
	assert_string_equal(got.reason, "");
	period_ms = 2309;
	cycle(t);
	assert_non_null(strstr(got.reason, "2.31 s"));
	period_ms = 0;
	thermometers_close(t);
	w1_sim_free(sim);
}

/* --- several buses --- */

#define MS UINT64_C(1000000)

static struct w1_sim *sims[THERMOMETERS_BUSES];
static struct w1_line lines[THERMOMETERS_BUSES];

/* Two buses of `a` and `b` genuine sensors. */
static struct thermometers *open_two(unsigned a, unsigned b, enum w1_proof proof)
{
	struct thermometers_config config = { .n_buses = 2,
					      .gpio = { 4, 17 },
					      .line = lines,
					      .proof = proof,
					      .search_every_cycles = 1 };
	struct thermometers *t;

	for (unsigned i = 0; i < 2; i++) {
		sims[i] = w1_sim_new(&(struct w1_sim_config){ .seed = i + 1 });
		lines[i] = w1_sim_line(sims[i]);
		for (unsigned k = 0; k < (i == 0 ? a : b); k++) {
			assert_true(w1_sim_add(sims[i], W1_MODEL_A1, false) >= 0);
		}
	}
	t = thermometers_open(&config, err, sizeof(err));
	assert_non_null(t);
	return t;
}

static void close_two(struct thermometers *t)
{
	thermometers_close(t);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(w1_sim_released(sims[i]));
		w1_sim_free(sims[i]);
	}
}

static void unplug(unsigned bus, unsigned device, uint64_t until_ns)
{
	w1_sim_unplug(sims[bus], device, w1_sim_now(sims[bus]), until_ns);
}

static void two_buses_are_read_into_one_result(void **state)
{
	struct thermometers *t = open_two(2, 3, W1_PROOF_PARALLEL);

	(void)state;
	for (int i = 0; i < 3; i++) {
		cycle(t);
		assert_int_equal(got.error, 0);
		assert_string_equal(got.reason, "");
		assert_int_equal(got.n, 5);
		for (unsigned k = 0; k < 5; k++) {
			assert_int_equal(got.sample[k].quality, DS18B20_OK);
		}
	}
	close_two(t);
}

static void a_bus_that_fails_is_named_and_leaves_the_other_one(void **state)
{
	struct thermometers *t = open_two(1, 2, W1_PROOF_PARALLEL);

	(void)state;
	cycle(t);
	w1_sim_set_wiring(sims[0], W1_SIM_SHORT_TO_GND);
	cycle(t);
	assert_int_equal(got.error, 0);
	assert_non_null(strstr(got.reason, "GPIO4: "));
	assert_int_equal(got.missing, DS18B20_BUS_FAILED);
	assert_int_equal(got.n, 3);
	assert_int_equal(got.sample[0].quality, DS18B20_BUS_FAILED);
	assert_int_equal(got.sample[2].quality, DS18B20_OK);
	w1_sim_set_wiring(sims[1], W1_SIM_SHORT_TO_GND);
	cycle(t);
	assert_int_equal(got.error, W1_ESHORT);
	assert_non_null(strstr(got.reason, "; GPIO17: "));
	w1_sim_set_wiring(sims[0], W1_SIM_WIRING_OK);
	w1_sim_set_wiring(sims[1], W1_SIM_WIRING_OK);
	cycle(t);
	assert_string_equal(got.reason, "");
	assert_int_equal(got.missing, DS18B20_ABSENT);
	assert_int_equal(got.sample[0].quality, DS18B20_OK);
	close_two(t);
}

static void an_empty_bus_beside_a_full_one_is_named(void **state)
{
	struct thermometers *t = open_two(0, 1, W1_PROOF_PARALLEL);

	(void)state;
	cycle(t);
	assert_int_equal(got.error, 0);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.missing, DS18B20_ABSENT);
	assert_true(strncmp(got.reason, "GPIO4: ", 7) == 0);
	close_two(t);
}

/* The second bus's device 0 has the ROM code of the first's. */
static void copy_rom(void)
{
	memcpy(w1_sim_slave(sims[1], 0)->rom, w1_sim_slave(sims[0], 0)->rom, W1_ROM_SIZE);
}

static void a_sensor_that_moves_to_the_other_bus_is_one_sensor(void **state)
{
	struct thermometers *t = open_two(1, 2, W1_PROOF_PARALLEL);
	uint8_t rom[W1_ROM_SIZE];

	(void)state;
	copy_rom();
	memcpy(rom, w1_sim_slave(sims[0], 0)->rom, W1_ROM_SIZE);
	unplug(1, 0, W1_SLAVE_NEVER);
	cycle(t);
	assert_int_equal(got.n, 2);
	assert_memory_equal(got.sample[0].rom, rom, W1_ROM_SIZE);
	assert_int_equal(got.sample[0].quality, DS18B20_OK);
	unplug(0, 0, W1_SLAVE_NEVER);
	cycle(t);
	assert_int_equal(got.sample[0].quality, DS18B20_ABSENT);
	unplug(1, 0, w1_sim_now(sims[1]) + 1);
	cycle(t); /* in both lists of devices */
	assert_int_equal(got.n, 2);
	assert_memory_equal(got.sample[0].rom, rom, W1_ROM_SIZE);
	assert_int_equal(got.sample[0].quality, DS18B20_OK);
	cycle(t); /* forgotten by the bus that it left */
	assert_int_equal(got.n, 2);
	assert_memory_not_equal(got.sample[0].rom, rom, W1_ROM_SIZE);
	assert_int_equal(got.sample[1].quality, DS18B20_OK);
	close_two(t);
}

static void one_rom_code_on_two_buses_is_a_duplicate(void **state)
{
	struct thermometers *t = open_two(1, 1, W1_PROOF_PARALLEL);

	(void)state;
	copy_rom();
	for (int i = 0; i < 3; i++) {
		cycle(t);
		assert_int_equal(got.n, 1);
		assert_int_equal(got.sample[0].quality, DS18B20_DUPLICATE);
		assert_false(got.sample[0].temp_known);
	}
	close_two(t);
}

/* From the first bus to the second, and from the third to the fourth, which has another one. */
static void two_sensors_that_move_are_forgotten_by_the_buses_that_they_left(void **state)
{
	struct thermometers_config config = { .n_buses = 4,
					      .line = lines,
					      .search_every_cycles = 1 };
	const uint8_t *moved, *other;
	struct thermometers *t;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		sims[i] = w1_sim_new(&(struct w1_sim_config){ .seed = i + 1 });
		lines[i] = w1_sim_line(sims[i]);
		assert_int_equal(w1_sim_add(sims[i], W1_MODEL_A1, false), 0);
	}
	assert_int_equal(w1_sim_add(sims[3], W1_MODEL_A1, false), 1);
	other = w1_sim_slave(sims[3], 1)->rom;
	moved = w1_sim_slave(sims[2], 0)->rom;
	copy_rom();
	memcpy(w1_sim_slave(sims[3], 0)->rom, moved, W1_ROM_SIZE);
	unplug(1, 0, W1_SLAVE_NEVER);
	unplug(3, 0, W1_SLAVE_NEVER);
	t = thermometers_open(&config, err, sizeof(err));
	cycle(t);
	assert_int_equal(got.n, 3);
	unplug(0, 0, W1_SLAVE_NEVER);
	unplug(2, 0, W1_SLAVE_NEVER);
	unplug(1, 0, w1_sim_now(sims[1]) + 1);
	unplug(3, 0, w1_sim_now(sims[3]) + 1);
	for (int i = 0; i < 2; i++) {
		cycle(t);
		assert_int_equal(got.n, 3);
		for (unsigned k = 0; k < 3; k++) {
			assert_int_equal(got.sample[k].quality, DS18B20_OK);
		}
	}
	/* In the fourth bus's order: the third one's has it no more. */
	assert_memory_equal(got.sample[1].rom, other, W1_ROM_SIZE);
	assert_memory_equal(got.sample[2].rom, moved, W1_ROM_SIZE);
	thermometers_close(t);
	for (unsigned i = 0; i < 4; i++) {
		w1_sim_free(sims[i]);
	}
}

static void strict_proof_counts_the_sensors_of_all_buses(void **state)
{
	struct thermometers *t = open_two(1, 1, W1_PROOF_STRICT);

	(void)state;
	period_ms = 1539;
	cycle(t);
	cycle(t);
	assert_non_null(strstr(got.reason, "2 sensors x 0.77 s = 1.54 s"));
	period_ms = 1540;
	cycle(t);
	assert_string_equal(got.reason, "");
	period_ms = 0;
	close_two(t);
}

static void a_forgotten_sensor_is_gone_until_a_search_finds_it(void **state)
{
	struct thermometers *t = open_two(2, 0, W1_PROOF_PARALLEL);
	uint8_t rom[W1_ROM_SIZE];

	(void)state;
	cycle(t);
	memcpy(rom, got.sample[0].rom, W1_ROM_SIZE);
	unplug(0, memcmp(rom, w1_sim_slave(sims[0], 0)->rom, W1_ROM_SIZE) == 0 ? 0 : 1,
	       w1_sim_now(sims[0]) + 3000 * MS);
	cycle(t);
	assert_int_equal(got.n, 2);
	assert_int_equal(got.sample[0].quality, DS18B20_ABSENT);
	assert_int_equal(thermometers_forget(t, rom), 0);
	assert_int_equal(thermometers_forget(t, rom), 0); /* not known any more: nothing */
	cycle(t);
	assert_int_equal(got.n, 1);
	for (int i = 0; i < 6 && got.n == 1; i++) {
		cycle(t);
	}
	assert_int_equal(got.n, 2);
	assert_memory_equal(got.sample[1].rom, rom, W1_ROM_SIZE);
	close_two(t);
}

static void a_line_that_rises_too_slowly_is_refused_with_its_figures(void **state)
{
	struct w1_sim *sim = w1_sim_new(&(struct w1_sim_config){ .seed = 1, .rc_ns = 12000 });
	struct w1_line line = w1_sim_line(sim);
	struct thermometers_config config = { .line = &line };
	struct thermometers *t;

	(void)state;
	assert_int_equal(w1_sim_add(sim, W1_MODEL_A1, false), 0);
	t = thermometers_open(&config, err, sizeof(err));
	cycle(t);
	assert_int_equal(got.error, W1_ERISE);
	assert_non_null(strstr(got.reason, "at most 6.0 can be read"));
	assert_non_null(strstr(got.reason, "shorter cable"));
	thermometers_close(t);
	w1_sim_free(sim);
}

static void the_kernels_bus_is_used_while_its_driver_holds_the_line(void **state)
{
	struct thermometers *t;

	(void)state;
	fake_add(0, "pinctrl-bcm2835", 54);
	fake.line[0][4].held_by = "onewire@4";
	put_sensor("28-000000000001", "91 01 4b 46 7f ff 0f 10 25");
	t = open_bus(THERMOMETERS_AUTO);
	for (int i = 0; i < 2; i++) {
		cycle(t);
		assert_int_equal(got.used, THERMOMETERS_KERNEL);
		assert_int_equal(got.error, 0);
		assert_int_equal(got.n, 1);
		assert_int_equal(got.sample[0].temp_mc, 25063);
		assert_non_null(strstr(got.reason, "onewire@4"));
		assert_int_equal(got.missing, DS18B20_ABSENT); /* the kernel's bus works */
	}
	fake.line[0][4].held_by = NULL; /* the reason goes */
	cycle(t);
	assert_int_equal(got.used, THERMOMETERS_USERSPACE);
	assert_int_equal(got.error, W1_ENOPRESENCE);
	assert_true(fake.line[0][4].requested);
	thermometers_close(t);
	assert_false(fake.line[0][4].requested);
}

static void a_bus_that_the_kernel_holds_is_read_beside_one_of_ours(void **state)
{
	const struct thermometers_config config = {
		.bus = THERMOMETERS_AUTO, .n_buses = 2, .gpio = { 17, 4 }, .sysfs = root
	};
	struct thermometers *t;

	(void)state;
	fake_add(0, "pinctrl-bcm2835", 54);
	fake.line[0][4].held_by = "onewire@4";
	put_sensor("28-000000000001", "91 01 4b 46 7f ff 0f 10 25");
	t = thermometers_open(&config, err, sizeof(err));
	cycle(t);
	assert_int_equal(got.used, THERMOMETERS_USERSPACE);
	assert_int_equal(got.error, 0);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.sample[0].quality, DS18B20_UNPROVEN);
	assert_non_null(strstr(got.reason, "GPIO17: "));
	assert_non_null(strstr(got.reason, "onewire@4"));
	thermometers_close(t);
}

static void without_both_buses_the_reason_is_why_userspace_is_not_possible(void **state)
{
	struct thermometers *t;

	(void)state;
	fake_add(0, "pinctrl-bcm2835", 54);
	fake.open_error = EACCES;
	t = open_bus(THERMOMETERS_AUTO);
	cycle(t);
	assert_int_equal(got.error, -EACCES);
	assert_int_equal(got.used, THERMOMETERS_USERSPACE);
	assert_non_null(strstr(got.reason, "group gpio"));
	thermometers_close(t);
}

static void userspace_only_never_asks_the_kernel(void **state)
{
	struct thermometers *t;

	(void)state;
	fake_add(0, "pinctrl-bcm2835", 54);
	fake.line[0][4].held_by = "onewire@4";
	put_sensor("28-000000000001", "91 01 4b 46 7f ff 0f 10 25");
	t = open_bus(THERMOMETERS_USERSPACE);
	cycle(t);
	assert_int_equal(got.error, W1_EKERNEL);
	assert_int_equal(got.n, 0);
	thermometers_close(t);
}

static void the_faults_of_the_kernels_driver_are_typed(void **state)
{
	struct thermometers *t;

	(void)state;
	make("w1_bus_master1", "therm_bulk_read", "");
	put_sensor("28-000000000001", "91 01 4b 46 7f ff 0f 10 25");
	put_sensor("28-000000000002", ""); /* an error is success with no bytes */
	put_sensor("28-000000000003", "91 01 4b 46 7f ff 0f 10 26"); /* the last good bytes stand
									beside it */
	put_sensor("28-000000000004", "00 00 00 00 00 00 00 00 00");
	put_sensor("28-000000000005", "50 05 4b 46 7f ff 0c 10 1c");
	put_sensor("28-000000000006", "ff ff ff ff ff ff ff ff ff");
	make("28-000000000007", "ext_power", "1\n"); /* went away between listing and reading */
	make("00-800000000000", "w1_slave", "what a short reads as");
	t = open_bus(THERMOMETERS_KERNEL);
	cycle(t);
	assert_int_equal(got.error, 0);
	assert_int_equal(got.n, 7);
	assert_int_equal(sample_of(0x28, 1)->quality, DS18B20_UNPROVEN);
	assert_int_equal(sample_of(0x28, 2)->quality, DS18B20_BUS_FAILED);
	assert_int_equal(sample_of(0x28, 3)->quality, DS18B20_CRC_FAILED);
	assert_int_equal(sample_of(0x28, 4)->quality, DS18B20_BAD_SCRATCHPAD);
	assert_int_equal(sample_of(0x28, 5)->quality, DS18B20_POWER_ON);
	assert_int_equal(sample_of(0x28, 6)->quality, DS18B20_BAD_SCRATCHPAD);
	assert_int_equal(sample_of(0x28, 7)->quality, DS18B20_ABSENT);
	for (unsigned i = 0; i < got.n; i++) {
		assert_int_equal(got.sample[i].temp_known,
				 ds18b20_has_value(got.sample[i].quality));
	}
	expect_text("w1_bus_master1", "therm_bulk_read", "trigger\n");
	thermometers_close(t);
}

static void no_bulk_conversion_with_parasite_power_and_the_resolution_is_set(void **state)
{
	const struct thermometers_config config = { .bus = THERMOMETERS_KERNEL,
						    .sysfs = root,
						    .resolutions.all_bits = 10 };
	struct thermometers *t;

	(void)state;
	make("w1_bus_master1", "therm_bulk_read", "");
	put_sensor("28-000000000001", "91 01 4b 46 7f ff 0f 10 25");
	make("28-000000000001", "ext_power", "0\n");
	t = thermometers_open(&config, err, sizeof(err));
	cycle(t);
	expect_text("w1_bus_master1", "therm_bulk_read", "");
	expect_text("28-000000000001", "resolution", "10\n");
	thermometers_close(t);
}

static void a_kernel_without_the_driver_is_an_error_that_says_so(void **state)
{
	struct thermometers *t = open_bus(THERMOMETERS_KERNEL);

	(void)state;
	cycle(t);
	assert_int_equal(got.error, -ENODEV);
	assert_non_null(strstr(got.reason, "has found no sensor"));
	thermometers_close(t);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_simulated_line_is_read_cycle_by_cycle),
		TEST(one_cycle_at_a_time),
		TEST(a_fault_of_the_bus_is_an_error_in_words),
		TEST(a_resolution_that_does_not_exist_is_refused),
		TEST(strict_proof_that_does_not_fit_the_period_is_refused),
		TEST(two_buses_are_read_into_one_result),
		TEST(a_bus_that_fails_is_named_and_leaves_the_other_one),
		TEST(an_empty_bus_beside_a_full_one_is_named),
		TEST(a_sensor_that_moves_to_the_other_bus_is_one_sensor),
		TEST(one_rom_code_on_two_buses_is_a_duplicate),
		TEST(two_sensors_that_move_are_forgotten_by_the_buses_that_they_left),
		TEST(strict_proof_counts_the_sensors_of_all_buses),
		TEST(a_forgotten_sensor_is_gone_until_a_search_finds_it),
		TEST(a_line_that_rises_too_slowly_is_refused_with_its_figures),
		TEST(the_kernels_bus_is_used_while_its_driver_holds_the_line),
		TEST(a_bus_that_the_kernel_holds_is_read_beside_one_of_ours),
		TEST(without_both_buses_the_reason_is_why_userspace_is_not_possible),
		TEST(userspace_only_never_asks_the_kernel),
		TEST(the_faults_of_the_kernels_driver_are_typed),
		TEST(no_bulk_conversion_with_parasite_power_and_the_resolution_is_set),
		TEST(a_kernel_without_the_driver_is_an_error_that_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
