// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * geotherm-sim: a GPIO chip for tests, with 1-Wire thermometers behind one of its lines.
 *
 * Any software that speaks 1-Wire over a GPIO of this kernel can be held to it: a program over
 * libgpiod, the stock w1-gpio, our own master. The thermometers are those of
 * userspace/sim/w1_slave.c. Bound by the device tree (compatible "geotherm,sim-gpio", a
 * gpio-controller with two cells); one instance.
 *
 * Line `bus` is the wire; every other line gives back what it was told to be, and reads 0 as an
 * input. Open drain is left to gpiolib, which makes an input of a line that is let go, as on a
 * Raspberry Pi. A line that is driven high is a strong pull-up.
 *
 * Faults are module parameters, most of them writable while it runs (modinfo lists them). In
 * debugfs, geotherm-sim/devices tells the truth about each thermometer, geotherm-sim/line what the
 * master did to the wire, with what was outside the data sheet; writing anything to line sets its
 * counters to 0.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/gpio/driver.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/platform_device.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/version.h>

#include "w1_wire.h"

#define LINES 54 /* as many as a Raspberry Pi 3 has */

struct sim {
	struct gpio_chip chip;
	raw_spinlock_t lock; /* all that follows */
	struct w1_wire wire;
	u64 outputs, values;
	struct dentry *debugfs;
	struct hrtimer storm;
	struct w1_random storm_random;
};

static struct sim *sim; /* the one instance, for the parameters */
static DEFINE_MUTEX(sim_mutex); /* guards the pointer */

/* --- parameters --- */

static unsigned int bus = 4;
module_param(bus, uint, 0444);
MODULE_PARM_DESC(bus, "line that the 1-Wire bus is on (4)");

static unsigned int seed = 1;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of serial numbers, each device's own timing, and noise (1)");

static char *model[W1_WIRE_DEVICES] = { "A1", "A1" };
static unsigned int models = 2;
module_param_array(model, charp, &models, 0444);
MODULE_PARM_DESC(model,
		 "makes of the thermometers: A1 (genuine), clones A2 to H, DS18S20 ... (A1,A1)");

static unsigned int parasite;
module_param(parasite, uint, 0444);
MODULE_PARM_DESC(parasite, "mask of the devices that live on parasite power (0)");

static int temp[W1_WIRE_DEVICES];
static unsigned int temps;
module_param_array(temp, int, &temps, 0644);
MODULE_PARM_DESC(temp, "temperatures around them, in thousandths of a degree (20000, 21000 ...)");

static int step;
module_param(step, int, 0644);
MODULE_PARM_DESC(
	step,
	"rise with each conversion, in thousandths of a degree, so that an old value shows (0)");

static unsigned int badcrc;
static unsigned int absent;
static unsigned int stuck;
static unsigned int noise;
static unsigned int rc;
static unsigned int slow;
static unsigned int storm;

static unsigned int storm_us = 60;
module_param(storm_us, uint, 0644);
MODULE_PARM_DESC(storm_us,
		 "microseconds that an interrupt of the storm takes at most, up to 1000 (60)");

static void apply(void);

static int knob_set(const char *value, const struct kernel_param *kp)
{
	unsigned int max = kp->arg == &stuck   ? W1_WIRE_STUCK_COUNT - 1
			   : kp->arg == &noise ? 1000000
			   : kp->arg == &rc    ? 20000
			   : kp->arg == &slow  ? 4000
			   : kp->arg == &storm ? 10000
					       : (1u << W1_WIRE_DEVICES) - 1;
	int ret = param_set_uint_minmax(value, kp, 0, max);

	if (ret) {
		pr_err("%s=%s: a number from 0 to %u is wanted\n", kp->name, value ?: "", max);
	} else {
		apply();
	}
	return ret;
}

static const struct kernel_param_ops knob_ops = { .set = knob_set, .get = param_get_uint };

