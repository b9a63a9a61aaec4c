// SPDX-License-Identifier: BSD-2-Clause
/*
 * The timing of this computer on the line: the cost of each call, the true low times of the node's
 * slots, and the effect on a read of nine bytes.
 *
 * The slots are w1_slot.c's, on a line that notes when its calls began and ended. Before them all
 * devices are deselected: Match ROM with an address that no device has. Should one slot be so late
 * that it resets them, equal bits follow, and neither 00h nor FFh is a command.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "gpio-w1/w1_error.h"
#include "gpio-w1/w1_slot.h"

#define US UINT64_C(1000)
#define SLOTS_EACH 2000
#define RESETS 200
#define DEAF_FOR 64 /* slots */
/* Between them: the kernel takes a real-time thread that spins for 950 ms of a second off the CPU
 * (sched(7)). */
#define PAUSE_NS (5000 * US)
#define RECONFIGURES 50
/* A read: one byte of command and nine of answer after reset and Match ROM: 8 + 64 + 8 + 72 slots.
 */
#define READ_SLOTS 152
#define READ_WITHIN (15 * US) /* datasheet, tRDV: low, release and look */

enum kind { RESET, WRITE_0, WRITE_1, READ, KINDS };

struct series {
	unsigned n;
	uint32_t ns[SLOTS_EACH];
};

/* A line that notes when what happened. */
struct watch {
	struct w1_line line;
	uint64_t fall_ns, low_ns, look_ns; /* of the newest pulse: begin; length and look after it,
					      at the latest */
	struct series set, get, reconfigure, kind[KINDS];
};

