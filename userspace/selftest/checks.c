// SPDX-License-Identifier: BSD-2-Clause
/* The one table of checks, in the order in which they run. */
#include "checks.h"

#include <stddef.h>

#define CAUSES(...) (const struct selftest_cause[]){ __VA_ARGS__, { NULL, SELFTEST_SKIP, NULL } }
#define PASS SELFTEST_PASS
#define WARN SELFTEST_WARN
#define FAIL SELFTEST_FAIL
#define SKIP SELFTEST_SKIP

/* Why something is not tested at all. */
#define NO_BUS \
	{ "off", SKIP, "[w1] bus = none" }, \
	{ "kernel", SKIP, "the kernel's w1_therm has the line ([w1] bus = kernel): see sensors/temperature" }, \
	{ "no-line", SKIP, "the line could not be had: see gpio/line" }
#define NO_WIRE \
	NO_BUS, \
	{ "line-low", SKIP, "the line is low: see bus/idle" }, \
	{ "line-stuck", SKIP, "the line does not follow: see bus/low" }, \
	{ "line-error", FAIL, "the GPIO driver gives errors: see the kernel's log (dmesg)" }
#define NO_SENSOR \
	NO_BUS, \
	{ "no-sensor", SKIP, "no sensor was found: see sensors/search" }, \
	{ "line-error", FAIL, "the GPIO driver gives errors: see the kernel's log (dmesg)" }
/* What any transaction can end with. */
#define TRANSACTION \
	{ "nobody", FAIL, "no sensor answers: DQ on GPIO4 (pin 7)? VDD and GND not swapped? wire broken?" }, \
	{ "line-low", FAIL, "the line stayed low: see bus/idle" }, \
	{ "timing", FAIL, "this computer is kept from the bus too often: see timing/verdict" }, \
	{ "crc", FAIL, "bytes arrive with wrong CRCs: long or noisy cable; try 2.2 kohm, a shielded or twisted pair, a shorter wire" }, \
	{ "echo", FAIL, "the line was low where it must be high: noise, a weak pull-up, or a second master" }, \
	{ "search", FAIL, "addresses break off: a loose contact, noise, or two devices with one address" }