module_param_cb(badcrc, &knob_ops, &badcrc, 0644);
__MODULE_PARM_TYPE(badcrc, "uint");
MODULE_PARM_DESC(badcrc, "mask of the devices whose scratchpad comes with a wrong CRC (0)");
module_param_cb(absent, &knob_ops, &absent, 0644);
__MODULE_PARM_TYPE(absent, "uint");
MODULE_PARM_DESC(absent, "mask of the devices that are torn out (0)");
module_param_cb(stuck, &knob_ops, &stuck, 0644);
__MODULE_PARM_TYPE(stuck, "uint");
MODULE_PARM_DESC(stuck, "the wire is 0: free, 1: shorted to ground, 2: to the supply (0)");
module_param_cb(noise, &knob_ops, &noise, 0644);
__MODULE_PARM_TYPE(noise, "uint");
MODULE_PARM_DESC(noise, "so many of a million samples come out wrong (0)");
module_param_cb(rc, &knob_ops, &rc, 0644);
__MODULE_PARM_TYPE(rc, "uint");
MODULE_PARM_DESC(rc, "pull-up times capacitance of the wire, in ns (0)");
module_param_cb(slow, &knob_ops, &slow, 0644);
__MODULE_PARM_TYPE(slow, "uint");
MODULE_PARM_DESC(slow,
		 "milliseconds that a conversion takes, up to 4000; 0: as the make has it (0)");

module_param_cb(storm, &knob_ops, &storm, 0644);
__MODULE_PARM_TYPE(storm, "uint");
MODULE_PARM_DESC(storm, "interrupts per second, at random times, as a busy network makes them (0)");

static void apply(void)
{
	unsigned long flags;
	u64 now;

	mutex_lock(&sim_mutex);
	if (sim) {
		raw_spin_lock_irqsave(&sim->lock, flags);
		now = ktime_get_ns();
		for (unsigned int i = 0; i < sim->wire.n_devices; i++) {
			sim->wire.device[i].bad_crc = badcrc >> i & 1;
			w1_wire_plug(&sim->wire, i, !(absent >> i & 1), now);
		}
		w1_wire_stick(&sim->wire, stuck, now);
		w1_wire_slow(&sim->wire, slow);
		sim->wire.noise_ppm = noise;
		sim->wire.rc_ns = rc;
		raw_spin_unlock_irqrestore(&sim->lock, flags);
		hrtimer_cancel(&sim->storm);
		if (storm > 0) {
			hrtimer_start(&sim->storm, 0, HRTIMER_MODE_REL_PINNED_HARD);
		}
	}
	mutex_unlock(&sim_mutex);
}

static enum hrtimer_restart storm_interrupt(struct hrtimer *timer)
{
	struct sim *s = container_of(timer, struct sim, storm);
	/* Twice the mean at most: written to 0 meanwhile, it comes once more at most. */
	u32 every_us = 2000000 / max(READ_ONCE(storm), 1u);

	udelay(w1_random_between(&s->storm_random, 1, clamp(READ_ONCE(storm_us), 1u, 1000u)));
	hrtimer_forward_now(
		timer, ns_to_ktime(1000ULL * w1_random_between(&s->storm_random, 1, every_us)));
	return HRTIMER_RESTART;
}

/* What surrounds a device when a conversion ends: what rises comes from the cold again, however
 * long it does. */
static int32_t surroundings(void *ctx, uint64_t now_ns)
{
	const struct w1_wire_device *d = ctx;
	unsigned int index = (unsigned int)(d - sim->wire.device);
	s64 mc = (s64)READ_ONCE(temp[index]) + (s64)READ_ONCE(step) * d->slave.conversions;

	while (mc > 125000) {
		mc -= 165000;
	}
	return (int32_t)max_t(s64, mc, -55000);
}

/* --- lines --- */

static int line_get_direction(struct gpio_chip *chip, unsigned int line)
{
	struct sim *s = gpiochip_get_data(chip);

	return s->outputs >> line & 1 ? GPIO_LINE_DIRECTION_OUT : GPIO_LINE_DIRECTION_IN;
}

/* The lock is held. */
static void drive(struct sim *s, unsigned int line)
{
	u64 now;

	if (line != bus) {
		return;
	}
	now = ktime_get_ns();
	if (!(s->outputs >> line & 1)) {
		w1_wire_release(&s->wire, now);
	} else if (s->values >> line & 1) {
		w1_wire_drive_high(&s->wire, now);
	} else {
		w1_wire_drive_low(&s->wire, now);
	}
}

