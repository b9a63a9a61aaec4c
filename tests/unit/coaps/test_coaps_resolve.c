// SPDX-License-Identifier: BSD-2-Clause
/*
 * coaps_resolve: an address is there at once, a name comes from a thread, and a lookup may be given
 * up at any time. Under ThreadSanitizer this is where the two threads meet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>

#include "userspace/coaps/coaps_resolve.h"

static struct coaps_addresses wait_for(struct coaps_resolve *r)
{
	struct pollfd readable = { .fd = coaps_resolve_fd(r), .events = POLLIN };
	struct coaps_addresses found;

	assert_int_equal(poll(&readable, 1, 30000), 1);
	assert_int_equal(coaps_resolve_take(r, &found), 1);
	return found;
}

static void an_address_is_there_at_once(void **state)
{
	struct coaps_resolve *r = coaps_resolve_start("192.0.2.7", 5684);
	struct coaps_addresses found;

	(void)state;
	assert_int_equal(coaps_resolve_take(r, &found), 1);
	assert_int_equal(found.n, 1);
	assert_int_equal(coap_address_get_port(&found.address[0]), 5684);
	coaps_resolve_free(r);
}

static void a_name_comes_with_its_addresses(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		struct coaps_resolve *r = coaps_resolve_start("localhost", 5684);
		struct coaps_addresses found = wait_for(r);

		assert_true(found.n > 0);
		coaps_resolve_free(r);
	}
}

static void a_name_that_does_not_exist_says_why(void **state)
{
	struct coaps_resolve *r = coaps_resolve_start("no-such-host.invalid", 5684);
	struct coaps_addresses found = wait_for(r);

	(void)state;
	assert_int_equal(found.n, 0);
	assert_true(found.why_none[0] != '\0');
	coaps_resolve_free(r);
}

static void a_lookup_may_be_given_up_at_any_time(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct coaps_resolve *r = coaps_resolve_start("localhost", 5684);
		struct coaps_addresses found;

		assert_non_null(r);
		if (i % 2 == 0) {
			coaps_resolve_take(r, &found);
		}
		coaps_resolve_free(r);
	}
	coaps_resolve_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_there_at_once),
		cmocka_unit_test(a_name_comes_with_its_addresses),
		cmocka_unit_test(a_name_that_does_not_exist_says_why),
		cmocka_unit_test(a_lookup_may_be_given_up_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
