// SPDX-License-Identifier: BSD-2-Clause
/*
 * SenML in JSON (RFC 8428 5, RFC 8259), read through jansson.
 *
 * jansson makes a double of every number with a fraction and has no integers past 2^63. So that
 * numbers stay exact it never sees one: before it parses a record, each number token outside of a
 * string is wrapped, 25.4 to ["25.4"]. A record has no arrays, so nothing else has that form.
 * It gets one record at a time: a pack of any length costs the memory of its largest record.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "senml_codec.h"

#define DEPTH_MAX 8 /* of nested objects in a record */

/* --- writing ---------------------------------------------------------------- */

static void put_literal(struct senml_writer *w, const char *text)
{
	senml_writer_put(w, text, strlen(text));
}

static void put_string(struct senml_writer *w, const struct senml_text *text)
{
	static const char digits[] = "0123456789abcdef";

	put_literal(w, "\"");
	for (size_t i = 0; i < text->length; i++) {
		unsigned char c = (unsigned char)text->at[i];
		const char escape[] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };

		if (c < ' ') {
			senml_writer_put(w, escape, sizeof(escape));
			continue;
		}
		if (c == '"' || c == '\\') {
			put_literal(w, "\\");
		}
		senml_writer_put(w, &text->at[i], 1);
	}
	put_literal(w, "\"");
}

/* RFC 4648 5 without padding, as RFC 8428 4.3 wants it. */
static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void put_base64(struct senml_writer *w, const struct senml_text *bytes)
{
	uint32_t bits = 0;
	unsigned have = 0;

	put_literal(w, "\"");
	for (size_t i = 0; i < bytes->length; i++) {
		bits = bits << 8 | (uint8_t)bytes->at[i];
		for (have += 8; have >= 6; have -= 6) {
			senml_writer_put(w, &base64url[bits >> (have - 6) & 63], 1);
		}
	}
	if (have > 0) {
		senml_writer_put(w, &base64url[bits << (6 - have) & 63], 1);
	}
	put_literal(w, "\"");
}

static void json_begin(struct senml_writer *w)
{
	put_literal(w, "[");
}

static void json_record(struct senml_writer *w, const struct senml_record *record)
{
	const char *between = "{";

	if (w->records > 0) {
		put_literal(w, ",\n");
	}
	for (unsigned i = 0; i < SENML_LABEL_COUNT; i++) {
		const union senml_value *value = &record->value[i];
		char number[SENML_NUMBER_TEXT];

		if (!senml_record_has(record, (enum senml_label)i)) {
			continue;
		}
		put_literal(w, between);
		put_literal(w, "\"");
		put_literal(w, senml_labels[i].name);
		put_literal(w, "\":");
		between = ",";
		switch (senml_labels[i].kind) {
		case SENML_NUMBER:
			senml_writer_put(w, number, senml_number_print(&value->number, number));
			break;
		case SENML_TEXT:
			put_string(w, &value->text);
			break;
		case SENML_BYTES:
			put_base64(w, &value->text);
			break;
		case SENML_BOOL:
			put_literal(w, value->truth ? "true" : "false");
			break;
		}
	}
	put_literal(w, "}");
}

static void json_end(struct senml_writer *w)
{
	put_literal(w, "]");
}

/* --- reading ------------------------------------------------------------------ */

struct reader {
	const char *text;
	size_t size, at;
	struct senml_error *err;
};

static int bad(struct reader *r, const char *what)
{
	r->err->byte = r->at;
	r->err->in_record = false;
	return senml_fail(r->err, -EBADMSG, "%s", what);
}

/* The next character that is not white space, still to be eaten; NUL at the end. */
static char peek(struct reader *r)
{
	while (r->at < r->size && (r->text[r->at] == ' ' || r->text[r->at] == '\t' ||
				   r->text[r->at] == '\r' || r->text[r->at] == '\n')) {
		r->at++;
	}
	return (char)(r->at < r->size ? r->text[r->at] : '\0');
}

static bool in_number(char c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/*
 * Copies an object from its "{" to its "}" to out (of 5 bytes for each one left) with its numbers
 * wrapped, or until out has *length bytes; *length then is what it has.
 */
static int wrap_numbers(struct reader *r, char *out, size_t *length)
{
	bool in_string = false;
	unsigned depth = 0;
	size_t o = 0;

	do {
		char c;

		if (r->at == r->size) {
			return bad(r, "the pack ends within a record");
		}
		c = r->text[r->at];
		if (in_string) {
			in_string = c != '"';
			if (c == '\\' && r->at + 1 < r->size) {
				out[o++] = c;
				c = r->text[++r->at];
			}
		} else if (c == '[' || (c == '{' && ++depth > DEPTH_MAX)) {
			return bad(r, c == '[' ? "an array inside of a record" : "nested too deep");
		} else if (c == '-' || (c >= '0' && c <= '9')) {
			out[o++] = '[';
			out[o++] = '"';
			for (; r->at < r->size && in_number(r->text[r->at]); r->at++) {
				out[o++] = r->text[r->at];
			}
			r->at--;
			out[o++] = '"';
			c = ']';
		} else {
			in_string = c == '"';
			depth -= c == '}';
		}
		out[o++] = c;
		r->at++;
	} while (depth > 0 && o < *length);
	*length = o;
	return 0;
}

static int digit_of(char c)
{
	const char *found = c != '\0' ? strchr(base64url, c) : NULL;

	return found != NULL ? (int)(found - base64url) : -1;
}

/* out has room for length bytes. */
static bool decode_base64(const char *text, size_t length, char *out, struct senml_text *bytes)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t o = 0;

	for (size_t i = 0; i < length; i++) {
		int digit = digit_of(text[i]);

		if (digit < 0) {
			return false;
		}
		bits = bits << 6 | (uint32_t)digit;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[o++] = (char)(bits >> have);
			bits &= (1u << have) - 1;
		}
	}
	*bytes = (struct senml_text){ out, o };
	return have < 6 && bits == 0; /* no lonely digit, nothing left in the last */
}

