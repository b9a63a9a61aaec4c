// SPDX-License-Identifier: BSD-2-Clause
/* The serial port: which UART it is, and which other process uses it. */
#define _GNU_SOURCE /* realpath() */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "facts.h"
#include "ubx/serial_port.h"

#define ANY_BAUD 9600 /* nothing is sent */

enum selftest_cause check_uart_configured(struct selftest *t)
{
	if (strcmp(t->config->gnss_port, "none") == 0) {
		return CAUSE_OFF;
	}
	return strcmp(t->config->gnss_port, "simulated") == 0 ? CAUSE_SIMULATED : CAUSE_NONE;
}

enum selftest_cause check_uart_port(struct selftest *t)
{
	char text[SERIAL_PORT_WHY_SIZE];
	struct serial_port port;
	int code;

	code = serial_port_open(&port, t->config->gnss_port, ANY_BAUD, text, sizeof(text));
	if (code < 0) {
		selftest_value(t, "%s", text);
		if (t->config->simulate == NODE_SIMULATE_IF_ABSENT) {
			return CAUSE_STANDS_IN;
		}
		switch (code) {
		case -EBUSY:
			return CAUSE_IN_USE;
		case -EACCES:
		case -EPERM:
			return CAUSE_NO_RIGHT;
		case -ENOTTY:
			return CAUSE_NOT_A_PORT;
		default:
			return CAUSE_ABSENT;
		}
	}
	if (strcmp(t->config->gnss_port, port.device) != 0) {
		selftest_value(t, "%s is ", t->config->gnss_port);
	}
	selftest_value(t, "%s, a %s", port.device, serial_port_uart_name(&port));
	serial_port_close(&port);
	return port.uart == SERIAL_MINI_UART ? CAUSE_MINI_UART : CAUSE_NONE;
}

/* "ttyAMA0" of /dev/serial0. */
static void device_name(const struct selftest *t, char *name, size_t size)
{
	char resolved[PATH_MAX];
	const char *path = realpath(t->config->gnss_port, resolved) != NULL ? resolved
									    : t->config->gnss_port;
	const char *slash = strrchr(path, '/');

	snprintf(name, size, "%.63s", slash != NULL ? slash + 1 : path);
}

enum selftest_cause check_uart_console(struct selftest *t)
{
	const char *link = strrchr(t->config->gnss_port, '/');
	char text[2048], name[64], *save = NULL;

	device_name(t, name, sizeof(name));
	if (!facts_text(t->root, "/proc/cmdline", text, sizeof(text))) {
		return CAUSE_UNKNOWN;
	}
	for (char *word = strtok_r(text, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save)) {
		size_t length = strncmp(word, "console=", 8) == 0 ? strcspn(word + 8, ",") : 0;

		if (length > 0 &&
		    ((strlen(name) == length && strncmp(word + 8, name, length) == 0) ||
		     (link != NULL && strlen(link + 1) == length &&
		      strncmp(word + 8, link + 1, length) == 0))) {
			selftest_value(t, "%s", word);
			return CAUSE_CONSOLE;
		}
	}
	selftest_value(t, "no kernel console on %s", name);
	return CAUSE_NONE;
}

enum selftest_cause check_uart_holder(struct selftest *t)
{
	char text[SERIAL_PORT_WHY_SIZE];
	struct serial_port port;
	int code;

	code = serial_port_open(&port, t->config->gnss_port, ANY_BAUD, text, sizeof(text));
	if (code == 0) {
		serial_port_close(&port);
		selftest_value(t, "no other process uses it");
		return CAUSE_NONE;
	}
	if (code != -EBUSY) {
		return CAUSE_NO_PORT;
	}
	selftest_value(t, "%s", text);
	switch (port.use) {
	case SERIAL_CONSOLE:
		return CAUSE_CONSOLE;
	case SERIAL_LOGIN:
		return CAUSE_GETTY;
	default:
		return CAUSE_HELD;
	}
}
