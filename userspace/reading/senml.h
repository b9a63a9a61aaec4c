/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * senml: Readings and acknowledgements to and from SenML packs (RFC 8428), as CBOR or JSON.
 *
 * The wire format, for a second implementer, is docs/protocol.md. Everything is exact: what is
 * decoded is reading_equal() to what was encoded, in both formats and across them.
 *
 * Nothing is kept between calls; any thread. CBOR allocates nothing; JSON only while it decodes.
 */
#ifndef SENML_H
#define SENML_H

#include <stddef.h>
#include <stdint.h>

#include "userspace/reading/reading.h"

enum senml_format { /* the CoAP Content-Format numbers (RFC 8428 12.3) */
		    SENML_JSON = 110,
		    SENML_CBOR = 112,
};

/* No single reading needs more in either format (64 sensors, every text full of escapes). */
#define SENML_READING_MAX 32768

#define SENML_NOWHERE ((size_t)-1)

/* Why a pack was refused. */
struct senml_error {
	int code; /* as returned */
	size_t byte; /* where in the input the trouble (or its record) is; SENML_NOWHERE: not known
		      */
	unsigned record; /* index of the record, from 0; meaningful if in_record */
	bool in_record;
	char text[160]; /* for people, with byte or record: fit for a diagnostic payload */
};

/*
 * Encodes as many of the n readings, in order, as fit into size bytes whole. Returns the bytes
 * written and puts the number of readings into *encoded; encoded NULL: all n or nothing.
 * -ENOSPC: not even the first (or not all) fits; -EINVAL: n is 0, or the first (or any) is no
 * Reading: bad device, epoch or seq 0, an unknown quality, more than 64 temperatures, a time
 * out of bounds, a text without its NUL. A reading that is none ends the pack before it.
 * A host, version or note that is not UTF-8 is sent up to its first bad byte.
 */
int senml_encode(enum senml_format format, const struct reading *readings, size_t n, void *buffer,
		 size_t size, size_t *encoded);

/*
 * Appends a SENML_CBOR pack to the one of *used bytes in buffer (0: to nothing). Both must be as
 * senml_encode() writes them; the result is what it would write of all their readings. 0 and the
 * new *used, or -ENOSPC, or -EBADMSG: no such pack.
 */
int senml_join_cbor(void *buffer, size_t size, size_t *used, const void *pack, size_t pack_size);

/*
 * Decodes a pack of at most max readings; returns how many (1 or more). The pack is refused
 * whole, with *err filled: -EBADMSG malformed, -E2BIG more than max readings, -ENOMEM.
 * What readings holds then is undefined.
 */
int senml_decode(enum senml_format format, const void *data, size_t size, struct reading *readings,
		 size_t max, struct senml_error *err);

/* The answer to a POST. All n or -ENOSPC; the bytes written. n may be 0 in neither direction. */
int senml_encode_acks(enum senml_format format, const struct reading_ack *acks, size_t n,
		      void *buffer, size_t size);
int senml_decode_acks(enum senml_format format, const void *data, size_t size,
		      struct reading_ack *acks, size_t max, struct senml_error *err);

#endif
