// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* "file:12: " or "-o server.port=x: " in front of every complaint. */
struct place {
	const char *file;
	unsigned line; /* 0: not a line of a file */
	char *err;
	size_t err_size;
};

struct load {
	const struct config_key *table;
	size_t n;
	void *target;
	FILE *file;
	struct place place;
	unsigned *line_of; /* per key: where it was given, 0 not yet */
	int error; /* of the first complaint; later ones are dropped */
};

static int complain(const struct place *at, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int complain(const struct place *at, const char *format, ...)
{
	int head = at->line > 0 ? snprintf(at->err, at->err_size, "%s:%u: ", at->file, at->line)
				: snprintf(at->err, at->err_size, "%s: ", at->file);
	va_list args;

	va_start(args, format);
	if (head >= 0 && (size_t)head < at->err_size) {
		vsnprintf(at->err + head, at->err_size - (size_t)head, format, args);
	}
	va_end(args);
	return -EINVAL;
}

static void *member(void *target, const struct config_key *key)
{
	return (char *)target + key->offset;
}

/* --- values ------------------------------------------------------------- */

static const char *const yes_words[] = { "yes", "true", "on", "1", NULL };
static const char *const no_words[] = { "no", "false", "off", "0", NULL };

static int word_index(const char *const *words, const char *text)
{
	for (int i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], text) == 0) {
			return i;
		}
	}
	return -1;
}

/* "10", "0.5", "250ms", "5min", "2h" in ms. Exact: at most three decimals are read, in integers. */
static bool parse_seconds(const char *text, unsigned long long *ms)
{
	static const struct {
		const char *suffix;
		unsigned ms;
	} units[] = { { "", 1000 }, { "s", 1000 }, { "ms", 1 }, { "min", 60000 }, { "h", 3600000 } };
	unsigned long long whole = 0, part = 0, scale = 1;
	const char *c = text;

	if (!isdigit((unsigned char)*c)) {
		return false;
	}
	for (; isdigit((unsigned char)*c); c++) {
		whole = whole * 10 + (unsigned)(*c - '0');
		if (whole > UINT32_MAX) {
			return false;
		}
	}
	if (*c == '.') {
		for (c++; isdigit((unsigned char)*c) && scale < 1000; c++) {
			part = part * 10 + (unsigned)(*c - '0');
			scale *= 10;
		}
		if (scale == 1) {
			return false;
		}
	}
	c += strspn(c, " ");
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(c, units[i].suffix) == 0) {
			*ms = whole * units[i].ms + part * units[i].ms / scale;
			return part * units[i].ms % scale == 0;
		}
	}
	return false;
}

