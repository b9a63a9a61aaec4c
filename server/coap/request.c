// SPDX-License-Identifier: BSD-2-Clause
#include "request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/reading/senml_number.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 10000 /* a day at one reading in 8.64 s, which is what a screen can show */

static void first_query(const coap_pdu_t *request, coap_opt_iterator_t *at)
{
	coap_opt_filter_t queries;

	coap_option_filter_clear(&queries);
	coap_option_filter_set(&queries, COAP_OPTION_URI_QUERY);
	coap_option_iterator_init(request, at, &queries);
}

int request_path(const coap_pdu_t *request, struct request_path *path)
{
	coap_opt_iterator_t at;
	coap_opt_filter_t filter;
	const coap_opt_t *option;

	memset(path, 0, sizeof(*path));
	coap_option_filter_clear(&filter);
	coap_option_filter_set(&filter, COAP_OPTION_URI_PATH);
	coap_option_iterator_init(request, &at, &filter);
	while ((option = coap_option_next(&at)) != NULL) {
		size_t size = coap_opt_length(option);
		const uint8_t *text = coap_opt_value(option);

		if (path->n == REQUEST_SEGMENTS || size >= REQUEST_SEGMENT_SIZE ||
		    memchr(text, 0, size) != NULL) {
			return -ENOENT;
		}
		memcpy(path->segment[path->n++], text, size);
	}
	return 0;
}

int request_number(const coap_pdu_t *request, uint16_t option)
{
	coap_opt_iterator_t at;
	const coap_opt_t *found = coap_check_option(request, option, &at);

	return found == NULL
		       ? -1
		       : (int)coap_decode_var_bytes(coap_opt_value(found), coap_opt_length(found));
}

uint64_t request_etag(const coap_pdu_t *request, uint16_t option)
{
	coap_opt_iterator_t at;
	const coap_opt_t *found = coap_check_option(request, option, &at);
	uint64_t value;

	if (found == NULL) {
		return 0;
	}
	if (coap_opt_length(found) == 0) {
		return UINT64_MAX;
	}
	value = coap_decode_var_bytes8(coap_opt_value(found), coap_opt_length(found));
	return value != 0 ? value : 1; /* 00 is present, and no tag of ours */
}

int request_key(const char *text, uint64_t *epoch, uint64_t *seq)
{
	char *end;

	if (strspn(text, "0123456789abcdef") != 16 || text[16] != '.' || text[17] < '1' ||
	    text[17] > '9') {
		return -EINVAL;
	}
	*epoch = strtoull(text, NULL, 16);
	errno = 0;
	*seq = strtoull(text + 17, &end, 10);
	return *end == '\0' && errno == 0 && *seq <= INT64_MAX && *epoch != 0 ? 0 : -EINVAL;
}

static int seconds(const char *text, size_t size, int64_t *us)
{
	struct senml_number number;

	if (senml_number_parse(text, size, &number) < 0) {
		return -EINVAL;
	}
	return senml_number_to_i64(&number, -6, us) < 0 ? -EINVAL : 0;
}

/* "temp,lat,lon" */
static int read_fields(struct query_fields *fields, const char *text, size_t size)
{
	const char *end = text + size;

	fields->some = true;
	while (text < end) {
		const char *comma = memchr(text, ',', (size_t)(end - text));
		size_t length = (size_t)((comma != NULL ? comma : end) - text);
		bool *const flags[] = { &fields->temperatures, &fields->host, &fields->version,
					&fields->note };
		static const char *const names[] = { "temp", "host", "version", "note" };
		bool known = false;

		for (unsigned i = 0; i < 4; i++) {
			if (strlen(names[i]) == length && memcmp(names[i], text, length) == 0) {
				*flags[i] = known = true;
			}
		}
		for (unsigned i = 0; i < READING_SCALAR_COUNT; i++) {
			if (strlen(reading_scalars[i].name) == length &&
			    memcmp(reading_scalars[i].name, text, length) == 0) {
				fields->scalars |= UINT64_C(1) << i;
				known = true;
			}
		}
		if (!known) {
			return -EINVAL;
		}
		text += length + 1;
	}
	return 0;
}

/* One "name=value". */
static int read_parameter(struct request_track *track, const char *text, size_t size)
{
	char number[8] = "", *end;

	if (size > 5 && memcmp(text, "from=", 5) == 0) {
		track->from_known = true;
		return seconds(text + 5, size - 5, &track->from_us);
	}
	if (size > 3 && memcmp(text, "to=", 3) == 0) {
		return seconds(text + 3, size - 3, &track->to_us);
	}
	if (size > 7 && memcmp(text, "fields=", 7) == 0) {
		return read_fields(&track->fields, text + 7, size - 7);
	}
	if (size > 6 && size < 6 + sizeof(number) && memcmp(text, "limit=", 6) == 0) {
		memcpy(number, text + 6, size - 6);
		track->limit = (unsigned)strtoul(number, &end, 10);
		return number[0] >= '0' && number[0] <= '9' && *end == '\0' && track->limit >= 1 &&
				       track->limit <= LIMIT_MAX
			       ? 0
			       : -EINVAL;
	}
	return -EINVAL;
}

int request_track(const coap_pdu_t *request, struct request_track *track, char *err,
		  size_t err_size)
{
	coap_opt_iterator_t at;
	const coap_opt_t *option;

	*track = (struct request_track){ .to_us = INT64_MAX, .limit = LIMIT_DEFAULT };
	first_query(request, &at);
	while ((option = coap_option_next(&at)) != NULL) {
		size_t size = coap_opt_length(option);
		const char *text = (const char *)coap_opt_value(option);

		if (read_parameter(track, text, size) < 0) {
			snprintf(
				err, err_size,
				"?%.*s: expected from=, to= (seconds since 1970), limit=1..%d or fields= with "
				"names such as temp,lat,lon",
				size < 64 ? (int)size : 64, text, LIMIT_MAX);
			return -EINVAL;
		}
	}
	return 0;
}

int request_epoch(const coap_pdu_t *request, uint64_t *epoch, char *err, size_t err_size)
{
	static const char name[] = "epoch=";
	coap_opt_iterator_t at;
	const coap_opt_t *option;

	*epoch = 0;
	first_query(request, &at);
	while ((option = coap_option_next(&at)) != NULL) {
		char text[sizeof(name) + 16] = "";

		if (coap_opt_length(option) == sizeof(text) - 1) {
			memcpy(text, coap_opt_value(option), sizeof(text) - 1);
		}
		if (strncmp(text, name, sizeof(name) - 1) == 0 &&
		    strspn(text + sizeof(name) - 1, "0123456789abcdef") == 16) {
			*epoch = strtoull(text + sizeof(name) - 1, NULL, 16);
		}
		if (*epoch == 0) {
			snprintf(err, err_size, "?%.*s: expected epoch=, 16 lowercase hex digits",
				 coap_opt_length(option) < 64 ? (int)coap_opt_length(option) : 64,
				 (const char *)coap_opt_value(option));
			return -EINVAL;
		}
	}
	return 0;
}

void request_refuse(coap_pdu_t *response, coap_pdu_code_t code, int64_t max_age_s,
		    const char *format, ...)
{
	uint8_t bytes[8];
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	coap_pdu_set_code(response, code);
	if (max_age_s >= 0) {
		coap_add_option(response, COAP_OPTION_MAXAGE,
				coap_encode_var_safe8(bytes, sizeof(bytes), (uint64_t)max_age_s),
				bytes);
	}
	coap_add_data(response, strlen(text), (const uint8_t *)text);
}
