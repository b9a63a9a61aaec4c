// SPDX-License-Identifier: BSD-2-Clause
/* The GPIO chip and the line; opened here for the later checks. */
#define _GNU_SOURCE /* O_CLOEXEC */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "checks.h"
#include "gpio-w1/w1_error.h"
#include "gpio-w1/w1_gpiod.h"
#include "userspace/sim/w1_sim_line.h"

static void open_line(struct selftest *t)
{
	const struct node_config *c = t->config;

	t->line_asked = true;
	if (c->w1_bus != NODE_W1_SIMULATED) {
		t->line_error = w1_gpiod_open(c->w1_chip, c->w1_pins.gpio[t->pin], &t->gpiod,
					      t->line_why, sizeof(t->line_why));
	}
	if (t->gpiod != NULL) {
		t->line = w1_gpiod_line(t->gpiod);
	} else if (c->w1_bus == NODE_W1_SIMULATED || c->simulate == NODE_SIMULATE_IF_ABSENT) {
		t->sim = w1_sim_new_demo(1 + t->pin); /* as the node has them */
		t->line = w1_sim_line(t->sim);
	}
	t->has_line = t->gpiod != NULL || t->sim != NULL;
}

enum selftest_cause check_gpio_open(struct selftest *t)
{
	if (t->has_line) {
		return CAUSE_NONE;
	}
	if (t->config->w1_bus == NODE_W1_NONE) {
		return CAUSE_OFF;
	}
	if (t->config->w1_bus == NODE_W1_KERNEL) {
		return CAUSE_KERNEL;
	}
	if (!t->line_asked) {
		open_line(t);
	}
	return t->has_line ? CAUSE_NONE : CAUSE_NO_LINE;
}

void check_gpio_close(struct selftest *t)
{
	w1_gpiod_close(t->gpiod);
	t->gpiod = NULL;
	w1_sim_free(t->sim);
	t->sim = NULL;
	t->line_asked = t->has_line = false;
}

/* The labels of all chips, for the message about a wrong one. */
static void show_chips(struct selftest *t)
{
	DIR *dev = opendir("/dev");
	const struct dirent *e;
	unsigned n = 0;

	while (dev != NULL && (e = readdir(dev)) != NULL) {
		struct gpiochip_info info;
		char path[300];
		int fd;

		if (strncmp(e->d_name, "gpiochip", 8) != 0) {
			continue;
		}
		snprintf(path, sizeof(path), "/dev/%s", e->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && ioctl(fd, GPIO_GET_CHIPINFO_IOCTL, &info) == 0) {
			selftest_value(t, "%s%s (%u lines)", n++ > 0 ? ", " : "", info.label,
				       (unsigned)info.lines);
		}
		if (fd >= 0) {
			close(fd);
		}
	}
	if (dev != NULL) {
		closedir(dev);
	}
	if (n == 0) {
		selftest_value(t, "no GPIO chip can be opened");
	}
}

enum selftest_cause check_gpio_applicable(struct selftest *t)
{
	enum selftest_cause why;

	if (t->config->w1_bus == NODE_W1_SIMULATED) {
		return CAUSE_SIMULATED;
	}
	why = check_gpio_open(t);
	return why == CAUSE_NONE || why == CAUSE_NO_LINE ? CAUSE_NONE : why;
}

enum selftest_cause check_gpio_chip(struct selftest *t)
{
	show_chips(t);
	if (t->sim != NULL) {
		return CAUSE_STANDS_IN;
	}
	switch (t->line_error) {
	case -EACCES:
	case -EPERM:
		return CAUSE_NO_RIGHT;
	case -ENODEV:
	case -ENOENT:
		return CAUSE_NO_CHIP;
	default:
		return CAUSE_NONE;
	}
}

enum selftest_cause check_gpio_line(struct selftest *t)
{
	if (t->gpiod != NULL) {
		selftest_value(t, "GPIO%u is free", t->config->w1_pins.gpio[t->pin]);
		return CAUSE_NONE;
	}
	selftest_value(t, "%s", t->line_why);
	if (t->sim != NULL) {
		return CAUSE_STANDS_IN;
	}
	switch (t->line_error) {
	case W1_EKERNEL:
		return t->config->w1_bus == NODE_W1_AUTO ? CAUSE_KERNEL_HOLDS : CAUSE_HELD;
	case W1_ENODE:
		return CAUSE_NODE_HOLDS;
	case -EBUSY:
		return CAUSE_HELD;
	case -EINVAL:
		return CAUSE_NO_SUCH_LINE;
	default:
		return CAUSE_NO_LINE;
	}
}
