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

/* Whether there is a port to check: NULL, "off" or "simulated". */
static const char *no_port(const struct selftest *t)
{
	if (strcmp(t->config->gnss_port, "none") == 0) {
		return "off";
	}
	return strcmp(t->config->gnss_port, "simulated") == 0 ? "simulated" : NULL;
}

const char *check_uart_port(struct selftest *t)
{
	const char *why = no_port(t);
	char text[SERIAL_PORT_WHY_SIZE];
	struct serial_port port;
	int code;

	if (why != NULL) {
		return why;
	}
	code = serial_port_open(&port, t->config->gnss_port, ANY_BAUD, text, sizeof(text));
	if (code < 0) {
		selftest_value(t, "%s", text);
		if (t->config->simulate == NODE_SIMULATE_IF_ABSENT) {
			return "stands-in";
		}
		switch (code) {
		case -EBUSY:
			return "in-use";
		case -EACCES:
		case -EPERM:
			return "no-right";
		case -ENOTTY:
			return "not-a-port";
		default:
			return "absent";
		}
	}
	if (strcmp(t->config->gnss_port, port.device) != 0) {
		selftest_value(t, "%s is ", t->config->gnss_port);
	}
	selftest_value(t, "%s, a %s", port.device, port.uart);
	serial_port_close(&port);
	return strcmp(port.uart, "mini UART") == 0 ? "mini-uart" : NULL;
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

const char *check_uart_console(struct selftest *t)
{
	const char *why = no_port(t), *link = strrchr(t->config->gnss_port, '/');
	char text[2048], name[64], *save = NULL;

	if (why != NULL) {
		return why;
	}
	device_name(t, name, sizeof(name));
	if (!facts_text(t->root, "/proc/cmdline", text, sizeof(text))) {
		return "unknown";
	}
	for (char *word = strtok_r(text, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save)) {
		size_t length = strncmp(word, "console=", 8) == 0 ? strcspn(word + 8, ",") : 0;

		if (length > 0 &&
		    ((strlen(name) == length && strncmp(word + 8, name, length) == 0) ||
		     (link != NULL && strlen(link + 1) == length &&
		      strncmp(word + 8, link + 1, length) == 0))) {
			selftest_value(t, "%s", word);
			return "console";
		}
	}
	selftest_value(t, "no kernel console on %s", name);
	return NULL;
}

const char *check_uart_holder(struct selftest *t)
{
	const char *why = no_port(t);
	char text[SERIAL_PORT_WHY_SIZE];
	struct serial_port port;
	int code;

	if (why != NULL) {
		return why;
	}
	code = serial_port_open(&port, t->config->gnss_port, ANY_BAUD, text, sizeof(text));
	if (code == 0) {
		serial_port_close(&port);
		selftest_value(t, "no other process uses it");
		return NULL;
	}
	if (code != -EBUSY) {
		return "no-port";
	}
	selftest_value(t, "%s", text);
	switch (port.use) {
	case SERIAL_CONSOLE:
		return "console";
	case SERIAL_LOGIN:
		return "getty";
	default:
		return "held";
	}
}
