// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* mkstemp(), open_memstream() */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "userspace/daemon/config.h"

struct target {
	char *name, *path;
	unsigned port, interval_ms, untouched;
	bool loud, quiet;
	int mode;
};

static const char *const modes[] = { "auto", "userspace", "kernel", NULL };

static const struct config_key table[] = {
	{ "node", "name", CONFIG_STRING, offsetof(struct target, name), "pi", 0, 0, NULL,
	  "Name of the node." },
	{ "node", "interval", CONFIG_SECONDS, offsetof(struct target, interval_ms), "10", 500,
	  86400000, NULL,
	  "Time between two readings, from the beginning of one to the beginning of the next one, however long it takes." },
	{ "node", "loud", CONFIG_BOOL, offsetof(struct target, loud), "no", 0, 0, NULL,
	  "Says more." },
	{ "node", "quiet", CONFIG_BOOL, offsetof(struct target, quiet), NULL, 0, 0, NULL,
	  "Says less." },
	{ "server", "port", CONFIG_UINT, offsetof(struct target, port), "5684", 1, 65535, NULL,
	  "UDP port." },
	{ "server", "path", CONFIG_STRING, offsetof(struct target, path), NULL, 0, 0, NULL,
	  "A file." },
	{ "sensors", "bus", CONFIG_CHOICE, offsetof(struct target, mode), "auto", 0, 0, modes,
	  "Which bus." },
};
#define N (sizeof(table) / sizeof(table[0]))

static char path[] = "/tmp/test_daemon_config.XXXXXX";
static char err[256];

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static int load(struct target *t, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	memset(t, 0x55, sizeof(*t));
	err[0] = '\0';
	return config_load(table, N, t, path, err, sizeof(err));
}

static void defaults_stand_without_a_file(void **state)
{
	struct target t;

	(void)state;
	memset(&t, 0x55, sizeof(t));
	assert_int_equal(config_load(table, N, &t, NULL, err, sizeof(err)), 0);
	assert_string_equal(t.name, "pi");
	assert_null(t.path);
	assert_int_equal(t.port, 5684);
	assert_int_equal(t.interval_ms, 10000);
	assert_false(t.loud);
	assert_false(t.quiet);
	assert_int_equal(t.mode, 0);
	config_free(table, N, &t);
	assert_null(t.name);
}

static void a_file_is_read_key_by_key(void **state)
{
	struct target t;

	(void)state;
	assert_int_equal(
		load(&t,
		     "\xef\xbb\xbf; a comment\n# another\n\n[node]\nname = left door ; why\r\n"
		     "  interval=0.75\n\tloud = yes\n[server]\nport: 1\npath =\n[sensors]\nbus = kernel"),
		0);
	assert_string_equal(t.name, "left door");
	assert_int_equal(t.interval_ms, 750);
	assert_true(t.loud);
	assert_int_equal(t.port, 1);
	assert_null(t.path); /* as without the line */
	assert_int_equal(t.mode, 2);
	config_free(table, N, &t);
}

static void times_are_exact_in_every_unit(void **state)
{
	static const struct {
		const char *text;
		unsigned ms;
	} cases[] = {
		{ "10", 10000 },     { "0.5", 500 },	  { "0.501", 501 },
		{ "500ms", 500 },    { "1.5 s", 1500 },	  { "5min", 300000 },
		{ "1.5min", 90000 }, { "24h", 86400000 }, { "0.25 h", 900000 },
	};
	static const char *const wrong[] = {
		"",
		"-1",
		".5",
		"5.",
		"0.499",
		"0.5001",
		"1.5ms",
		"10 d",
		"10sec",
		"25h",
		"99999999999999999999h",
		"1e3",
		"1,5",
	};
	char line[80];
	struct target t;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(line, sizeof(line), "[node]\ninterval = %s\n", cases[i].text);
		assert_int_equal(load(&t, line), 0);
		assert_int_equal(t.interval_ms, cases[i].ms);
		config_free(table, N, &t);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(line, sizeof(line), "[node]\ninterval = %s\n", wrong[i]);
		if (load(&t, line) != -EINVAL) {
			fail_msg("\"%s\" was taken as %u ms", wrong[i], t.interval_ms);
		}
		assert_non_null(strstr(err, "must be a time from 0.500 s to 86400.000 s"));
	}
}

