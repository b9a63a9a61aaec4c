// SPDX-License-Identifier: BSD-2-Clause
/* system_facts on trees of files as a Pi 3 has them, and as machines without have. */
#define _GNU_SOURCE /* mkdtemp() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "userspace/node/system_facts.h"

static char root[64];

static int setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/geotherm-facts-XXXXXX");
	return mkdtemp(root) == NULL;
}

static int teardown(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", root);
	return system(command);
}

static void put(const char *path, const char *text)
{
	char full[256];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *c = full + strlen(root) + 1; (c = strchr(c, '/')) != NULL; c++) {
		*c = '\0';
		assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
		*c = '/';
	}
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void interface(const char *name, const char *type, const char *assigned, const char *index,
		      const char *mac)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/net/%s/type", name);
	put(path, type);
	snprintf(path, sizeof(path), "/sys/class/net/%s/addr_assign_type", name);
	put(path, assigned);
	snprintf(path, sizeof(path), "/sys/class/net/%s/ifindex", name);
	put(path, index);
	snprintf(path, sizeof(path), "/sys/class/net/%s/address", name);
	put(path, mac);
}

static void a_pi_tells_all(void **state)
{
	struct reading r;

	(void)state;
	put("/proc/sys/kernel/hostname", "river-hut\n");
	put("/proc/uptime", "350735.47 234388.90\n");
	put("/proc/loadavg", "0.20 0.18 0.12 1/80 11206\n");
	put("/proc/meminfo",
	    "MemTotal:         945512 kB\nMemFree:          516708 kB\nMemAvailable:     718148 kB\n");
	put("/sys/class/thermal/thermal_zone0/temp", "48312\n");
	put("/sys/devices/platform/soc/soc:firmware/get_throttled", "50005\n");
	reading_init(&r);
	system_facts_fill(root, &r);
	assert_string_equal(r.host, "river-hut");
	assert_string_equal(r.version, GEOTHERM_VERSION);
	assert_int_equal(r.uptime_s, 350735);
	assert_int_equal(r.load_e2, 20);
	assert_int_equal(r.mem_free_b, 718148 * 1024);
	assert_int_equal(r.cpu_mc, 48312);
	assert_int_equal(r.throttled, 0x50005);
}

static void what_a_machine_lacks_is_unknown(void **state)
{
	struct reading r;

	(void)state;
	put("/proc/uptime", "nonsense\n");
	put("/proc/loadavg", "");
	put("/proc/meminfo", "MemTotal: 1 kB\n");
	put("/sys/class/thermal/thermal_zone0/temp", "hot\n");
	reading_init(&r);
	system_facts_fill(root, &r);
	assert_string_equal(r.host, "");
	assert_int_equal(r.known, 0);
}

static void a_frost_is_read_with_its_sign(void **state)
{
	struct reading r;

	(void)state;
	put("/sys/class/thermal/thermal_zone0/temp", "-12000\n");
	reading_init(&r);
	system_facts_fill(root, &r);
	assert_int_equal(r.cpu_mc, -12000);
}

static void the_first_interface_with_an_address_that_lasts_names_the_node(void **state)
{
	static const uint8_t eth0[6] = { 0xb8, 0x27, 0xeb, 0x12, 0x34, 0x56 };
	uint8_t mac[6];

	(void)state;
	assert_int_equal(system_facts_mac(root, mac), -ENODEV);
	interface("lo", "772\n", "0\n", "1\n", "00:00:00:00:00:00\n");
	assert_int_equal(system_facts_mac(root, mac), -ENODEV);
	interface("aaa", "1\n", "1\n", "2\n", "02:11:11:11:11:11\n"); /* random at each start */
	assert_int_equal(system_facts_mac(root, mac), 0);
	assert_int_equal(mac[0], 2);
	interface("wlan0", "1\n", "0\n", "4\n", "b8:27:eb:99:99:99\n");
	interface("eth0", "1\n", "0\n", "3\n", "b8:27:eb:12:34:56\n");
	interface("tun0", "65534\n", "0\n", "2\n", "\n");
	assert_int_equal(system_facts_mac(root, mac), 0);
	assert_memory_equal(mac, eth0, 6);
}

static void a_boot_is_known_by_the_kernels_id(void **state)
{
	uint64_t first;

	(void)state;
	put("/proc/sys/kernel/random/boot_id", "a7e446ec-8016-47a1-9dda-71f5290dde46\n");
	assert_true(system_facts_boot(root) == UINT64_C(0xa7e446ec801647a1));
	put("/proc/sys/kernel/random/boot_id", "");
	first = system_facts_boot(root);
	assert_true(first != 0 && first != system_facts_boot(root));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_pi_tells_all),
		TEST(what_a_machine_lacks_is_unknown),
		TEST(a_frost_is_read_with_its_sign),
		TEST(the_first_interface_with_an_address_that_lasts_names_the_node),
		TEST(a_boot_is_known_by_the_kernels_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