static bool parse_uint(const char *text, unsigned long long *value)
{
	char *end;

	if (!isdigit((unsigned char)text[0])) {
		return false;
	}
	errno = 0;
	*value = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

void config_allowed(const struct config_key *key, char *text, size_t size)
{
	size_t used = 0;

	switch (key->type) {
	case CONFIG_STRING:
		snprintf(text, size, "a text that is not empty (leave it out for the default)");
		break;
	case CONFIG_UINT:
		snprintf(text, size, "a whole number from %u to %u", key->min, key->max);
		break;
	case CONFIG_BOOL:
		snprintf(text, size, "yes or no");
		break;
	case CONFIG_SECONDS:
		snprintf(text, size,
			 "a time from %u.%03u s to %u.%03u s (10, 0.5, 250ms, 5min, 2h)",
			 key->min / 1000, key->min % 1000, key->max / 1000, key->max % 1000);
		break;
	case CONFIG_CHOICE:
		for (int i = 0; key->choices[i] != NULL && used < size; i++) {
			int n = snprintf(text + used, size - used, "%s%s",
					 i == 0 ? "one of " : ", ", key->choices[i]);

			used += n > 0 ? (size_t)n : 0;
		}
		break;
	}
}

static int assign(const struct config_key *key, void *target, const char *value,
		  const struct place *at)
{
	unsigned long long number = 0;
	char hint[256];
	bool good = false;
	int index;

	switch (key->type) {
	case CONFIG_STRING: {
		char **slot = member(target, key);
		size_t size = strlen(value) + 1;
		char *copy = NULL;

		if (size == 1 && key->fallback != NULL) {
			break;
		}
		if (size > 1) {
			copy = malloc(size);
			if (copy == NULL) {
				complain(at, "out of memory");
				return -ENOMEM;
			}
			memcpy(copy, value, size);
		}
		free(*slot);
		*slot = copy;
		return 0;
	}
	case CONFIG_UINT:
	case CONFIG_SECONDS:
		good = key->type == CONFIG_UINT ? parse_uint(value, &number)
						: parse_seconds(value, &number);
		good = good && number >= key->min && number <= key->max;
		if (good) {
			*(unsigned *)member(target, key) = (unsigned)number;
		}
		break;
	case CONFIG_BOOL:
		good = word_index(yes_words, value) >= 0 || word_index(no_words, value) >= 0;
		if (good) {
			*(bool *)member(target, key) = word_index(yes_words, value) >= 0;
		}
		break;
	case CONFIG_CHOICE:
		index = word_index(key->choices, value);
		good = index >= 0;
		if (good) {
			*(int *)member(target, key) = index;
		}
		break;
	}
	if (good) {
		return 0;
	}
	config_allowed(key, hint, sizeof(hint));
	return complain(at, "[%s] %s = %.80s: must be %s", key->section, key->key, value, hint);
}

/* --- names -------------------------------------------------------------- */

/* Edit distance of two short names (Levenshtein), for "did you mean". */
static size_t distance(const char *a, const char *b)
{
	size_t row[41], n = strlen(b);

	if (strlen(a) > 40 || n > 40) {
		return SIZE_MAX;
	}
	for (size_t j = 0; j <= n; j++) {
		row[j] = j;
	}
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			best = best < row[j] + 1 ? best : row[j] + 1;
			best = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[n];
}

/*
 * Finds the row. If there is none, says so with the nearest name: of a section where the section
 * is unknown, else of a key of that section.
 */
static const struct config_key *find(const struct config_key *table, size_t n, const char *section,
				     const char *key, const struct place *at)
{
	const char *near = NULL, *elsewhere = NULL;
	size_t near_by = 3; /* two slips of the finger are a typo, more is another word */
	bool section_known = false;

	for (size_t i = 0; i < n; i++) {
		bool here = strcmp(table[i].section, section) == 0;

		if (here && strcmp(table[i].key, key) == 0) {
			return &table[i];
		}
		section_known |= here;
		if (strcmp(table[i].key, key) == 0) {
			elsewhere = table[i].section;
		}
	}
	for (size_t i = 0; i < n; i++) {
		bool here = strcmp(table[i].section, section) == 0;
		const char *name = section_known ? table[i].key : table[i].section;
		size_t by = section_known && !here ? SIZE_MAX
						   : distance(section_known ? key : section, name);

		if (by < near_by && by < strlen(name)) {
			near = name;
			near_by = by;
		}
	}
	if (!section_known && section[0] == '\0') {
		complain(at, "%.80s stands before any [section]%s%s%s", key,
			 elsewhere != NULL ? "; it belongs into [" : "",
			 elsewhere != NULL ? elsewhere : "", elsewhere != NULL ? "]" : "");
	} else if (!section_known) {
		complain(at, "unknown section [%.80s]%s%s%s", section,
			 near != NULL ? "; did you mean [" : "", near != NULL ? near : "",
			 near != NULL ? "]?" : "");
	} else if (near != NULL) {
		complain(at, "unknown key %.80s in [%s]; did you mean %s?", key, section, near);
	} else if (elsewhere != NULL) {
		complain(at, "unknown key %.80s in [%s]; it belongs into [%s]", key, section,
			 elsewhere);
	} else {
		complain(at, "unknown key %.80s in [%s]", key, section);
	}
	return NULL;
}

/* --- the file ----------------------------------------------------------- */

/*
 * fgets() for inih, which tells its handler no line numbers unless compiled to
 * (Debian's is not): it handles each line before it asks for the next, so counting here is
 * enough. Blanks at the start are dropped, else an indented key would continue the one before.
 */
static char *next_line(char *line, int size, void *stream)
{
	struct load *load = stream;
	size_t length, blanks;
	char *end;

	if (load->error != 0) {
		return NULL;
	}
	if (fgets(line, size, load->file) == NULL) {
		if (ferror(load->file)) {
			load->error = complain(&load->place, "cannot be read: %s", strerror(errno));
		}
		return NULL;
	}
	load->place.line++;
	length = strlen(line);
	if (length == 0 || (line[length - 1] != '\n' && !feof(load->file))) {
		load->error = length + 1 == (size_t)size
				      ? complain(&load->place, "line of more than %d characters",
						 size - 2)
				      : complain(&load->place, "a NUL byte in the line");
		return NULL;
	}
	blanks = strspn(line, " \t");
	memmove(line, line + blanks, length + 1 - blanks);
	end = line[0] == '[' ? strchr(line, ']') : NULL;
	if (end != NULL && strchr(";#\r\n", end[1 + strspn(end + 1, " \t")]) == NULL) {
		/* inih would take no notice of it. */
		load->error = complain(&load->place, "text after [section]");
		return NULL;
	}
	return line;
}

/* inih's handler: nonzero is success. */
static int on_pair(void *user, const char *section, const char *name, const char *value)
{
	struct load *load = user;
	const struct config_key *key;
	size_t row;

	if (load->error != 0) {
		return 0;
	}
	key = find(load->table, load->n, section, name, &load->place);
	if (key == NULL) {
		load->error = -EINVAL;
		return 0;
	}
	row = (size_t)(key - load->table);
	if (load->line_of[row] != 0) {
		load->error = complain(&load->place, "[%s] %s is given twice, first in line %u",
				       section, name, load->line_of[row]);
		return 0;
	}
	load->line_of[row] = load->place.line;
	load->error = assign(key, load->target, value, &load->place);
	return load->error == 0;
}

static int load_file(struct load *load)
{
	int line;

	load->file = fopen(load->place.file, "re");
	if (load->file == NULL) {
		int error = errno;

		complain(&load->place, "%s", strerror(error));
		return -error;
	}
	load->line_of = calloc(load->n + 1, sizeof(*load->line_of)); /* a table may be empty */
	if (load->line_of == NULL) {
		fclose(load->file);
		complain(&load->place, "out of memory");
		return -ENOMEM;
	}
	line = ini_parse_stream(next_line, load, on_pair, load);
	/* inih names the first bad line; it was a complaint of ours unless ours came later. */
	if (line > 0 && (load->error == 0 || (unsigned)line < load->place.line)) {
		load->place.line = (unsigned)line;
		load->error = complain(
			&load->place,
			"neither \"[section]\" nor \"key = value\" nor a comment (; or #)");
	}
	free(load->line_of);
	fclose(load->file);
	return load->error;
}

/* Member by member: the size of the target is not known here. */
static void clear(const struct config_key *table, size_t n, void *target)
{
	for (size_t i = 0; i < n; i++) {
		switch (table[i].type) {
		case CONFIG_STRING:
			*(char **)member(target, &table[i]) = NULL;
			break;
		case CONFIG_BOOL:
			*(bool *)member(target, &table[i]) = false;
			break;
		case CONFIG_CHOICE:
			*(int *)member(target, &table[i]) = 0;
			break;
		case CONFIG_UINT:
		case CONFIG_SECONDS:
			*(unsigned *)member(target, &table[i]) = 0;
			break;
		}
	}
}

int config_load(const struct config_key *table, size_t n, void *target, const char *path, char *err,
		size_t err_size)
{
	struct load load = {
		.table = table,
		.n = n,
		.target = target,
		.place = { .file = path, .err = err, .err_size = err_size },
	};
	int rc = 0;

	clear(table, n, target);
	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct place at = { .file = "default", .err = err, .err_size = err_size };

		if (table[i].fallback != NULL) {
			rc = assign(&table[i], target, table[i].fallback, &at);
		}
	}
	if (rc == 0 && path != NULL) {
		rc = load_file(&load);
	}
	if (rc != 0) {
		config_free(table, n, target);
		clear(table, n, target);
	}
	return rc;
}

