// SPDX-License-Identifier: BSD-2-Clause
/* options: by the table of a manual; what goes to stderr is read back from a pipe. */
#define _GNU_SOURCE /* getopt_long's optind = 0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stderr_rig.h"
#include "userspace/daemon/options.h"

enum { COUNT = 256, WATCH, LOOP };

static const struct manual_option rows[] = {
	{ 'c', "config", "FILE", "A file." },  { COUNT, "count", "N", "A number." },
	{ WATCH, "watch", NULL, "No value." }, { LOOP, "loop", "[N]", "May have a value." },
	{ 'o', NULL, "X", "Short only." },
};

static int ran; /* operands of the command that ran */

static int run(const struct manual_command *self, int argc, char **argv)
{
	(void)self;
	(void)argv;
	ran = argc;
	return 7;
}

static const struct manual_command commands[] = {
	{ .name = "get", .brief = "get", .options = rows, .n_options = 5, .run = run },
	{ .name = "put", .brief = "put", .run = run },
};

static const struct manual manual = { .name = "prog",
				      .section = 1,
				      .brief = "b",
				      .about = "a",
				      .commands = commands,
				      .n_commands = 2 };

static const char *errors;

/* The words of line, run through options_next() until it gives what is no option of the table. */
static int parse(const char *line, const char **value)
{
	static char copy[256];
	static char *argv[16];
	int argc = 0, key, last = OPTIONS_END;

	snprintf(copy, sizeof(copy), "get %s", line);
	for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	optind = 0;
	*value = NULL;
	stderr_begin();
	while ((key = options_next(&manual, &commands[0], argc, argv)) >= 0) {
		last = key;
		*value = optarg;
	}
	errors = stderr_end();
	return key == OPTIONS_END ? last : key;
}

static void options_come_with_their_values_in_every_form(void **state)
{
	static const struct {
		const char *line;
		int key;
		const char *value;
	} lines[] = {
		{ "-c f", 'c', "f" },	      { "-cf", 'c', "f" },
		{ "--config f", 'c', "f" },   { "--config=f", 'c', "f" },
		{ "--conf f", 'c', "f" },     { "--count=", COUNT, "" },
		{ "--watch", WATCH, NULL },   { "--loop", LOOP, NULL },
		{ "--loop=3", LOOP, "3" },    { "--loop 3", LOOP, NULL },
		{ "-o a.b=c", 'o', "a.b=c" }, { "uri --watch", WATCH, NULL },
		{ "uri", OPTIONS_END, NULL }, { "-- --watch", OPTIONS_END, NULL },
	};
	const char *value;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		int key = parse(lines[i].line, &value);

		if (key != lines[i].key || (value == NULL) != (lines[i].value == NULL) ||
		    (value != NULL && strcmp(value, lines[i].value) != 0) || errors[0] != '\0') {
			fail_msg("%s: %d %s %s", lines[i].line, key, value, errors);
		}
	}
}

static void a_mistake_is_named_with_the_command_and_where_help_is(void **state)
{
	static const struct {
		const char *line, *error;
	} lines[] = {
		{ "--what",
		  "prog get: --what: unknown or ambiguous option; try 'prog get --help'\n" },
		{ "--co", "prog get: --co: unknown or ambiguous option; try 'prog get --help'\n" },
		{ "-Z", "prog get: -Z: no such option; try 'prog get --help'\n" },
		{ "--count", "prog get: --count: expected a value; try 'prog get --help'\n" },
		{ "-c", "prog get: -c: expected a value; try 'prog get --help'\n" },
		{ "--watch=1", "prog get: --watch=1: takes no value; try 'prog get --help'\n" },
		/* of programs with a configuration only */
		{ "--print-config",
		  "prog get: --print-config: unknown or ambiguous option; try 'prog get --help'\n" },
	};
	const char *value;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(parse(lines[i].line, &value), OPTIONS_WRONG);
		assert_string_equal(errors, lines[i].error);
	}
}

static bool accept_x(void *arg, const char *text)
{
	*(const char **)arg = text;
	return strcmp(text, "x") == 0;
}

/* What options_read() leaves, and its result. */
struct values {
	const char *file, *accepted;
	unsigned long count;
	int level;
	bool watch;
};

