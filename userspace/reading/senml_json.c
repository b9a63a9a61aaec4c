// SPDX-License-Identifier: BSD-2-Clause
/*
 * SenML in JSON (RFC 8428 5, RFC 8259), read through jansson.
 *
 * jansson makes a double of every number with a fraction and has no integers past 2^63. So that
 * numbers stay exact it never sees one: before it parses, each number token outside of a string
 * is wrapped, 25.4 to ["25.4"]. A pack has no arrays but itself, so nothing else looks like that.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "senml_codec.h"

#define RECORDS_MAX 65535	/* bounds the memory that a body of "{},{},..." costs */

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

static bool in_number(char c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/*
 * Copies text to out (of 5 bytes for each of text) with its numbers wrapped, until out has *length
 * bytes; then *length is what it has, and err->byte where that is in text. Checks what jansson
 * would not: the pack is an array, without another inside.
 */
static int wrap_numbers(const char *text, size_t size, char *out, size_t *length,
			struct senml_error *err)
{
	size_t o = 0, i, arrays = 0, records = 0;
	bool in_string = false;

	for (i = 0; i < size && o < *length; i++) {
		char c = text[i];

		err->byte = i;
		if (in_string) {
			in_string = c != '"';
			if (c == '\\' && i + 1 < size) {
				out[o++] = c;
				c = text[++i];
			}
		} else if (arrays == 0 && c != '[' && strchr(" \t\r\n", c) == NULL) {
			return senml_fail(err, -EBADMSG, "expected an array of records");
		} else if (c == '[' && arrays++ > 0) {
			return senml_fail(err, -EBADMSG, "an array inside of the pack");
		} else if (c == '{' && records++ == RECORDS_MAX) {
			return senml_fail(err, -EBADMSG, "more than %d records", RECORDS_MAX);
		} else if (c == '-' || (c >= '0' && c <= '9')) {
			out[o++] = '[';
			out[o++] = '"';
			for (; i < size && in_number(text[i]); i++) {
				out[o++] = text[i];
			}
			i--;
			out[o++] = '"';
			c = ']';
		} else {
			in_string = c == '"';
		}
		out[o++] = c;
	}
	err->byte = i;
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
	return have < 6 && bits == 0;	/* no lonely digit, nothing left in the last */
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
		switch (wrapped == NULL ? -EINVAL
					: senml_number_parse(json_string_value(wrapped),
							     json_string_length(wrapped),
							     &value->number)) {
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
		value->text = (struct senml_text){ json_string_value(json), json_string_length(json) };
		if (senml_labels[label].kind == SENML_BYTES &&
		    !decode_base64(value->text.at, value->text.length, scratch, &value->text)) {
			return senml_fail(err, -EBADMSG, "%s: expected base64url without padding", name);
		}
		return 0;
	case SENML_BOOL:
		value->truth = json_is_true(json);
		return json_is_boolean(json)
			       ? 0 : senml_fail(err, -EBADMSG, "%s: expected true or false", name);
	}
	return 0;
}

static int read_record(json_t *object, struct senml_record *record, char *scratch,
		       struct senml_error *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object)) {
		return senml_fail(err, -EBADMSG, "expected an object");
	}
	json_object_foreach(object, key, value) {
		size_t length = strlen(key);
		enum senml_label label = senml_label_find(key, length);

		if (label != SENML_LABEL_COUNT) {
			if (read_value(value, label, record, scratch, err) != 0) {
				return err->code;
			}
		} else if (length > 0 && key[length - 1] == '_') {
			/* RFC 8428 4.4: an underscore at the end means "must understand". */
			return senml_fail(err, -EBADMSG, "%.40s: must be understood and is not", key);
		}
	}
	return 0;
}

static int json_read(const void *data, size_t size, senml_record_fn fn, void *context,
		     struct senml_error *err)
{
	json_error_t error;
	json_t *pack = NULL;
	size_t length = SIZE_MAX;
	char *text, *near;
	int rc;

	text = size < SIZE_MAX / 5 ? malloc(5 * size + 1) : NULL;
	if (text == NULL) {
		return senml_fail(err, -ENOMEM, "out of memory");
	}
	rc = wrap_numbers(data, size, text, &length, err);
	if (rc != 0) {
		goto out;
	}
	pack = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	if (pack == NULL) {
		near = strstr(error.text, " near ");	/* would quote the wrapped text */
		if (near != NULL) {
			*near = '\0';
		}
		length = error.position > 0 ? (size_t)error.position : 0;
		wrap_numbers(data, size, text, &length, err);
		rc = json_error_code(&error) == json_error_out_of_memory
			     ? senml_fail(err, -ENOMEM, "out of memory")
			     : senml_fail(err, -EBADMSG, "not JSON: %s", error.text);
		goto out;
	}
	err->byte = SENML_NOWHERE;
	err->in_record = true;
	for (err->record = 0; err->record < json_array_size(pack); err->record++) {
		struct senml_record record = { .present = 0 };

		rc = read_record(json_array_get(pack, err->record), &record, text, err);
		rc = rc == 0 ? fn(context, &record) : rc;
		if (rc != 0) {
			break;
		}
	}
out:
	json_decref(pack);
	free(text);
	return rc;
}

const struct senml_codec senml_json = {
	.begin = json_begin, .record = json_record, .end = json_end, .read = json_read,
};
