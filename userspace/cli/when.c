// SPDX-License-Identifier: BSD-2-Clause
#include "when.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "time/civil.h"

/* "-90min" */
static bool parse_relative(const char *text, int64_t now_s, int64_t *s)
{
	static const struct {
		const char *unit;
		int seconds;
	} units[] = { { "s", 1 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 }, { "w", 604800 } };
	unsigned number;
	int used = 0;

	if (text[0] != '-' || !isdigit((unsigned char)text[1]) ||
	    sscanf(text, "-%6u%n", &number, &used) != 1) {
		return false;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text + used, units[i].unit) == 0) {
			*s = now_s - (int64_t)number * units[i].seconds;
			return true;
		}
	}
	return false;
}

static bool has_form(const char *text, const char *form)
{
	size_t i = 0;

	while (form[i] != '\0' &&
	       (form[i] == '0' ? isdigit((unsigned char)text[i]) : text[i] == form[i])) {
		i++;
	}
	return form[i] == '\0' && text[i] == '\0';
}

static bool parse_iso(const char *text, int64_t *s)
{
	static const char *const forms[] = { "0000-00-00", "0000-00-00T00:00", "0000-00-00T00:00Z",
					     "0000-00-00T00:00:00", "0000-00-00T00:00:00Z" };
	struct civil c = { 0 };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (has_form(text, forms[i])) {
			sscanf(text, "%d-%d-%dT%d:%d:%d", &c.year, &c.month, &c.day, &c.hour,
			       &c.min, &c.sec);
			*s = civil_is_valid(&c) ? civil_to_s(&c) : -1;
			return *s >= 0;
		}
	}
	return false;
}

bool when_parse(const char *text, int64_t now_s, char *seconds, size_t size)
{
	int64_t s;
	int n;

	if (*text != '\0' && strspn(text, "0123456789.") == strlen(text)) {
		n = snprintf(seconds, size, "%s", text);
	} else if (parse_relative(text, now_s, &s) || parse_iso(text, &s)) {
		n = snprintf(seconds, size, "%" PRId64, s);
	} else {
		return false;
	}
	return n >= 0 && (size_t)n < size;
}

const char *when_convert_query(const char *path, int64_t now_s, char *converted, size_t size)
{
	static char wrong[64]; /* for one message */
	size_t used = strcspn(path, "?");

	if (used >= size) {
		return path;
	}
	snprintf(converted, size, "%.*s", (int)used, path);
	for (path += used; *path != '\0';) {
		size_t length = strcspn(path + 1, "&"),
		       name = strncmp(path + 1, "from=", 5) == 0 ? 5
			      : strncmp(path + 1, "to=", 3) == 0 ? 3
								 : 0;
		char value[64] = "";
		int n;

		if (name > 0) {
			snprintf(wrong, sizeof(wrong), "%.*s", (int)(length - name),
				 path + 1 + name);
			if (!when_parse(wrong, now_s, value, sizeof(value))) {
				return wrong;
			}
			length = name;
		}
		n = snprintf(converted + used, size - used, "%.*s%s", (int)length + 1, path, value);
		if (n < 0 || (size_t)n >= size - used) {
			return path;
		}
		used += (size_t)n;
		path += 1 + strcspn(path + 1, "&");
	}
	return NULL;
}
