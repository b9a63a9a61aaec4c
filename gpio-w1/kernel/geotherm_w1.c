// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * geotherm-w1: a 1-Wire bus master on a GPIO that measures every slot, for when the program can't
 * have the line.
 *
 * Linux's own w1-gpio writes without reading the clock: a bit that an interrupt stretched is
 * another bit, a lost Convert T leaves the old temperature with a right CRC, and on a Raspberry Pi
 * its strong pull-up drives nothing. Here each slot is measured, judged by gpio-w1/w1_slot.c (the
 * same as in user space) and repeated from reset where it may have been wrong (w1_replay.c);
 * interrupts are off for at most 15 us at a time (w1_kline.c). The rise of the line is measured
 * every RISE_EVERY resets, and the slots fit it (../w1_rise.c). The drivers of the sensors
 * (w1_therm ...) work on it unchanged.
 *
 * The device tree node is dts/geotherm,onewire.yaml's. Counters since the module was bound are in
 * sysfs, one a file, in the device's folder geotherm_w1/ (sysfs-driver-geotherm-w1 beside this).
 * They are written under the bus mutex and read without it.
 */
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/gpio/consumer.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/platform_device.h>
#include <linux/property.h>
#include <linux/w1.h>

#include "../w1_error.h"
#include "../w1_rise.h"
#include "w1_kline.h"
#include "w1_replay.h"

#define RISE_EVERY 1024 /* resets: some minutes of w1_therm */

struct geotherm_w1 {
	struct device *dev;
	struct w1_kline line;
	struct w1_replay bus;
	struct w1_bus_master master;
	int pullup_ms; /* wanted after the next bit */
	bool strong; /* the line is driven high */
	bool slow; /* it rises too slowly */
	u64 pullups;
};

/* --- struct w1_bus_master; the core holds its bus mutex --- */

static u8 touch_bit(void *data, u8 bit)
{
	struct geotherm_w1 *g = data;
	u8 answer = bit;

	if (g->pullup_ms > 0)
		g->strong = w1_replay_power(&g->bus, bit);
	else
		answer = (u8)w1_replay_touch(&g->bus, bit);
	w1_kline_end(&g->line);
	return answer;
}

static u8 reset_bus(void *data)
{
	struct geotherm_w1 *g = data;
	int absent;

	if (g->slow || g->bus.resets % RISE_EVERY == 0)
		g->slow = w1_rise_measure(&g->bus.slots) == W1_ERISE;
	if (g->slow) { /* no bit on it could be trusted: no device */
		g->bus.resets++;
		dev_warn_ratelimited(g->dev,
				     "the line rises in %u ns, limit %u: too weak a pull-up\n",
				     g->bus.slots.rise_ns, W1_RISE_MAX_NS);
		w1_kline_end(&g->line);
		return 1;
	}
	absent = w1_replay_reset(&g->bus);

	w1_kline_end(&g->line);
	return (u8)absent;
}

/*
 * Two bits read and one written: bits 0 and 1 of the result are the first two, bit 2 the direction
 * written.
 */
static u8 triplet(void *data, u8 direction)
{
	u8 bit = touch_bit(data, 1);
	u8 complement = touch_bit(data, 1);

	if (bit && complement)
		return 0x03;
	if (bit != complement)
		direction = bit;
	touch_bit(data, !!direction);
	return (u8)(!!direction << 2 | complement << 1 | bit);
}

/* ms > 0 comes before the last bit of a command, 0 after it: this function waits in between. */
static u8 set_pullup(void *data, int ms)
{
	struct geotherm_w1 *g = data;

	if (ms == 0 && g->pullup_ms > 0) {
		msleep((unsigned int)g->pullup_ms);
		if (g->strong) {
			struct w1_line line = w1_kline_line(&g->line);

			line.ops->strong_pullup(line.ctx, false);
			g->strong = false;
			g->pullups++;
		}
	}
	g->pullup_ms = ms;
	return 0;
}

/* --- sysfs --- */

#define COUNTER(name, value)                                                                      \
	static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *text) \
	{                                                                                         \
		const struct geotherm_w1 *g = dev_get_drvdata(dev);                               \
		return sysfs_emit(text, "%llu\n", (unsigned long long)(value));                   \
	}                                                                                         \
	static DEVICE_ATTR_RO(name)

