/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fake_gpiod1: the part of libgpiod 1.6 that w1_gpiod1.c uses, over fake_gpio.h. It stands in for
 * <gpiod.h>, which a machine may have in the other major; where the real header was included
 * before, the compiler compares.
 */
#ifndef FAKE_GPIOD1_H
#define FAKE_GPIOD1_H

#include "fake_gpio.h"

#ifndef __LIBGPIOD_GPIOD_H__
#define __LIBGPIOD_GPIOD_H__

struct gpiod_chip;
struct gpiod_line;

enum {
	GPIOD_LINE_REQUEST_DIRECTION_AS_IS = 1,
	GPIOD_LINE_REQUEST_DIRECTION_INPUT,
	GPIOD_LINE_REQUEST_DIRECTION_OUTPUT
};
enum { GPIOD_LINE_REQUEST_FLAG_OPEN_DRAIN = 1 };

struct gpiod_chip *gpiod_chip_open_by_label(const char *label);
void gpiod_chip_close(struct gpiod_chip *chip);
const char *gpiod_chip_label(struct gpiod_chip *chip);
struct gpiod_line *gpiod_chip_get_line(struct gpiod_chip *chip, unsigned int offset);
const char *gpiod_line_consumer(struct gpiod_line *line);
int gpiod_line_update(struct gpiod_line *line);
int gpiod_line_request_output_flags(struct gpiod_line *line, const char *consumer, int flags,
				    int default_val);
int gpiod_line_set_config(struct gpiod_line *line, int direction, int flags, int value);
int gpiod_line_get_value(struct gpiod_line *line);
int gpiod_line_set_value(struct gpiod_line *line, int value);
#endif

/* Handles are the fake's own objects, cast. */
static unsigned chip_index(struct gpiod_chip *chip)
{
	return (unsigned)((struct fake_chip *)(void *)chip - fake.chip);
}

static struct fake_line *line_of(struct gpiod_line *line)
{
	return (struct fake_line *)(void *)line;
}

struct gpiod_chip *gpiod_chip_open_by_label(const char *label)
{
	if (fake.open_error != 0) { /* the library opens all chips before it compares labels */
		errno = fake.open_error;
		return NULL;
	}
	for (unsigned i = 0; i < fake.n_chips; i++) {
		if (strcmp(fake.chip[i].label, label) == 0) {
			fake.open_chips++;
			return (struct gpiod_chip *)(void *)&fake.chip[i];
		}
	}
	errno = ENOENT;
	return NULL;
}

void gpiod_chip_close(struct gpiod_chip *chip)
{
	for (unsigned i = 0; i < FAKE_LINES; i++) {
		if (fake.line[chip_index(chip)][i].requested) {
			fake_release(&fake.line[chip_index(chip)][i]);
		}
	}
	fake.open_chips--;
}

const char *gpiod_chip_label(struct gpiod_chip *chip)
{
	return fake.chip[chip_index(chip)].label;
}

struct gpiod_line *gpiod_chip_get_line(struct gpiod_chip *chip, unsigned int offset)
{
	if (offset >= fake.chip[chip_index(chip)].lines) {
		errno = EINVAL;
		return NULL;
	}
	return (struct gpiod_line *)(void *)&fake.line[chip_index(chip)][offset];
}

const char *gpiod_line_consumer(struct gpiod_line *line)
{
	return line_of(line)->requested ? line_of(line)->consumer : line_of(line)->held_by;
}

int gpiod_line_update(struct gpiod_line *line)
{
	(void)line;
	return 0;
}

int gpiod_line_request_output_flags(struct gpiod_line *line, const char *consumer, int flags,
				    int default_val)
{
	return fake_request(line_of(line), consumer,
			    flags == GPIOD_LINE_REQUEST_FLAG_OPEN_DRAIN ? FAKE_OPEN_DRAIN
									: FAKE_PUSH_PULL,
			    default_val);
}

int gpiod_line_set_config(struct gpiod_line *line, int direction, int flags, int value)
{
	return fake_reconfigure(line_of(line),
				direction != GPIOD_LINE_REQUEST_DIRECTION_OUTPUT ? FAKE_INPUT
				: flags == GPIOD_LINE_REQUEST_FLAG_OPEN_DRAIN	 ? FAKE_OPEN_DRAIN
										 : FAKE_PUSH_PULL,
				value);
}

int gpiod_line_get_value(struct gpiod_line *line)
{
	return fake_get(line_of(line));
}

int gpiod_line_set_value(struct gpiod_line *line, int value)
{
	return fake_set(line_of(line), value);
}

#endif