static int read_value(const json_t *json, enum senml_label label, struct senml_record *record,
		      char *scratch, struct senml_error *err)
{
	union senml_value *value = &record->value[label];
	const char *name = senml_labels[label].name;
	const json_t *wrapped = json_array_get(json, 0);

	record->present |= 1u << label;
	switch (senml_labels[label].kind) {
	case SENML_NUMBER:
		switch (wrapped == NULL
				? -EINVAL
				: senml_number_parse(json_string_value(wrapped),
						     json_string_length(wrapped), &value->number)) {
		case 0:
			return 0;
		case -ERANGE:
			return senml_fail(err, -EBADMSG, "%s: a number of too many digits", name);
		default:
			return senml_fail(err, -EBADMSG, "%s: expected a number", name);
		}
	case SENML_TEXT:
	case SENML_BYTES:
		if (!json_is_string(json)) {
			return senml_fail(err, -EBADMSG, "%s: expected a string", name);
		}
		value->text =
			(struct senml_text){ json_string_value(json), json_string_length(json) };
		if (senml_labels[label].kind == SENML_BYTES &&
		    !decode_base64(value->text.at, value->text.length, scratch, &value->text)) {
			return senml_fail(err, -EBADMSG, "%s: expected base64url without padding",
					  name);
		}
		return 0;
	case SENML_BOOL:
		value->truth = json_is_true(json);
		return json_is_boolean(json)
			       ? 0
			       : senml_fail(err, -EBADMSG, "%s: expected true or false", name);
	}
	return 0;
}

static int read_record(json_t *object, struct senml_record *record, char *scratch,
		       struct senml_error *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		size_t length = strlen(key);
		enum senml_label label = senml_label_find(key, length);

		if (label != SENML_LABEL_COUNT) {
			if (read_value(value, label, record, scratch, err) != 0) {
				return err->code;
			}
		} else if (length > 0 && key[length - 1] == '_') {
			/* RFC 8428 4.4: an underscore at the end means "must understand". */
			return senml_fail(err, -EBADMSG, "%.40s: must be understood and is not",
					  key);
		}
	}
	return 0;
}

/* Parses the record at r->at and moves past it. scratch is of 5 bytes for each one left. */
static int parse_record(struct reader *r, char *scratch, json_t **object)
{
	size_t length = SIZE_MAX, start = r->at;
	json_error_t error;
	char *near;

	if (peek(r) != '{') {
		return bad(r, "expected an object: a record");
	}
	if (wrap_numbers(r, scratch, &length) != 0) {
		return r->err->code;
	}
	*object = json_loadb(scratch, length, JSON_REJECT_DUPLICATES, &error);
	if (*object != NULL) {
		return 0;
	}
	if (json_error_code(&error) == json_error_out_of_memory) {
		return senml_fail(r->err, -ENOMEM, "out of memory");
	}
	near = strstr(error.text, " near "); /* would quote the wrapped text */
	if (near != NULL) {
		*near = '\0';
	}
	/* Wrap again, up to where jansson stopped, to find that place in the pack. */
	r->at = start;
	length = error.position > 0 ? (size_t)error.position : 1;
	wrap_numbers(r, scratch, &length);
	r->err->byte = r->at;
	r->err->in_record = false;
	return senml_fail(r->err, -EBADMSG, "not JSON: %s", error.text);
}

static int read_records(struct reader *r, char *scratch, senml_record_fn fn, void *context)
{
	if (peek(r) != '[') {
		return bad(r, "expected an array of records");
	}
	r->at++;
	if (peek(r) == ']') {
		return 0;
	}
	for (unsigned index = 0;; index++) {
		struct senml_record record = { .present = 0 };
		json_t *object = NULL;
		size_t byte = r->at;
		int rc = parse_record(r, scratch, &object);

		if (rc == 0) {
			r->err->byte = byte;
			r->err->record = index;
			r->err->in_record = true;
			rc = read_record(object, &record, scratch, r->err);
			rc = rc == 0 ? fn(context, &record) : rc;
			json_decref(object);
		}
		if (rc != 0) {
			return rc;
		}
		if (peek(r) == ']') {
			return 0;
		}
		if (peek(r) != ',') {
			return bad(r, "expected , or ] after a record");
		}
		r->at++;
		peek(r);
	}
}

static int json_read(const void *data, size_t size, senml_record_fn fn, void *context,
		     struct senml_error *err)
{
	struct reader r = { .text = data, .size = size, .err = err };
	char *scratch = size < SIZE_MAX / 5 ? malloc(5 * size + 1) : NULL;
	int rc;

	if (scratch == NULL) {
		return senml_fail(err, -ENOMEM, "out of memory");
	}
	rc = read_records(&r, scratch, fn, context);
	free(scratch);
	if (rc != 0) {
		return rc;
	}
	r.at++;
	peek(&r);
	return r.at == size ? 0 : bad(&r, "characters after the end of the pack");
}

const struct senml_codec senml_json = {
	.begin = json_begin,
	.record = json_record,
	.end = json_end,
	.read = json_read,
};
