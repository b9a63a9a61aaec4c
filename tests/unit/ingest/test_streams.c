// SPDX-License-Identifier: BSD-2-Clause
/* streams: each is found by device and epoch together, however many share one of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "server/ingest/streams.h"

#define DEVICES 300
#define EPOCHS 3

static void each_of_many_streams_is_found_and_no_other(void **state)
{
	struct stream *made[DEVICES][EPOCHS];
	struct streams streams = { 0 };
	char device[32];

	(void)state;
	assert_null(streams_find(&streams, "urn:dev:0", 1));
	for (unsigned d = 0; d < DEVICES; d++) {
		snprintf(device, sizeof(device), "urn:dev:%u", d);
		for (uint64_t e = 0; e < EPOCHS; e++) { /* all of the legacy client's have one */
			assert_null(streams_find(&streams, device, e));
			made[d][e] = streams_add(&streams, device, e);
			assert_non_null(made[d][e]);
		}
	}
	assert_int_equal(streams.n, DEVICES * EPOCHS);
	for (unsigned d = 0; d < DEVICES; d++) {
		snprintf(device, sizeof(device), "urn:dev:%u", d);
		for (uint64_t e = 0; e < EPOCHS; e++) {
			assert_ptr_equal(streams_find(&streams, device, e), made[d][e]);
		}
		assert_null(streams_find(&streams, device, EPOCHS));
	}
	streams_free(&streams);
	assert_int_equal(streams.n, 0);
	assert_null(streams_find(&streams, "urn:dev:0", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_of_many_streams_is_found_and_no_other),
	};

	return cmocka_run_group_tests_name("streams", tests, NULL, NULL);
}
