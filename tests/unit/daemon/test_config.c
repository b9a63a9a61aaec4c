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

#include "stderr_rig.h"
#include "userspace/daemon/config.h"
#include "userspace/daemon/log.h"

struct target {
	char *name, *path;
	unsigned port, interval_ms, untouched;
	bool loud, quiet;
	int mode;
	enum log_level level;
	unsigned sync_ms;
	int8_t range[2];
};

static const char *const modes[] = { "auto", "userspace", "kernel", NULL };

static bool parse_range(const char *text, void *member, char *why, size_t why_size)
{
	int low, high, used;
	int8_t *range = member;

	if (sscanf(text, "%4d..%4d%n", &low, &high, &used) != 2 || text[used] != '\0') {
		return false;
	}
	if (low > high) {
		snprintf(why, why_size, "%d is above %d", low, high);
		return false;
	}
	range[0] = (int8_t)low;
	range[1] = (int8_t)high;
	return true;
}

static const struct config_key rows[] = {
	{ "node", "name", CONFIG_STRING, offsetof(struct target, name), "pi",
	  .help = "Name of the node." },
	{ "node", "interval", CONFIG_SECONDS, offsetof(struct target, interval_ms), "10",
	  .min = 500, .max = 86400000,
	  .help = "Time between two readings, from the beginning of one to the beginning of the next one, however long it takes." },
	{ "node", "loud", CONFIG_BOOL, offsetof(struct target, loud), "no", .help = "Says more." },
	{ "node", "quiet", CONFIG_BOOL, offsetof(struct target, quiet), NULL,
	  .help = "Says less." },
	{ "server", "port", CONFIG_UINT, offsetof(struct target, port), "5684", .min = 1,
	  .max = 65535, .help = "UDP port." },
	{ "server", "path", CONFIG_STRING, offsetof(struct target, path), NULL, .help = "A file." },
	{ "sensors", "bus", CONFIG_CHOICE, offsetof(struct target, mode), "auto", .choices = modes,
	  .help = "Which bus." },
	{ "sensors", "old", CONFIG_REMOVED, 0, NULL, .help = "use bus instead" },
	{ "sensors", "range", CONFIG_PARSED, offsetof(struct target, range), "-5..5",
	  .parse = parse_range, .size = 2, .allowed = "LOW..HIGH", .help = "A range." },
	{ "sensors", "sync", CONFIG_SECONDS, offsetof(struct target, sync_ms), "each", .min = 1000,
	  .max = 60000, .zero = "each", .help = "When." },
	{ "sensors", "log_level", CONFIG_LOG_LEVEL, offsetof(struct target, level), "info",
	  .live = true, .help = "How much." },
};

static int validate(void *target, size_t *blamed, char *why, size_t why_size)
{
	const struct target *t = target;

	*blamed = offsetof(struct target, quiet);
	snprintf(why, why_size, "loud and quiet exclude each other");
	return t->loud && t->quiet ? -EINVAL : 0;
}

static const struct config_table table = { rows, sizeof(rows) / sizeof(rows[0]), validate };

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
	return config_load(&table, t, &(const struct config_source){ path, NULL, 0 }, err,
			   sizeof(err));
}

static int load_over(struct target *t, const char *file, const char *assignment)
{
	return config_load(&table, t, &(const struct config_source){ file, &assignment, 1 }, err,
			   sizeof(err));
}

static void defaults_stand_without_a_file(void **state)
{
	struct target t;

	(void)state;
	memset(&t, 0x55, sizeof(t));
	assert_int_equal(config_load(&table, &t, &(const struct config_source){ NULL, NULL, 0 },
				     err, sizeof(err)),
			 0);
	assert_string_equal(t.name, "pi");
	assert_null(t.path);
	assert_int_equal(t.port, 5684);
	assert_int_equal(t.interval_ms, 10000);
	assert_false(t.loud);
	assert_false(t.quiet);
	assert_int_equal(t.mode, 0);
	config_free(&table, &t);
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
	config_free(&table, &t);
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
		config_free(&table, &t);
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
	static char long_line[5000] = "[node]\nname = ";
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
		{ long_line, ":2: line of more than 4094 " },
	};
	struct target t;

	(void)state;
	memset(long_line + strlen(long_line), 'x', sizeof(long_line) - strlen(long_line) - 1);
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
	assert_int_equal(config_load(&table, &t, &(const struct config_source){ path, NULL, 0 },
				     err, sizeof(err)),
			 -EINVAL);
	assert_non_null(strstr(err, ":2: a NUL byte in the line"));
}