static void put(struct series *s, uint64_t ns)
{
	if (s->n < SLOTS_EACH) {
		s->ns[s->n++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
	}
}

static uint64_t now(void *ctx)
{
	const struct watch *w = ctx;

	return w->line.ops->now_ns(w->line.ctx);
}

static int drive_low(void *ctx)
{
	struct watch *w = ctx;
	uint64_t before = now(w);
	int code = w->line.ops->drive_low(w->line.ctx);

	w->fall_ns = before;
	put(&w->set, now(w) - before);
	return code;
}

static int release(void *ctx)
{
	struct watch *w = ctx;
	int code = w->line.ops->release(w->line.ctx);

	w->low_ns = now(w) - w->fall_ns;
	w->look_ns = 0;
	return code;
}

static int sample(void *ctx)
{
	struct watch *w = ctx;
	uint64_t before = now(w), after;
	int level = w->line.ops->sample(w->line.ctx);

	after = now(w);
	put(&w->get, after - before);
	w->look_ns = w->look_ns == 0 ? after - w->fall_ns : w->look_ns; /* the first after the
									   release */
	return level;
}

static int strong_pullup(void *ctx, bool on)
{
	struct watch *w = ctx;
	uint64_t before = now(w);
	int code = w->line.ops->strong_pullup(w->line.ctx, on);

	put(&w->reconfigure, now(w) - before);
	return code;
}

static void spin_until(void *ctx, uint64_t until_ns)
{
	struct watch *w = ctx;

	w->line.ops->spin_until(w->line.ctx, until_ns);
}

static void sleep_until(void *ctx, uint64_t until_ns)
{
	struct watch *w = ctx;

	w->line.ops->sleep_until(w->line.ctx, until_ns);
}

static const struct w1_line_ops watching = {
	.drive_low = drive_low,
	.release = release,
	.sample = sample,
	.strong_pullup = strong_pullup,
	.now_ns = now,
	.spin_until = spin_until,
	.sleep_until = sleep_until,
};

static int by_size(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static uint32_t quantile(struct series *s, unsigned per_mille)
{
	qsort(s->ns, s->n, sizeof(s->ns[0]), by_size);
	return s->n == 0 ? 0 : s->ns[(uint64_t)(s->n - 1) * per_mille / 1000];
}

/* "name 61.0/61.4/62.1/70.3" */
static void show_series(struct selftest *t, const char *name, struct series *s)
{
	static const unsigned marks[] = { 500, 990, 999, 1000 };

	selftest_value(t, "%s%s", t->out->value[0] != '\0' ? ", " : "", name);
	for (unsigned i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		uint32_t ns = quantile(s, marks[i]);

		selftest_value(t, "%c%u.%u", i == 0 ? ' ' : '/', ns / 1000, ns % 1000 / 100);
	}
}

static struct watch *watch_new(const struct selftest *t, struct w1_slots *slots)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (w != NULL) {
		w->line = t->line;
		*slots = (struct w1_slots){ .line = { &watching, w } };
	}
	return w;
}

static bool is_line_error(int code)
{
	return code < 0 && code > -1000;
}

/* No device listens from here to the next reset. */
static int deafen(struct w1_slots *s)
{
	int code = 0;

	for (unsigned attempt = 0; attempt < 30; attempt++) {
		code = w1_slot_reset(s);
		for (unsigned i = 0; i < 8 && (code == 0 || code == W1_ENOPRESENCE); i++) {
			code = w1_slot_write(s, W1_MATCH_ROM >> i & 1);
		}
		for (unsigned i = 0; i < 64 && code == 0; i++) {
			code = w1_slot_write(s, true);
		}
		if (code == 0 || is_line_error(code)) {
			return code;
		}
	}
	return code;
}

static int one_slot(struct w1_slots *s, enum kind kind)
{
	switch (kind) {
	case RESET:
		return w1_slot_reset(s);
	case WRITE_0:
		return w1_slot_write(s, false);
	case WRITE_1:
		return w1_slot_write(s, true);
	default:
		return w1_slot_read(s);
	}
}

/* One kind of slot, many times: how many were outside their window, or the line's error. */
static int measure(struct watch *w, struct w1_slots *s, enum kind kind)
{
	static const enum w1_violation watched[] = {
		[RESET] = W1_VIOLATION_RESET,
		[WRITE_0] = W1_VIOLATION_WRITE0,
		[WRITE_1] = W1_VIOLATION_WRITE1,
		[READ] = W1_VIOLATION_READ,
	};
	unsigned violated = 0, total = kind == RESET ? RESETS : SLOTS_EACH;

	for (unsigned i = 0; i < total; i++) {
		uint32_t before;
		int code = 0;

		if (i % DEAF_FOR == 0) {
			sleep_until(w, now(w) + PAUSE_NS);
			code = kind != RESET ? deafen(s) : 0;
		}
		before = s->violations[watched[kind]];
		code = is_line_error(code) ? code : one_slot(s, kind);
		if (is_line_error(code)) {
			return code;
		}
		violated += s->violations[watched[kind]] - before;
		put(&w->kind[kind], kind == READ ? w->look_ns : w->low_ns);
	}
	return (int)violated;
}

static enum selftest_cause time_slots(struct selftest *t, bool realtime)
{
	static const char *const names[] = { "reset", "write-0", "write-1", "read" };
	struct w1_slots slots;
	struct watch *w = watch_new(t, &slots);
	uint64_t all = 0, violated = 0;

	for (unsigned kind = 0; kind < KINDS; kind++) {
		int code = w != NULL ? measure(w, &slots, (enum kind)kind) : -ENOMEM;

		if (code < 0) {
			free(w);
			return CAUSE_LINE_ERROR;
		}
		violated += kind == RESET ? 0 : (uint64_t)code;
		all += kind == RESET ? 0 : SLOTS_EACH;
		show_series(t, names[kind], &w->kind[kind]);
	}
	free(w);
	selftest_value(t, " us (p50/p99/p99.9/max); %u of %u outside", (unsigned)violated,
		       (unsigned)all);
	t->timed[realtime] = true;
	t->slots[realtime] = all;
	t->violated[realtime] = violated;
	/* From 5 in 1000 on more than half of all reads must be done again. */
	return violated * 200 > all ? CAUSE_PREEMPTED : CAUSE_NONE;
}

enum selftest_cause check_timing_slots(struct selftest *t)
{
	return time_slots(t, false);
}

enum selftest_cause check_timing_slots_rt(struct selftest *t)
{
	enum selftest_cause why = time_slots(t, true);

	if (why == CAUSE_NONE && t->missing_rights[0] != '\0') {
		selftest_value(t, "; running without %s", t->missing_rights);
		return CAUSE_NO_RIGHTS;
	}
	return why;
}

enum selftest_cause check_timing_calls(struct selftest *t)
{
	struct w1_slots slots;
	struct watch *w = watch_new(t, &slots);
	uint64_t read_ns;

	if (w == NULL || measure(w, &slots, WRITE_1) < 0) {
		free(w);
		return CAUSE_LINE_ERROR;
	}
	for (unsigned i = 0; i < RECONFIGURES; i++) {
		strong_pullup(w, i % 2 == 0);
	}
	release(w);
	read_ns = 2 * (uint64_t)quantile(&w->set, 500) + quantile(&w->get, 500);
	show_series(t, "set", &w->set);
	show_series(t, "get", &w->get);
	show_series(t, "reconfigure", &w->reconfigure);
	selftest_value(t, " us (p50/p99/p99.9/max); a read slot needs %u.%u us",
		       (unsigned)(read_ns / 1000), (unsigned)(read_ns % 1000 / 100));
	free(w);
	t->calls_ns = read_ns;
	return read_ns > READ_WITHIN ? CAUSE_TOO_SLOW : CAUSE_NONE;
}

/* How many of 1000 reads of a scratchpad succeed at the first try. */
static unsigned success(uint64_t slots, uint64_t violated)
{
	double p = 1;

	for (unsigned i = 0; i < READ_SLOTS; i++) {
		p *= 1 - (double)violated / (double)slots;
	}
	return (unsigned)(p * 1000 + 0.5);
}

enum selftest_cause check_timing_verdict(struct selftest *t)
{
	unsigned best = 0;

	if (!t->timed[0] && !t->timed[1]) {
		return CAUSE_NOT_TIMED;
	}
	for (unsigned i = 0; i < 2; i++) {
		unsigned s = t->timed[i] ? success(t->slots[i], t->violated[i]) : 0;

		if (t->timed[i]) {
			selftest_value(t, "%s%u.%u %% of reads right at once %s real-time rights",
				       t->out->value[0] != '\0' ? ", " : "", s / 10, s % 10,
				       i ? "with" : "without");
		}
		best = s > best ? s : best;
	}
	selftest_value(t, ": %s",
		       best >= 500 ? "user space will do" : "use the kernel's bus, or a UART");
	/* With 30 tries, 1 read in 10 at once is still every read in the end. */
	return best >= 500 ? CAUSE_NONE : best >= 100 ? CAUSE_MANY_RETRIES : CAUSE_USE_KERNEL;
}
