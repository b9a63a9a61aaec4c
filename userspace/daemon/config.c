// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* strdup() */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

/* "file:12: " or "server.port=x: " before every error. */
struct place {
	const char *file;
	unsigned line; /* 0: not a line of a file */
	char *err;
	size_t err_size;
};

#define NO_PAIR "neither \"[section]\" nor \"key = value\" nor a comment (; or #)"
#define LINE_MAX_SIZE 4096 /* 64 sensors of 17 characters and more; inih takes 198 */

/* Where a value came from. */
struct origin {
	const char *file; /* NULL: the default */
	unsigned line;
};

struct load {
	const struct config_table *table;
	void *target;
	FILE *file;
	struct place place;
	struct origin *origins; /* per key */
	int error; /* of the first error; later ones are dropped */
	char section[64]; /* of the line that is read */
	char text[LINE_MAX_SIZE];
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

static size_t member_size(const struct config_key *key)
{
	switch (key->type) {
	case CONFIG_STRING:
		return sizeof(char *);
	case CONFIG_BOOL:
		return sizeof(bool);
	case CONFIG_CHOICE:
		return sizeof(int);
	case CONFIG_UINT:
	case CONFIG_SECONDS:
		return sizeof(unsigned);
	case CONFIG_LOG_LEVEL:
		return sizeof(enum log_level);
	case CONFIG_PARSED:
		return key->size;
	case CONFIG_REMOVED:
		break;
	}
	return 0;
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

/* "10", "0.5", "250ms", "5min", "2h", "7d" in ms. Exact: at most three decimals are read, in
 * integers. */
static bool parse_seconds(const char *text, unsigned long long *ms)
{
	static const struct {
		const char *suffix;
		unsigned ms;
	} units[] = { { "", 1000 },	{ "s", 1000 },	  { "ms", 1 },
		      { "min", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
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
			 "%s%sa time from %u.%03u s to %u.%03u s (10, 0.5, 250ms, 5min, 2h)",
			 key->zero != NULL ? key->zero : "", key->zero != NULL ? ", or " : "",
			 key->min / 1000, key->min % 1000, key->max / 1000, key->max % 1000);
		break;
	case CONFIG_CHOICE:
		for (int i = 0; key->choices[i] != NULL && used < size; i++) {
			int n = snprintf(text + used, size - used, "%s%s",
					 i == 0 ? "one of " : ", ", key->choices[i]);

			used += n > 0 ? (size_t)n : 0;
		}
		break;
	case CONFIG_LOG_LEVEL:
		snprintf(text, size, "one of error, warning, notice, info, debug");
		break;
	case CONFIG_PARSED:
		snprintf(text, size, "%s", key->allowed);
		break;
	case CONFIG_REMOVED:
		*text = '\0';
		break;
	}
}

static int assign_string(const struct config_key *key, void *target, const char *value,
			 const struct place *at)
{
	char **slot = member(target, key), *copy = NULL;

	if (*value != '\0') {
		copy = strdup(value);
		if (copy == NULL) {
			complain(at, "out of memory");
			return -ENOMEM;
		}
	}
	free(*slot);
	*slot = copy;
	return 0;
}

static bool assign_time(const struct config_key *key, unsigned *ms, const char *value)
{
	unsigned long long number;

	if (key->zero != NULL && strcmp(value, key->zero) == 0) {
		*ms = 0;
		return true;
	}
	if (!parse_seconds(value, &number) || number < key->min || number > key->max) {
		return false;
	}
	*ms = (unsigned)number;
	return true;
}

static int assign(const struct config_key *key, void *target, const char *value,
		  const struct place *at)
{
	unsigned long long number = 0;
	char why[256] = "must be ";
	bool good = false;
	int index;

	config_allowed(key, why + strlen(why), sizeof(why) - strlen(why));
	switch (key->type) {
	case CONFIG_STRING:
		if (*value != '\0' || key->fallback == NULL) {
			return assign_string(key, target, value, at);
		}
		break;
	case CONFIG_UINT:
		good = parse_uint(value, &number) && number >= key->min && number <= key->max;
		if (good) {
			*(unsigned *)member(target, key) = (unsigned)number;
		}
		break;
	case CONFIG_SECONDS:
		good = assign_time(key, member(target, key), value);
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
	case CONFIG_LOG_LEVEL:
		good = log_level_parse(value, member(target, key)) == 0;
		break;
	case CONFIG_PARSED:
		good = key->parse(value, member(target, key), why, sizeof(why));
		break;
	case CONFIG_REMOVED:
		complain(at, "[%s] %s is no longer used: %s; ignored", key->section, key->key,
			 key->help);
		log_warning("%s", at->err);
		return 0;
	}
	return good ? 0 : complain(at, "[%s] %s = %.80s: %s", key->section, key->key, value, why);
}

/* --- names -------------------------------------------------------------- */

/* Names that differ in one place only, by at most two characters. */
static bool is_slip(const char *a, const char *b)
{
	size_t head = 0, tail = 0, n = strlen(a), m = strlen(b);
	size_t shorter = n < m ? n : m;

	while (head < shorter && a[head] == b[head]) {
		head++;
	}
	while (head + tail < shorter && a[n - 1 - tail] == b[m - 1 - tail]) {
		tail++;
	}
	return head + tail > 0 && n - head - tail <= 2 && m - head - tail <= 2;
}

/* A key of that section, or a section if key is NULL, whose name is nearly this one; or NULL. */
static const char *nearest(const struct config_table *table, const char *section, const char *key)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct config_key *k = &table->keys[i];

		if (k->type == CONFIG_REMOVED) {
			continue;
		}
		if (key == NULL && is_slip(section, k->section)) {
			return k->section;
		}
		if (key != NULL && strcmp(section, k->section) == 0 && is_slip(key, k->key)) {
			return k->key;
		}
	}
	return NULL;
}