static void a_file_that_cannot_be_read_says_why(void **state)
{
	struct target t;

	(void)state;
	assert_int_equal(
		config_load(&table, &t,
			    &(const struct config_source){ "/nonexistent/node.conf", NULL, 0 }, err,
			    sizeof(err)),
		-ENOENT);
	assert_string_equal(err, "/nonexistent/node.conf: No such file or directory");
	assert_int_equal(config_load(&table, &t, &(const struct config_source){ "/tmp", NULL, 0 },
				     err, sizeof(err)),
			 -EINVAL);
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
		assert_int_equal(config_load(&table, &t,
					     &(const struct config_source){ path, NULL, 0 }, small,
					     size),
				 -EINVAL);
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
	config_free(&table, &t);
	assert_int_equal(load_over(&t, path, "node.name=over=it"), 0);
	assert_string_equal(t.name, "over=it");
	config_free(&table, &t);
	assert_int_equal(load_over(&t, path, "node.name="), -EINVAL);
	assert_string_equal(
		err,
		"node.name=: [node] name = : must be a text that is not empty (leave it out for the default)");
	assert_int_equal(load_over(&t, path, "server.port=77"), 0);
	assert_int_equal(t.port, 77);
	config_free(&table, &t);
	assert_int_equal(load_over(&t, path, "server.port=0"), -EINVAL);
	assert_string_equal(
		err, "server.port=0: [server] port = 0: must be a whole number from 1 to 65535");
	assert_int_equal(load_over(&t, path, "server.prot=1"), -EINVAL);
	assert_string_equal(err, "server.prot=1: unknown key prot in [server]; did you mean port?");
	assert_int_equal(load_over(&t, path, "port=1"), -EINVAL);
	assert_string_equal(err, "port=1: must be section.key=value");
	assert_int_equal(load_over(&t, path, "port=1.5"), -EINVAL);
	assert_int_equal(load_over(&t, path, "server.port"), -EINVAL);
	assert_null(t.name);
}

static void a_value_is_parsed_by_its_rows_function(void **state)
{
	struct target t;

	(void)state;
	assert_int_equal(load_over(&t, NULL, "sensors.range=-20..60"), 0);
	assert_int_equal(t.range[0], -20);
	assert_int_equal(t.range[1], 60);
	config_free(&table, &t);
	assert_int_equal(load_over(&t, NULL, "sensors.range=60"), -EINVAL);
	assert_string_equal(err, "sensors.range=60: [sensors] range = 60: must be LOW..HIGH");
	assert_int_equal(load_over(&t, NULL, "sensors.range=7..6"), -EINVAL);
	assert_string_equal(err, "sensors.range=7..6: [sensors] range = 7..6: 7 is above 6");
}

static void a_word_may_stand_for_no_time(void **state)
{
	struct target t;

	(void)state;
	assert_int_equal(load_over(&t, NULL, "sensors.sync=2"), 0);
	assert_int_equal(t.sync_ms, 2000);
	config_free(&table, &t);
	assert_int_equal(load_over(&t, NULL, "sensors.sync=each"), 0);
	assert_int_equal(t.sync_ms, 0);
	config_free(&table, &t);
	assert_int_equal(load_over(&t, NULL, "sensors.sync=0"), -EINVAL);
	assert_non_null(strstr(err, "must be each, or a time from 1.000 s to 60.000 s"));
}

static void a_log_level_is_a_level(void **state)
{
	struct target t;

	(void)state;
	assert_int_equal(load_over(&t, NULL, "sensors.log_level=debug"), 0);
	assert_int_equal(t.level, LOG_LEVEL_DEBUG);
	config_free(&table, &t);
	assert_int_equal(load_over(&t, NULL, "sensors.log_level=loud"), -EINVAL);
	assert_non_null(strstr(err, "must be one of error, warning, notice, info, debug"));
}

static void what_keys_exclude_is_named_with_the_place_of_one(void **state)
{
	char expected[sizeof(path) + 64];
	struct target t;

	(void)state;
	assert_int_equal(load(&t, "[node]\nloud = yes\nquiet = yes\n"), -EINVAL);
	snprintf(expected, sizeof(expected), "%s:3: loud and quiet exclude each other", path);
	assert_string_equal(err, expected);
	assert_null(t.name);
	assert_int_equal(load_over(&t, path, "node.quiet=1"), -EINVAL); /* the newest place */
	assert_string_equal(err, "node.quiet=1: loud and quiet exclude each other");
	assert_int_equal(load(&t, "[node]\nloud = yes\n"), 0);
	config_free(&table, &t);
	assert_int_equal(load_over(&t, path, "node.quiet=1"), -EINVAL);
	assert_string_equal(err, "node.quiet=1: loud and quiet exclude each other");
}

