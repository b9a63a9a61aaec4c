// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* getopt_long */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS_MAX 40

/* For the build only, so in no manual. */
enum { PRINT_MAN = MANUAL_PRINT_CONFIG + 1, PRINT_CONF_MAN, PRINT_COMPLETION };

static const struct option own[] = {
	{ "help", no_argument, NULL, MANUAL_HELP },
	{ "version", no_argument, NULL, MANUAL_VERSION },
	{ "print-man", no_argument, NULL, PRINT_MAN },
	{ "print-completion", no_argument, NULL, PRINT_COMPLETION },
	{ "print-config", no_argument, NULL, MANUAL_PRINT_CONFIG },
	{ "print-conf-man", no_argument, NULL, PRINT_CONF_MAN },
	{ NULL, 0, NULL, 0 },
};

static void start_of_message(const struct manual *m, const struct manual_command *command)
{
	fprintf(stderr, "%s%s%s: ", m->name, command != NULL && command->name != NULL ? " " : "",
		command != NULL && command->name != NULL ? command->name : "");
}

/* Options that every program has. */
static int answer(const struct manual *m, const struct manual_command *command, int key)
{
	switch (key) {
	case MANUAL_HELP:
		manual_help(m, command, stdout);
		break;
	case MANUAL_VERSION:
		printf("%s %s\n", m->name, GEOTHERM_VERSION);
		break;
	case MANUAL_PRINT_CONFIG:
		config_print(m->config, stdout);
		break;
	case PRINT_MAN:
		manual_page(m, stdout);
		break;
	case PRINT_CONF_MAN:
		manual_config_page(m, stdout);
		break;
	case PRINT_COMPLETION:
		manual_completion(m, stdout);
		break;
	default:
		return key;
	}
	return OPTIONS_DONE;
}

/* What getopt_long(3) takes. */
struct table {
	struct option rows[OPTIONS_MAX + sizeof own / sizeof own[0]];
	char letters[3 * OPTIONS_MAX + 4];
};

static void fill_table(struct table *t, const struct manual *m,
		       const struct manual_command *command)
{
	/* The last two are of programs with a configuration only. */
	size_t n = 0, used, n_own = sizeof own / sizeof own[0] - 1 - (m->config == NULL ? 2 : 0);

	strcpy(t->letters, ":h"); /* ':': a missing value is another result than a wrong option */
	used = strlen(t->letters);
	for (size_t i = 0; i < command->n_options && n < OPTIONS_MAX; i++) {
		const struct manual_option *o = &command->options[i];
		int wants = o->argument == NULL	  ? no_argument
			    : *o->argument == '[' ? optional_argument
						  : required_argument;

		if (o->name != NULL) {
			t->rows[n++] = (struct option){ o->name, wants, NULL, o->key };
		}
		if (o->key < 0x80) {
			t->letters[used++] = (char)o->key;
			for (int colon = 0; colon < wants; colon++) {
				t->letters[used++] = ':';
			}
		}
	}
	t->letters[used] = '\0';
	memcpy(&t->rows[n], own, n_own * sizeof own[0]);
	memset(&t->rows[n + n_own], 0, sizeof t->rows[0]);
}

static void end_of_message(const struct manual *m, const struct manual_command *command)
{
	fprintf(stderr, "; try '%s%s%s --help'\n", m->name, command->name != NULL ? " " : "",
		command->name != NULL ? command->name : "");
}

/* key: '?' or ':' of getopt_long() */
static void report_wrong(const struct manual *m, const struct manual_command *command, int key,
			 char **argv)
{
	start_of_message(m, command);
	if (key == ':') {
		fprintf(stderr, "%s: expected a value", argv[optind - 1]);
	} else if (optopt != 0 && optopt < 0x80) {
		fprintf(stderr, "-%c: no such option", optopt);
	} else {
		fprintf(stderr, "%s: %s", argv[optind - 1],
			optopt != 0 ? "takes no value" : "unknown or ambiguous option");
	}
	end_of_message(m, command);
}

int options_next(const struct manual *m, const struct manual_command *command, int argc,
		 char **argv)
{
	struct table t;
	int key;

	fill_table(&t, m, command);
	opterr = 0;
	key = getopt_long(argc, argv, t.letters, t.rows, NULL);
	if (key != '?' && key != ':') {
		return answer(m, command, key);
	}
	report_wrong(m, command, key, argv);
	return OPTIONS_WRONG;
}

