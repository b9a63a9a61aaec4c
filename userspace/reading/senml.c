// SPDX-License-Identifier: BSD-2-Clause
#include "senml.h"

#include <errno.h>
#include <limits.h>

#include "userspace/reading/senml_codec.h"
#include "userspace/reading/senml_pack.h"
#include "userspace/reading/senml_unpack.h"

static const struct senml_codec *codec_of(enum senml_format format)
{
	return format == SENML_JSON ? &senml_json : &senml_cbor;
}

struct encoder {
	const struct senml_codec *codec;
	struct senml_writer writer;
};

static int write_record(void *context, const struct senml_record *record)
{
	struct encoder *e = context;

	e->codec->record(&e->writer, record);
	e->writer.records++;
	return e->writer.full ? -ENOSPC : 0;
}

/* Reserves one byte for the end of the pack. */
static int encode_begin(struct encoder *e, enum senml_format format, void *buffer, size_t size)
{
	e->codec = codec_of(format);
	e->writer =
		(struct senml_writer){ .buffer = buffer, .size = size < INT_MAX ? size : INT_MAX };
	if (e->writer.size == 0) {
		return -ENOSPC;
	}
	e->writer.size--;
	e->codec->begin(&e->writer);
	return e->writer.full ? -ENOSPC : 0;
}

static int encode_end(struct encoder *e)
{
	e->writer.size++;
	e->codec->end(&e->writer);
	return (int)e->writer.used;
}

int senml_encode(enum senml_format format, const struct reading *readings, size_t n, void *buffer,
		 size_t size, size_t *encoded)
{
	struct encoder e;
	int rc = n == 0 ? -EINVAL : encode_begin(&e, format, buffer, size);
	size_t done = 0;

	for (; rc == 0 && done < n; done++) {
		struct senml_writer before = e.writer;

		rc = senml_pack_reading(&readings[done], write_record, &e);
		if (rc != 0) {
			e.writer = before;
			break;
		}
	}
	if (encoded != NULL) {
		*encoded = done;
	}
	if (rc != 0 && (done == 0 || encoded == NULL)) {
		return rc;
	}
	return encode_end(&e);
}

int senml_encode_acks(enum senml_format format, const struct reading_ack *acks, size_t n,
		      void *buffer, size_t size)
{
	struct encoder e;
	int rc = n == 0 ? -EINVAL : encode_begin(&e, format, buffer, size);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = senml_pack_ack(&acks[i], write_record, &e);
	}
	return rc != 0 ? rc : encode_end(&e);
}

static int decode(enum senml_format format, const void *data, size_t size, struct senml_unpack *u)
{
	int rc;

	*u->err = (struct senml_error){ .byte = SENML_NOWHERE };
	rc = codec_of(format)->read(data, size, senml_unpack_record, u, u->err);
	return rc != 0 ? rc : senml_unpack_end(u);
}

int senml_decode(enum senml_format format, const void *data, size_t size, struct reading *readings,
		 size_t max, struct senml_error *err)
{
	struct senml_unpack u;

	senml_unpack_readings(&u, readings, max, err);
	return decode(format, data, size, &u);
}

int senml_decode_acks(enum senml_format format, const void *data, size_t size,
		      struct reading_ack *acks, size_t max, struct senml_error *err)
{
	struct senml_unpack u;

	senml_unpack_acks(&u, acks, max, err);
	return decode(format, data, size, &u);
}