static void a_long_line_is_read_as_a_short_one(void **state)
{
	char text[3000] = "; ";
	struct target t;
	size_t used;

	(void)state;
	memset(text + 2, '=', 500);
	used = (size_t)sprintf(text + 502, "\n[node] ; ");
	memset(text + 502 + used, 'x', 500);
	used += 1002;
	used += (size_t)sprintf(text + used, "\n  name  =  ");
	memset(text + used, 'n', 1000);
	used += 1000;
	sprintf(text + used, " ; and why\nloud = maybe\n");
	assert_int_equal(load(&t, text), -EINVAL);
	assert_non_null(strstr(err, ":4: [node] loud"));
	strcpy(text + used, "\t; and why\nloud = yes\n");
	assert_int_equal(load(&t, text), 0);
	assert_int_equal(strlen(t.name), 1000);
	assert_int_equal(strspn(t.name, "n"), 1000);
	assert_true(t.loud);
	config_free(&table, &t);
	memset(text + 2, 'k', 600);
	text[0] = 'k';
	text[1] = '=';
	text[602] = '\0';
	assert_int_equal(load(&t, text), -EINVAL);
	assert_non_null(strstr(err, ":1: k stands before any [section]"));
	text[1] = 'k';
	assert_int_equal(load(&t, text), -EINVAL);
	assert_non_null(strstr(err, ":1: neither"));
}

static void a_removed_key_is_ignored_with_a_warning(void **state)
{
	char expected[sizeof(path) + 128];
	struct target t;

	(void)state;
	stderr_begin();
	assert_int_equal(load(&t, "[sensors]\nold = x y\nbus = kernel\n"), 0);
	snprintf(
		expected, sizeof(expected),
		"geotherm: warning: %s:2: [sensors] old is no longer used: use bus instead; ignored\n",
		path);
	assert_string_equal(stderr_end(), expected);
	assert_int_equal(t.mode, 2);
	config_free(&table, &t);
	/* a typing error is not led to it */
	assert_int_equal(load(&t, "[sensors]\nodl = 1\n"), -EINVAL);
	assert_null(strstr(err, "did you mean"));
}

static void changes_come_one_by_one_in_the_tables_order(void **state)
{
	static const char *const changed[] = { "name", "path", "range", "log_level" };
	const struct config_key *key = NULL;
	struct target a, b;

	(void)state;
	assert_int_equal(load(&a, ""), 0);
	assert_int_equal(load(&b, "[node]\nname = x\n[server]\npath = y\nport = 5684\n"
				  "[sensors]\nrange = -5..6\nlog_level = error\n"),
			 0);
	for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
		key = config_next_change(&table, &a, &b, key);
		assert_non_null(key);
		assert_string_equal(key->key, changed[i]);
		assert_int_equal(key->live, i == 3);
	}
	assert_null(config_next_change(&table, &a, &b, key));
	config_free(&table, &b);
	assert_int_equal(load(&b, "[node]\nname = pi\n"), 0);
	assert_null(config_next_change(&table, &a, &b, NULL)); /* equal, not the same pointer */
	config_free(&table, &a);
	config_free(&table, &b);
}

static void the_printed_table_names_all_keys_and_loads_as_the_defaults(void **state)
{
	struct target t;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	config_print(&table, out);
	fclose(out);
	assert_non_null(strstr(text, "[node]\n\n# Name of the node.\n;name = pi\n"));
	assert_non_null(strstr(text, "# Allowed: a whole number from 1 to 65535.\n;port = 5684\n"));
	assert_null(strstr(text, "old"));
	assert_non_null(strstr(text, "# Allowed: LOW..HIGH.\n;range = -5..5\n"));
	assert_non_null(strstr(text, "# Allowed: one of auto, userspace, kernel.\n;bus = auto\n"));
	assert_int_equal(load(&t, text), 0);
	assert_int_equal(t.port, 5684);
	config_free(&table, &t);
	/* with the comments taken off it says the same */
	for (char *c = text; (c = strstr(c, "\n;")) != NULL; c += 2) {
		c[1] = ' ';
	}
	*strstr(text, " quiet = ") = ';';
	assert_int_equal(load(&t, text), 0);
	assert_string_equal(t.name, "pi");
	assert_int_equal(t.interval_ms, 10000);
	config_free(&table, &t);
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
		cmocka_unit_test(a_value_is_parsed_by_its_rows_function),
		cmocka_unit_test(a_word_may_stand_for_no_time),
		cmocka_unit_test(a_log_level_is_a_level),
		cmocka_unit_test(what_keys_exclude_is_named_with_the_place_of_one),
		cmocka_unit_test(a_long_line_is_read_as_a_short_one),
		cmocka_unit_test(a_removed_key_is_ignored_with_a_warning),
		cmocka_unit_test(changes_come_one_by_one_in_the_tables_order),
		cmocka_unit_test(the_printed_table_names_all_keys_and_loads_as_the_defaults),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
