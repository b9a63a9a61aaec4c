/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fake_gpio: GPIO chips as the kernel shows them, for the fakes of both libgpiod majors. A line is
 * a wire with a pull-up; `pulled` is what hangs on it. What the library is asked to do is written
 * down.
 */
#ifndef FAKE_GPIO_H
#define FAKE_GPIO_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define FAKE_LINES 58
#define FAKE_CHIPS 4

enum fake_drive { FAKE_INPUT, FAKE_OPEN_DRAIN, FAKE_PUSH_PULL };

struct fake_line {
	const char *held_by; /* somebody else, or NULL */
	bool pulled; /* low, by a device on the wire */
	bool requested;
	enum fake_drive drive;
	int value;
	char consumer[32];
};

struct fake_chip {
	int number; /* of /dev/gpiochipN */
	const char *label;
	unsigned lines;
};

struct fake_world {
	struct fake_chip chip[FAKE_CHIPS];
	struct fake_line line[FAKE_CHIPS][FAKE_LINES];
	unsigned n_chips;
	int open_error; /* of every chip */
	int io_error; /* of set, get and reconfigure */
	int open_chips, other_objects; /* not yet closed or freed */
	unsigned requests, reconfigured, sets, gets;
	char states[64]; /* of the requested line: z released, 0 driven low, 1 driven high */
	unsigned n_states;
};

#ifdef FAKE_GPIO_SHARED /* with a child process: the test maps it */
static struct fake_world *fake_world;
#define fake (*fake_world)
#else
static struct fake_world fake;
#endif

static void fake_reset(void)
{
	memset(&fake, 0, sizeof(fake));
}

static void fake_add(int number, const char *label, unsigned lines)
{
	fake.chip[fake.n_chips++] = (struct fake_chip){ number, label, lines };
}

static int fake_fail(int error)
{
	errno = error;
	return -1;
}

static void fake_note(const struct fake_line *l)
{
	char state = l->drive == FAKE_INPUT || (l->drive == FAKE_OPEN_DRAIN && l->value == 1) ? 'z'
		     : l->value == 1							      ? '1'
											      : '0';

	if (fake.n_states < sizeof(fake.states) - 1) {
		fake.states[fake.n_states++] = state;
	}
}

static int fake_request(struct fake_line *l, const char *consumer, enum fake_drive drive, int value)
{
	if (l->held_by != NULL || l->requested) {
		return fake_fail(EBUSY);
	}
	fake.requests++;
	l->requested = true;
	l->drive = drive;
	l->value = value;
	snprintf(l->consumer, sizeof(l->consumer), "%s", consumer);
	fake_note(l);
	return 0;
}

/* The kernel makes the pin an input. */
static void fake_release(struct fake_line *l)
{
	l->requested = false;
	l->drive = FAKE_INPUT;
	fake_note(l);
}

static int fake_set(struct fake_line *l, int value)
{
	if (fake.io_error != 0 || !l->requested) {
		return fake_fail(fake.io_error != 0 ? fake.io_error : EPERM);
	}
	fake.sets++;
	l->value = value;
	fake_note(l);
	return 0;
}

static int fake_get(const struct fake_line *l)
{
	if (fake.io_error != 0 || !l->requested) {
		return fake_fail(fake.io_error != 0 ? fake.io_error : EPERM);
	}
	fake.gets++;
	return l->drive == FAKE_PUSH_PULL ? l->value : l->value == 1 && !l->pulled;
}

static int fake_reconfigure(struct fake_line *l, enum fake_drive drive, int value)
{
	if (fake.io_error != 0 || !l->requested) {
		return fake_fail(fake.io_error != 0 ? fake.io_error : EPERM);
	}
	fake.reconfigured++;
	l->drive = drive;
	l->value = value;
	fake_note(l);
	return 0;
}

#endif