const struct selftest_check selftest_checks[] = {
	{ "board", "model", "which Raspberry Pi this is", NULL, check_board_model, CAUSES(
		{ "not-a-pi", SKIP, "not a Raspberry Pi: pins and ports are what the configuration says" },
		{ "slow-board", WARN, "a call to the GPIO driver takes too long here for 1-Wire from user space: use [w1] bus = kernel" },
		{ "new-board", WARN, "a Pi 5 reaches its pins by PCIe: 1-Wire from user space is experimental; look at timing/verdict" }), 0, false },
	{ "board", "kernel", "kernel and word size", NULL, check_board_kernel, NULL, 0, false },

	{ "gpio", "chip", "the GPIO chip, by its label", "may be opened", check_gpio_chip, CAUSES(NO_BUS,
		{ "simulated", SKIP, "[w1] bus = simulated: no chip is used" },
		{ "no-right", FAIL, "add this user to the group gpio (sudo usermod -aG gpio $USER, log in again), or run as root" },
		{ "no-chip", FAIL, "no such chip: right label in [w1] chip? gpiodetect lists what there is" }), 0, false },
	{ "gpio", "line", "the line of [w1] gpio", "free", check_gpio_line, CAUSES(NO_BUS,
		{ "simulated", SKIP, "[w1] bus = simulated: no line is used" },
		{ "kernel-holds", WARN, "the node will read by the kernel's driver; for its own, remove dtoverlay=w1-gpio from config.txt" },
		{ "held", FAIL, "stop who holds it, or choose another GPIO" },
		{ "no-such-line", FAIL, "[w1] gpio is the BCM number of the pin: pin 7 is GPIO4" }), 0, false },

	{ "bus", "idle", "the line when nobody pulls it", "high", check_bus_idle, CAUSES(NO_BUS,
		{ "no-pull-up", FAIL, "it comes up only when driven: put 4.7 kohm between DQ (pin 7) and 3.3 V (pin 1)" },
		{ "short-to-ground", FAIL, "it stays low even when driven: DQ and GND touch, a sensor is in backwards, or a sensor hangs; unplug them one by one" },
		{ "line-error", FAIL, "the GPIO driver gives errors: see the kernel's log (dmesg)" }), 0, true },
	{ "bus", "low", "the line when it is pulled low", "low", check_bus_low, CAUSES(NO_WIRE,
		{ "short-to-supply", FAIL, "it cannot be pulled low: DQ and 3.3 V touch, or the pull-up is far too small" }), 0, true },
	{ "bus", "noise", "the idle line for spikes", "never low", check_bus_noise, CAUSES(NO_WIRE,
		{ "noise", WARN, "something couples into the line: keep it away from mains and motors, twist it with its GND, shield it" }), 0, true },
	{ "bus", "rise", "how soon the line is high again", "2 us", check_bus_rise, CAUSES(NO_WIRE,
		{ "slow-rise", WARN, "long cable or many sensors for this pull-up: try 2.2 kohm" },
		{ "weak-pull-up", FAIL, "the pull-up is too weak (the Pi's own 50 kohm?): put 4.7 kohm between DQ and 3.3 V; 2.2 kohm for long cables" }), 0, true },
	{ "bus", "presence", "the sensors' answer to a reset", "15 to 300 us after it", check_bus_presence, CAUSES(NO_WIRE,
		{ "nobody", FAIL, "no sensor answers: DQ on GPIO4 (pin 7)? VDD and GND not swapped? wire broken?" },
		{ "not-watched", WARN, "this computer was kept from looking: see timing/verdict" },
		{ "held-low", FAIL, "a sensor answers for longer than any should: a faulty one; unplug them one by one" },
		{ "some-unanswered", FAIL, "a loose contact, or a supply that breaks down: check plugs and solder joints" }), 0, true },

	{ "sensors", "search", "whose addresses are on the bus", "one at least", check_sensors_search, CAUSES(NO_BUS, TRANSACTION,
		{ "line-error", FAIL, "the GPIO driver gives errors: see the kernel's log (dmesg)" },
		{ "not-a-thermometer", WARN, "a device of another kind is on the bus: the node leaves it alone" }), 0, true },
	{ "sensors", "scratchpad", "the nine bytes of each", "right CRC", check_sensors_scratchpad, CAUSES(NO_SENSOR, TRANSACTION,
		{ "bad-scratchpad", FAIL, "impossible bytes with a right CRC: a short while reading, or a part that is none" }), 0, true },
	{ "sensors", "power", "where each takes its power from", "its own VDD", check_sensors_power, CAUSES(NO_SENSOR, TRANSACTION,
		{ "parasite", WARN, "powered by the data line: works with the strong pull-up, up to about ten; a third wire to VDD is better" }), 0, true },
	{ "sensors", "temperature", "two cycles as the node reads them", "each proven", check_sensors_temperature, CAUSES(NO_SENSOR, TRANSACTION,
		{ "power-on", FAIL, "85 C of a sensor that lost its power: supply or strong pull-up too weak, a loose VDD" },
		{ "not-converted", FAIL, "no proof of a new value: a weak supply, or a part that is too slow" },
		{ "absent", FAIL, "it was found and then did not answer: a loose contact" },
		{ "bad-scratchpad", FAIL, "impossible bytes with a right CRC: a short while reading, or a part that is none" },
		{ "out-of-range", FAIL, "a value that no such part can have: a faulty or counterfeit sensor" },
		{ "bus-failed", FAIL, "the bus failed in the middle: see bus/idle and timing/verdict" },
		{ "kernel-has-none", FAIL, "dtoverlay=w1-gpio in config.txt? sensors wired?" }), 4, true },
	{ "sensors", "identity", "make and conversion time, by documented commands only", "750 ms at 12 bit", check_sensors_identity, CAUSES(NO_SENSOR, TRANSACTION,
		{ "slow", FAIL, "a conversion takes longer than the data sheet's 750 ms: weak supply, or not the part it says to be" },
		{ "clone", WARN, "not made by Maxim: may be off by a degree or more, and may not stand parasite power" }), 5, true },
};

const size_t selftest_checks_count = sizeof(selftest_checks) / sizeof(selftest_checks[0]);
