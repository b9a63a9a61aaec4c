/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fake_gpiod2: the part of libgpiod 2.x that w1_gpiod2.c uses, over fake_gpio.h. It stands in for
 * <gpiod.h>, which a machine may have in the other major; where the real header was included
 * before, the compiler compares. /dev is an empty directory of the test with a file for each chip.
 */
#ifndef FAKE_GPIOD2_H
#define FAKE_GPIOD2_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "fake_gpio.h"

#ifndef __LIBGPIOD_GPIOD_H__
#define __LIBGPIOD_GPIOD_H__

struct gpiod_chip;
struct gpiod_chip_info;
struct gpiod_line_info;
struct gpiod_line_settings;
struct gpiod_line_config;
struct gpiod_request_config;
struct gpiod_line_request;

enum gpiod_line_value {
	GPIOD_LINE_VALUE_ERROR = -1,
	GPIOD_LINE_VALUE_INACTIVE,
	GPIOD_LINE_VALUE_ACTIVE
};
enum gpiod_line_direction {
	GPIOD_LINE_DIRECTION_AS_IS = 1,
	GPIOD_LINE_DIRECTION_INPUT,
	GPIOD_LINE_DIRECTION_OUTPUT
};
enum gpiod_line_drive {
	GPIOD_LINE_DRIVE_PUSH_PULL = 1,
	GPIOD_LINE_DRIVE_OPEN_DRAIN,
	GPIOD_LINE_DRIVE_OPEN_SOURCE
};

struct gpiod_chip *gpiod_chip_open(const char *path);
void gpiod_chip_close(struct gpiod_chip *chip);
struct gpiod_chip_info *gpiod_chip_get_info(struct gpiod_chip *chip);
void gpiod_chip_info_free(struct gpiod_chip_info *info);
const char *gpiod_chip_info_get_label(struct gpiod_chip_info *info);
struct gpiod_line_info *gpiod_chip_get_line_info(struct gpiod_chip *chip, unsigned int offset);
void gpiod_line_info_free(struct gpiod_line_info *info);
const char *gpiod_line_info_get_consumer(struct gpiod_line_info *info);
bool gpiod_is_gpiochip_device(const char *path);
struct gpiod_line_settings *gpiod_line_settings_new(void);
void gpiod_line_settings_free(struct gpiod_line_settings *settings);
int gpiod_line_settings_set_direction(struct gpiod_line_settings *settings,
				      enum gpiod_line_direction direction);
int gpiod_line_settings_set_drive(struct gpiod_line_settings *settings,
				  enum gpiod_line_drive drive);
int gpiod_line_settings_set_output_value(struct gpiod_line_settings *settings,
					 enum gpiod_line_value value);
struct gpiod_line_config *gpiod_line_config_new(void);
void gpiod_line_config_free(struct gpiod_line_config *config);
int gpiod_line_config_add_line_settings(struct gpiod_line_config *config,
					const unsigned int *offsets, size_t num_offsets,
					struct gpiod_line_settings *settings);
struct gpiod_request_config *gpiod_request_config_new(void);
void gpiod_request_config_free(struct gpiod_request_config *config);
void gpiod_request_config_set_consumer(struct gpiod_request_config *config, const char *consumer);
struct gpiod_line_request *gpiod_chip_request_lines(struct gpiod_chip *chip,
						    struct gpiod_request_config *req_cfg,
						    struct gpiod_line_config *line_cfg);
void gpiod_line_request_release(struct gpiod_line_request *request);
int gpiod_line_request_set_value(struct gpiod_line_request *request, unsigned int offset,
				 enum gpiod_line_value value);
enum gpiod_line_value gpiod_line_request_get_value(struct gpiod_line_request *request,
						   unsigned int offset);
int gpiod_line_request_reconfigure_lines(struct gpiod_line_request *request,
					 struct gpiod_line_config *config);
#endif

struct gpiod_chip {
	unsigned index;
};
struct gpiod_chip_info {
	const char *label;
};
struct gpiod_line_info {
	const char *consumer;
};
struct gpiod_line_settings {
	enum fake_drive drive;
	bool output;
	int value;
};
struct gpiod_line_config {
	unsigned offset;
	struct gpiod_line_settings settings;
};
struct gpiod_request_config {
	const char *consumer;
};
struct gpiod_line_request {
	unsigned chip, offset;
};

static char fake_dev[] = "/tmp/fake-dev-XXXXXX";

static DIR *fake_opendir(const char *path)
{
	return opendir(strcmp(path, "/dev") == 0 ? fake_dev : path);
}
#define opendir fake_opendir

static void fake_dev_make(void)
{
	char path[64];

	if (mkdtemp(fake_dev) == NULL) {
		perror(fake_dev);
		exit(1);
	}
	for (int i = 0; i < 16; i++) {
		snprintf(path, sizeof(path), "%s/gpiochip%d", fake_dev, i);
		fclose(fopen(path, "w"));
	}
}

static void fake_dev_remove(void)
{
	char path[64];

	for (int i = 0; i < 16; i++) {
		snprintf(path, sizeof(path), "%s/gpiochip%d", fake_dev, i);
		unlink(path);
	}
	rmdir(fake_dev);
}

static void *fake_new(size_t size)
{
	fake.other_objects++;
	return calloc(1, size);
}

static void fake_free(void *object)
{
	if (object != NULL) {
		fake.other_objects--;
		free(object);
	}
}

static int number_of(const char *path)
{
	int number;

	return sscanf(path, "/dev/gpiochip%d", &number) == 1 ? number : -1;
}

