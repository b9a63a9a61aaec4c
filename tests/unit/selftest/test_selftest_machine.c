// SPDX-License-Identifier: BSD-2-Clause
/* The checks of board, GPIO, console and system, on a tree of files that stands for /proc and /sys,
 * and on libgpiod as a fake. */
#define _GNU_SOURCE
#include "tests/unit/gpio-w1/fake_gpiod1.h"

#include "gpio-w1/w1_gpiod1.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "userspace/selftest/checks.h"

static char root[] = "/tmp/selftest-XXXXXX";
static struct node_config config;
static struct selftest_outcome out;

static void put(const char *path, const void *bytes, size_t n)
{
	char full[512], command[600];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	snprintf(command, sizeof(command), "mkdir -p \"$(dirname '%s')\"", full);
	assert_int_equal(system(command), 0);
	f = fopen(full, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

static void put_text(const char *path, const char *text)
{
	put(path, text, strlen(text));
}

static void put_revision(uint32_t code)
{
	put("/proc/device-tree/system/linux,revision",
	    (uint8_t[]){ (uint8_t)(code >> 24), (uint8_t)(code >> 16), (uint8_t)(code >> 8),
			 (uint8_t)code },
	    4);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(root, "/tmp/selftest-XXXXXX");
	fake_reset();
	fake_add(0, "raspberrypi-exp-gpio", 8);
	fake_add(1, "pinctrl-bcm2835", 54);
	config = (struct node_config){ .w1_bus = NODE_W1_AUTO,
				       .w1_pins = { 1, { 4 } },
				       .w1_resolutions.all_bits = 12,
				       .gnss_port = (char *)"/dev/null" };
	return mkdtemp(root) == NULL;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

/* The cause of a check on a machine just started; NULL: it passed. */
static const char *cause_of(const char *group, const char *name)
{
	struct selftest t = { .config = &config, .root = root };

	for (size_t i = 0; i < selftest_checks_count; i++) {
		const struct selftest_check *c = &selftest_checks[i];

		if (strcmp(c->group, group) == 0 && strcmp(c->name, name) == 0) {
			selftest_run(&t, c, &out);
			selftest_close(&t);
			assert_int_equal(fake.open_chips, 0);
			return selftest_cause_name(out.cause);
		}
	}
	fail_msg("no check %s/%s", group, name);
	return NULL;
}

static void assert_cause(const char *group, const char *name, const char *cause,
			 enum selftest_status status)
{
	const char *seen = cause_of(group, name);

	if (seen == NULL || strcmp(seen, cause) != 0 || out.status != status) {
		fail_msg("%s/%s: %s instead of %s (%s)", group, name,
			 seen != NULL ? seen : "a pass", cause, out.value);
	}
}

static void assert_pass(const char *group, const char *name, const char *says)
{
	const char *seen = cause_of(group, name);

	if (seen != NULL || strstr(out.value, says) == NULL) {
		fail_msg("%s/%s: %s: %s", group, name, seen != NULL ? seen : "passed", out.value);
	}
}

static void boards_are_told_by_model_and_revision(void **state)
{
	(void)state;
	assert_cause("board", "model", "not-a-pi", SELFTEST_SKIP);
	put_text("/proc/device-tree/model", "Some other board");
	assert_cause("board", "model", "not-a-pi", SELFTEST_SKIP);
	put("/proc/device-tree/model", "Raspberry Pi 3 Model B Rev 1.2", 31); /* with its NUL, as
										 there */
	assert_pass("board", "model", "Raspberry Pi 3 Model B Rev 1.2");
	put_revision(0xa02082);
	assert_pass("board", "model", "revision a02082 (BCM2837, 1024 MB)");
	put("/proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4", 31);
	put_revision(0xd03114);
	assert_pass("board", "model", "(BCM2711, 8192 MB)");
	put("/proc/device-tree/model", "Raspberry Pi Zero W Rev 1.1", 28);
	put_revision(0x9000c1);
	assert_cause("board", "model", "slow-board", SELFTEST_WARN);
	put("/proc/device-tree/model", "Raspberry Pi Model B Rev 2", 27);
	put_revision(0x000e); /* of before 2014 */
	assert_cause("board", "model", "slow-board", SELFTEST_WARN);
	put("/proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0", 31);
	put_revision(0xd04170);
	assert_cause("board", "model", "new-board", SELFTEST_WARN);
}

static void what_is_no_text_reaches_no_report(void **state)
{
	(void)state;
	put_text("/proc/device-tree/model", "Raspberry Pi \xc3\xa9 \x1b[31m \xff\xc3 \xe2\x82");
	assert_pass("board", "model", "Raspberry Pi \xc3\xa9 \\u001b[31m \\xff\\xc3 \\xe2\\x82");
}

static void a_free_line_passes_and_is_given_back(void **state)
{
	(void)state;
	assert_pass("gpio", "chip", "");
	assert_pass("gpio", "line", "GPIO4 is free");
	assert_false(fake.line[1][4].requested);
}

static void a_line_that_is_held_is_named_with_its_holder(void **state)
{
	(void)state;
	fake.line[1][4].held_by = "relay-board";
	assert_pass("gpio", "chip", "");
	assert_cause("gpio", "line", "held", SELFTEST_FAIL);
	assert_non_null(strstr(out.value, "relay-board"));
	assert_cause("bus", "idle", "no-line", SELFTEST_SKIP);
	assert_cause("timing", "slots", "no-line", SELFTEST_SKIP);
	fake.line[1][4].held_by = "geotherm-w1";
	assert_cause("gpio", "line", "node-holds", SELFTEST_FAIL);
	fake.line[1][4].held_by = "onewire@4";
	assert_cause("gpio", "line", "kernel-holds", SELFTEST_WARN);
	config.w1_bus = NODE_W1_USERSPACE;
	assert_cause("gpio", "line", "held", SELFTEST_FAIL);
}

static void a_chip_that_is_absent_or_forbidden_and_a_line_that_is_none_are_told_apart(void **state)
{
	(void)state;
	config.w1_pins.gpio[0] = 99;
	assert_cause("gpio", "line", "no-such-line", SELFTEST_FAIL);
	config.w1_pins.gpio[0] = 4;
	fake.open_error = EACCES;
	assert_cause("gpio", "chip", "no-right", SELFTEST_FAIL);
	fake.open_error = 0;
	config.w1_chip = (char *)"no-such-chip";
	assert_cause("gpio", "chip", "no-chip", SELFTEST_FAIL);
	assert_cause("gpio", "line", "no-line", SELFTEST_SKIP);
}

static void what_the_configuration_turns_off_is_skipped(void **state)
{
	(void)state;
	config.w1_bus = NODE_W1_NONE;
	config.gnss_port = (char *)"none";
	for (size_t i = 0; i < selftest_checks_count; i++) {
		const struct selftest_check *c = &selftest_checks[i];

		if (selftest_wanted(c, "gpio,bus,sensors,timing,uart,receiver,uplink")) {
			cause_of(c->group, c->name);
			assert_int_equal(out.status, SELFTEST_SKIP);
			assert_non_null(out.hint);
		}
	}
	assert_int_equal(fake.requests, 0);
}

static void gpio_errors_are_not_taken_for_a_bus(void **state)
{
	(void)state;
	fake.io_error = EIO;
	assert_cause("bus", "idle", "line-error", SELFTEST_FAIL);
	assert_cause("bus", "presence", "line-error", SELFTEST_FAIL);
	assert_cause("sensors", "search", "line-error", SELFTEST_FAIL);
}

#define SLAVE "/sys/bus/w1/devices/28-00000bbb9b13/w1_slave"
#define EXTERNAL "/sys/bus/w1/devices/28-00000bbb9b13/ext_power"

static void the_kernels_sensors_are_judged_where_it_has_the_line(void **state)
{
	(void)state;
	config.w1_bus = NODE_W1_KERNEL;
	assert_cause("gpio", "line", "kernel", SELFTEST_SKIP);
	assert_cause("bus", "presence", "kernel", SELFTEST_SKIP);
	assert_cause("sensors", "temperature", "kernel-has-none", SELFTEST_FAIL);
	put_text(EXTERNAL, "1\n");
	put_text(SLAVE,
		 "91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n91 01 4b 46 7f ff 0f 10 25 t=25062\n");
	assert_cause("sensors", "temperature", "unproven", SELFTEST_WARN);
	assert_non_null(strstr(out.value, "25.06 C"));
	config.w1_bus = NODE_W1_AUTO;
	fake.line[1][4].held_by = "onewire@4";
	assert_cause("sensors", "temperature", "unproven", SELFTEST_WARN);
	assert_non_null(strstr(out.value, "25.06 C"));
	put_text(SLAVE,
		 "91 01 4b 46 7f ff 0f 10 99 : crc=25 NO\n91 01 4b 46 7f ff 0f 10 25 t=25062\n");
	assert_cause("sensors", "temperature", "crc", SELFTEST_FAIL);
}

static void a_console_on_the_port_is_found_token_by_token(void **state)
{
	static const struct {
		const char *cmdline;
		bool on;
	} lines[] = {
		{ "console=tty1 root=PARTUUID=1 rootwait\n", false },
		{ "console=serial0,115200 console=tty1\n", true },
		{ "root=1 console=serial0\n", true },
		{ "console=serial0,115200n8", true },
		{ "console=serial01 console=ttyserial0\n", false },
		{ "xconsole=serial0 noconsole\n", false },
	};

	(void)state;
	config.gnss_port = (char *)"/dev/serial0";
	assert_cause("uart", "console", "unknown", SELFTEST_SKIP);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		put_text("/proc/cmdline", lines[i].cmdline);
		if (lines[i].on) {
			assert_cause("uart", "console", "console", SELFTEST_FAIL);
		} else {
			assert_pass("uart", "console", "");
		}
	}
}

static void the_firmwares_flags_are_read(void **state)
{
	(void)state;
	assert_cause("system", "power", "unknown", SELFTEST_SKIP);
	put_text("/sys/devices/platform/soc/soc:firmware/get_throttled", "0\n");
	assert_pass("system", "power", "0x0");
	put_text("/sys/devices/platform/soc/soc:firmware/get_throttled", "50005\n");
	assert_cause("system", "power", "under-voltage", SELFTEST_FAIL);
	put_text("/sys/devices/platform/soc/soc:firmware/get_throttled", "50000\n");
	assert_cause("system", "power", "was-under-voltage", SELFTEST_WARN);
	put_text("/sys/devices/platform/soc/soc:firmware/get_throttled", "80008\n");
	assert_cause("system", "power", "throttled", SELFTEST_WARN);
	put_text("/sys/class/thermal/thermal_zone0/temp", "45123\n");
	assert_pass("system", "heat", "45.1 C");
	put_text("/sys/class/thermal/thermal_zone0/temp", "81000\n");
	assert_cause("system", "heat", "hot", SELFTEST_WARN);
}

static void a_clock_of_the_past_is_unset(void **state)
{
	(void)state;
	config.not_before_us = INT64_MAX;
	assert_cause("system", "clock", "unset", SELFTEST_FAIL);
}

static void the_worst_of_the_outboxs_disk_is_named(void **state)
{
	static const struct {
		struct disk disk;
		const char *cause;
	} rows[] = {
		{ { .free_mb = 512, .writable = true }, NULL },
		{ { .free_mb = 511, .writable = true }, "tight" },
		{ { .free_mb = 50, .writable = true }, "tight" },
		{ { .free_mb = 49, .writable = true }, "full" },
		{ { .free_mb = 49, .writable = true, .in_memory = true }, "in-memory" },
		{ { .free_mb = 512, .in_memory = true }, "no-right" },
		{ { .free_mb = 512, .read_only = true }, "read-only" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *cause =
			selftest_cause_name(check_system_judge_disk(&rows[i].disk, 512));

		if ((cause == NULL) != (rows[i].cause == NULL) ||
		    (cause != NULL && strcmp(cause, rows[i].cause) != 0)) {
			fail_msg("row %zu: %s", i, cause != NULL ? cause : "passed");
		}
	}
}

static void the_outboxs_folder_is_looked_at(void **state)
{
	char path[128], text[128];
	struct statfs kind;
	struct stat st;

	(void)state;
	config.outbox_max_mb = 1;
	config.outbox_path = (char *)"/nonexistent/outbox.db";
	assert_cause("system", "outbox", "absent", SELFTEST_FAIL);
	assert_cause("system", "storage", "absent", SELFTEST_SKIP);
	config.outbox_path = (char *)"/dev/shm/outbox.db";
	assert_cause("system", "outbox", "in-memory", SELFTEST_WARN);
	snprintf(path, sizeof(path), "%s/outbox.db", root);
	config.outbox_path = path;
	assert_int_equal(stat(root, &st), 0);
	assert_pass("system", "storage", "a synchronous write takes");
	config.outbox_max_mb = UINT32_MAX;
	/* /tmp may be a RAM disk, as on Debian 13. */
	assert_int_equal(statfs(root, &kind), 0);
	assert_cause("system", "outbox", kind.f_type == TMPFS_MAGIC ? "in-memory" : "tight",
		     SELFTEST_WARN);
	snprintf(text, sizeof(text), "/sys/dev/block/%u:%u/device/life_time", major(st.st_dev),
		 minor(st.st_dev));
	put_text(text, "0x02 0x03\n");
	assert_pass("system", "storage", "worn to 30 %");
	put_text(text, "0x02 0x0b\n");
	assert_cause("system", "storage", "worn", SELFTEST_WARN);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(boards_are_told_by_model_and_revision),
		TEST(what_is_no_text_reaches_no_report),
		TEST(a_free_line_passes_and_is_given_back),
		TEST(a_line_that_is_held_is_named_with_its_holder),
		TEST(a_chip_that_is_absent_or_forbidden_and_a_line_that_is_none_are_told_apart),
		TEST(what_the_configuration_turns_off_is_skipped),
		TEST(gpio_errors_are_not_taken_for_a_bus),
		TEST(the_kernels_sensors_are_judged_where_it_has_the_line),
		TEST(a_console_on_the_port_is_found_token_by_token),
		TEST(the_firmwares_flags_are_read),
		TEST(a_clock_of_the_past_is_unset),
		TEST(the_worst_of_the_outboxs_disk_is_named),
		TEST(the_outboxs_folder_is_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