static void change(struct gpio_chip *chip, unsigned int line, int output, int value)
{
	struct sim *s = gpiochip_get_data(chip);
	unsigned long flags;

	raw_spin_lock_irqsave(&s->lock, flags);
	if (output >= 0) {
		s->outputs = output ? s->outputs | BIT_ULL(line) : s->outputs & ~BIT_ULL(line);
	}
	if (value >= 0) {
		s->values = value ? s->values | BIT_ULL(line) : s->values & ~BIT_ULL(line);
	}
	drive(s, line);
	raw_spin_unlock_irqrestore(&s->lock, flags);
}

static int line_direction_input(struct gpio_chip *chip, unsigned int line)
{
	change(chip, line, 0, -1);
	return 0;
}

static int line_direction_output(struct gpio_chip *chip, unsigned int line, int value)
{
	change(chip, line, 1, !!value);
	return 0;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
static int line_set(struct gpio_chip *chip, unsigned int line, int value)
{
	change(chip, line, -1, !!value);
	return 0;
}
#else
static void line_set(struct gpio_chip *chip, unsigned int line, int value)
{
	change(chip, line, -1, !!value);
}
#endif

static int line_get(struct gpio_chip *chip, unsigned int line)
{
	struct sim *s = gpiochip_get_data(chip);
	unsigned long flags;
	int level;

	raw_spin_lock_irqsave(&s->lock, flags);
	level = line == bus ? w1_wire_sample(&s->wire, ktime_get_ns())
			    : (s->outputs & s->values) >> line & 1;
	raw_spin_unlock_irqrestore(&s->lock, flags);
	return level;
}

/* --- debugfs --- */

static int devices_show(struct seq_file *file, void *unused)
{
	struct sim *s = file->private;
	unsigned long flags;

	for (unsigned int i = 0; i < s->wire.n_devices; i++) {
		struct w1_slave d;
		bool plugged;

		raw_spin_lock_irqsave(&s->lock, flags);
		w1_wire_settle(&s->wire, ktime_get_ns());
		d = s->wire.device[i].slave;
		plugged = s->wire.device[i].plugged;
		raw_spin_unlock_irqrestore(&s->lock, flags);
		seq_printf(
			file,
			"%02x-%02x%02x%02x%02x%02x%02x model=%s plugged=%d parasite=%d raw=%d conversions=%u "
			"power_ons=%u brownouts=%u copies=%u unknown_commands=%u\n",
			d.rom[0], d.rom[6], d.rom[5], d.rom[4], d.rom[3], d.rom[2], d.rom[1],
			d.model->name, plugged, d.parasite, d.last.raw, d.conversions, d.power_ons,
			d.brownouts, d.copies, d.unknown_commands);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(devices);

static int line_show(struct seq_file *file, void *unused)
{
	static const char *const names[] = {
#define X(id, text) [id] = #id,
		W1_SIM_OFFENCES(X)
#undef X
	};
	struct sim *s = file->private;
	struct w1_sim_judge judge;
	u64 low, sample;
	unsigned long flags;

	raw_spin_lock_irqsave(&s->lock, flags);
	judge = s->wire.judge;
	low = s->wire.longest_short_low_ns;
	sample = s->wire.latest_sample_ns;
	raw_spin_unlock_irqrestore(&s->lock, flags);
	seq_printf(file, "slots=%llu resets=%llu longest_short_low_ns=%llu latest_sample_ns=%llu\n",
		   judge.slots, judge.resets, low, sample);
	for (unsigned int i = 0; i < W1_SIM_OFFENCE_COUNT; i++) {
		if (judge.offences[i] > 0) {
			seq_printf(file, "%s=%llu (%s)\n", names[i], judge.offences[i],
				   w1_sim_offence_text((enum w1_sim_offence)i));
		}
	}
	return 0;
}

static int line_open(struct inode *inode, struct file *file)
{
	return single_open(file, line_show, inode->i_private);
}

static ssize_t line_clear(struct file *file, const char __user *text, size_t size, loff_t *offset)
{
	struct sim *s = ((struct seq_file *)file->private_data)->private;
	unsigned long flags;

	raw_spin_lock_irqsave(&s->lock, flags);
	/* Between transactions: what it remembers of the last edge may go, too. */
	memset(&s->wire.judge, 0, sizeof(s->wire.judge));
	s->wire.longest_short_low_ns = 0;
	s->wire.latest_sample_ns = 0;
	raw_spin_unlock_irqrestore(&s->lock, flags);
	return size;
}

static const struct file_operations line_fops = {
	.owner = THIS_MODULE,
	.open = line_open,
	.read = seq_read,
	.write = line_clear,
	.llseek = seq_lseek,
	.release = single_release,
};

/* --- bind and unbind --- */

static int add_devices(struct device *dev, struct w1_wire *wire)
{
	u64 now = ktime_get_ns();

	for (unsigned int i = 0; i < models; i++) {
		enum w1_model_id id = 0;
		struct w1_slave *slave;

		while (id < W1_MODEL_COUNT && strcmp(w1_model(id)->name, model[i]) != 0) {
			id++;
		}
		if (id == W1_MODEL_COUNT) {
			dev_err(dev,
				"model=%s: no such make; A1 to H, DS18S20 and others of w1_model.c are known\n",
				model[i]);
			return -EINVAL;
		}
		w1_wire_add(wire, id, (u64)seed * W1_WIRE_DEVICES + i, parasite >> i & 1, now);
		slave = &wire->device[i].slave;
		slave->temp = surroundings;
		slave->temp_ctx = &wire->device[i];
		slave->offset_mc = 0;
		if (i >= temps) {
			temp[i] = 20000 + (int)i * 1000;
		}
	}
	temps = models;
	return 0;
}

static void unbind(void *data)
{
	struct sim *s = data;

	debugfs_remove(s->debugfs);
	mutex_lock(&sim_mutex);
	sim = NULL;
	mutex_unlock(&sim_mutex);
	hrtimer_cancel(&s->storm);
}

static int sim_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct sim *s;
	int ret;

	if (bus >= LINES) {
		dev_err(dev, "bus=%u: a line from 0 to %d is wanted\n", bus, LINES - 1);
		return -EINVAL;
	}
	if (parasite >> models) {
		dev_err(dev, "parasite=%u: there are only %u devices\n", parasite, models);
		return -EINVAL;
	}
	s = devm_kzalloc(dev, sizeof(*s), GFP_KERNEL);
	if (!s) {
		return -ENOMEM;
	}
	raw_spin_lock_init(&s->lock);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(&s->storm, storm_interrupt, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
#else
	hrtimer_init(&s->storm, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	s->storm.function = storm_interrupt;
#endif
	w1_random_init(&s->storm_random, seed);
	w1_wire_init(&s->wire, seed);
	ret = add_devices(dev, &s->wire);
	if (ret) {
		return ret;
	}
	s->chip = (struct gpio_chip){
		.label = "geotherm-sim",
		.parent = dev,
		.owner = THIS_MODULE,
		.base = -1,
		.ngpio = LINES,
		.get_direction = line_get_direction,
		.direction_input = line_direction_input,
		.direction_output = line_direction_output,
		.get = line_get,
		.set = line_set,
	};
	mutex_lock(&sim_mutex);
	ret = sim ? -EBUSY : 0;
	if (ret == 0) {
		sim = s;
	}
	mutex_unlock(&sim_mutex);
	if (ret) {
		dev_err(dev, "there is one already\n");
		return ret;
	}
	s->debugfs = debugfs_create_dir("geotherm-sim", NULL);
	debugfs_create_file("devices", 0444, s->debugfs, s, &devices_fops);
	debugfs_create_file("line", 0644, s->debugfs, s, &line_fops);
	/* In this order the lines are gone before what is behind them. */
	ret = devm_add_action_or_reset(dev, unbind, s);
	if (ret) {
		return ret;
	}
	apply();
	return devm_gpiochip_add_data(dev, &s->chip, s);
}

static const struct of_device_id sim_match[] = { { .compatible = "geotherm,sim-gpio" }, {} };
MODULE_DEVICE_TABLE(of, sim_match);

static struct platform_driver sim_driver = {
	.probe = sim_probe,
	.driver = { .name = "geotherm-sim", .of_match_table = sim_match },
};
module_platform_driver(sim_driver);

MODULE_DESCRIPTION("GPIO chip with simulated 1-Wire thermometers, for tests");
MODULE_LICENSE("Dual BSD/GPL");
