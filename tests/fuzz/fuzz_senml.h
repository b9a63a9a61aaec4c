/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_senml: what must hold of any bytes given to a SenML decoder: refused with words, or taken
 * and then exact through both formats. libFuzzer:
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_senml_cbor.c \
 *		$(ls userspace/reading/?*.c) -lcbor -ljansson
 *
 * tests/unit/coap/test_routes_corpus.c replays tests/fuzz/corpus without it.
 */
#ifndef FUZZ_SENML_H
#define FUZZ_SENML_H

#include <stdlib.h>
#include <string.h>

#include "userspace/reading/senml.h"

#define FUZZ_READINGS 8

static inline void fuzz_expect(int holds)
{
	if (!holds) {
		abort();
	}
}

static inline void fuzz_senml(enum senml_format format, const uint8_t *data, size_t size)
{
	static struct reading in[FUZZ_READINGS], out[FUZZ_READINGS];
	static char pack[FUZZ_READINGS * SENML_READING_MAX];
	static const enum senml_format formats[] = { SENML_CBOR, SENML_JSON };
	struct reading_ack acks[FUZZ_READINGS], acks_out[FUZZ_READINGS];
	struct senml_error err;
	int n = senml_decode(format, data, size, in, FUZZ_READINGS, &err);

	fuzz_expect(n > 0 || (n == err.code && err.text[0] != '\0'));
	for (unsigned f = 0; n > 0 && f < 2; f++) {
		int used = senml_encode(formats[f], in, (size_t)n, pack, sizeof(pack), NULL);

		fuzz_expect(used > 0);
		fuzz_expect(senml_decode(formats[f], pack, (size_t)used, out, FUZZ_READINGS,
					 &err) == n);
		for (int i = 0; i < n; i++) {
			fuzz_expect(reading_equal(&in[i], &out[i]));
		}
	}
	n = senml_decode_acks(format, data, size, acks, FUZZ_READINGS, &err);
	fuzz_expect(n > 0 || (n == err.code && err.text[0] != '\0'));
	for (unsigned f = 0; n > 0 && f < 2; f++) {
		int used = senml_encode_acks(formats[f], acks, (size_t)n, pack, sizeof(pack));

		fuzz_expect(used > 0);
		fuzz_expect(senml_decode_acks(formats[f], pack, (size_t)used, acks_out,
					      FUZZ_READINGS, &err) == n);
		for (int i = 0; i < n; i++) {
			fuzz_expect(strcmp(acks[i].device, acks_out[i].device) == 0 &&
				    acks[i].epoch == acks_out[i].epoch &&
				    acks[i].complete == acks_out[i].complete);
		}
	}
}

#endif
