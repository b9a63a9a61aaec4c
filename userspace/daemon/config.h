/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config: an INI file read by a table.
 *
 * The table is the one place where a key, its type, default, bounds and
 * meaning stand; --print-config and conf(5) are printed from it. Syntax: inih
 * ("[section]", "key = value", ";" or "#" comments). An unknown section or key, a
 * value out of bounds, a key given twice: an error that names file, line, key and what is allowed.
 *
 * Ownership: strings are malloc'ed into the target and freed by config_free(). A load logs a
 * warning for each key that is no longer used; all else is returned, nothing else is logged.
 * Threads: none.
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
	CONFIG_SECONDS, /* unsigned, in ms: "10", "0.5", "250ms", "5min", "2h", "7d"; min..max in
			   ms, or the word `zero` for 0 */
	CONFIG_LOG_LEVEL, /* enum log_level (log.h) */
	CONFIG_PARSED, /* `size` bytes without pointers, by `parse` */
	CONFIG_REMOVED, /* was a key: accepted with a warning, which ends in `help`; in no manual */
};

struct config_key {
	const char *section;
	const char *key;
	enum config_type type;
	size_t offset; /* of the member in the target */
	const char *fallback; /* default as it would stand in the file, or NULL */
	const char *help; /* one sentence or more, for conf(5); REMOVED: what to do instead */
	bool live; /* a reload applies it; the others take a restart */
	unsigned min, max; /* UINT, SECONDS */
	const char *const *choices; /* CHOICE */
	const char *zero; /* SECONDS, or NULL */
	/* PARSED: false if text is not `allowed`; why holds "must be" and that, and may be
	 * replaced. */
	bool (*parse)(const char *text, void *member, char *why, size_t why_size);
	size_t size;
	const char *allowed;
};

struct config_table {
	const struct config_key *keys;
	size_t n;
	/* What must hold between keys: 0, or a negative errno with err, and in *blamed, if the
	 * error names its place, the offset of the member at fault. May be NULL. */
	int (*validate)(void *target, size_t *blamed, char *err, size_t err_size);
};

/* Where a configuration comes from; borrowed. */
struct config_source {
	const char *path; /* NULL: no file */
	const char *const *assignments; /* "section.key=value", over the file, in order */
	size_t n;
};

/*
 * Fills target's members: the defaults, then the file, then the assignments, and validates. 0; or
 * -EINVAL or the errno of opening, then err names the place ("file:line: ", "section.key=value: ")
 * and what is wrong, and the members are freed and zeroed.
 */
int config_load(const struct config_table *table, void *target, const struct config_source *source,
		char *err, size_t err_size);
void config_free(const struct config_table *table, void *target);
/*
 * The first key behind `after` (NULL: the first of all) whose value differs between two targets, or
 * NULL. A reload checks `live` of each.
 */
const struct config_key *config_next_change(const struct config_table *table, const void *a,
					    const void *b, const struct config_key *after);
/* What a key accepts, as text. */
void config_allowed(const struct config_key *key, char *text, size_t size);
/* The table as a commented configuration file. */
void config_print(const struct config_table *table, FILE *out);

#endif
