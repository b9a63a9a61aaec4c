// SPDX-License-Identifier: BSD-2-Clause
/*
 * SenML in CBOR (RFC 8428 6, RFC 8949), over libcbor's stream functions: one data item a call, no
 * allocation, so that a hostile pack costs no memory.
 */
#include <cbor.h>
#include <errno.h>

#include "senml_codec.h"

#define TAG_DECIMAL_FRACTION 4 /* RFC 8949 3.4.4: [exponent, mantissa] */
#define DEPTH_MAX 8 /* of nested items in the value of a label that is not ours */
#define HEAD_MAX 9 /* bytes of the head of an item */

/* --- writing ---------------------------------------------------------------- */

static uint8_t *free_at(const struct senml_writer *w)
{
	return w->buffer + w->used;
}

static size_t room(const struct senml_writer *w)
{
	return w->size - w->used;
}

/* libcbor has written n bytes there; 0: they did not fit. */
static void advance(struct senml_writer *w, size_t n)
{
	w->full |= n == 0;
	w->used += n;
}

static void put_head(struct senml_writer *w, size_t (*encode)(size_t, unsigned char *, size_t),
		     size_t n)
{
	advance(w, encode(n, free_at(w), room(w)));
}

static void put_int(struct senml_writer *w, bool negative, uint64_t magnitude)
{
	/* CBOR's negative integer N stands for -1 - N. */
	advance(w, negative ? cbor_encode_negint(magnitude - 1, free_at(w), room(w))
			    : cbor_encode_uint(magnitude, free_at(w), room(w)));
}

