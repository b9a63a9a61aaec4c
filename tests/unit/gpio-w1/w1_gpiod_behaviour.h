/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What w1_gpiod must do whatever the major of libgpiod: included by test_w1_gpiod1.c and
 * test_w1_gpiod2.c after the fake library and the backend itself.
 */
#ifndef W1_GPIOD_BEHAVIOUR_H
#define W1_GPIOD_BEHAVIOUR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpio-w1/w1_error.h"

#define CHIP_WITH_GPIO4 1 /* index of the header's chip in pi() */

static char err[300];

/* A Pi: another chip with a line 4 comes first. */
static void pi(const char *label, int number)
{
	fake_reset();
	fake_add(0, "raspberrypi-exp-gpio", 8);
	fake_add(number, label, 54);
	err[0] = '\0';
}

static struct fake_line *gpio4(void)
{
	return &fake.line[CHIP_WITH_GPIO4][4];
}

static struct w1_gpiod *open_pi3(void)
{
	struct w1_gpiod *g = NULL;

	pi("pinctrl-bcm2835", 1);
	assert_int_equal(w1_gpiod_open(NULL, 4, &g, err, sizeof(err)), 0);
	assert_non_null(g);
	return g;
}

static void nothing_is_left_open(void)
{
	assert_int_equal(fake.open_chips, 0);
	assert_int_equal(fake.other_objects, 0);
	assert_false(gpio4()->requested);
}

static void the_header_chip_of_every_pi_is_found_by_its_label(void **state)
{
	static const struct {
		const char *label;
		int number;
	} boards[] = {
		{ "pinctrl-bcm2835", 1 },
		{ "pinctrl-bcm2711", 1 },
		{ "pinctrl-rp1", 4 },
		{ "pinctrl-rp1", 11 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(boards) / sizeof(boards[0]); i++) {
		struct w1_gpiod *g = NULL;

		pi(boards[i].label, boards[i].number);
		assert_int_equal(w1_gpiod_open(NULL, 4, &g, err, sizeof(err)), 0);
		assert_true(gpio4()->requested);
		assert_false(fake.line[0][4].requested);
		w1_gpiod_close(g);
		nothing_is_left_open();
	}
}

static void a_chip_can_be_named_by_its_label(void **state)
{
	struct w1_gpiod *g = NULL;

	(void)state;
	pi("pinctrl-bcm2835", 1);
	assert_int_equal(w1_gpiod_open("raspberrypi-exp-gpio", 4, &g, err, sizeof(err)), 0);
	assert_true(fake.line[0][4].requested);
	w1_gpiod_close(g);
	assert_int_equal(w1_gpiod_open("pinctrl-none", 4, &g, err, sizeof(err)), -ENODEV);
	assert_non_null(strstr(err, "pinctrl-none"));
	nothing_is_left_open();
}

static void a_machine_that_is_no_pi_is_told_what_was_looked_for(void **state)
{
	struct w1_gpiod *g = NULL;

	(void)state;
	fake_reset();
	fake_add(0, "some-laptop", 32);
	assert_int_equal(w1_gpiod_open(NULL, 4, &g, err, sizeof(err)), -ENODEV);
	assert_non_null(strstr(err, "pinctrl-bcm2835"));
	nothing_is_left_open();
}

static void the_line_is_requested_once_as_open_drain_and_released(void **state)
{
	struct w1_gpiod *g = open_pi3();

	(void)state;
	assert_int_equal(fake.requests, 1);
	assert_int_equal(gpio4()->drive, FAKE_OPEN_DRAIN);
	assert_int_equal(gpio4()->value, 1);
	assert_string_equal(gpio4()->consumer, W1_GPIOD_CONSUMER);
	w1_gpiod_close(g);
	nothing_is_left_open();
}

static void slots_only_set_and_get(void **state)
{
	struct w1_gpiod *g = open_pi3();
	const struct w1_line line = w1_gpiod_line(g);

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(line.ops->drive_low(line.ctx), 0);
		assert_int_equal(line.ops->sample(line.ctx), 0);
		assert_int_equal(line.ops->release(line.ctx), 0);
		gpio4()->pulled = i % 2 != 0;
		assert_int_equal(line.ops->sample(line.ctx), i % 2 == 0);
	}
	assert_int_equal(fake.sets, 200);
	assert_int_equal(fake.gets, 200);
	assert_int_equal(fake.requests, 1);
	assert_int_equal(fake.reconfigured, 0);
	w1_gpiod_close(g);
	nothing_is_left_open();
}

/* A write to the Pi 5's chip is posted: only a read behind it shows that it has arrived. */
static void each_edge_is_read_back_on_a_pi_5(void **state)
{
	struct w1_gpiod *g = NULL;
	struct w1_line line;

	(void)state;
	pi("pinctrl-rp1", 4);
	assert_int_equal(w1_gpiod_open(NULL, 4, &g, err, sizeof(err)), 0);
	line = w1_gpiod_line(g);
	assert_int_equal(line.ops->drive_low(line.ctx), 0);
	assert_int_equal(fake.sets, 1);
	assert_int_equal(fake.gets, 1);
	assert_int_equal(line.ops->release(line.ctx), 0);
	assert_int_equal(fake.sets, 2);
	assert_int_equal(fake.gets, 2);
	w1_gpiod_close(g);
	nothing_is_left_open();
}

