/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * selftest: is this node's hardware, line, receiver, machine and server as the node needs them?
 * Each check uses the pin, port, certificates and server of the node's configuration.
 *
 * checks.c holds the one table. A check's run() returns CAUSE_NONE, which is a pass, or one of
 * its causes, to which the table gives a status and the next thing to try. What was measured goes
 * into the value by selftest_value(), pass or not.
 *
 * What several checks need (line, receiver, session) is opened by the first of them and kept to
 * the end. Nothing here writes an EEPROM, sends an undocumented command, saves a setting in the
 * receiver or holds a shorted line for longer than a slot of the protocol does.
 *
 * Threads: one at a time; a check with on_bus runs on a thread with the node's real-time rights.
 */
#ifndef SELFTEST_H
#define SELFTEST_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpio-w1/w1_bus.h"
#include "gpio-w1/w1_cycle.h"
#include "userspace/node/node_config.h"
#include "userspace/selftest/causes.h"

enum selftest_status { SELFTEST_PASS, SELFTEST_WARN, SELFTEST_FAIL, SELFTEST_SKIP };

enum selftest_cause {
	CAUSE_NONE,
#define X(id, name) id,
	SELFTEST_CAUSES(X)
#undef X
};

/* What a cause means for one check. */
struct selftest_advice {
	enum selftest_cause cause; /* CAUSE_NONE ends the list */
	enum selftest_status status;
	const char *hint; /* the next thing to try */
};

struct selftest;

struct selftest_check {
	const char *group, *name;
	const char *what; /* what is examined */
	const char *limit; /* what passes */
	/* Makes ready what the check works on, or NULL; a cause of its own takes the place of
	 * run(). */
	enum selftest_cause (*needs)(struct selftest *t);
	enum selftest_cause (*run)(struct selftest *t);
	const struct selftest_advice *causes;
	unsigned seconds; /* expected duration; 0: short */
	bool on_bus;
};

extern const struct selftest_check selftest_checks[];
extern const size_t selftest_checks_count;

struct selftest_outcome {
	const struct selftest_check *check;
	enum selftest_status status;
	enum selftest_cause cause;
	const char *hint; /* NULL: passed */
	char value[640];
	unsigned ms;
};

struct selftest_receiver;
struct selftest_uplink;

/* Initially zero except config and root. */
struct selftest {
	const struct node_config *config;
	const char *root; /* before /proc and /sys; "" on a real machine, a tree of a test else */
	bool show_position;
	unsigned fix_wait_s;
	unsigned round; /* of --loop, from 0 */
	const volatile sig_atomic_t *stop; /* set: stop waiting; NULL: never */
	struct selftest_outcome *out; /* of the check that runs */

	unsigned pin; /* of [w1] gpio: which bus is checked */

	/* check_gpio.c; a test puts its own line here beforehand */
	bool line_asked, has_line;
	int line_error; /* of w1_gpiod_open() */
	char line_why[240];
	struct w1_line line;
	struct w1_gpiod *gpiod;
	struct w1_sim *sim;

	/* check_sensors.c */
	bool searched;
	int search_error;
	struct w1_bus bus;
	unsigned n;
	uint8_t rom[W1_CYCLE_DEVICES][W1_ROM_SIZE];
	bool parasite, lies[W1_CYCLE_DEVICES]; /* about their power */

	/* check_timing.c */
	bool timed[2]; /* without and with real-time rights */
	uint64_t slots[2], violated[2];
	uint64_t calls_ns; /* of a read slot's three calls, as a rule */
	char missing_rights[240]; /* missing rights of the thread of the newest on_bus check */

	struct selftest_receiver *receiver; /* check_receiver.c */
	struct selftest_uplink *uplink; /* check_uplink.c */
};

/* Appends to the value of the check that runs. */
void selftest_value(struct selftest *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Whether `only` ("bus,uplink/name"; NULL: all) selects this check. */
bool selftest_wanted(const struct selftest_check *check, const char *only);
/* The first item that is neither a group nor a check, else NULL. */
const char *selftest_unknown(const char *only, char *item, size_t size);

void selftest_run(struct selftest *t, const struct selftest_check *check,
		  struct selftest_outcome *out);
/*
 * The check behind check i that is selected, from SIZE_MAX on; selftest_checks_count at the end.
 * Those of a bus come once for each bus: *t is then made ready for the next one.
 */
size_t selftest_next(struct selftest *t, const char *only, size_t i);
/* Leaves the line released, the port closed, the session ended. */
void selftest_close(struct selftest *t);

/*
 * The process id of the node that runs with this configuration, from its status file; 0: none.
 * *what: "the 1-Wire line", "the receiver" or both, as far as it holds real ones that `only` would
 * need; "" if it uses none of them.
 */
int selftest_node(const struct selftest *t, const char *only, char *what, size_t size);

const char *selftest_status_name(enum selftest_status status); /* "PASS" ... */
const char *selftest_cause_name(enum selftest_cause cause); /* "no-pull-up"; NULL: none */

#endif
