// SPDX-License-Identifier: BSD-2-Clause
/* coaps_tickets: processes with one secret accept each other's tickets, and change the key at the
 * same time; secrets are replaced with two accepted. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* a session is filled by a handshake only */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <mbedtls/platform_time.h>
#include <psa/crypto.h>
#include <time.h>

#include "userspace/coaps/coaps_tickets.h"

#define PERIOD_S 43200

static time_t now_s;

/* In the place of libc's, for mbedTLS and us. */
time_t time(time_t *out)
{
	if (out != NULL) {
		*out = now_s;
	}
	return now_s;
}

struct ticket {
	unsigned char bytes[1024];
	size_t size;
};

/* Secrets of these bytes; second 0: only one. */
static void setup_two(struct coaps_tickets *t, uint8_t first, uint8_t second)
{
	struct coaps_secrets secrets = { .n = second != 0 ? 2 : 1 };

	memset(secrets.key[0], first, sizeof(secrets.key[0]));
	memset(secrets.key[1], second, sizeof(secrets.key[1]));
	coaps_tickets_init(t);
	assert_int_equal(coaps_tickets_setup(t, &secrets), 0);
}

static void setup(struct coaps_tickets *t, uint8_t fill)
{
	setup_two(t, fill, 0);
}

/* By the callbacks that mbedTLS gets. */
static struct ticket make(struct coaps_tickets *t)
{
	mbedtls_ssl_config conf;
	mbedtls_ssl_session session;
	struct ticket ticket;
	uint32_t lifetime;

	mbedtls_ssl_config_init(&conf);
	coaps_tickets_configure(&conf, t);
	mbedtls_ssl_session_init(&session);
	session.tls_version = MBEDTLS_SSL_VERSION_TLS1_2;
	session.endpoint = MBEDTLS_SSL_IS_SERVER;
	session.ticket_creation_time = mbedtls_ms_time();
	memset(session.master, 0x5a, sizeof(session.master));
	assert_int_equal(conf.f_ticket_write(conf.p_ticket, &session, ticket.bytes,
					     ticket.bytes + sizeof(ticket.bytes), &ticket.size,
					     &lifetime),
			 0);
	assert_int_equal(lifetime, 2 * PERIOD_S);
	mbedtls_ssl_session_free(&session);
	mbedtls_ssl_config_free(&conf);
	return ticket;
}

static bool takes(struct coaps_tickets *t, struct ticket ticket)
{
	mbedtls_ssl_config conf;
	mbedtls_ssl_session session;
	bool taken;

	mbedtls_ssl_config_init(&conf);
	coaps_tickets_configure(&conf, t);
	mbedtls_ssl_session_init(&session);
	taken = conf.f_ticket_parse(conf.p_ticket, &session, ticket.bytes, ticket.size) == 0 &&
		session.master[0] == 0x5a;
	mbedtls_ssl_session_free(&session);
	mbedtls_ssl_config_free(&conf);
	return taken;
}

static void a_ticket_is_good_where_the_secret_is_the_same_and_nowhere_else(void **state)
{
	struct coaps_tickets a, b, stranger;

	(void)state;
	now_s = 1000 * (time_t)PERIOD_S + 5;
	setup(&a, 1);
	setup(&b, 1);
	setup(&stranger, 2);
	assert_true(takes(&a, make(&a)));
	assert_true(takes(&b, make(&a)));
	assert_true(takes(&a, make(&b)));
	assert_false(takes(&stranger, make(&a)));
	coaps_tickets_free(&a);
	coaps_tickets_free(&b);
	coaps_tickets_free(&stranger);
}

static void a_ticket_is_good_in_its_period_and_the_next(void **state)
{
	struct coaps_tickets a, b, late;
	struct ticket ticket;

	(void)state;
	now_s = 1000 * (time_t)PERIOD_S;
	setup(&a, 1);
	setup(&b, 1);
	ticket = make(&a);
	now_s += PERIOD_S - 1;
	assert_true(takes(&b, ticket));
	now_s++;
	setup(&late, 1); /* a worker that was started again */
	assert_true(takes(&a, ticket));
	assert_true(takes(&b, ticket));
	assert_true(takes(&late, ticket));
	assert_true(takes(&late, make(&a)));
	now_s += PERIOD_S;
	assert_false(takes(&a, ticket));
	assert_false(takes(&b, ticket));
	assert_true(takes(&b, make(&late)));
	now_s += 40 * PERIOD_S;
	assert_true(takes(&b, make(&a)));
	coaps_tickets_free(&a);
	coaps_tickets_free(&b);
	coaps_tickets_free(&late);
}

static void a_clock_that_is_set_back_or_forth_does_not_part_them(void **state)
{
	static const int steps_s[] = { -10, -PERIOD_S,	 3 * PERIOD_S, -1,
				       0,   86400 * 365, -86400 * 365 };
	struct coaps_tickets a, b;

	(void)state;
	now_s = 1000 * (time_t)PERIOD_S + 100;
	setup(&a, 1);
	setup(&b, 1);
	for (unsigned i = 0; i < sizeof(steps_s) / sizeof(steps_s[0]); i++) {
		now_s += steps_s[i];
		assert_true(takes(&b, make(&a)));
		assert_true(takes(&a, make(&b)));
	}
	coaps_tickets_free(&a);
	coaps_tickets_free(&b);
}

static void the_first_of_two_secrets_makes_tickets_and_both_are_accepted(void **state)
{
	struct coaps_tickets before, between, after;

	(void)state;
	now_s = 1000 * (time_t)PERIOD_S + 5;
	setup(&before, 1);
	setup_two(&between, 2, 1);
	setup(&after, 2);
	assert_true(takes(&between, make(&before)));
	assert_true(takes(&between, make(&after)));
	assert_true(takes(&after, make(&between)));
	assert_false(takes(&before, make(&between)));
	assert_false(takes(&after, make(&before)));
	now_s += 1000 * (time_t)PERIOD_S;
	assert_true(takes(&between, make(&before)));
	coaps_tickets_free(&before);
	coaps_tickets_free(&between);
	coaps_tickets_free(&after);
}

/* A key that came back would open what was sent months ago (the number of the period is 64 bits).
 */
static void keys_of_distant_periods_differ(void **state)
{
	static const int64_t distances[] = { 1, 256, 65536, INT64_C(1) << 32, INT64_C(1) << 56 };
	const uint8_t secret[COAPS_SECRET_SIZE] = { 7 };
	uint8_t a[32], b[32];

	(void)state;
	assert_int_equal(coaps_secret_derive(secret, "ticket key", 1000, a), 0);
	for (unsigned i = 0; i < sizeof(distances) / sizeof(distances[0]); i++) {
		assert_int_equal(coaps_secret_derive(secret, "ticket key", 1000 + distances[i], b),
				 0);
		assert_memory_not_equal(a, b, sizeof(a));
	}
}

static int start(void **state)
{
	(void)state;
	return psa_crypto_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ticket_is_good_where_the_secret_is_the_same_and_nowhere_else),
		cmocka_unit_test(a_ticket_is_good_in_its_period_and_the_next),
		cmocka_unit_test(the_first_of_two_secrets_makes_tickets_and_both_are_accepted),
		cmocka_unit_test(keys_of_distant_periods_differ),
		cmocka_unit_test(a_clock_that_is_set_back_or_forth_does_not_part_them),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
