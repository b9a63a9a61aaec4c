/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * senml_record: one SenML record (RFC 8428 4.1, 4.2) as the codecs hand it on, before its base
 * values are resolved. What a record means for a Reading is senml_pack's and senml_unpack's.
 *
 * Texts are slices: of the caller's own strings when written, of the input (or of the
 * codec's scratch) when read, then valid until the receiving function returns.
 */
#ifndef SENML_RECORD_H
#define SENML_RECORD_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "userspace/reading/senml.h"
#include "userspace/reading/senml_number.h"

struct senml_text {
	const char *at;
	size_t length;
};

/* id, JSON label, CBOR label (RFC 8428 table 4), kind. In the order in which they are written. */
/* clang-format off */
#define SENML_LABELS(X) \
	X(BVER, "bver", -1, NUMBER) \
	X(BN, "bn", -2, TEXT) \
	X(BT, "bt", -3, NUMBER) \
	X(BU, "bu", -4, TEXT) \
	X(BV, "bv", -5, NUMBER) \
	X(BS, "bs", -6, NUMBER) \
	X(N, "n", 0, TEXT) \
	X(U, "u", 1, TEXT) \
	X(V, "v", 2, NUMBER) \
	X(VS, "vs", 3, TEXT) \
	X(VB, "vb", 4, BOOL) \
	X(S, "s", 5, NUMBER) \
	X(T, "t", 6, NUMBER) \
	X(UT, "ut", 7, NUMBER) \
	X(VD, "vd", 8, BYTES)
/* clang-format on */

enum senml_label {
#define X(id, json, cbor, kind) SENML_##id,
	SENML_LABELS(X)
#undef X
		SENML_LABEL_COUNT
};

enum senml_kind { SENML_NUMBER, SENML_TEXT, SENML_BYTES, SENML_BOOL };

struct senml_label_info {
	const char *name;
	int cbor;
	enum senml_kind kind;
};
extern const struct senml_label_info senml_labels[SENML_LABEL_COUNT];

/* The label of that name, or SENML_LABEL_COUNT. */
enum senml_label senml_label_find(const char *name, size_t length);

union senml_value {
	struct senml_number number;
	struct senml_text text; /* TEXT and BYTES */
	bool truth;
};

struct senml_record {
	unsigned present; /* bit n: value n is present */
	union senml_value value[SENML_LABEL_COUNT];
};

static inline bool senml_record_has(const struct senml_record *r, enum senml_label label)
{
	return (r->present >> label) & 1;
}

static inline void senml_record_text(struct senml_record *r, enum senml_label label,
				     const char *text)
{
	r->present |= 1u << label;
	r->value[label].text = (struct senml_text){ text, strlen(text) };
}

static inline void senml_record_number(struct senml_record *r, enum senml_label label,
				       struct senml_number number)
{
	r->present |= 1u << label;
	r->value[label].number = number;
}

/* Takes one record, in order. 0, or a negative errno that ends the run. */
typedef int (*senml_record_fn)(void *context, const struct senml_record *record);

/* Fills err->code and err->text (after "record N: " if err->record is set); returns code. */
int senml_fail(struct senml_error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