/* Error for an unknown name, with a similar one or the same in another section. */
static void complain_unknown(const struct config_table *table, const char *section, const char *key,
			     const struct place *at)
{
	const char *elsewhere = NULL, *near;
	bool section_known = false;

	for (size_t i = 0; i < table->n; i++) {
		section_known |= strcmp(table->keys[i].section, section) == 0;
		if (strcmp(table->keys[i].key, key) == 0) {
			elsewhere = table->keys[i].section;
		}
	}
	near = nearest(table, section, section_known ? key : NULL);
	if (section_known && near != NULL) {
		complain(at, "unknown key %.80s in [%s]; did you mean %s?", key, section, near);
	} else if (section_known) {
		complain(at, "unknown key %.80s in [%s]%s%s%s", key, section,
			 elsewhere != NULL ? "; it belongs into [" : "",
			 elsewhere != NULL ? elsewhere : "", elsewhere != NULL ? "]" : "");
	} else if (*section == '\0') {
		complain(at, "%.80s stands before any [section]%s%s%s", key,
			 elsewhere != NULL ? "; it belongs into [" : "",
			 elsewhere != NULL ? elsewhere : "", elsewhere != NULL ? "]" : "");
	} else {
		complain(at, "unknown section [%.80s]%s%s%s", section,
			 near != NULL ? "; did you mean [" : "", near != NULL ? near : "",
			 near != NULL ? "]?" : "");
	}
}

static const struct config_key *find(const struct config_table *table, const char *section,
				     const char *key, const struct place *at)
{
	for (size_t i = 0; i < table->n; i++) {
		if (strcmp(table->keys[i].section, section) == 0 &&
		    strcmp(table->keys[i].key, key) == 0) {
			return &table->keys[i];
		}
	}
	complain_unknown(table, section, key, at);
	return NULL;
}

/* --- the file ----------------------------------------------------------- */