static int read_line(const char *line, struct values *v)
{
	static const struct manual_option options[] = {
		{ 'c', "config", "FILE", "A file." },  { COUNT, "count", "N", "A number." },
		{ WATCH, "watch", NULL, "No value." }, { LOOP, "level", "a|bc|d", "A choice." },
		{ 'o', NULL, "X", "Short only." },
	};
	static const struct manual_command command = { .name = "get",
						       .options = options,
						       .n_options = 5 };
	const struct options_value values[] = {
		{ 'c', .text = &v->file },
		{ COUNT, .number = &v->count, .min = 1, .max = 9 },
		{ WATCH, .flag = &v->watch },
		{ LOOP, .choice = &v->level },
		{ 'o', .accept = accept_x, .arg = &v->accepted },
	};
	char copy[64], *argv[12] = { (char[]){ "get" } };
	int argc = 1;

	*v = (struct values){ .level = -1 };
	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
		argv[argc++] = word;
	}
	optind = 0;
	return options_read(&manual, &command, argc, argv, values, 5, 1);
}

static void each_value_goes_where_its_row_points(void **state)
{
	static const char *const wrong[] = {
		"--count 0",	"--count 10", "--level b", "--level abc",
		"--level a|bc", "-o y",	      "--none",	   "u v",
	};
	struct values v;

	(void)state;
	assert_int_equal(read_line("--count 9 u --watch --level bc -o x", &v), -1);
	assert_int_equal(v.count, 9);
	assert_true(v.watch);
	assert_int_equal(v.level, 1);
	assert_non_null(v.accepted);
	assert_null(v.file);
	assert_int_equal(read_line("--level d -c f", &v), -1);
	assert_int_equal(v.level, 2);
	assert_non_null(v.file);
	assert_int_equal(read_line("--version", &v), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (read_line(wrong[i], &v) != 2) {
			fail_msg("%s", wrong[i]);
		}
	}
}

static void a_command_runs_with_its_own_arguments_and_its_exit_code(void **state)
{
	char *argv[] = { (char[]){ "prog" }, (char[]){ "put" }, (char[]){ "x" }, NULL };

	(void)state;
	assert_int_equal(options_dispatch(&manual, 3, argv), 7);
	assert_int_equal(ran, 2);
	assert_int_equal(options_dispatch(&manual, 1, argv), 2);
}

static void what_is_no_command_is_an_option_of_the_program_or_wrong(void **state)
{
	static const struct {
		const char *word;
		int code;
	} words[] = { { "push", 2 },	 { "help", 0 }, { "--help", 0 }, { "--version", 0 },
		      { "--nosuch", 2 }, { "-h", 0 },	{ "--", 2 },	 { "-", 2 } };

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char word[16];
		char *argv[] = { (char[]){ "prog" }, word, NULL };

		snprintf(word, sizeof(word), "%s", words[i].word);
		optind = 0;
		if (options_dispatch(&manual, 2, argv) != words[i].code) {
			fail_msg("%s", word);
		}
	}
}

static void a_number_is_whole_and_within_its_bounds(void **state)
{
	static const char *const wrong[] = { "",   "-1",  "+5", " 5", "5 ",
					     "5x", "0x5", "4",	"11", "99999999999999999999" };
	unsigned long number;

	(void)state;
	assert_true(options_number("--n", "5", 5, 10, &number));
	assert_int_equal(number, 5);
	assert_true(options_number("--n", "10", 5, 10, &number));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_false(options_number("--n", wrong[i], 5, 10, &number));
	}
}

static void a_configuration_is_the_default_file_only_where_there_is_one(void **state)
{
	struct options_config o = { .path = NULL };
	struct config_source s = options_source(&o, "/nonexistent/x.conf");

	(void)state;
	assert_null(s.path);
	assert_string_equal(options_source(&o, "/dev/null").path, "/dev/null");
	o.path = "/nonexistent/own.conf"; /* given: to be complained about */
	assert_string_equal(options_source(&o, "/dev/null").path, "/nonexistent/own.conf");
	for (int i = 0; i < OPTIONS_ASSIGNMENTS_MAX; i++) {
		assert_true(options_assign(&o, "a.b=c"));
	}
	assert_false(options_assign(&o, "a.b=c"));
	assert_int_equal(options_source(&o, "").n, OPTIONS_ASSIGNMENTS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_come_with_their_values_in_every_form),
		cmocka_unit_test(a_mistake_is_named_with_the_command_and_where_help_is),
		cmocka_unit_test(each_value_goes_where_its_row_points),
		cmocka_unit_test(a_command_runs_with_its_own_arguments_and_its_exit_code),
		cmocka_unit_test(what_is_no_command_is_an_option_of_the_program_or_wrong),
		cmocka_unit_test(a_number_is_whole_and_within_its_bounds),
		cmocka_unit_test(a_configuration_is_the_default_file_only_where_there_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
