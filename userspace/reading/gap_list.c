// SPDX-License-Identifier: BSD-2-Clause
#include "gap_list.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int cause_ok(const char *cause)
{
	size_t n = strspn(cause, "abcdefghijklmnopqrstuvwxyz-");

	return n > 0 && n < GAP_LIST_CAUSE_SIZE && cause[n] == '\0';
}

static int numbers_ok(const struct gap_list_gap *gap)
{
	return gap->first >= 1 && gap->first <= gap->last &&
	       gap->last <= (uint64_t)GAP_LIST_SEQ_MAX;
}

/* --- writing ---------------------------------------------------------------- */

int gap_list_encode(const struct gap_list *list, char *out, size_t size)
{
	size_t at = 0;

	if (list->n < 1 || list->n > GAP_LIST_MAX || list->epoch == 0) {
		return -EINVAL;
	}
	for (unsigned i = 0; i < list->n; i++) {
		const struct gap_list_gap *gap = &list->gaps[i];
		char begin[48] = ",";
		int n;

		if (memchr(gap->cause, '\0', sizeof(gap->cause)) == NULL || !cause_ok(gap->cause) ||
		    !numbers_ok(gap)) {
			return -EINVAL;
		}
		if (i == 0) {
			snprintf(begin, sizeof(begin), "{\"epoch\":\"%016" PRIx64 "\",\"gaps\":[",
				 list->epoch);
		}
		n = snprintf(out + at, size - at,
			     "%s{\"first\":%" PRIu64 ",\"last\":%" PRIu64 ",\"cause\":\"%s\"}%s",
			     begin, gap->first, gap->last, gap->cause,
			     i + 1 == list->n ? "]}" : "");
		if (n < 0 || (size_t)n >= size - at) {
			return -ENOSPC;
		}
		at += (size_t)n;
	}
	return (int)at;
}

/* --- reading ---------------------------------------------------------------- */

static int bad(char *err, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static int bad(char *err, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err, size, format, args);
	va_end(args);
	return -EBADMSG;
}

static int read_epoch(const json_t *root, uint64_t *epoch, char *err, size_t err_size)
{
	const char *text = json_string_value(json_object_get(root, "epoch"));

	if (text == NULL || strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16) {
		return bad(err, err_size, "epoch: expected 16 lowercase hex digits");
	}
	*epoch = strtoull(text, NULL, 16);
	return *epoch != 0 ? 0 : bad(err, err_size, "epoch: expected a number other than 0");
}

static int read_range(const json_t *value, unsigned i, struct gap_list_gap *gap, char *err,
		      size_t err_size)
{
	const json_t *first = json_object_get(value, "first"),
		     *last = json_object_get(value, "last");

	if (!json_is_integer(first) || json_integer_value(first) < 1) {
		return bad(err, err_size, "gap %u: first: expected a number from 1", i);
	}
	gap->first = (uint64_t)json_integer_value(first);
	gap->last = json_is_integer(last) && json_integer_value(last) > 0
			    ? (uint64_t)json_integer_value(last)
			    : 0;
	if (!numbers_ok(gap)) {
		return bad(err, err_size, "gap %u: last: expected a number from first to %" PRId64,
			   i, GAP_LIST_SEQ_MAX);
	}
	return 0;
}

static int read_gap(const json_t *value, unsigned i, struct gap_list_gap *gap, char *err,
		    size_t err_size)
{
	const char *cause = json_string_value(json_object_get(value, "cause"));
	int rc = read_range(value, i, gap, err, err_size);

	if (rc < 0) {
		return rc;
	}
	if (cause == NULL || !cause_ok(cause)) {
		return bad(err, err_size, "gap %u: cause: expected 1 to %d of a-z and -", i,
			   GAP_LIST_CAUSE_SIZE - 1);
	}
	memcpy(gap->cause, cause, strlen(cause) + 1);
	return 0;
}

static int read_list(const json_t *root, struct gap_list *out, char *err, size_t err_size)
{
	const json_t *gaps = json_object_get(root, "gaps");
	int rc = json_is_object(root)
			 ? 0
			 : bad(err, err_size, "expected an object with epoch and gaps");

	if (rc == 0) {
		rc = read_epoch(root, &out->epoch, err, err_size);
	}
	if (rc < 0) {
		return rc;
	}
	if (json_array_size(gaps) > GAP_LIST_MAX) {
		bad(err, err_size, "gaps: %zu of them: expected at most %d", json_array_size(gaps),
		    GAP_LIST_MAX);
		return -E2BIG;
	}
	if (json_array_size(gaps) == 0) { /* of what is no array, too */
		return bad(err, err_size, "gaps: expected an array of 1 to %d", GAP_LIST_MAX);
	}
	for (out->n = 0; rc == 0 && out->n < json_array_size(gaps); out->n++) {
		rc = read_gap(json_array_get(gaps, out->n), out->n, &out->gaps[out->n], err,
			      err_size);
	}
	return rc;
}

int gap_list_decode(const void *data, size_t size, struct gap_list *out, char *err, size_t err_size)
{
	json_error_t error;
	json_t *root = json_loadb(data, size, JSON_REJECT_DUPLICATES, &error);
	int rc;

	memset(out, 0, sizeof(*out));
	if (root == NULL) {
		if (json_error_code(&error) == json_error_out_of_memory) {
			return -ENOMEM;
		}
		return bad(err, err_size, "byte %d: %s", error.position, error.text);
	}
	rc = read_list(root, out, err, err_size);
	json_decref(root);
	return rc;
}

static int read_holes(const json_t *stream, struct gap_report *out)
{
	const json_t *holes = json_object_get(stream, "holes"),
		     *last = json_object_get(stream, "last");
	char err[160];

	if (!json_is_array(holes) || !json_is_integer(last) || json_integer_value(last) < 0) {
		return -EBADMSG;
	}
	out->last = (uint64_t)json_integer_value(last);
	for (; out->n < json_array_size(holes) && out->n < GAP_LIST_MAX; out->n++) {
		struct gap_list_gap gap = { .first = 0 };
		json_t *hole = json_array_get(holes, out->n);

		if (read_range(hole, out->n, &gap, err, sizeof(err)) < 0) {
			return -EBADMSG;
		}
		out->holes[out->n].first = gap.first;
		out->holes[out->n].last = gap.last;
	}
	return 0;
}

int gap_report_decode(const void *data, size_t size, uint64_t epoch, struct gap_report *out)
{
	json_error_t error;
	json_t *root = json_loadb(data, size, 0, &error);
	const json_t *stream = json_array_get(json_object_get(root, "streams"), 0);
	char text[17];
	const char *of = json_string_value(json_object_get(stream, "epoch"));
	int rc = -EBADMSG;

	*out = (struct gap_report){ .last = 0 };
	snprintf(text, sizeof(text), "%016" PRIx64, epoch);
	if (root == NULL && json_error_code(&error) == json_error_out_of_memory) {
		rc = -ENOMEM;
	} else if (of != NULL && strcmp(of, text) == 0) {
		rc = read_holes(stream, out);
	}
	json_decref(root);
	return rc;
}