/* inih's handler: nonzero is success. */
static int on_pair(void *user, const char *section, const char *name, const char *value)
{
	struct load *load = user;
	const struct config_key *key;
	size_t row;

	if (load->error != 0) {
		return 0;
	}
	key = find(load->table, section, name, &load->place);
	if (key == NULL) {
		load->error = -EINVAL;
		return 0;
	}
	row = (size_t)(key - load->table->keys);
	if (load->origins[row].file != NULL) {
		load->error = complain(&load->place, "[%s] %s is given twice, first in line %u",
				       section, name, load->origins[row].line);
		return 0;
	}
	load->origins[row] = (struct origin){ load->place.file, load->place.line };
	load->error = assign(key, load->target, value, &load->place);
	return load->error == 0;
}

/* Ends a text before the blanks at `end`. */
static void cut_blanks(const char *text, char *end)
{
	while (end > text && isspace((unsigned char)end[-1])) {
		end--;
	}
	*end = '\0';
}

/* "key = value ; comment" of a line that is too long for inih, as inih takes it apart. */
static void read_long_line(struct load *load)
{
	char *end = load->text + 1, *value;

	if (load->text[0] == ';' || load->text[0] == '#') {
		return;
	}
	while (*end != '\0' && !(*end == ';' && isspace((unsigned char)end[-1]))) {
		end++;
	}
	cut_blanks(load->text, end);
	value = strpbrk(load->text, "=:");
	if (value == NULL || load->text[0] == '[') {
		load->error = complain(&load->place, NO_PAIR);
		return;
	}
	cut_blanks(load->text, value);
	for (value++; isspace((unsigned char)*value); value++) {
	}
	on_pair(load, load->section, load->text, value);
}

/*
 * fgets() for inih, whose handler gets no line numbers unless compiled to (Debian's is not): each
 * line is handled before the next is read, so counting here is enough. Blanks at the start are
 * dropped, else an indented key would continue the one before.
 */
static char *next_line(char *line, int size, void *stream)
{
	struct load *load = stream;
	size_t length, blanks;
	char *end;

	if (load->error != 0) {
		return NULL;
	}
	if (fgets(load->text, sizeof(load->text), load->file) == NULL) {
		if (ferror(load->file)) {
			load->error = complain(&load->place, "cannot be read: %s", strerror(errno));
		}
		return NULL;
	}
	load->place.line++;
	length = strlen(load->text);
	if (length == 0 || (load->text[length - 1] != '\n' && !feof(load->file))) {
		load->error = length + 1 == sizeof(load->text)
				      ? complain(&load->place, "line of more than %zu characters",
						 sizeof(load->text) - 2)
				      : complain(&load->place, "a NUL byte in the line");
		return NULL;
	}
	blanks = strspn(load->text, " \t");
	memmove(load->text, load->text + blanks, length + 1 - blanks);
	end = load->text[0] == '[' ? strchr(load->text, ']') : NULL;
	if (end != NULL && strchr(";#\r\n", end[1 + strspn(end + 1, " \t")]) == NULL) {
		/* inih would ignore it. */
		load->error = complain(&load->place, "text after [section]");
		return NULL;
	}
	if (end != NULL) {
		snprintf(load->section, sizeof(load->section), "%.*s", (int)(end - load->text - 1),
			 load->text + 1);
		end[1] = '\0'; /* without a comment */
	}
	if (strlen(load->text) >= (size_t)size) {
		read_long_line(load);
		load->text[0] = '\0';
	}
	snprintf(line, (size_t)size, "%s", load->text[0] != '\0' ? load->text : "\n");
	return load->error == 0 ? line : NULL;
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
	line = ini_parse_stream(next_line, load, on_pair, load);
	/* The first bad line counts: one that inih rejects, or one of ours (place.line). */
	if (line > 0 && (load->error == 0 || (unsigned)line < load->place.line)) {
		load->place.line = (unsigned)line;
		load->error = complain(&load->place, NO_PAIR);
	}
	fclose(load->file);
	return load->error;
}

static int load_defaults(struct load *load)
{
	const struct config_table *table = load->table;
	int rc = 0;

	load->place.file = "default";
	for (size_t i = 0; i < table->n && rc == 0; i++) {
		memset(member(load->target, &table->keys[i]), 0, member_size(&table->keys[i]));
		if (table->keys[i].fallback != NULL) {
			rc = assign(&table->keys[i], load->target, table->keys[i].fallback,
				    &load->place);
		}
	}
	return rc;
}

