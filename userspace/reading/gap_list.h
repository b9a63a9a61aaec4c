/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gap_list: numbers whose readings a node has lost, as JSON (docs/protocol.md 3.1):
 *
 *	{"epoch":"5f3c2a1908f7e6d4","gaps":[{"first":42,"last":44,"cause":"full"}]}
 *
 * Nothing is kept between calls; any thread. Decoding allocates while it runs, encoding nothing.
 */
#ifndef GAP_LIST_H
#define GAP_LIST_H

#include <stddef.h>
#include <stdint.h>

#define GAP_LIST_MAX 64
#define GAP_LIST_CAUSE_SIZE 16 /* NUL included; a-z and '-' */
#define GAP_LIST_SEQ_MAX (INT64_MAX - 1)
#define GAP_LIST_JSON_MAX 6144 /* no list is longer, as gap_list_encode() writes it */
#define GAP_LIST_FORMAT 50 /* CoAP Content-Format application/json */

struct gap_list {
	uint64_t epoch; /* not 0 */
	unsigned n; /* 1 or more */
	struct gap_list_gap {
		uint64_t first, last; /* both in it, 1 <= first <= last <= GAP_LIST_SEQ_MAX */
		char cause[GAP_LIST_CAUSE_SIZE];
	} gaps[GAP_LIST_MAX];
};

/* The bytes written, -EINVAL if the list breaks a rule above, -ENOSPC. */
int gap_list_encode(const struct gap_list *list, char *out, size_t size);

/* 0; -EBADMSG or -E2BIG (more than GAP_LIST_MAX) with err, which names field and what was expected;
 * -ENOMEM. */
int gap_list_decode(const void *data, size_t size, struct gap_list *out, char *err,
		    size_t err_size);

/* What a server has of one epoch: the answer to GET /gaps/{device}?epoch=. */
struct gap_report {
	uint64_t last; /* the highest number that it has or that is explained; 0: none */
	unsigned n; /* holes that never arrived, the first of them */
	struct {
		uint64_t first, last;
	} holes[GAP_LIST_MAX];
};

/* 0; -EBADMSG: it is no report, or not of that epoch; -ENOMEM. */
int gap_report_decode(const void *data, size_t size, uint64_t epoch, struct gap_report *out);

#endif
