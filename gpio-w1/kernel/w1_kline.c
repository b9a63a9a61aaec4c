// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "w1_kline.h"

#include <linux/hrtimer.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/sched.h>

#define US 1000u

static u64 now_ns(void *ctx)
{
	return ktime_get_raw_ns();
}

static void interrupts_off(struct w1_kline *k)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT) || k->off)
		return;
	local_irq_save(k->flags);
	k->off_ns = now_ns(k);
	k->off = true;
}

static void interrupts_on(struct w1_kline *k)
{
	u64 window;

	if (!k->off)
		return;
	k->off = false;
	window = now_ns(k) - k->off_ns;
	local_irq_restore(k->flags);
	k->windows++;
	k->long_windows += window > 15 * US;
	k->longest_window_ns = max(k->longest_window_ns, window);
}

void w1_kline_end(struct w1_kline *k)
{
	interrupts_on(k);
}

/* Before an operation that may exceed the window. */
static void mind_window(struct w1_kline *k, u64 until)
{
	if (k->off && until > k->off_ns + W1_KLINE_OFF_NS)
		interrupts_on(k);
}

static void count_low(struct w1_kline *k)
{
	static const u32 limits[W1_KLINE_LOWS - 1] = { 15 * US, 60 * US, 120 * US, 480 * US,
						       960 * US };
	u64 low_for = now_ns(k) - k->low_ns;
	unsigned int i = 0;

	if (!k->low)
		return;
	k->low = false;
	while (i < W1_KLINE_LOWS - 1 && low_for > limits[i])
		i++;
	k->lows[i]++;
}

static void set_value(struct w1_kline *k, int value)
{
	gpiod_set_value(k->gpio, value);
	if (k->posted)
		gpiod_get_raw_value(k->gpio);
}

static int drive_low(void *ctx)
{
	struct w1_kline *k = ctx;

	interrupts_off(k);
	k->low_ns = now_ns(k);
	k->low = true;
	set_value(k, 0);
	return 0;
}

static int release(void *ctx)
{
	struct w1_kline *k = ctx;

	set_value(k, 1);
	count_low(k);
	return 0;
}

static int sample(void *ctx)
{
	struct w1_kline *k = ctx;

	mind_window(k, now_ns(k));
	return gpiod_get_raw_value(k->gpio);
}

/*
 * The GPIO core knows the line as open drain: where the chip can't do that, it lets the line go for
 * a 1. Only a raw output drives it. gpiod_set_value(1) makes an input of it again.
 */
static int strong_pullup(void *ctx, bool on)
{
	struct w1_kline *k = ctx;
	int ret;

	if (!on)
		return release(ctx);
	ret = gpiod_direction_output_raw(k->gpio, 1);
	count_low(k);
	interrupts_on(k);
	return ret;
}

static void spin_until(void *ctx, u64 until)
{
	struct w1_kline *k = ctx;

	mind_window(k, until);
	while (now_ns(k) < until)
		cpu_relax();
}

static void sleep_until(void *ctx, u64 until)
{
	struct w1_kline *k = ctx;
	u64 now;

	interrupts_on(k);
	now = now_ns(k);
	if (now < until) {
		ktime_t left = ns_to_ktime(until - now);

		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_hrtimeout(&left, HRTIMER_MODE_REL);
	}
}

static const struct w1_line_ops ops = {
	.drive_low = drive_low,
	.release = release,
	.sample = sample,
	.strong_pullup = strong_pullup,
	.now_ns = now_ns,
	.spin_until = spin_until,
	.sleep_until = sleep_until,
};

struct w1_line w1_kline_line(struct w1_kline *k)
{
	return (struct w1_line){ .ops = &ops, .ctx = k };
}