COUNTER(rise_ns, g->bus.slots.rise_ns);
COUNTER(slots, g->bus.slots.slots);
COUNTER(sleeps, g->bus.slots.sleeps);
COUNTER(resets, g->bus.resets);
COUNTER(replays, g->bus.replays);
COUNTER(lost, g->bus.lost);
COUNTER(strong_pullups, g->pullups);
COUNTER(violations_reset, g->bus.slots.violations[W1_VIOLATION_RESET]);
COUNTER(violations_presence, g->bus.slots.violations[W1_VIOLATION_PRESENCE]);
COUNTER(violations_write0, g->bus.slots.violations[W1_VIOLATION_WRITE0]);
COUNTER(violations_read, g->bus.slots.violations[W1_VIOLATION_READ]);
COUNTER(violations_pullup, g->bus.slots.violations[W1_VIOLATION_PULLUP]);
COUNTER(low_to_15us, g->line.lows[W1_KLINE_LOW_15]);
COUNTER(low_to_60us, g->line.lows[W1_KLINE_LOW_60]);
COUNTER(low_to_120us, g->line.lows[W1_KLINE_LOW_120]);
COUNTER(low_to_480us, g->line.lows[W1_KLINE_LOW_480]);
COUNTER(low_to_960us, g->line.lows[W1_KLINE_LOW_960]);
COUNTER(low_longer, g->line.lows[W1_KLINE_LOW_MORE]);
COUNTER(interrupts_off, g->line.windows);
COUNTER(interrupts_off_over_15us, g->line.long_windows);
COUNTER(interrupts_off_longest_ns, g->line.longest_window_ns);

static struct attribute *counters[] = { &dev_attr_rise_ns.attr,
					&dev_attr_slots.attr,
					&dev_attr_sleeps.attr,
					&dev_attr_resets.attr,
					&dev_attr_replays.attr,
					&dev_attr_lost.attr,
					&dev_attr_strong_pullups.attr,
					&dev_attr_violations_reset.attr,
					&dev_attr_violations_presence.attr,
					&dev_attr_violations_write0.attr,
					&dev_attr_violations_read.attr,
					&dev_attr_violations_pullup.attr,
					&dev_attr_low_to_15us.attr,
					&dev_attr_low_to_60us.attr,
					&dev_attr_low_to_120us.attr,
					&dev_attr_low_to_480us.attr,
					&dev_attr_low_to_960us.attr,
					&dev_attr_low_longer.attr,
					&dev_attr_interrupts_off.attr,
					&dev_attr_interrupts_off_over_15us.attr,
					&dev_attr_interrupts_off_longest_ns.attr,
					NULL };

static const struct attribute_group counters_group = { .name = "geotherm_w1", .attrs = counters };

static const struct attribute_group *geotherm_w1_groups[] = { &counters_group, NULL };

/* --- bind and unbind --- */

static void remove_master(void *data)
{
	struct geotherm_w1 *g = data;

	/* Waits for all users of sensors; no call comes afterwards. */
	w1_remove_master_device(&g->master);
	gpiod_set_value(g->line.gpio, 1);
}

static int geotherm_w1_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct geotherm_w1 *g = devm_kzalloc(dev, sizeof(*g), GFP_KERNEL);
	int ret;

	if (!g)
		return -ENOMEM;
	g->dev = dev;
	g->line.posted = device_property_read_bool(dev, "raspberrypi,delay-needs-poll");
	g->line.gpio = devm_gpiod_get(dev, "data", GPIOD_OUT_HIGH_OPEN_DRAIN);
	if (IS_ERR(g->line.gpio)) {
		return dev_err_probe(dev, PTR_ERR(g->line.gpio),
				     "data-gpios: the line can't be had\n");
	}
	if (gpiod_cansleep(g->line.gpio) || gpiod_is_active_low(g->line.gpio)) {
		return dev_err_probe(dev, -EINVAL,
				     "data-gpios: active low, or of a controller that sleeps\n");
	}
	/* The consumer name of the line, for others that find it busy. */
	gpiod_set_consumer_name(g->line.gpio, dev_name(dev));
	w1_slots_init(&g->bus.slots, w1_kline_line(&g->line));
	g->master = (struct w1_bus_master){
		.data = g,
		.touch_bit = touch_bit,
		.reset_bus = reset_bus,
		.triplet = triplet,
		.set_pullup = set_pullup,
	};
	platform_set_drvdata(pdev, g);
	ret = w1_add_master_device(&g->master);
	if (ret)
		return dev_err_probe(dev, ret, "no w1 master\n");
	return devm_add_action_or_reset(dev, remove_master, g);
}

static const struct of_device_id geotherm_w1_match[] = { { .compatible = "geotherm,onewire" }, {} };
MODULE_DEVICE_TABLE(of, geotherm_w1_match);

static struct platform_driver geotherm_w1_driver = {
	.probe = geotherm_w1_probe,
	.driver = {
		.name = "geotherm-w1",
		.of_match_table = geotherm_w1_match,
		.dev_groups = geotherm_w1_groups,
	},
};
module_platform_driver(geotherm_w1_driver);

MODULE_DESCRIPTION("1-Wire bus master on a GPIO, every slot measured");
MODULE_LICENSE("Dual BSD/GPL");
