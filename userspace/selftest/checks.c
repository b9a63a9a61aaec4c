// SPDX-License-Identifier: BSD-2-Clause
/* The one table of checks, in the order in which they run. */
#include "checks.h"

#include <stddef.h>

/* clang-format off */
#define CAUSES(...) (const struct selftest_advice[]){ __VA_ARGS__, { CAUSE_NONE, SELFTEST_PASS, NULL } }
#define PASS SELFTEST_PASS
#define WARN SELFTEST_WARN
#define FAIL SELFTEST_FAIL
#define SKIP SELFTEST_SKIP

/* Causes of skipped checks. */
#define NO_BUS \
	{ CAUSE_OFF, SKIP, "[w1] bus = none" }, \
	{ CAUSE_KERNEL, SKIP, "the kernel's w1_therm has the line ([w1] bus = kernel): see sensors/temperature" }, \
	{ CAUSE_NO_LINE, SKIP, "the line could not be had: see gpio/line" }
#define USE_KERNEL "[w1] bus = kernel, and sudo geotherm-setup install --bus kernel"
#define STANDS_IN \
	{ CAUSE_STANDS_IN, WARN, "it is simulated from here on, as the node does by [node] simulate = if-absent" }
#define NO_WIRE \
	NO_BUS, \
	{ CAUSE_LINE_LOW, SKIP, "the line is low: see bus/idle" }, \
	{ CAUSE_LINE_STUCK, SKIP, "the line does not follow: see bus/low" }, \
	{ CAUSE_LINE_ERROR, FAIL, "the GPIO driver gives errors: see the kernel's log (dmesg)" }
#define NO_SENSOR \
	NO_BUS, \
	{ CAUSE_NO_SENSOR, SKIP, "no sensor was found: see sensors/search" }, \
	{ CAUSE_LINE_ERROR, FAIL, "the GPIO driver gives errors: see the kernel's log (dmesg)" }
/* Causes that any transaction can have. */
#define TRANSACTION \
	{ CAUSE_NO_ANSWER, FAIL, \
	  "no sensor answers: DQ on the right pin (GPIO4 is pin 7)? VDD and GND not swapped? wire broken?" }, \
	{ CAUSE_LINE_LOW, FAIL, "the line stayed low: see bus/idle" }, \
	{ CAUSE_TIMING, FAIL, "this computer is kept from the bus too often: see timing/verdict" }, \
	{ CAUSE_CRC, FAIL, \
	  "bytes arrive with wrong CRCs: long or noisy cable; try 2.2 kohm, a shielded or twisted pair, a " \
	  "shorter wire" }, \
	{ CAUSE_ECHO, FAIL, "the line was low where it must be high: noise, a weak pull-up, or a second master" }, \
	{ CAUSE_SEARCH, FAIL, \
	  "addresses break off or have wrong CRCs: a loose contact, noise, or a faulty device; unplug them " \
	  "one by one" }

#define NO_PORT \
	{ CAUSE_OFF, SKIP, "[gnss] port = none" }, \
	{ CAUSE_NO_PORT, SKIP, "the port could not be opened: see uart/port and uart/holder" }
#define NO_ANSWER \
	NO_PORT, \
	{ CAUSE_NO_ANSWER, SKIP, "it does not answer: see receiver/answer" }
#define NO_SERVER \
	{ CAUSE_NO_SERVER, SKIP, "no [server] uri: readings stay in the outbox" }
#define NO_SESSION \
	NO_SERVER, \
	{ CAUSE_NO_CREDENTIALS, SKIP, "see uplink/credentials" }, \
	{ CAUSE_NO_SESSION, SKIP, "see uplink/session" }, \
	{ CAUSE_LEGACY, SKIP, "[server] format = legacy: that server has no such resources" }
#define REQUEST \
	{ CAUSE_NO_ANSWER, FAIL, "the server went silent: see its log" }, \
	{ CAUSE_NOT_ALLOWED, FAIL, "the server sees another device in our certificate: see uplink/device" }, \
	{ CAUSE_SERVER_ERROR, FAIL, "the server cannot serve now, its database may be down: see its log" }

