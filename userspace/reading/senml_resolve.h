/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * senml_resolve: a record with the base values before it applied (RFC 8428 4.6), and its value
 * read in the form of a field. Pure. Every function fills *err on a negative return.
 */
#ifndef SENML_RESOLVE_H
#define SENML_RESOLVE_H

#include "userspace/reading/senml_record.h"

#define SENML_NAME_MAX 192 /* base name + name, with a NUL */
#define SENML_UNIT_MAX 32

/* What lasts from record to record; starts as zeros. */
struct senml_base {
	char name[SENML_NAME_MAX];
	char unit[SENML_UNIT_MAX];
	struct senml_number time, value;
	bool value_given;
};

struct senml_resolved {
	const struct senml_record *record;
	char name[SENML_NAME_MAX]; /* cut at its last '_': whose it is ... */
	const char *field; /* ... and what; all of the name if it has no '_' */
	struct senml_text unit;
	struct senml_number value; /* bv + v */
	bool has_value;
};

int senml_resolve(struct senml_base *base, const struct senml_record *record,
		  struct senml_resolved *s, struct senml_error *err);

/* The number in units of 10^exponent; an unsigned one as its bits. The unit must be this one. */
int senml_resolved_number(const struct senml_resolved *s, const char *unit, int exponent,
			  bool is_signed, int64_t *value, struct senml_error *err);
/* A whole number from 0 to max. */
int senml_resolved_count(const struct senml_resolved *s, const char *unit, uint64_t max,
			 uint64_t *value, struct senml_error *err);
/* UTF-8 of less than size bytes, terminated. */
int senml_resolved_text(const struct senml_resolved *s, char *out, size_t size,
			struct senml_error *err);
/* bt + t in us since 1970; 0 is "unknown". */
int senml_resolved_time(const struct senml_base *base, const struct senml_resolved *s,
			int64_t *utc_us, struct senml_error *err);

#endif
