/* SPDX-License-Identifier: BSD-2-Clause */
/* request: path, query and options of a CoAP request, and immediate answers to it. Pure. */
#ifndef REQUEST_H
#define REQUEST_H

#include <coap3/coap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/ingest/queries.h"

#define REQUEST_FORMAT_JSON 50 /* application/json */
#define REQUEST_SEGMENTS 3
#define REQUEST_SEGMENT_SIZE 128

/* "/a/b/c" as its Uri-Path options have it, without percent signs. */
struct request_path {
	unsigned n;
	char segment[REQUEST_SEGMENTS][REQUEST_SEGMENT_SIZE];
};

/* 0; -ENOENT: deeper or longer than any path of the server, or with a NUL in it. */
int request_path(const coap_pdu_t *request, struct request_path *path);

/* The number in an option such as Content-Format or Accept, or -1 where it is absent. */
int request_number(const coap_pdu_t *request, uint16_t option);

/* An ETag or If-Match: its number, UINT64_MAX for an empty one, 0 where it is absent. */
uint64_t request_etag(const coap_pdu_t *request, uint16_t option);

/* "16 hex digits.number": 0 or -EINVAL. */
int request_key(const char *text, uint64_t *epoch, uint64_t *seq);

/*
 * "16 hex digits" of ?epoch=, 0 without a query: 0, or -EINVAL with err, which has what was
 * expected.
 */
int request_epoch(const coap_pdu_t *request, uint64_t *epoch, char *err, size_t err_size);

struct request_track {
	bool from_known;
	int64_t from_us, to_us; /* INT64_MAX: to the last */
	unsigned limit;
	struct query_fields fields;
};

/*
 * ?from=SECONDS&to=SECONDS&limit=N&fields=temp,lat,..., seconds since 1970 with or without a
 * fraction, fields as docs/protocol.md 2 names them, temp for all of the sensors. 0, or -EINVAL
 * with err naming the parameter and what was expected.
 */
int request_track(const coap_pdu_t *request, struct request_track *track, char *err,
		  size_t err_size);

/* Sets code and a diagnostic payload (RFC 7252 5.5.2); max_age_s -1: no Max-Age. */
void request_refuse(coap_pdu_t *response, coap_pdu_code_t code, int64_t max_age_s,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
