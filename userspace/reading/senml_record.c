// SPDX-License-Identifier: BSD-2-Clause
#include "senml_record.h"

#include <stdio.h>

const struct senml_label_info senml_labels[SENML_LABEL_COUNT] = {
#define X(id, json, cbor_, kind_) \
	[SENML_##id] = { .name = json, .cbor = cbor_, .kind = SENML_##kind_ },
	SENML_LABELS(X)
#undef X
};

enum senml_label senml_label_find(const char *name, size_t length)
{
	unsigned i;

	for (i = 0; i < SENML_LABEL_COUNT; i++) {
		if (strlen(senml_labels[i].name) == length &&
		    memcmp(senml_labels[i].name, name, length) == 0) {
			break;
		}
	}
	return (enum senml_label)i;
}

size_t senml_utf8_prefix(const char *text, size_t length)
{
	size_t at = 0;

	while (at < length) {
		unsigned char c = (unsigned char)text[at];
		size_t more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		uint32_t code = more == 0 ? c : c & (0x3fu >> more);
		static const uint32_t min_code[] = { 1, 0x80, 0x800, 0x10000 };

		if ((c >= 0x80 && c < 0xc0) || c > 0xf4 || length - at <= more) {
			break;
		}
		for (size_t i = 1; i <= more; i++) {
			unsigned char next = (unsigned char)text[at + i];

			if ((next & 0xc0) != 0x80) {
				return at;
			}
			code = code << 6 | (next & 0x3f);
		}
		/* Overlong forms, surrogates and what is past Unicode are no UTF-8. */
		if (code < min_code[more] || code > 0x10ffff ||
		    (code >= 0xd800 && code <= 0xdfff)) {
			break;
		}
		at += more + 1;
	}
	return at;
}

int senml_fail(struct senml_error *err, int code, const char *format, ...)
{
	int head = 0;
	va_list args;

	err->code = code;
	if (err->in_record) {
		head = snprintf(err->text, sizeof(err->text), "record %u: ", err->record);
	} else if (err->byte != SENML_NOWHERE) {
		head = snprintf(err->text, sizeof(err->text), "byte %zu: ", err->byte);
	}
	va_start(args, format);
	vsnprintf(err->text + head, sizeof(err->text) - (size_t)head, format, args);
	va_end(args);
	return code;
}
