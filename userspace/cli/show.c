// SPDX-License-Identifier: BSD-2-Clause
#define _POSIX_C_SOURCE 200809L /* fileno */
#include "show.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "time/civil.h"
#include "userspace/reading/reading_line.h"
#include "userspace/reading/senml.h"

#define READINGS_MAX 10000
#define LAST_US 253402300799999999 /* of the year 9999 */

/* Again as JSON, in packs that fit a buffer. */
static int show_json(FILE *out, const struct reading *readings, size_t n)
{
	size_t size = SENML_READING_MAX * n;
	char *text = malloc(size);
	int len = text != NULL ? senml_encode(SENML_JSON, readings, n, text, size, NULL) : -ENOMEM;

	if (len > 0) {
		fprintf(out, "%.*s\n", len, text);
	}
	free(text);
	return len < 0 ? len : 0;
}

static int show_readings(FILE *out, enum senml_format format, const uint8_t *body, size_t size,
			 int json)
{
	/* A record takes at least a few bytes: the body bounds how many readings it can hold. */
	size_t max = size / 16 + 1 < READINGS_MAX ? size / 16 + 1 : READINGS_MAX;
	struct reading *readings = malloc(max * sizeof *readings);
	struct senml_error err = { 0 };
	int n = readings != NULL ? senml_decode(format, body, size, readings, max, &err) : -ENOMEM;

	if (n > 0 && json) {
		n = show_json(out, readings, (size_t)n);
	} else {
		for (int i = 0; i < n; i++) {
			reading_line_print(out, &readings[i]);
		}
	}
	free(readings);
	return n < 0 ? n : 0;
}

static void show_hex(FILE *out, const uint8_t *body, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		fprintf(out, "%02x%s", body[i], i % 32 == 31 || i + 1 == size ? "\n" : "");
	}
}

int show_body(FILE *out, int content_format, const uint8_t *body, size_t size, int json)
{
	/* Not every SenML pack is of readings (gaps, time): then its text is shown. */
	if ((content_format == SENML_CBOR && size == 1 && body[0] == 0x80) ||
	    (content_format == SENML_JSON && size == 2 && memcmp(body, "[]", 2) == 0)) {
		fputs(json ? "[]\n" : "no readings\n", out);
		return 0;
	}
	if (content_format == SENML_CBOR || content_format == SENML_JSON) {
		if (show_readings(out, (enum senml_format)content_format, body, size, json) == 0) {
			return 0;
		}
	}
	if (content_format == SENML_CBOR && isatty(fileno(out))) {
		show_hex(out, body, size);
		return 0;
	}
	fwrite(body, 1, size, out);
	if (size > 0 && content_format != SENML_CBOR && body[size - 1] != '\n') {
		fputc('\n', out);
	}
	return 0;
}

bool show_time(FILE *out, const uint8_t *body, size_t size)
{
	char text[24], *end;
	struct civil c;
	long long us;

	if (size == 0 || size >= sizeof text) {
		return false;
	}
	snprintf(text, sizeof text, "%.*s", (int)size, (const char *)body);
	us = strtoll(text, &end, 10);
	if (*end != '\0' || us < 0 || us > LAST_US) {
		return false;
	}
	civil_from_s(us / 1000000, &c);
	fprintf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ\n", c.year, c.month, c.day, c.hour, c.min,
		c.sec, (int)(us % 1000000));
	return true;
}