struct gpiod_chip *gpiod_chip_open(const char *path)
{
	for (unsigned i = 0; i < fake.n_chips && fake.open_error == 0; i++) {
		if (fake.chip[i].number == number_of(path)) {
			struct gpiod_chip *chip = calloc(1, sizeof(*chip));

			chip->index = i;
			fake.open_chips++;
			return chip;
		}
	}
	errno = fake.open_error != 0 ? fake.open_error : ENOENT;
	return NULL;
}

bool gpiod_is_gpiochip_device(const char *path)
{
	for (unsigned i = 0; i < fake.n_chips; i++) {
		if (fake.chip[i].number == number_of(path)) {
			return true;
		}
	}
	errno = ENODEV;
	return false;
}

void gpiod_chip_close(struct gpiod_chip *chip)
{
	fake.open_chips--;
	free(chip);
}

struct gpiod_chip_info *gpiod_chip_get_info(struct gpiod_chip *chip)
{
	struct gpiod_chip_info *info = fake_new(sizeof(*info));

	info->label = fake.chip[chip->index].label;
	return info;
}

void gpiod_chip_info_free(struct gpiod_chip_info *info)
{
	fake_free(info);
}

const char *gpiod_chip_info_get_label(struct gpiod_chip_info *info)
{
	return info->label;
}

struct gpiod_line_info *gpiod_chip_get_line_info(struct gpiod_chip *chip, unsigned int offset)
{
	struct gpiod_line_info *info;
	const struct fake_line *l = &fake.line[chip->index][offset % FAKE_LINES];

	if (offset >= fake.chip[chip->index].lines) {
		errno = EINVAL;
		return NULL;
	}
	info = fake_new(sizeof(*info));
	info->consumer = l->requested ? l->consumer : l->held_by;
	return info;
}

void gpiod_line_info_free(struct gpiod_line_info *info)
{
	fake_free(info);
}

const char *gpiod_line_info_get_consumer(struct gpiod_line_info *info)
{
	return info->consumer;
}

struct gpiod_line_settings *gpiod_line_settings_new(void)
{
	return fake_new(sizeof(struct gpiod_line_settings));
}

void gpiod_line_settings_free(struct gpiod_line_settings *settings)
{
	fake_free(settings);
}

int gpiod_line_settings_set_direction(struct gpiod_line_settings *settings,
				      enum gpiod_line_direction direction)
{
	settings->output = direction == GPIOD_LINE_DIRECTION_OUTPUT;
	return 0;
}

int gpiod_line_settings_set_drive(struct gpiod_line_settings *settings, enum gpiod_line_drive drive)
{
	settings->drive = drive == GPIOD_LINE_DRIVE_OPEN_DRAIN ? FAKE_OPEN_DRAIN : FAKE_PUSH_PULL;
	return 0;
}

int gpiod_line_settings_set_output_value(struct gpiod_line_settings *settings,
					 enum gpiod_line_value value)
{
	settings->value = value;
	return 0;
}

struct gpiod_line_config *gpiod_line_config_new(void)
{
	return fake_new(sizeof(struct gpiod_line_config));
}

void gpiod_line_config_free(struct gpiod_line_config *config)
{
	fake_free(config);
}

int gpiod_line_config_add_line_settings(struct gpiod_line_config *config,
					const unsigned int *offsets, size_t num_offsets,
					struct gpiod_line_settings *settings)
{
	if (num_offsets != 1) {
		return fake_fail(EINVAL);
	}
	config->offset = offsets[0];
	config->settings = *settings;
	return 0;
}

struct gpiod_request_config *gpiod_request_config_new(void)
{
	return fake_new(sizeof(struct gpiod_request_config));
}

void gpiod_request_config_free(struct gpiod_request_config *config)
{
	fake_free(config);
}

void gpiod_request_config_set_consumer(struct gpiod_request_config *config, const char *consumer)
{
	config->consumer = consumer;
}

struct gpiod_line_request *gpiod_chip_request_lines(struct gpiod_chip *chip,
						    struct gpiod_request_config *req_cfg,
						    struct gpiod_line_config *line_cfg)
{
	const struct gpiod_line_settings *s = &line_cfg->settings;
	struct gpiod_line_request *request;

	if (line_cfg->offset >= fake.chip[chip->index].lines) {
		errno = EINVAL;
		return NULL;
	}
	if (fake_request(&fake.line[chip->index][line_cfg->offset], req_cfg->consumer,
			 s->output ? s->drive : FAKE_INPUT, s->value) != 0) {
		return NULL;
	}
	request = fake_new(sizeof(*request));
	request->chip = chip->index;
	request->offset = line_cfg->offset;
	return request;
}

static struct fake_line *line_of(struct gpiod_line_request *request, unsigned int offset)
{
	static struct fake_line none;

	return offset == request->offset ? &fake.line[request->chip][offset] : &none;
}

void gpiod_line_request_release(struct gpiod_line_request *request)
{
	fake_release(line_of(request, request->offset));
	fake_free(request);
}

int gpiod_line_request_set_value(struct gpiod_line_request *request, unsigned int offset,
				 enum gpiod_line_value value)
{
	return fake_set(line_of(request, offset), value);
}

enum gpiod_line_value gpiod_line_request_get_value(struct gpiod_line_request *request,
						   unsigned int offset)
{
	return (enum gpiod_line_value)fake_get(line_of(request, offset));
}

int gpiod_line_request_reconfigure_lines(struct gpiod_line_request *request,
					 struct gpiod_line_config *config)
{
	const struct gpiod_line_settings *s = &config->settings;

	return fake_reconfigure(line_of(request, config->offset), s->output ? s->drive : FAKE_INPUT,
				s->value);
}

#endif