static void strong_pullup_goes_from_driven_low_to_driven_high_without_a_gap(void **state)
{
	struct w1_gpiod *g = open_pi3();
	const struct w1_line line = w1_gpiod_line(g);

	(void)state;
	assert_int_equal(line.ops->drive_low(line.ctx), 0);
	assert_int_equal(line.ops->strong_pullup(line.ctx, true), 0);
	assert_int_equal(line.ops->strong_pullup(line.ctx, false), 0);
	assert_string_equal(fake.states, "z01z");
	assert_int_equal(fake.requests, 1);
	assert_int_equal(gpio4()->drive, FAKE_OPEN_DRAIN);
	w1_gpiod_close(g);
	nothing_is_left_open();
}

static void a_line_held_by_the_kernel_is_told_with_the_way_to_free_it(void **state)
{
	struct w1_gpiod *g = NULL;

	(void)state;
	pi("pinctrl-bcm2835", 1);
	gpio4()->held_by = "onewire@4";
	assert_int_equal(w1_gpiod_open(NULL, 4, &g, err, sizeof(err)), W1_EKERNEL);
	assert_non_null(strstr(err, "onewire@4"));
	assert_non_null(strstr(err, "dtoverlay -r w1-gpio"));
	nothing_is_left_open();
}

static void a_line_held_by_a_program_is_told_with_its_name(void **state)
{
	struct w1_gpiod *g = NULL;

	(void)state;
	pi("pinctrl-bcm2711", 1);
	gpio4()->held_by = "my-relay";
	assert_int_equal(w1_gpiod_open(NULL, 4, &g, err, sizeof(err)), -EBUSY);
	assert_non_null(strstr(err, "my-relay"));
	assert_non_null(strstr(err, "GPIO4 of pinctrl-bcm2711"));
	assert_null(strstr(err, "dtoverlay"));
	gpio4()->held_by = W1_GPIOD_CONSUMER;
	assert_int_equal(w1_gpiod_open(NULL, 4, &g, err, sizeof(err)), W1_ENODE);
	nothing_is_left_open();
}

static void a_missing_right_is_told_with_the_group(void **state)
{
	struct w1_gpiod *g = NULL;

	(void)state;
	pi("pinctrl-bcm2835", 1);
	fake.open_error = EACCES;
	assert_int_equal(w1_gpiod_open(NULL, 4, &g, err, sizeof(err)), -EACCES);
	assert_non_null(strstr(err, "group gpio"));
	nothing_is_left_open();
}

static void a_line_that_the_chip_has_not_is_refused(void **state)
{
	struct w1_gpiod *g = NULL;

	(void)state;
	pi("pinctrl-bcm2835", 1);
	assert_int_equal(w1_gpiod_open(NULL, 57, &g, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "has no line 57"));
	nothing_is_left_open();
}

static void a_chip_that_goes_away_is_an_error_of_every_operation(void **state)
{
	struct w1_gpiod *g = open_pi3();
	const struct w1_line line = w1_gpiod_line(g);

	(void)state;
	fake.io_error = ENODEV;
	assert_int_equal(line.ops->drive_low(line.ctx), -ENODEV);
	assert_int_equal(line.ops->release(line.ctx), -ENODEV);
	assert_int_equal(line.ops->sample(line.ctx), -ENODEV);
	assert_int_equal(line.ops->strong_pullup(line.ctx, true), -ENODEV);
	w1_gpiod_close(g);
	nothing_is_left_open();
}

static void closing_lets_a_driven_line_go(void **state)
{
	struct w1_gpiod *g = open_pi3();
	const struct w1_line line = w1_gpiod_line(g);

	(void)state;
	assert_int_equal(line.ops->drive_low(line.ctx), 0);
	w1_gpiod_close(g);
	assert_int_equal(gpio4()->drive, FAKE_INPUT);
	nothing_is_left_open();
	w1_gpiod_close(NULL);
}

static void the_clock_of_the_line_never_goes_back_and_spinning_ends_no_earlier(void **state)
{
	struct w1_gpiod *g = open_pi3();
	const struct w1_line line = w1_gpiod_line(g);
	uint64_t before = line.ops->now_ns(line.ctx);

	(void)state;
	for (int i = 0; i < 20; i++) {
		line.ops->spin_until(line.ctx, before + 50000);
		assert_true(line.ops->now_ns(line.ctx) >= before + 50000);
		before = line.ops->now_ns(line.ctx);
	}
	line.ops->sleep_until(line.ctx, before + 300000);
	assert_true(line.ops->now_ns(line.ctx) >= before + 300000);
	line.ops->spin_until(line.ctx, before); /* in the past: returns */
	w1_gpiod_close(g);
}

static const struct CMUnitTest behaviour[] = {
	cmocka_unit_test(the_header_chip_of_every_pi_is_found_by_its_label),
	cmocka_unit_test(a_chip_can_be_named_by_its_label),
	cmocka_unit_test(a_machine_that_is_no_pi_is_told_what_was_looked_for),
	cmocka_unit_test(the_line_is_requested_once_as_open_drain_and_released),
	cmocka_unit_test(slots_only_set_and_get),
	cmocka_unit_test(each_edge_is_read_back_on_a_pi_5),
	cmocka_unit_test(strong_pullup_goes_from_driven_low_to_driven_high_without_a_gap),
	cmocka_unit_test(a_line_held_by_the_kernel_is_told_with_the_way_to_free_it),
	cmocka_unit_test(a_line_held_by_a_program_is_told_with_its_name),
	cmocka_unit_test(a_missing_right_is_told_with_the_group),
	cmocka_unit_test(a_line_that_the_chip_has_not_is_refused),
	cmocka_unit_test(a_chip_that_goes_away_is_an_error_of_every_operation),
	cmocka_unit_test(closing_lets_a_driven_line_go),
	cmocka_unit_test(the_clock_of_the_line_never_goes_back_and_spinning_ends_no_earlier),
};

#endif
