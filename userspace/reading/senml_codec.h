/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * senml_codec: what a serialisation of SenML records must do; senml_cbor and senml_json do it.
 */
#ifndef SENML_CODEC_H
#define SENML_CODEC_H

#include "userspace/reading/senml_record.h"

/*
 * A pack in the making. A record that does not fit sets full, and stays out.
 * The writer is plain data: a copy taken before a record takes the pack back to that point.
 */
struct senml_writer {
	uint8_t *buffer;
	size_t size, used;
	unsigned records;
	bool full;
};

struct senml_codec {
	void (*begin)(struct senml_writer *w);
	void (*record)(struct senml_writer *w, const struct senml_record *record);
	void (*end)(struct senml_writer *w); /* has one byte more than record() had */
	/*
	 * Reads a whole pack and hands over each record. 0, or negative: what fn returned, or
	 * -EBADMSG or -ENOMEM with *err filled. err->record and byte are set before fn is called.
	 */
	int (*read)(const void *data, size_t size, senml_record_fn fn, void *context,
		    struct senml_error *err);
};

extern const struct senml_codec senml_cbor, senml_json;

/* Appends, or sets full. */
static inline void senml_writer_put(struct senml_writer *w, const void *bytes, size_t n)
{
	if (w->full || n > w->size - w->used) {
		w->full = true;
		return;
	}
	memcpy(w->buffer + w->used, bytes, n);
	w->used += n;
}

#endif