static void every_mistake_is_named_with_file_line_key_and_what_is_allowed(void **state)
{
	static const char long_line[] =
		"[node]\nname = 0123456789012345678901234567890123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789012345678901234567890123456789\n";
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "[node]\nloud = maybe\n", ":2: [node] loud = maybe: must be yes or no" },
		{ "[node]\n\n\nloud =\n", ":4: [node] loud = : must be yes or no" },
		{ "[server]\nport = 65536\n",
		  ":2: [server] port = 65536: must be a whole number from 1 to 65535" },
		{ "[server]\nport = 0\n",
		  ":2: [server] port = 0: must be a whole number from 1 to 65535" },
		{ "[server]\nport = -1\n", "must be a whole number" },
		{ "[server]\nport = 1.5\n", "must be a whole number" },
		{ "[server]\nport = 0x50\n", "must be a whole number" },
		{ "[server]\nport = 99999999999999999999999\n", "must be a whole number" },
		{ "[sensors]\nbus = Kernel\n",
		  ":2: [sensors] bus = Kernel: must be one of auto, userspace, kernel" },
		{ "[sensors]\n# one\n; two\nbus = usb\n", ":4: [sensors] bus = usb: must be" },
		{ "[node]\nnam = x\n", ":2: unknown key nam in [node]; did you mean name?" },
		{ "[node]\nport = 1\n",
		  ":2: unknown key port in [node]; it belongs into [server]" },
		{ "[node]\ncolour = 1\n", ":2: unknown key colour in [node]" },
		{ "[nodes]\nname = x\n", ":2: unknown section [nodes]; did you mean [node]?" },
		{ "[weather]\nname = x\n", ":2: unknown section [weather]" },
		{ "name = x\n", ":1: name stands before any [section]; it belongs into [node]" },
		{ "[node]\nname = a\nloud = 1\nname = b\n",
		  ":4: [node] name is given twice, first in line 2" },
		{ "[node]\nname = a\n[server]\n[node]\nname = a\n",
		  ":5: [node] name is given twice, first in line 2" },
		{ "[node]\njust words\n", ":2: neither \"[section]\" nor \"key = value\"" },
		{ "[node] name = x\n", ":1: text after [section]" },
		{ "[node] ; why\n= x\n", ":2: unknown key  in [node]" },
		{ "[node\nname = x\n", ":1: neither \"[section]\"" },
		/* the first mistake counts */
		{ "[node]\njust words\nloud = maybe\n", ":2: neither" },
		{ "[node]\nloud = maybe\njust words\n", ":2: [node] loud" },
		{ long_line, ":2: line of more than " },
	};
	struct target t;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int rc = load(&t, cases[i].text);

		if (rc != -EINVAL || strncmp(err, path, strlen(path)) != 0 ||
		    strncmp(err + strlen(path), cases[i].words,
			    cases[i].words[0] == ':' ? strlen(cases[i].words) : 0) != 0 ||
		    strstr(err, cases[i].words) == NULL) {
			fail_msg("%s\n gave %d \"%s\"\n expected \"%s\"", cases[i].text, rc, err,
				 cases[i].words);
		}
		/* nothing is left in the target, so nothing to free */
		assert_null(t.name);
		assert_int_equal(t.port, 0);
		assert_int_equal(t.untouched, 0x55555555);
	}
}

static void a_nul_byte_is_refused_where_it_would_cut_a_value(void **state)
{
	static const char text[] = "[node]\nname = pass\0word\n";
	struct target t;
	FILE *f = fopen(path, "w");

	(void)state;
	assert_non_null(f);
	fwrite(text, 1, sizeof(text) - 1, f);
	fclose(f);
	assert_int_equal(config_load(table, N, &t, path, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, ":2: a NUL byte in the line"));
}

static void a_file_that_cannot_be_read_says_why(void **state)
{
	struct target t;

	(void)state;
	assert_int_equal(config_load(table, N, &t, "/nonexistent/node.conf", err, sizeof(err)),
			 -ENOENT);
	assert_string_equal(err, "/nonexistent/node.conf: No such file or directory");
	assert_int_equal(config_load(table, N, &t, "/tmp", err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "/tmp: cannot be read"));
}

