// SPDX-License-Identifier: BSD-2-Clause
/* The real line over libgpiod 1.x (Debian 12). */
#include <errno.h>
#include <gpiod.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "w1_gpiod.h"

struct w1_gpiod {
	int latency_fd; /* first, for w1_gpiod_transaction() */
	struct gpiod_chip *chip;
	struct gpiod_line *line;
	bool posted; /* see W1_GPIOD_RP1 */
};

static int result(int code)
{
	return code < 0 ? (errno != 0 ? -errno : -EIO) : code;
}

static int set(struct w1_gpiod *g, int value)
{
	int code = result(gpiod_line_set_value(g->line, value));

	if (code == 0 && g->posted) {
		code = result(gpiod_line_get_value(g->line));
	}
	return code < 0 ? code : 0;
}

static int drive_low(void *ctx)
{
	return set(ctx, 0);
}

static int release(void *ctx)
{
	return set(ctx, 1);
}

static int sample(void *ctx)
{
	struct w1_gpiod *g = ctx;

	return result(gpiod_line_get_value(g->line));
}

static int strong_pullup(void *ctx, bool on)
{
	struct w1_gpiod *g = ctx;

	return result(gpiod_line_set_config(g->line, GPIOD_LINE_REQUEST_DIRECTION_OUTPUT,
					    on ? 0 : GPIOD_LINE_REQUEST_FLAG_OPEN_DRAIN, 1));
}

static const struct w1_line_ops ops = {
	.drive_low = drive_low,
	.release = release,
	.sample = sample,
	.strong_pullup = strong_pullup,
	.now_ns = w1_gpiod_now_ns,
	.spin_until = w1_gpiod_spin_until,
	.sleep_until = w1_gpiod_sleep_until,
	.transaction = w1_gpiod_transaction,
};

static struct gpiod_chip *open_chip(const char *label)
{
	const char *const wanted[] = { label, NULL };
	const char *const *labels = label != NULL ? wanted : w1_gpiod_header_labels;
	int error = ENODEV;

	for (; *labels != NULL; labels++) {
		struct gpiod_chip *chip;

		errno = 0;
		chip = gpiod_chip_open_by_label(*labels);
		if (chip != NULL) {
			return chip;
		}
		if (errno == EACCES || errno == EPERM) {
			error = errno;
		}
	}
	errno = error;
	return NULL;
}

/* 0 or the errno. */
static int request(struct w1_gpiod *g, const char *chip, unsigned gpio)
{
	g->latency_fd = -1;
	g->chip = open_chip(chip);
	if (g->chip == NULL) {
		return errno;
	}
	g->posted = strcmp(gpiod_chip_label(g->chip), W1_GPIOD_RP1) == 0;
	g->line = gpiod_chip_get_line(g->chip, gpio);
	if (g->line == NULL) {
		return EINVAL;
	}
	if (gpiod_line_request_output_flags(g->line, W1_GPIOD_CONSUMER,
					    GPIOD_LINE_REQUEST_FLAG_OPEN_DRAIN, 1) != 0) {
		return errno;
	}
	g->latency_fd = w1_gpiod_open_latency();
	return 0;
}

int w1_gpiod_open(const char *chip, unsigned gpio, struct w1_gpiod **out, char *err,
		  size_t err_size)
{
	struct w1_gpiod *g = calloc(1, sizeof *g);
	int error = g != NULL ? request(g, chip, gpio) : ENOMEM;
	const char *consumer = NULL;

	if (error == 0) {
		*out = g;
		return 0;
	}
	if (g != NULL && g->line != NULL) {
		gpiod_line_update(g->line);
		consumer = gpiod_line_consumer(g->line);
	}
	error = w1_gpiod_explain(error,
				 g != NULL && g->chip != NULL ? gpiod_chip_label(g->chip) : chip,
				 gpio, consumer, err, err_size);
	w1_gpiod_close(g);
	return error;
}

void w1_gpiod_close(struct w1_gpiod *g)
{
	if (g == NULL) {
		return;
	}
	if (g->latency_fd >= 0) {
		close(g->latency_fd);
	}
	if (g->line != NULL) {
		gpiod_line_set_value(g->line, 1);
	}
	if (g->chip != NULL) {
		gpiod_chip_close(g->chip); /* releases the line as well */
	}
	free(g);
}

struct w1_line w1_gpiod_line(struct w1_gpiod *g)
{
	return (struct w1_line){ &ops, g };
}