/* "section.key=value" */
static int load_assignment(struct load *load, const char *assignment)
{
	const char *dot = strchr(assignment, '.'), *equals = strchr(assignment, '=');
	const struct config_key *key;
	char section[64], name[64];

	load->place.file = assignment;
	load->place.line = 0;
	if (dot == NULL || equals == NULL || dot > equals ||
	    (size_t)(dot - assignment) >= sizeof(section) ||
	    (size_t)(equals - dot) > sizeof(name)) {
		return complain(&load->place, "must be section.key=value");
	}
	snprintf(section, sizeof(section), "%.*s", (int)(dot - assignment), assignment);
	snprintf(name, sizeof(name), "%.*s", (int)(equals - dot - 1), dot + 1);
	key = find(load->table, section, name, &load->place);
	if (key == NULL) {
		return -EINVAL;
	}
	load->origins[key - load->table->keys] = (struct origin){ assignment, 0 };
	return assign(key, load->target, equals + 1, &load->place);
}

static int validate(struct load *load, const char *path)
{
	const struct config_table *table = load->table;
	size_t blamed = SIZE_MAX;
	char why[256];
	int rc = table->validate(load->target, &blamed, why, sizeof(why));

	load->place.file = path != NULL ? path : "configuration";
	load->place.line = 0;
	for (size_t i = 0; i < table->n && rc != 0; i++) {
		if (table->keys[i].offset == blamed && table->keys[i].type != CONFIG_REMOVED &&
		    load->origins[i].file != NULL) {
			load->place.file = load->origins[i].file;
			load->place.line = load->origins[i].line;
		}
	}
	if (rc != 0) {
		complain(&load->place, "%s", why);
	}
	return rc;
}

int config_load(const struct config_table *table, void *target, const struct config_source *source,
		char *err, size_t err_size)
{
	struct load load = {
		.table = table,
		.target = target,
		.place = { .err = err, .err_size = err_size },
		.origins = calloc(table->n + 1, sizeof(*load.origins)), /* a table may be empty */
	};
	int rc = load_defaults(&load);

	if (rc == 0 && load.origins == NULL) {
		complain(&load.place, "out of memory");
		rc = -ENOMEM;
	}
	if (rc == 0 && source->path != NULL) {
		load.place.file = source->path;
		rc = load_file(&load);
	}
	for (size_t i = 0; i < source->n && rc == 0; i++) {
		rc = load_assignment(&load, source->assignments[i]);
	}
	if (rc == 0 && table->validate != NULL) {
		rc = validate(&load, source->path);
	}
	if (rc != 0) {
		config_free(table, target);
	}
	free(load.origins);
	return rc;
}

void config_free(const struct config_table *table, void *target)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct config_key *key = &table->keys[i];

		if (key->type == CONFIG_STRING) {
			free(*(char **)member(target, key));
		}
		memset(member(target, key), 0, member_size(key));
	}
}

static bool is_same(const struct config_key *key, const void *a, const void *b)
{
	const void *left = (const char *)a + key->offset, *right = (const char *)b + key->offset;

	if (key->type == CONFIG_STRING) {
		const char *l = *(const char *const *)left, *r = *(const char *const *)right;

		return l == r || (l != NULL && r != NULL && strcmp(l, r) == 0);
	}
	return memcmp(left, right, member_size(key)) == 0;
}

const struct config_key *config_next_change(const struct config_table *table, const void *a,
					    const void *b, const struct config_key *after)
{
	for (size_t i = after != NULL ? (size_t)(after - table->keys) + 1 : 0; i < table->n; i++) {
		if (!is_same(&table->keys[i], a, b)) {
			return &table->keys[i];
		}
	}
	return NULL;
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

void config_print(const struct config_table *table, FILE *out)
{
	const char *section = NULL;
	char text[256];

	for (size_t i = 0; i < table->n; i++) {
		const struct config_key *key = &table->keys[i];

		if (key->type == CONFIG_REMOVED) {
			continue;
		}
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
