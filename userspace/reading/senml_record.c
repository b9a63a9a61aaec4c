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