const struct selftest_check selftest_checks[] = {
	{ "board", "model", "which Raspberry Pi this is", NULL, NULL, check_board_model, CAUSES(
		{ CAUSE_NOT_A_PI, SKIP, "not a Raspberry Pi: pins and ports are those of the configuration" },
		{ CAUSE_SLOW_BOARD, WARN,
		  "a call to the GPIO driver takes too long here for 1-Wire from user space: " USE_KERNEL },
		{ CAUSE_NEW_BOARD, WARN,
		  "a Pi 5 reaches its pins by PCIe: 1-Wire from user space is experimental; see "
		  "timing/verdict" }), 0, false },
	{ "board", "kernel", "kernel and word size", NULL, NULL, check_board_kernel, NULL, 0, false },

	{ "gpio", "chip", "the GPIO chip, by its label", "may be opened", check_gpio_applicable, check_gpio_chip, CAUSES(NO_BUS,
		{ CAUSE_SIMULATED, SKIP, "[w1] bus = simulated: no chip is used" },
		STANDS_IN,
		{ CAUSE_NO_RIGHT, FAIL,
		  "add this user to the group gpio (sudo usermod -aG gpio $USER, log in again), or run as "
		  "root" },
		{ CAUSE_NO_CHIP, FAIL,
		  "no such chip: right label in [w1] chip? gpiodetect lists what there is" }), 0, false },
	{ "gpio", "line", "the line of [w1] gpio", "free", check_gpio_applicable, check_gpio_line, CAUSES(NO_BUS,
		{ CAUSE_SIMULATED, SKIP, "[w1] bus = simulated: no line is used" },
		STANDS_IN,
		{ CAUSE_KERNEL_HOLDS, WARN,
		  "the node will read by the kernel's driver; for its own: sudo geotherm-setup install (it "
		  "disables dtoverlay=w1-gpio), and reboot" },
		{ CAUSE_NODE_HOLDS, FAIL,
		  "a geotherm-node or another self-test holds it: sudo systemctl stop geotherm-node" },
		{ CAUSE_HELD, FAIL, "stop the program that holds it, or choose another GPIO" },
		{ CAUSE_NO_SUCH_LINE, FAIL, "[w1] gpio is the BCM number of the pin: pin 7 is GPIO4" }), 0, false },

	{ "bus", "idle", "the line when it is released", "high", check_gpio_open, check_bus_idle, CAUSES(NO_BUS,
		{ CAUSE_NO_PULL_UP, FAIL,
		  "it comes up only when driven: put 4.7 kohm between DQ and 3.3 V (pin 1); if there is one, "
		  "is DQ on this very GPIO (GPIO4 is pin 7)? else a sensor hangs: unplug them one by one" },
		{ CAUSE_SHORT_TO_GROUND, FAIL,
		  "it stays low even when driven: DQ and GND touch, a sensor is in backwards, or a sensor "
		  "hangs; unplug them one by one" },
		{ CAUSE_LINE_ERROR, FAIL,
		  "the GPIO driver gives errors: see the kernel's log (dmesg)" }), 0, true },
	{ "bus", "low", "the line when it is pulled low", "low", check_bus_usable, check_bus_low, CAUSES(NO_WIRE,
		{ CAUSE_SHORT_TO_SUPPLY, FAIL,
		  "it cannot be pulled low: DQ and 3.3 V touch, or the pull-up is far too small" }), 0, true },
	{ "bus", "noise", "the idle line for spikes", "never low", check_bus_usable, check_bus_noise, CAUSES(NO_WIRE,
		{ CAUSE_NOISE, WARN,
		  "something couples into the line: keep it away from mains and motors, twist it with its "
		  "GND, shield it" }), 0, true },
	{ "bus", "presence", "the sensors' answer to a reset", "15 to 300 us after it",
	  check_bus_usable, check_bus_presence, CAUSES(NO_WIRE,
		{ CAUSE_NO_ANSWER, FAIL,
		  "no sensor answers: DQ on the right pin (GPIO4 is pin 7)? VDD and GND not swapped? wire broken?" },
		{ CAUSE_NOT_WATCHED, WARN, "this computer was kept from sampling in time: see timing/verdict" },
		{ CAUSE_HELD_LOW, FAIL,
		  "a sensor answers for longer than any should: a faulty one; unplug them one by one" },
		{ CAUSE_SOME_UNANSWERED, FAIL,
		  "a loose contact, or a supply that breaks down: check plugs and solder joints" }), 0, true },
	{ "bus", "rise", "how soon the line is high again", "6.0 us; 2.2 on parasite power",
	  check_bus_usable, check_bus_rise, CAUSES(NO_WIRE,
		{ CAUSE_SLOW_RISE, WARN,
		  "long cable or many sensors for this pull-up: the slots are fitted to it, but sensors on "
		  "parasite power cannot be read: try 2.2 kohm" },
		{ CAUSE_WEAK_PULL_UP, FAIL,
		  "the pull-up is too weak (the Pi's own 50 kohm?): put 4.7 kohm between DQ and 3.3 V; 2.2 "
		  "kohm for long cables" }), 0, true },

	{ "sensors", "search", "whose addresses are on the bus", "one at least",
	  check_sensors_find, check_sensors_search, CAUSES(NO_BUS, TRANSACTION,
		{ CAUSE_LINE_ERROR, FAIL, "the GPIO driver gives errors: see the kernel's log (dmesg)" },
		{ CAUSE_NOT_A_THERMOMETER, WARN,
		  "a device of another kind is on the bus: the node leaves it alone" }), 0, true },
	{ "sensors", "scratchpad", "the nine bytes of each", "right CRC",
	  check_sensors_found, check_sensors_scratchpad, CAUSES(NO_SENSOR, TRANSACTION,
		{ CAUSE_BAD_SCRATCHPAD, FAIL,
		  "impossible bytes with a right CRC: a short while reading, or a part that is none" }), 0, true },
	{ "sensors", "power", "where each takes its power from", "its own VDD",
	  check_sensors_found, check_sensors_power, CAUSES(NO_SENSOR, TRANSACTION,
		{ CAUSE_CONTRADICTS, WARN,
		  "one answer contradicts the other: a copy; the node may give it no strong pull-up when it "
		  "needs one" },
		{ CAUSE_PARASITE, WARN,
		  "powered by the data line: works with the strong pull-up, up to about ten; a third wire "
		  "to VDD is better" }), 0, true },
	{ "sensors", "temperature", "two cycles as the node reads them", "each verified",
	  NULL, check_sensors_temperature, CAUSES(NO_SENSOR, TRANSACTION,
		{ CAUSE_POWER_ON, FAIL,
		  "85 C of a sensor that lost its power: supply or strong pull-up too weak, a loose VDD" },
		{ CAUSE_NOT_CONVERTED, FAIL, "no sign of a new value: a weak supply, or a part that is too slow" },
		{ CAUSE_ABSENT, FAIL, "it was found and then did not answer: a loose contact" },
		{ CAUSE_BAD_SCRATCHPAD, FAIL,
		  "impossible bytes with a right CRC: a short while reading, or a part that is none" },
		{ CAUSE_OUT_OF_RANGE, FAIL, "a value that no such part can have: a faulty or counterfeit sensor" },
		{ CAUSE_BUS_FAILED, FAIL, "the bus failed in the middle: see bus/idle and timing/verdict" },
		{ CAUSE_SENSOR_FAULT, FAIL, "the thermocouple is open or shorted" },
		{ CAUSE_DUPLICATE, FAIL, "two sensors answer to this ROM code: exchange one of these copies" },
		{ CAUSE_UNSEEN, WARN,
		  "a value without proof that it converted: parasite power, or a copy that cannot be polled" },
		{ CAUSE_UNGUARDED, WARN, "a value without proof of its power: a make without alarm registers" },
		{ CAUSE_UNPROVEN, WARN, "the kernel's driver gives no proof of a new value: --bus userspace does" },
		{ CAUSE_KERNEL_HAS_NONE, FAIL, "sudo geotherm-setup install --bus kernel, and reboot; else: are sensors wired?" }), 4, true },
	{ "sensors", "identity", "make and conversion time, by documented commands only", "750 ms at 12 bit",
	  check_sensors_found, check_sensors_identity, CAUSES(NO_SENSOR, TRANSACTION,
		{ CAUSE_SLOW, FAIL,
		  "a conversion takes longer than the data sheet's 750 ms: weak supply, or not the part that it "
		  "claims to be" },
		{ CAUSE_CLONE, WARN,
		  "not made by Maxim: may be off by a degree or more, and may not stand parasite power" }), 5, true },

	{ "timing", "calls", "what the calls to the GPIO driver cost", "15 us for a read slot",
	  check_bus_usable, check_timing_calls, CAUSES(NO_WIRE,
		{ CAUSE_TOO_SLOW, FAIL,
		  "low, release and sample do not fit into a read slot: " USE_KERNEL }), 0, true },
	{ "timing", "slots", "the node's slots without real-time rights", "5 in 1000 outside their window",
	  check_bus_usable, check_timing_slots, CAUSES(NO_WIRE,
		{ CAUSE_PREEMPTED, WARN,
		  "slots are done again, so nothing is wrong but slower: give real-time rights (the service "
		  "has them)" }), 3, false },
	{ "timing", "slots-rt", "the same as the node runs them", "5 in 1000 outside their window",
	  check_bus_usable, check_timing_slots_rt, CAUSES(NO_WIRE,
		{ CAUSE_NO_RIGHTS, WARN,
		  "run as root or by the service's unit (LimitRTPRIO=, LimitMEMLOCK=) to see what the node "
		  "gets" },
		{ CAUSE_PREEMPTED, WARN,
		  "other programs or interrupts keep it from the line: less load, governor performance, "
		  "isolcpus=3, or the kernel's bus" }), 3, true },
	{ "timing", "verdict", "which bus master fits here: user space or kernel", "half of all reads right at once",
	  check_gpio_open, check_timing_verdict, CAUSES(NO_BUS,
		{ CAUSE_NOT_TIMED, SKIP, "timing/slots and timing/slots-rt were not run" },
		{ CAUSE_MANY_RETRIES, WARN,
		  "each reading will be right, but takes many tries: less load, or " USE_KERNEL },
		{ CAUSE_USE_KERNEL, FAIL, USE_KERNEL }), 0, false },

	{ "uart", "port", "which device [gnss] port is", "a serial port", check_uart_configured, check_uart_port, CAUSES(NO_PORT,
		{ CAUSE_SIMULATED, SKIP, "[gnss] port = simulated: no port is used" },
		STANDS_IN,
		{ CAUSE_ABSENT, FAIL,
		  "is the UART on (sudo geotherm-setup install, and reboot)? on a Pi 5 it is /dev/ttyAMA0; is "
		  "a USB receiver plugged in?" },
		{ CAUSE_NOT_A_PORT, FAIL, "[gnss] port must be a serial device such as /dev/serial0" },
		{ CAUSE_NO_RIGHT, FAIL,
		  "add this user to the group dialout (sudo usermod -aG dialout $USER, log in again), or "
		  "run as root" },
		{ CAUSE_IN_USE, SKIP, "another program has it: see uart/holder" },
		{ CAUSE_MINI_UART, WARN,
		  "the mini UART sees no framing errors and follows the core clock: sudo geotherm-setup "
		  "install --uart pl011 gives the good one, and no Bluetooth" }), 0, false },
	{ "uart", "console", "whether the kernel writes to it", "no console", check_uart_configured, check_uart_console, CAUSES(NO_PORT,
		{ CAUSE_SIMULATED, SKIP, "[gnss] port = simulated" },
		{ CAUSE_UNKNOWN, SKIP, "/proc/cmdline cannot be read" },
		{ CAUSE_CONSOLE, FAIL,
		  "take it out of cmdline.txt and reboot: sudo geotherm-setup install does, or raspi-config "
		  "(serial login shell: no)" }), 0, false },
	{ "uart", "holder", "what else has it open", "no other program", check_uart_configured, check_uart_holder, CAUSES(NO_PORT,
		{ CAUSE_SIMULATED, SKIP, "[gnss] port = simulated" },
		{ CAUSE_GETTY, FAIL,
		  "a login prompt uses it: sudo systemctl mask --now serial-getty@NAME, and the console "
		  "out of cmdline.txt" },
		{ CAUSE_CONSOLE, FAIL, "take the console out of cmdline.txt and reboot" },
		{ CAUSE_HELD, FAIL,
		  "stop that program (gpsd? minicom?): two readers get half of the bytes each" }), 0, false },

	{ "receiver", "baud", "what it sends by itself, and at which rate", "readable at one of six rates",
	  check_receiver_port, check_receiver_baud, CAUSES(NO_PORT,
		{ CAUSE_QUIET, WARN, "no bytes: it may only answer polls; see receiver/answer" },
		{ CAUSE_UNREADABLE, WARN,
		  "bytes but no sentence at any rate: another device, inverted levels (RS-232), or a bad "
		  "ground" }), 8, false },
	{ "receiver", "answer", "found, switched to UBX, configured, verified", "within 10 s",
	  check_receiver_open, check_receiver_answer, CAUSES(NO_PORT,
		{ CAUSE_BAD_SETTINGS, FAIL, "[gnss] baud and rate do not fit: see the message" },
		{ CAUSE_PORT_LOST, FAIL, "the port disappeared: a loose USB plug, or too weak a supply" },
		{ CAUSE_SILENT, FAIL,
		  "nothing at any rate: is it powered? its TXD on GPIO15 (pin 10), TXD and RXD not swapped?" },
		{ CAUSE_DEAF, FAIL,
		  "it sends but never answers: its RXD on GPIO14 (pin 8)? else a clone without UBX" },
		{ CAUSE_UNREADABLE, FAIL,
		  "bytes but nothing readable at any rate: another device, inverted levels (RS-232), or a "
		  "bad ground" }), 11, false },
	{ "receiver", "version", "its version (MON-VER)", "u-blox 7",
	  check_receiver_answers, check_receiver_version, CAUSES(NO_ANSWER,
		{ CAUSE_NO_VERSION, WARN,
		  "every u-blox reports its version, so this is a copy: its position may be wrong" },
		{ CAUSE_COUNTERFEIT, WARN,
		  "it claims to be a u-blox 7 but does not behave like one: its position may be wrong" },
		{ CAUSE_OTHER_GENERATION, WARN,
		  "not a u-blox 7: what the node needs was verified, the rest is untested" }), 12, false },
	{ "receiver", "settings", "settings accepted and read back", "none refused",
	  check_receiver_answers, check_receiver_settings, CAUSES(NO_ANSWER,
		{ CAUSE_REFUSED, WARN,
		  "it refuses a setting that every u-blox 7 has: another generation, or counterfeit; see "
		  "receiver/version" },
		{ CAUSE_NOT_AS_WANTED, FAIL,
		  "a setting is not accepted, or its answer lost: see uart/errors" }), 0, false },
	{ "receiver", "antenna", "its antenna", "neither short nor open",
	  check_receiver_answers, check_receiver_antenna, CAUSES(NO_ANSWER,
		{ CAUSE_UNKNOWN, SKIP, "no MON-HW answer" },
		{ CAUSE_SHORT, FAIL, "a short in the antenna's cable or plug" },
		{ CAUSE_OPEN, FAIL,
		  "no antenna: is it screwed on? with a fix below all is well: a passive one measures the same" }), 0, false },
	{ "receiver", "jamming", "interference", "120 of 255", check_receiver_answers, check_receiver_jamming, CAUSES(NO_ANSWER,
		{ CAUSE_UNKNOWN, SKIP, "no MON-HW answer" },
		{ CAUSE_JAMMING, FAIL,
		  "move the antenna away from the Pi, HDMI, USB 3 and switching supplies" }), 0, false },
	{ "receiver", "fix", "position", "a fix within [gnss] max_hacc", check_receiver_answers, check_receiver_fix, CAUSES(NO_ANSWER,
		{ CAUSE_WEAK_SIGNALS, WARN, "satellites are received but weakly: the antenna needs the open sky" },
		{ CAUSE_NO_FIX, WARN,
		  "put the antenna under open sky; a cold start takes half a minute there, much longer "
		  "elsewhere (--fix-wait)" }), 60, false },
	{ "receiver", "time", "its time", "UTC resolved", check_receiver_answers, check_receiver_time, CAUSES(NO_ANSWER,
		{ CAUSE_NO_TIME, WARN, "time comes with the first satellites, before the position: see receiver/fix" },
		{ CAUSE_UNRESOLVED, WARN,
		  "leap seconds come with a page every 12.5 min: with a fix this ends by itself" },
		{ CAUSE_CLOCKS_DIFFER, WARN,
		  "the computer is synchronised and yet not at the receiver's time: one of them is wrong" }), 0, false },
	{ "uart", "errors", "what the line did to the bytes", "none damaged",
	  check_receiver_answers, check_uart_errors, CAUSES(NO_ANSWER,
		{ CAUSE_FRAMING, FAIL,
		  "bytes break on the way: ground, length, or level of the wires; or another device at "
		  "another rate" },
		{ CAUSE_OVERRUN, WARN, "bytes were lost: a lower [gnss] rate, a higher baud, less load" },
		{ CAUSE_DAMAGED, WARN, "frames with bad checksums: ground and length of the wires" }), 0, false },

	{ "system", "clock", "this computer's clock", "set and synchronised", NULL, check_system_clock, CAUSES(
		{ CAUSE_UNSET, FAIL,
		  "a Pi has no clock of its own: network (NTP) or the receiver must set it; certificates "
		  "have dates" },
		{ CAUSE_NOT_SYNCHRONISED, WARN,
		  "no NTP: the node uses the receiver's or the server's time instead" }), 0, false },
	{ "system", "power", "the firmware's flags of the supply", "no flag", NULL, check_system_power, CAUSES(
		{ CAUSE_UNKNOWN, SKIP, "this firmware has no such file" },
		{ CAUSE_UNDER_VOLTAGE, FAIL,
		  "less than 4.63 V now: a better supply (2.5 A) and a shorter, thicker cable" },
		{ CAUSE_WAS_UNDER_VOLTAGE, WARN,
		  "the voltage was too low since the start: a better supply, a shorter cable" },
		{ CAUSE_THROTTLED, WARN, "the processor is slowed down: heat or supply" }), 0, false },
	{ "system", "heat", "temperature of the processor", "80 C", NULL, check_system_heat, CAUSES(
		{ CAUSE_UNKNOWN, SKIP, "this machine has no such file" },
		{ CAUSE_HOT, WARN, "it is slowed down from here on: air, a heat sink, shade" }), 0, false },
	{ "system", "outbox", "where readings wait", "writable, room for [outbox] max_mb",
	  NULL, check_system_outbox, CAUSES(
		{ CAUSE_ABSENT, FAIL, "make the folder: the service does, else sudo install -d -o geotherm-node -m 700 FOLDER" },
		{ CAUSE_NO_RIGHT, WARN, "this user may not write there: run as the node's (sudo -u geotherm-node ...) or root" },
		{ CAUSE_READ_ONLY, FAIL, "the disk is mounted read-only: full of errors? (dmesg, fsck)" },
		{ CAUSE_IN_MEMORY, WARN, "a RAM disk: what waits there is lost with the power" },
		{ CAUSE_FULL, FAIL, "less than 50 MB free: make room" },
		{ CAUSE_TIGHT, WARN, "less free than [outbox] max_mb: lower that, or make room" }), 0, false },
	{ "system", "storage", "how fast and how worn the disk is", "500 ms for a synchronous write",
	  NULL, check_system_storage, CAUSES(
		{ CAUSE_ABSENT, SKIP, "no folder: see system/outbox" },
		{ CAUSE_NO_WRITE, SKIP, "nothing could be written there: see system/outbox" },
		{ CAUSE_SLOW, WARN, "an old or false SD card? [outbox] sync = 30 spares it" },
		{ CAUSE_WORN, WARN, "the card reports the end of its life: replace it" }), 1, false },

	{ "uplink", "credentials", "certificate, key and CA", "usable, 30 days left",
	  check_uplink_secured, check_uplink_credentials, CAUSES(NO_SERVER,
		{ CAUSE_PLAIN, SKIP, "coap:// has no certificates" },
		{ CAUSE_MISSING, FAIL,
		  "put the file there ([server] ca, certificate, key): geotherm ca issue makes them, geotherm "
		  "ca bundle packs them" },
		{ CAUSE_UNREADABLE, FAIL, "this user may not read it: run as root, or as the node's (sudo -u geotherm-node ...)" },
		{ CAUSE_UNUSABLE, FAIL, "a wrong or damaged file, or a key that is not the certificate's" },
		{ CAUSE_EXPIRED, FAIL, "have it renewed by the operator of the CA (geotherm ca renew)" },
		{ CAUSE_NOT_YET_VALID, FAIL, "is this computer's clock right? see system/clock" },
		{ CAUSE_EXPIRES_SOON, WARN, "have it renewed by the operator of the CA (geotherm ca renew)" }), 0, false },
	{ "uplink", "device", "whose certificate it is", "this node's", check_uplink_secured, check_uplink_device, CAUSES(NO_SERVER,
		{ CAUSE_PLAIN, SKIP, "coap:// has no certificates" },
		{ CAUSE_NAMELESS, FAIL, "no network interface has a MAC to name this node by: set [node] device" },
		{ CAUSE_NO_CREDENTIALS, SKIP, "see uplink/credentials" },
		{ CAUSE_UNNAMED, WARN, "it has no SAN URI urn:dev:...: the server goes by its CN" },
		{ CAUSE_OTHER_DEVICE, FAIL,
		  "the server will refuse the readings: the certificate of another node, or [node] device "
		  "is wrong" }), 0, false },
	{ "uplink", "session", "handshake with the first server", "within 20 s",
	  check_uplink_client, check_uplink_session, CAUSES(NO_SERVER,
		{ CAUSE_NO_CREDENTIALS, SKIP, "see uplink/credentials" },
		{ CAUSE_NO_SUCH_HOST, FAIL,
		  "the name has no address: right [server] uri? network and DNS up? (ping)" },
		{ CAUSE_SERVER_DOWN, FAIL,
		  "the host answers but nothing listens: is geotherm-server running? right port?" },
		{ CAUSE_NO_ANSWER, FAIL,
		  "no answer: network up? UDP to that port allowed by each firewall on the way?" },
		{ CAUSE_NO_ROUTE, FAIL, "no way to the server's address: network up? (ip route get)" },
		{ CAUSE_WRONG_NAME, FAIL,
		  "its certificate is for another name: right [server] uri? else set server_name, or have "
		  "one with this name" },
		{ CAUSE_WRONG_CA, FAIL,
		  "its certificate is not of our CA: [server] ca must be the CA of the server's certificate" },
		{ CAUSE_SERVER_EXPIRED, FAIL,
		  "the server's certificate has expired (or this computer's clock is wrong)" },
		{ CAUSE_SERVER_NOT_YET, FAIL, "the server's certificate is of the future: see system/clock" },
		{ CAUSE_WE_ARE_REFUSED, FAIL,
		  "the server rejects our certificate: is it of the server's CA, and not revoked?" },
		{ CAUSE_REFUSED, FAIL,
		  "the handshake failed: no cipher in common ([server] ciphers), or no DTLS 1.2 server" }), 20, false },
	{ "uplink", "time", "the server's time", "within 60 s", check_uplink_connected, check_uplink_time, CAUSES(NO_SESSION,
		{ CAUSE_NO_TIME, WARN, "the server has no /time: a legacy server?" },
		{ CAUSE_CLOCKS_DIFFER, WARN, "one of the two clocks is wrong: see system/clock" }), 0, false },
	{ "uplink", "read", "whether we may read our own", "allowed",
	  check_uplink_connected, check_uplink_read, CAUSES(NO_SESSION, REQUEST), 20, false },
	{ "uplink", "store", "a marked row there and back", "the same",
	  check_uplink_connected, check_uplink_store, CAUSES(NO_SESSION, REQUEST,
		{ CAUSE_ONCE, SKIP, "only in the first round" },
		{ CAUSE_NOT_THE_SAME, FAIL,
		  "what comes back is not what was stored: please report it with --bundle" }), 20, false },
};
/* clang-format on */

const size_t selftest_checks_count = sizeof(selftest_checks) / sizeof(selftest_checks[0]);
