/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config: an INI file read by a table.
 *
 * The table is the one place where a key, its type, default, bounds and
 * meaning stand; --print-config and conf(5) are printed from it. Syntax: inih
 * ("[section]", "key = value", ";" or "#" comments). An unknown section or key, a
 * value out of bounds, a key given twice: an error that names file, line, key and what is allowed.
 *
 * Ownership: strings are malloc'ed into the target and freed by config_free().
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum config_type {
	CONFIG_STRING, /* char *; NULL if unset or empty and without default; empty is wrong where
			  there is one */
	CONFIG_UINT, /* unsigned; min..max */
	CONFIG_BOOL, /* bool; yes/no, true/false, on/off, 1/0 */
	CONFIG_CHOICE, /* int; one of `choices`, a NULL-terminated list of words; its index */
	CONFIG_SECONDS, /* unsigned, in ms: "10", "0.5", "250ms", "5min", "2h" ; min..max in ms */
};

struct config_key {
	const char *section;
	const char *key;
	enum config_type type;
	size_t offset; /* of the member in the target */
	const char *fallback; /* default as it would stand in the file, or NULL */
	unsigned min, max; /* UINT, SECONDS */
	const char *const *choices; /* CHOICE */
	const char *help; /* one sentence or more, for conf(5) */
};

/* A table whole, for its manual (manual.h). */
struct config_table {
	const struct config_key *keys;
	size_t n;
};

/*
 * Fills target (zeroed first) with defaults, then from the file. path NULL: defaults
 * only. 0; -EINVAL or the errno of opening, then err says "file:line: key: what". The target is
 * then freed and zeroed.
 */
int config_load(const struct config_key *table, size_t n, void *target, const char *path, char *err,
		size_t err_size);
/*
 * One "section.key=value" as given by an option -o on the command line, over what is loaded.
 * 0, or -EINVAL with err.
 */
int config_override(const struct config_key *table, size_t n, void *target, const char *assignment,
		    char *err, size_t err_size);
void config_free(const struct config_key *table, size_t n, void *target);
/* What a key accepts, in words. */
void config_allowed(const struct config_key *key, char *text, size_t size);
/* The table as a commented configuration file. */
void config_print(const struct config_key *table, size_t n, FILE *out);

#endif
