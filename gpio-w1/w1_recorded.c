// SPDX-License-Identifier: BSD-2-Clause
#include "w1_recorded.h"

#include <errno.h>
#include <string.h>

/* A clock that has run out of entries still goes on, so that whoever waits for a time gets there.
 */
#define STEP_NS UINT64_C(1000000)

static int note(struct w1_recorded *r, enum w1_recorded_op op, int result, uint64_t ns)
{
	if (r->n < r->capacity) {
		r->entry[r->n++] = (struct w1_recorded_entry){ ns, result, op };
	} else {
		r->incomplete = true;
	}
	return result;
}

static int record_low(void *ctx)
{
	struct w1_recorded *r = ctx;

	return note(r, W1_RECORDED_LOW, r->of.ops->drive_low(r->of.ctx), 0);
}

static int record_release(void *ctx)
{
	struct w1_recorded *r = ctx;

	return note(r, W1_RECORDED_RELEASE, r->of.ops->release(r->of.ctx), 0);
}

static int record_sample(void *ctx)
{
	struct w1_recorded *r = ctx;

	return note(r, W1_RECORDED_SAMPLE, r->of.ops->sample(r->of.ctx), 0);
}

static int record_pullup(void *ctx, bool on)
{
	struct w1_recorded *r = ctx;

	return note(r, on ? W1_RECORDED_PULLUP_ON : W1_RECORDED_PULLUP_OFF,
		    r->of.ops->strong_pullup(r->of.ctx, on), 0);
}

static uint64_t record_now(void *ctx)
{
	struct w1_recorded *r = ctx;
	uint64_t ns = r->of.ops->now_ns(r->of.ctx);

	note(r, W1_RECORDED_NOW, 0, ns);
	return ns;
}

static void record_spin(void *ctx, uint64_t until_ns)
{
	struct w1_recorded *r = ctx;

	r->of.ops->spin_until(r->of.ctx, until_ns);
	note(r, W1_RECORDED_SPIN, 0, until_ns);
}

static void record_sleep(void *ctx, uint64_t until_ns)
{
	struct w1_recorded *r = ctx;

	r->of.ops->sleep_until(r->of.ctx, until_ns);
	note(r, W1_RECORDED_SLEEP, 0, until_ns);
}

static void record_transaction(void *ctx, bool begin)
{
	struct w1_recorded *r = ctx;

	if (r->of.ops->transaction != NULL) {
		r->of.ops->transaction(r->of.ctx, begin);
	}
}

/* The next entry if it is of this kind, else NULL for this and all that follow. */
static const struct w1_recorded_entry *next(struct w1_recorded *r, enum w1_recorded_op op)
{
	if (r->incomplete || r->n == r->capacity || r->entry[r->n].op != op) {
		r->incomplete = true;
		return NULL;
	}
	return &r->entry[r->n++];
}

static int play(struct w1_recorded *r, enum w1_recorded_op op)
{
	const struct w1_recorded_entry *e = next(r, op);

	return e != NULL ? e->result : -EPROTO;
}

static int play_low(void *ctx)
{
	return play(ctx, W1_RECORDED_LOW);
}

static int play_release(void *ctx)
{
	return play(ctx, W1_RECORDED_RELEASE);
}

static int play_sample(void *ctx)
{
	return play(ctx, W1_RECORDED_SAMPLE);
}

static int play_pullup(void *ctx, bool on)
{
	return play(ctx, on ? W1_RECORDED_PULLUP_ON : W1_RECORDED_PULLUP_OFF);
}

static uint64_t play_now(void *ctx)
{
	struct w1_recorded *r = ctx;
	const struct w1_recorded_entry *e = next(r, W1_RECORDED_NOW);

	r->last_ns = e != NULL ? e->ns : r->last_ns + STEP_NS;
	return r->last_ns;
}

static void play_spin(void *ctx, uint64_t until_ns)
{
	(void)until_ns;
	next(ctx, W1_RECORDED_SPIN);
}

static void play_sleep(void *ctx, uint64_t until_ns)
{
	struct w1_recorded *r = ctx;

	if (next(r, W1_RECORDED_SLEEP) == NULL && until_ns > r->last_ns) {
		r->last_ns = until_ns;
	}
}

static const struct w1_line_ops recording = {
	.drive_low = record_low,
	.release = record_release,
	.sample = record_sample,
	.strong_pullup = record_pullup,
	.now_ns = record_now,
	.spin_until = record_spin,
	.sleep_until = record_sleep,
	.transaction = record_transaction,
};

static const struct w1_line_ops playing = {
	.drive_low = play_low,
	.release = play_release,
	.sample = play_sample,
	.strong_pullup = play_pullup,
	.now_ns = play_now,
	.spin_until = play_spin,
	.sleep_until = play_sleep,
};

struct w1_line w1_recorded_record(struct w1_recorded *r, struct w1_line of,
				  struct w1_recorded_entry *entries, size_t capacity)
{
	memset(r, 0, sizeof *r);
	r->entry = entries;
	r->capacity = capacity;
	r->of = of;
	return (struct w1_line){ &recording, r };
}

struct w1_line w1_recorded_play(struct w1_recorded *r, struct w1_recorded_entry *entries, size_t n)
{
	memset(r, 0, sizeof *r);
	r->entry = entries;
	r->capacity = n;
	return (struct w1_line){ &playing, r };
}
