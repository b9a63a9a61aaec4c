// SPDX-License-Identifier: BSD-2-Clause
#include "selftest.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "facts.h"
#include "gpio-w1/w1_thread.h"
#include "time/now.h"
#include "userspace/reading/printable.h"

const char *selftest_status_name(enum selftest_status status)
{
	static const char *const names[] = {
		[SELFTEST_PASS] = "PASS",
		[SELFTEST_WARN] = "WARN",
		[SELFTEST_FAIL] = "FAIL",
		[SELFTEST_SKIP] = "SKIP",
	};

	return names[status];
}

const char *selftest_cause_name(enum selftest_cause cause)
{
	static const char *const names[] = {
#define X(id, name) [id] = name,
		SELFTEST_CAUSES(X)
#undef X
	};

	return names[cause];
}

void selftest_value(struct selftest *t, const char *format, ...)
{
	size_t used = strlen(t->out->value);
	va_list args;

	va_start(args, format);
	vsnprintf(t->out->value + used, sizeof(t->out->value) - used, format, args);
	va_end(args);
}

static bool names(const struct selftest_check *check, const char *item, size_t length)
{
	size_t group = strlen(check->group);

	if (length == group && strncmp(item, check->group, length) == 0) {
		return true;
	}
	return length == group + 1 + strlen(check->name) &&
	       strncmp(item, check->group, group) == 0 && item[group] == '/' &&
	       strncmp(item + group + 1, check->name, length - group - 1) == 0;
}

bool selftest_wanted(const struct selftest_check *check, const char *only)
{
	while (only != NULL && *(only += strspn(only, ", ")) != '\0') {
		size_t length = strcspn(only, ", ");

		if (names(check, only, length)) {
			return true;
		}
		only += length;
	}
	return only == NULL;
}

const char *selftest_unknown(const char *only, char *item, size_t size)
{
	while (only != NULL && *(only += strspn(only, ", ")) != '\0') {
		size_t length = strcspn(only, ", ");
		bool known = false;

		for (size_t i = 0; i < selftest_checks_count && !known; i++) {
			known = names(&selftest_checks[i], only, length);
		}
		if (!known) {
			snprintf(item, size, "%.*s", (int)length, only);
			return item;
		}
		only += length;
	}
	return NULL;
}

struct job {
	struct selftest *t;
	const struct selftest_check *check;
	enum selftest_cause cause;
};

static void *run_job(void *arg)
{
	struct job *job = arg;

	job->cause = job->check->needs != NULL ? job->check->needs(job->t) : CAUSE_NONE;
	job->cause = job->cause == CAUSE_NONE ? job->check->run(job->t) : job->cause;
	return NULL;
}

static bool is_of_bus(size_t i)
{
	static const char *const groups[] = { "gpio", "bus", "sensors", "timing" };

	for (size_t g = 0; i < selftest_checks_count && g < 4; g++) {
		if (strcmp(selftest_checks[i].group, groups[g]) == 0) {
			return true;
		}
	}
	return false;
}

static unsigned buses(const struct selftest *t)
{
	bool ours = t->config->w1_bus != NODE_W1_NONE && t->config->w1_bus != NODE_W1_KERNEL;

	return ours ? t->config->w1_pins.n : 1;
}

void selftest_run(struct selftest *t, const struct selftest_check *check,
		  struct selftest_outcome *out)
{
	struct job job = { t, check, CAUSE_NONE };
	char raw[sizeof(out->value)];
	size_t used = 0;
	struct w1_thread thread;
	uint64_t began = now_ms();

	*out = (struct selftest_outcome){ .check = check };
	t->out = out;
	/* A simulated line has a time of its own: rights change nothing there. */
	if (check->on_bus && check_gpio_open(t) == CAUSE_NONE && t->gpiod != NULL &&
	    w1_thread_start(&thread, true, run_job, &job) == 0) {
		w1_thread_join(&thread);
		memcpy(t->missing_rights, thread.missing_rights, sizeof(t->missing_rights));
	} else {
		run_job(&job);
	}
	out->ms = (unsigned)(now_ms() - began);
	if (buses(t) > 1 && is_of_bus((size_t)(check - selftest_checks))) {
		used = (size_t)snprintf(raw, sizeof(raw),
					"GPIO%u: ", t->config->w1_pins.gpio[t->pin]);
	}
	snprintf(raw + used, sizeof(raw) - used, "%s", out->value);
	/* of files, devices and servers */
	printable(out->value, sizeof(out->value), raw, strlen(raw), PRINTABLE_LINE);
	if (job.cause == CAUSE_NONE) {
		return;
	}
	out->cause = job.cause;
	for (const struct selftest_advice *c = check->causes; c != NULL && c->cause != CAUSE_NONE;
	     c++) {
		if (c->cause == job.cause) {
			out->status = c->status;
			out->hint = c->hint;
			return;
		}
	}
	out->status = SELFTEST_FAIL; /* not in its table: a fault of the check */
	out->hint = "this cause is not described: please report it";
}

size_t selftest_next(struct selftest *t, const char *only, size_t i)
{
	do {
		if (i < selftest_checks_count && is_of_bus(i) && !is_of_bus(i + 1) &&
		    t->pin + 1 < buses(t)) {
			check_gpio_close(t);
			*t = (struct selftest){ .config = t->config,
						.root = t->root,
						.show_position = t->show_position,
						.fix_wait_s = t->fix_wait_s,
						.round = t->round,
						.stop = t->stop,
						.pin = t->pin + 1 };
			while (is_of_bus(i - 1)) {
				i--;
			}
		} else {
			i++;
		}
	} while (i < selftest_checks_count && !selftest_wanted(&selftest_checks[i], only));
	return i;
}

void selftest_close(struct selftest *t)
{
	check_uplink_close(t);
	check_receiver_close(t);
	check_gpio_close(t);
}

/* Has `only` a check of these groups, or of the line? */
static bool includes(const char *only, const char *group, const char *another, bool on_bus)
{
	for (size_t i = 0; i < selftest_checks_count; i++) {
		const struct selftest_check *c = &selftest_checks[i];

		if (selftest_wanted(c, only) &&
		    (strcmp(c->group, group) == 0 || strcmp(c->group, another) == 0 ||
		     (on_bus && c->on_bus))) {
			return true;
		}
	}
	return false;
}

int selftest_node(const struct selftest *t, const char *only, char *what, size_t size)
{
	json_t *status = json_load_file(t->config->status, 0, NULL);
	int pid = (int)json_integer_value(json_object_get(status, "pid"));
	const char *bus = json_string_value(json_object_get(json_object_get(status, "w1"), "bus"));
	const char *port =
		json_string_value(json_object_get(json_object_get(status, "gnss"), "port"));
	bool line = bus != NULL && strcmp(bus, "userspace") == 0 &&
		    includes(only, "gpio", "timing", true);
	bool receiver = port != NULL && port[0] == '/' &&
			includes(only, "receiver", "receiver", false);
	char path[64], name[64];

	*what = '\0';
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	if (pid <= 0 || !facts_text("", path, name, sizeof(name)) ||
	    strcmp(name, "geotherm-node") != 0) {
		pid = 0;
	} else {
		snprintf(what, size, "%s%s%s", line ? "the 1-Wire line" : "",
			 line && receiver ? " and " : "", receiver ? "the receiver's port" : "");
	}
	json_decref(status);
	return pid;
}