int config_override(const struct config_key *table, size_t n, void *target, const char *assignment,
		    char *err, size_t err_size)
{
	const struct place at = { .file = assignment, .err = err, .err_size = err_size };
	const char *dot = strchr(assignment, '.'), *equals = strchr(assignment, '=');
	const struct config_key *key;
	char section[64], name[64];

	if (dot == NULL || equals == NULL || dot > equals ||
	    (size_t)(dot - assignment) >= sizeof(section) ||
	    (size_t)(equals - dot) > sizeof(name)) {
		return complain(&at, "must be section.key=value");
	}
	memcpy(section, assignment, (size_t)(dot - assignment));
	section[dot - assignment] = '\0';
	memcpy(name, dot + 1, (size_t)(equals - dot - 1));
	name[equals - dot - 1] = '\0';
	key = find(table, n, section, name, &at);
	return key == NULL ? -EINVAL : assign(key, target, equals + 1, &at);
}

void config_free(const struct config_key *table, size_t n, void *target)
{
	for (size_t i = 0; i < n; i++) {
		if (table[i].type == CONFIG_STRING) {
			char **slot = member(target, &table[i]);

			free(*slot);
			*slot = NULL;
		}
	}
}

/* --- the manual --------------------------------------------------------- */

/* Help as comment lines of at most about 90 characters. */
static void print_comment(const char *text, FILE *out)
{
	while (*text != '\0') {
		size_t length = strlen(text);

		if (length > 88) {
			for (length = 88; length > 0 && text[length] != ' '; length--) {
			}
			length = length > 0 ? length : 88;
		}
		fprintf(out, "# %.*s\n", (int)length, text);
		text += length;
		text += strspn(text, " ");
	}
}

void config_print(const struct config_key *table, size_t n, FILE *out)
{
	const char *section = NULL;
	char text[256];

	for (size_t i = 0; i < n; i++) {
		const struct config_key *key = &table[i];

		if (section == NULL || strcmp(section, key->section) != 0) {
			fprintf(out, "%s[%s]\n", section == NULL ? "" : "\n", key->section);
			section = key->section;
		}
		fputc('\n', out);
		print_comment(key->help, out);
		if (key->type != CONFIG_STRING) {
			config_allowed(key, text, sizeof(text));
			fprintf(out, "# Allowed: %s.\n", text);
		}
		fprintf(out, ";%s = %s\n", key->key, key->fallback != NULL ? key->fallback : "");
	}
}
