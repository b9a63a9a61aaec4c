// SPDX-License-Identifier: BSD-2-Clause
#define _POSIX_C_SOURCE 200809L /* fileno */
#include "show.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "time/civil.h"
#include "userspace/reading/printable.h"
#include "userspace/reading/reading_line.h"
#include "userspace/reading/senml.h"

#define READINGS_MAX 10000
#define LINKS 40 /* application/link-format */
#define JSON 50 /* application/json */
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

/* A pack of acknowledgements, which a POST is answered with. */
static bool is_acks(enum senml_format format, const uint8_t *body, size_t size)
{
	struct senml_error err;
	struct reading_ack ack;
	int n = senml_decode_acks(format, body, size, &ack, 1, &err);

	return n > 0 || n == -E2BIG || n == -ENOSPC;
}

static bool is_json(const uint8_t *body, size_t size)
{
	json_error_t error;
	json_t *value =
		json_loadb((const char *)body, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

	json_decref(value);
	return value != NULL;
}

static bool is_text(int content_format)
{
	return content_format == -1 || content_format == 0 || content_format == LINKS ||
	       content_format == JSON || content_format == SENML_JSON;
}

static int show_unread(FILE *out, int content_format, const uint8_t *body, size_t size)
{
	if (is_text(content_format)) {
		printable_put(out, body, size, PRINTABLE_TEXT);
		if (size > 0 && body[size - 1] != '\n') {
			fputc('\n', out);
		}
	} else if (isatty(fileno(out))) {
		show_hex(out, body, size);
	} else {
		fwrite(body, 1, size, out);
	}
	return 0;
}

int show_body(FILE *out, int content_format, const uint8_t *body, size_t size, int json)
{
	int rc = 0;

	if ((content_format == SENML_CBOR && size == 1 && body[0] == 0x80) ||
	    (content_format == SENML_JSON && size == 2 && memcmp(body, "[]", 2) == 0)) {
		fputs(json ? "[]\n" : "no readings\n", out);
		return 0;
	}
	if (content_format == SENML_CBOR || content_format == SENML_JSON) {
		rc = show_readings(out, (enum senml_format)content_format, body, size, json);
		if (rc == 0) {
			return 0;
		}
	}
	if ((content_format == SENML_CBOR && !is_acks(SENML_CBOR, body, size)) ||
	    ((content_format == SENML_JSON || content_format == JSON) && !is_json(body, size))) {
		return rc < 0 ? rc : -EBADMSG;
	}
	return show_unread(out, content_format, body, size);
}

bool show_time(FILE *out, const uint8_t *body, size_t size)
{
	char text[24], date[CIVIL_TEXT_SIZE], *end;
	long long us;

	if (size == 0 || size >= sizeof text) {
		return false;
	}
	snprintf(text, sizeof text, "%.*s", (int)size, (const char *)body);
	us = strtoll(text, &end, 10);
	if (*end != '\0' || us < 0 || us > LAST_US) {
		return false;
	}
	fprintf(out, "%.19s.%06dZ\n", civil_text(us / 1000000, date), (int)(us % 1000000));
	return true;
}