static void put_signed(struct senml_writer *w, int value)
{
	put_int(w, value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static void put_number(struct senml_writer *w, const struct senml_number *n)
{
	if (n->exponent != 0) {
		advance(w, cbor_encode_tag(TAG_DECIMAL_FRACTION, free_at(w), room(w)));
		put_head(w, cbor_encode_array_start, 2);
		put_signed(w, n->exponent);
	}
	put_int(w, n->negative, n->magnitude);
}

/* The head of the pack's array depends on how many records fit: it is put in front of them last. */
static void cbor_begin(struct senml_writer *w)
{
	(void)w;
}

static void cbor_record(struct senml_writer *w, const struct senml_record *record)
{
	size_t wider = w->records == 23 || w->records == 255 ? 1 : w->records == 65535 ? 2 : 0;
	size_t n = 0;

	/* One byte is kept free already: the head of 24 elements has two, of 256 three, of 65536
	 * five. */
	w->size -= wider < w->size - w->used ? wider : w->size - w->used;
	for (unsigned i = 0; i < SENML_LABEL_COUNT; i++) {
		n += senml_record_has(record, (enum senml_label)i);
	}
	put_head(w, cbor_encode_map_start, n);
	for (unsigned i = 0; i < SENML_LABEL_COUNT; i++) {
		const union senml_value *value = &record->value[i];

		if (!senml_record_has(record, (enum senml_label)i)) {
			continue;
		}
		put_signed(w, senml_labels[i].cbor);
		switch (senml_labels[i].kind) {
		case SENML_NUMBER:
			put_number(w, &value->number);
			break;
		case SENML_TEXT:
			put_head(w, cbor_encode_string_start, value->text.length);
			senml_writer_put(w, value->text.at, value->text.length);
			break;
		case SENML_BYTES:
			put_head(w, cbor_encode_bytestring_start, value->text.length);
			senml_writer_put(w, value->text.at, value->text.length);
			break;
		case SENML_BOOL:
			senml_writer_put(w, value->truth ? "\xf5" : "\xf4", 1);
			break;
		}
	}
}

static void cbor_end(struct senml_writer *w)
{
	unsigned char head[HEAD_MAX];
	size_t n = cbor_encode_array_start(w->records, head, sizeof(head));

	memmove(w->buffer + n, w->buffer, w->used);
	memcpy(w->buffer, head, n);
	w->used += n;
}

/* --- reading: one item ---------------------------------------------------------- */

enum item_kind {
	ITEM_UINT,
	ITEM_NEGINT,
	ITEM_BYTES,
	ITEM_TEXT,
	ITEM_ARRAY,
	ITEM_MAP,
	ITEM_TAG,
	ITEM_SINGLE,
	ITEM_DOUBLE,
	ITEM_BOOL,
	ITEM_SIMPLE,
	ITEM_BREAK,
	ITEM_CHUNKED,
};

#define INDEFINITE UINT64_MAX

/* The head of a data item, and the bytes of a string. */
struct item {
	enum item_kind kind;
	uint64_t number; /* of UINT, NEGINT, TAG, BOOL; elements of ARRAY, MAP (or INDEFINITE) */
	double real;
	struct senml_text text;
};

struct reader {
	const uint8_t *data;
	size_t size, at;
	struct senml_error *err;
};

/* libcbor's callbacks: each stores the item into *context. */
#if CBOR_MAJOR_VERSION == 0 && CBOR_MINOR_VERSION < 9
typedef size_t cbor_length; /* became 64 bits wide everywhere in 0.9 */
#else
typedef uint64_t cbor_length;
#endif

#define ON_NUMBER(name, type, kind_)                                                       \
	static void name(void *context, type value)                                        \
	{                                                                                  \
		*(struct item *)context = (struct item){ .kind = kind_, .number = value }; \
	}
#define ON_REAL(name, type, kind_)                                                               \
	static void name(void *context, type value)                                              \
	{                                                                                        \
		*(struct item *)context = (struct item){ .kind = kind_, .real = (double)value }; \
	}
#define ON_STRING(name, kind_)                                                                     \
	static void name(void *context, cbor_data data, cbor_length n)                             \
	{                                                                                          \
		*(struct item *)context =                                                          \
			(struct item){ .kind = kind_, .text = { (const char *)data, (size_t)n } }; \
	}
#define ON_SIGN(name, kind_)                                                                    \
	static void name(void *context)                                                         \
	{                                                                                       \
		*(struct item *)context = (struct item){ .kind = kind_, .number = INDEFINITE }; \
	}

ON_NUMBER(on_uint8, uint8_t, ITEM_UINT)
ON_NUMBER(on_uint16, uint16_t, ITEM_UINT)
ON_NUMBER(on_uint32, uint32_t, ITEM_UINT)
ON_NUMBER(on_uint64, uint64_t, ITEM_UINT)
ON_NUMBER(on_negint8, uint8_t, ITEM_NEGINT)
ON_NUMBER(on_negint16, uint16_t, ITEM_NEGINT)
ON_NUMBER(on_negint32, uint32_t, ITEM_NEGINT)
ON_NUMBER(on_negint64, uint64_t, ITEM_NEGINT)
ON_NUMBER(on_array, cbor_length, ITEM_ARRAY)
ON_NUMBER(on_map, cbor_length, ITEM_MAP)
ON_NUMBER(on_tag, uint64_t, ITEM_TAG)
ON_NUMBER(on_bool, bool, ITEM_BOOL)
ON_REAL(on_single, float, ITEM_SINGLE)
ON_REAL(on_double, double, ITEM_DOUBLE)
ON_STRING(on_bytes, ITEM_BYTES)
ON_STRING(on_text, ITEM_TEXT)
ON_SIGN(on_indefinite_array, ITEM_ARRAY)
ON_SIGN(on_indefinite_map, ITEM_MAP)
ON_SIGN(on_chunked, ITEM_CHUNKED)
ON_SIGN(on_simple, ITEM_SIMPLE)
ON_SIGN(on_break, ITEM_BREAK)

static const struct cbor_callbacks callbacks = {
	.uint8 = on_uint8,
	.uint16 = on_uint16,
	.uint32 = on_uint32,
	.uint64 = on_uint64,
	.negint8 = on_negint8,
	.negint16 = on_negint16,
	.negint32 = on_negint32,
	.negint64 = on_negint64,
	.byte_string_start = on_chunked,
	.byte_string = on_bytes,
	.string_start = on_chunked,
	.string = on_text,
	.array_start = on_array,
	.indef_array_start = on_indefinite_array,
	.map_start = on_map,
	.indef_map_start = on_indefinite_map,
	.tag = on_tag,
	.float2 = on_single,
	.float4 = on_single,
	.float8 = on_double,
	.undefined = on_simple,
	.null = on_simple,
	.boolean = on_bool,
	.indef_break = on_break,
};

static int bad(struct reader *r, size_t byte, const char *what)
{
	r->err->byte = byte;
	r->err->in_record = false;
	return senml_fail(r->err, -EBADMSG, "%s", what);
}

static int next(struct reader *r, struct item *item)
{
	struct cbor_decoder_result result =
		cbor_stream_decode(r->data + r->at, r->size - r->at, &callbacks, item);

	if (result.status != CBOR_DECODER_FINISHED) {
		return bad(r, r->at,
			   result.status == CBOR_DECODER_NEDATA ? "the pack ends within an item"
								: "not CBOR");
	}
	r->at += result.read;
	return 0;
}

/* Whether a container has one more element; its count goes down, or its break is eaten. */
static int more(struct reader *r, uint64_t *left)
{
	if (*left != INDEFINITE) {
		return *left == 0 ? 0 : (int)((*left)--, 1);
	}
	if (r->at < r->size && r->data[r->at] == 0xff) {
		r->at++;
		return 0;
	}
	return 1;
}

/* --- reading: values ------------------------------------------------------------- */

/* A value that is not used. */
static int skip(struct reader *r, unsigned depth)
{
	size_t byte = r->at;
	struct item item;
	uint64_t left;

	if (next(r, &item) != 0) {
		return r->err->code;
	}
	if (item.kind == ITEM_BREAK) {
		return bad(r, byte, "a break where a value is expected");
	}
	if (item.kind != ITEM_ARRAY && item.kind != ITEM_MAP && item.kind != ITEM_TAG &&
	    item.kind != ITEM_CHUNKED) {
		return 0;
	}
	if (depth == DEPTH_MAX) {
		return bad(r, byte, "nested too deep");
	}
	left = item.kind == ITEM_TAG ? 1 : item.number;
	while (more(r, &left)) {
		if (skip(r, depth + 1) != 0 || (item.kind == ITEM_MAP && skip(r, depth + 1) != 0)) {
			return r->err->code;
		}
	}
	return 0;
}

static int read_integer(struct reader *r, const struct item *item, size_t byte,
			struct senml_number *n)
{
	*n = (struct senml_number){ .magnitude = item->number };
	if (item->kind == ITEM_NEGINT && item->number < UINT64_MAX) {
		n->magnitude++;
		n->negative = true;
	} else if (item->kind != ITEM_UINT) {
		return bad(r, byte, "expected an integer of 64 bits");
	}
	return 0;
}

static int read_number(struct reader *r, const struct item *item, size_t byte,
		       struct senml_number *n)
{
	struct senml_number exponent;
	struct item part;
	uint64_t left;

	if (item->kind == ITEM_SINGLE || item->kind == ITEM_DOUBLE) {
		return senml_number_from_float(item->real, item->kind == ITEM_SINGLE, n) == 0
			       ? 0
			       : bad(r, byte, "a float that stands for no short decimal number");
	}
	if (item->kind != ITEM_TAG) {
		return read_integer(r, item, byte, n);
	}
	if (item->number != TAG_DECIMAL_FRACTION) {
		return bad(r, byte, "expected a number; of the tags, only 4");
	}
	byte = r->at;
	if (next(r, &part) != 0) {
		return r->err->code;
	}
	left = part.number;
	if (part.kind != ITEM_ARRAY || (left != 2 && left != INDEFINITE)) {
		return bad(r, byte, "expected [exponent, mantissa]");
	}
	byte = r->at;
	if (next(r, &part) != 0 || read_integer(r, &part, byte, &exponent) != 0) {
		return r->err->code;
	}
	if (exponent.magnitude > 1000) {
		return bad(r, byte, "expected an exponent within 1000 of 0");
	}
	byte = r->at;
	if (next(r, &part) != 0 || read_integer(r, &part, byte, n) != 0) {
		return r->err->code;
	}
	n->exponent = exponent.negative ? -(int)exponent.magnitude : (int)exponent.magnitude;
	if (left == INDEFINITE && more(r, &left)) {
		return bad(r, r->at, "expected the end of [exponent, mantissa]");
	}
	return 0;
}

static int read_value(struct reader *r, enum senml_label label, struct senml_record *record)
{
	union senml_value *value = &record->value[label];
	size_t byte = r->at;
	struct item item;

	if (senml_record_has(record, label)) {
		return bad(r, byte, "a label given twice in one record");
	}
	if (next(r, &item) != 0) {
		return r->err->code;
	}
	record->present |= 1u << label;
	switch (senml_labels[label].kind) {
	case SENML_NUMBER:
		return read_number(r, &item, byte, &value->number);
	case SENML_TEXT:
	case SENML_BYTES:
		/* RFC 8428 6: of definite length */
		value->text = item.text;
		if (item.kind ==
		    (senml_labels[label].kind == SENML_TEXT ? ITEM_TEXT : ITEM_BYTES)) {
			return 0;
		}
		return bad(r, byte,
			   senml_labels[label].kind == SENML_TEXT
				   ? "expected a text of definite length"
				   : "expected bytes of definite length");
	case SENML_BOOL:
		value->truth = item.number != 0;
		return item.kind == ITEM_BOOL ? 0 : bad(r, byte, "expected true or false");
	}
	return 0;
}

/* One label and its value. */
static int read_pair(struct reader *r, struct senml_record *record)
{
	enum senml_label label = SENML_LABEL_COUNT;
	size_t byte = r->at;
	struct item item;

	if (next(r, &item) != 0) {
		return r->err->code;
	}
	if (item.kind == ITEM_TEXT) {
		label = senml_label_find(item.text.at, item.text.length);
		if (label == SENML_LABEL_COUNT) {
			/* RFC 8428 4.4: an underscore at the end means "must understand". */
			if (item.text.length > 0 && item.text.at[item.text.length - 1] == '_') {
				return bad(r, byte, "a label that must be understood and is not");
			}
			return skip(r, 0);
		}
	} else if (item.kind == ITEM_UINT || item.kind == ITEM_NEGINT) {
		for (unsigned i = 0; i < SENML_LABEL_COUNT; i++) {
			int number = senml_labels[i].cbor;

			if (item.number == (uint64_t)(number < 0 ? -1 - number : number) &&
			    (item.kind == ITEM_NEGINT) == (number < 0)) {
				label = (enum senml_label)i;
			}
		}
	}
	if (label == SENML_LABEL_COUNT) {
		return bad(r, byte, "expected a label: an integer from -6 to 8 or a text");
	}
	return read_value(r, label, record);
}

static int cbor_read(const void *data, size_t size, senml_record_fn fn, void *context,
		     struct senml_error *err)
{
	struct reader r = { .data = data, .size = size, .err = err };
	uint64_t records, pairs;
	struct item item;

	if (next(&r, &item) != 0) {
		return err->code;
	}
	if (item.kind != ITEM_ARRAY) {
		return bad(&r, 0, "expected an array of records");
	}
	records = item.number;
	for (unsigned index = 0; more(&r, &records); index++) {
		struct senml_record record = { .present = 0 };
		size_t byte = r.at;
		int rc;

		if (next(&r, &item) != 0) {
			return err->code;
		}
		if (item.kind != ITEM_MAP) {
			return bad(&r, byte, "expected a map: a record");
		}
		pairs = item.number;
		while (more(&r, &pairs)) {
			if (read_pair(&r, &record) != 0) {
				return err->code;
			}
		}
		err->byte = byte;
		err->record = index;
		err->in_record = true;
		rc = fn(context, &record);
		if (rc != 0) {
			return rc;
		}
	}
	return r.at == size ? 0 : bad(&r, r.at, "bytes after the end of the pack");
}

/* Bytes of the head of a pack's array, and its number of records; 0: not of definite length. */
static size_t read_head(const void *data, size_t size, uint64_t *records)
{
	struct senml_error err = { .byte = SENML_NOWHERE };
	struct reader r = { .data = data, .size = size, .err = &err };
	struct item item;

	if (next(&r, &item) != 0 || item.kind != ITEM_ARRAY || item.number == INDEFINITE) {
		return 0;
	}
	*records = item.number;
	return r.at;
}

int senml_join_cbor(void *buffer, size_t size, size_t *used, const void *pack, size_t pack_size)
{
	unsigned char head[HEAD_MAX];
	uint64_t records = 0, more;
	size_t old_head = *used > 0 ? read_head(buffer, *used, &records) : 0;
	size_t skip = read_head(pack, pack_size, &more), new_head, kept = *used - old_head;

	if (skip == 0 || (*used > 0 && old_head == 0)) {
		return -EBADMSG;
	}
	new_head = cbor_encode_array_start(records + more, head, sizeof(head));
	if (new_head + kept + pack_size - skip > size) {
		return -ENOSPC;
	}
	memmove((uint8_t *)buffer + new_head, (uint8_t *)buffer + old_head, kept);
	memcpy(buffer, head, new_head);
	memcpy((uint8_t *)buffer + new_head + kept, (const uint8_t *)pack + skip, pack_size - skip);
	*used = new_head + kept + pack_size - skip;
	return 0;
}

const struct senml_codec senml_cbor = {
	.begin = cbor_begin,
	.record = cbor_record,
	.end = cbor_end,
	.read = cbor_read,
};