/* Which of the words of "a|b|c"; false with a message. */
static bool choose(const char *option, const char *words, const char *text, int *choice)
{
	size_t length = strlen(text);

	*choice = 0;
	for (const char *word = words; *word != '\0'; ++*choice) {
		size_t end = strcspn(word, "|");

		if (end == length && strncmp(word, text, length) == 0) {
			return true;
		}
		word += end + (word[end] == '|');
	}
	fprintf(stderr, "%s %s: must be one of %s\n", option, text, words);
	return false;
}

static bool accept(const struct options_value *v, const struct manual_option *o, const char *text)
{
	char option[32];

	snprintf(option, sizeof option, "--%s", o->name != NULL ? o->name : "");
	if (v->flag != NULL) {
		*v->flag = true;
	} else if (v->text != NULL) {
		*v->text = text;
	} else if (v->choice != NULL) {
		return choose(option, o->argument, text, v->choice);
	} else if (v->number != NULL) {
		return options_number(option, text, v->min, v->max, v->number);
	} else {
		return v->accept(v->arg, text);
	}
	return true;
}

static bool accept_key(const struct manual_command *command, int key,
		       const struct options_value *values, size_t n)
{
	for (size_t v = 0; v < n; v++) {
		for (size_t i = 0; values[v].key == key && i < command->n_options; i++) {
			if (command->options[i].key == key) {
				return accept(&values[v], &command->options[i], optarg);
			}
		}
	}
	return false;
}

int options_read(const struct manual *m, const struct manual_command *command, int argc,
		 char **argv, const struct options_value *values, size_t n, int max_operands)
{
	int key;

	while ((key = options_next(m, command, argc, argv)) >= 0) {
		if (!accept_key(command, key, values, n)) {
			return 2;
		}
	}
	if (key == OPTIONS_END && optind + max_operands < argc) {
		start_of_message(m, command);
		fprintf(stderr, "%s: unexpected argument", argv[optind + max_operands]);
		end_of_message(m, command);
		return 2;
	}
	return key == OPTIONS_END ? -1 : key == OPTIONS_DONE ? 0 : 2;
}

int options_dispatch(const struct manual *m, int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	const struct manual_command none = { .name = NULL };

	for (size_t i = 0; i < m->n_commands; i++) {
		if (strcmp(m->commands[i].name, name) == 0) {
			return m->commands[i].run(&m->commands[i], argc - 1, argv + 1);
		}
	}
	if (strcmp(name, "help") == 0) {
		manual_help(m, NULL, stdout);
		return 0;
	}
	if (*name == '-') {
		int code = options_read(m, &none, argc, argv, &(const struct options_value){ 0 }, 0,
					argc);

		if (code >= 0) {
			return code;
		}
	}
	start_of_message(m, NULL);
	fprintf(stderr, "%s%s; '%s --help' lists the commands\n",
		*name != '\0' ? name : "expected a command",
		*name != '\0' ? ": no such command" : "", m->name);
	return 2;
}

bool options_number(const char *option, const char *text, unsigned long min, unsigned long max,
		    unsigned long *number)
{
	char *end = NULL;

	errno = 0;
	*number = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : 0;
	if (end == NULL || *end != '\0' || errno != 0 || *number < min || *number > max) {
		fprintf(stderr, "%s %s: must be a whole number from %lu to %lu\n", option, text,
			min, max);
		return false;
	}
	return true;
}

bool options_assign(void *config, const char *assignment)
{
	struct options_config *o = config;

	if (o->n == OPTIONS_ASSIGNMENTS_MAX) {
		fprintf(stderr, "-o %s: more than %d options -o\n", assignment,
			OPTIONS_ASSIGNMENTS_MAX);
		return false;
	}
	o->assignments[o->n++] = assignment;
	return true;
}

struct config_source options_source(const struct options_config *o, const char *default_path)
{
	const char *path = o->path;

	if (path == NULL && access(default_path, F_OK) == 0) {
		path = default_path;
	}
	return (struct config_source){ path, o->assignments, o->n };
}
