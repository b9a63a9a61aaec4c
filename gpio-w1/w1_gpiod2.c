// SPDX-License-Identifier: BSD-2-Clause
/* The real line over libgpiod 2.x (Debian 13). */
#define _GNU_SOURCE /* asprintf */
#include <dirent.h>
#include <errno.h>
#include <gpiod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "w1_gpiod.h"

struct w1_gpiod {
	int latency_fd; /* first, for w1_gpiod_transaction() */
	struct gpiod_chip *chip;
	struct gpiod_line_request *request;
	/* Made once, so that switching the strong pull-up allocates nothing. */
	struct gpiod_line_config *open_drain, *push_pull;
	unsigned gpio;
	bool posted; /* see W1_GPIOD_RP1 */
};

static int result(int code)
{
	return code < 0 ? (errno != 0 ? -errno : -EIO) : code;
}

static int set(struct w1_gpiod *g, enum gpiod_line_value value)
{
	int code = result(gpiod_line_request_set_value(g->request, g->gpio, value));

	if (code == 0 && g->posted) {
		code = result(gpiod_line_request_get_value(g->request, g->gpio));
	}
	return code < 0 ? code : 0;
}

static int drive_low(void *ctx)
{
	return set(ctx, GPIOD_LINE_VALUE_INACTIVE);
}

static int release(void *ctx)
{
	return set(ctx, GPIOD_LINE_VALUE_ACTIVE);
}

static int sample(void *ctx)
{
	struct w1_gpiod *g = ctx;

	return result(gpiod_line_request_get_value(g->request, g->gpio));
}

static int strong_pullup(void *ctx, bool on)
{
	struct w1_gpiod *g = ctx;

	return result(gpiod_line_request_reconfigure_lines(g->request,
							   on ? g->push_pull : g->open_drain));
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

static bool has_label(struct gpiod_chip *chip, const char *label)
{
	struct gpiod_chip_info *info = gpiod_chip_get_info(chip);
	bool same = info != NULL && strcmp(gpiod_chip_info_get_label(info), label) == 0;

	gpiod_chip_info_free(info);
	return same;
}

/* libgpiod 2 opens by path only: look at each /dev/gpiochip*. */
static struct gpiod_chip *open_labelled(const char *label, int *error)
{
	DIR *dev = opendir("/dev");
	struct gpiod_chip *found = NULL;
	struct dirent *entry;

	while (dev != NULL && found == NULL && (entry = readdir(dev)) != NULL) {
		struct gpiod_chip *chip;
		char *path;

		if (strncmp(entry->d_name, "gpiochip", 8) != 0 ||
		    asprintf(&path, "/dev/%s", entry->d_name) < 0) {
			continue;
		}
		errno = 0;
		chip = gpiod_is_gpiochip_device(path) ? gpiod_chip_open(path) : NULL;
		free(path);
		if (chip == NULL) {
			*error = errno == EACCES || errno == EPERM ? errno : *error;
		} else if (has_label(chip, label)) {
			found = chip;
		} else {
			gpiod_chip_close(chip);
		}
	}
	if (dev != NULL) {
		closedir(dev);
	}
	return found;
}

static struct gpiod_chip *open_chip(const char *label, int *error)
{
	const char *const wanted[] = { label, NULL };
	const char *const *labels = label != NULL ? wanted : w1_gpiod_header_labels;
	struct gpiod_chip *chip = NULL;

	*error = ENODEV;
	for (; chip == NULL && *labels != NULL; labels++) {
		chip = open_labelled(*labels, error);
	}
	return chip;
}

static struct gpiod_line_config *make_config(unsigned gpio, enum gpiod_line_drive drive)
{
	struct gpiod_line_settings *settings = gpiod_line_settings_new();
	struct gpiod_line_config *config = gpiod_line_config_new();

	if (settings == NULL || config == NULL ||
	    gpiod_line_settings_set_direction(settings, GPIOD_LINE_DIRECTION_OUTPUT) != 0 ||
	    gpiod_line_settings_set_drive(settings, drive) != 0 ||
	    gpiod_line_settings_set_output_value(settings, GPIOD_LINE_VALUE_ACTIVE) != 0 ||
	    gpiod_line_config_add_line_settings(config, &gpio, 1, settings) != 0) {
		gpiod_line_config_free(config);
		config = NULL;
	}
	gpiod_line_settings_free(settings);
	return config;
}

/* 0 or the errno. */
static int request(struct w1_gpiod *g, const char *chip)
{
	struct gpiod_request_config *config;
	int error;

	g->latency_fd = -1;
	g->chip = open_chip(chip, &error);
	if (g->chip == NULL) {
		return error;
	}
	g->posted = has_label(g->chip, W1_GPIOD_RP1);
	g->open_drain = make_config(g->gpio, GPIOD_LINE_DRIVE_OPEN_DRAIN);
	g->push_pull = make_config(g->gpio, GPIOD_LINE_DRIVE_PUSH_PULL);
	config = gpiod_request_config_new();
	if (config == NULL || g->open_drain == NULL || g->push_pull == NULL) {
		gpiod_request_config_free(config);
		return ENOMEM;
	}
	gpiod_request_config_set_consumer(config, W1_GPIOD_CONSUMER);
	errno = EIO;
	g->request = gpiod_chip_request_lines(g->chip, config, g->open_drain);
	error = errno;
	gpiod_request_config_free(config);
	if (g->request == NULL) {
		return error;
	}
	g->latency_fd = w1_gpiod_open_latency();
	return 0;
}

static int explain(const struct w1_gpiod *g, int error, char *err, size_t err_size)
{
	struct gpiod_chip_info *chip = gpiod_chip_get_info(g->chip);
	struct gpiod_line_info *line = gpiod_chip_get_line_info(g->chip, g->gpio);

	error = w1_gpiod_explain(error, chip != NULL ? gpiod_chip_info_get_label(chip) : NULL,
				 g->gpio, line != NULL ? gpiod_line_info_get_consumer(line) : NULL,
				 err, err_size);
	gpiod_line_info_free(line);
	gpiod_chip_info_free(chip);
	return error;
}

int w1_gpiod_open(const char *chip, unsigned gpio, struct w1_gpiod **out, char *err,
		  size_t err_size)
{
	struct w1_gpiod *g = calloc(1, sizeof *g);
	int error = ENOMEM;

	if (g != NULL) {
		g->gpio = gpio;
		error = request(g, chip);
	}
	if (error == 0) {
		*out = g;
		return 0;
	}
	if (g != NULL && g->chip != NULL) {
		error = explain(g, error, err, err_size);
	} else {
		error = w1_gpiod_explain(error, chip, gpio, NULL, err, err_size);
	}
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
	if (g->request != NULL) {
		release(g);
		gpiod_line_request_release(g->request);
	}
	gpiod_line_config_free(g->open_drain);
	gpiod_line_config_free(g->push_pull);
	if (g->chip != NULL) {
		gpiod_chip_close(g->chip);
	}
	free(g);
}

struct w1_line w1_gpiod_line(struct w1_gpiod *g)
{
	return (struct w1_line){ &ops, g };
}