static void an_error_longer_than_its_buffer_is_cut_and_terminated(void **state)
{
	struct target t;
	char small[24];

	(void)state;
	load(&t, "[node]\nloud = maybe\n");
	for (size_t size = 1; size <= sizeof(small); size++) {
		memset(small, 0x55, sizeof(small));
		assert_int_equal(config_load(table, N, &t, path, small, size), -EINVAL);
		assert_int_equal(strlen(small), size - 1);
	}
}

static void a_text_without_a_value_is_an_error_of_its_line(void **state)
{
	struct target t;

	(void)state;
	assert_int_equal(load(&t, "[node]\nloud = 1\nname =\n"), -EINVAL);
	assert_non_null(strstr(err, ":3: [node] name = : must be a text that is not empty"));
}

static void an_override_goes_over_what_was_loaded(void **state)
{
	struct target t;

	(void)state;
	assert_int_equal(load(&t, "[node]\nname = file\n"), 0);
	assert_int_equal(config_override(table, N, &t, "node.name=over=it", err, sizeof(err)), 0);
	assert_string_equal(t.name, "over=it");
	assert_int_equal(config_override(table, N, &t, "node.name=", err, sizeof(err)), -EINVAL);
	assert_string_equal(
		err,
		"node.name=: [node] name = : must be a text that is not empty (leave it out for the default)");
	assert_int_equal(config_override(table, N, &t, "server.port=77", err, sizeof(err)), 0);
	assert_int_equal(t.port, 77);
	assert_int_equal(config_override(table, N, &t, "server.port=0", err, sizeof(err)), -EINVAL);
	assert_string_equal(
		err, "server.port=0: [server] port = 0: must be a whole number from 1 to 65535");
	assert_int_equal(t.port, 77);
	assert_int_equal(config_override(table, N, &t, "server.prot=1", err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "server.prot=1: unknown key prot in [server]; did you mean port?");
	assert_int_equal(config_override(table, N, &t, "port=1", err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "port=1: must be section.key=value");
	assert_int_equal(config_override(table, N, &t, "port=1.5", err, sizeof(err)), -EINVAL);
	assert_int_equal(config_override(table, N, &t, "server.port", err, sizeof(err)), -EINVAL);
	config_free(table, N, &t);
}

static void the_printed_table_names_all_keys_and_loads_as_the_defaults(void **state)
{
	struct target t;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	config_print(table, N, out);
	fclose(out);
	assert_non_null(strstr(text, "[node]\n\n# Name of the node.\n;name = pi\n"));
	assert_non_null(strstr(text, "# Allowed: a whole number from 1 to 65535.\n;port = 5684\n"));
	assert_non_null(strstr(text, "# Allowed: one of auto, userspace, kernel.\n;bus = auto\n"));
	assert_int_equal(load(&t, text), 0);
	assert_int_equal(t.port, 5684);
	config_free(table, N, &t);
	/* with the comments taken off it says the same */
	for (char *c = text; (c = strstr(c, "\n;")) != NULL; c += 2) {
		c[1] = ' ';
	}
	*strstr(text, " quiet = ") = ';';
	assert_int_equal(load(&t, text), 0);
	assert_string_equal(t.name, "pi");
	assert_int_equal(t.interval_ms, 10000);
	config_free(table, N, &t);
	for (char *c = text; *c != '\0'; c += strcspn(c, "\n") + 1) {
		assert_in_range(strcspn(c, "\n"), 0, 95);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_stand_without_a_file),
		cmocka_unit_test(a_file_is_read_key_by_key),
		cmocka_unit_test(times_are_exact_in_every_unit),
		cmocka_unit_test(every_mistake_is_named_with_file_line_key_and_what_is_allowed),
		cmocka_unit_test(a_nul_byte_is_refused_where_it_would_cut_a_value),
		cmocka_unit_test(a_file_that_cannot_be_read_says_why),
		cmocka_unit_test(an_error_longer_than_its_buffer_is_cut_and_terminated),
		cmocka_unit_test(a_text_without_a_value_is_an_error_of_its_line),
		cmocka_unit_test(an_override_goes_over_what_was_loaded),
		cmocka_unit_test(the_printed_table_names_all_keys_and_loads_as_the_defaults),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
