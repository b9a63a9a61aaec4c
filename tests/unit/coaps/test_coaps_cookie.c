// SPDX-License-Identifier: BSD-2-Clause
/* coaps_cookie: a cookie is good for who got it, for a minute, and under each accepted secret. */
#define _GNU_SOURCE /* syscall */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "userspace/coaps/coaps_cookie.h"

#define COOKIE_AT \
	(13 + 12 + 2 + 1) /* in a HelloVerifyRequest: record, handshake, version, length */
#define COOKIE_SIZE 32

static int64_t now_s = 1800000000;

/* In the place of libc's, for time/now.c. */
int clock_gettime(clockid_t clock, struct timespec *out)
{
	if (clock != CLOCK_REALTIME) {
		return (int)syscall(SYS_clock_gettime, clock, out);
	}
	*out = (struct timespec){ .tv_sec = now_s };
	return 0;
}

struct hello {
	uint8_t bytes[128];
	size_t size;
};

/* RFC 6347 4.2: whole, of message 0 and epoch 0; cookie may be NULL. */
static struct hello hello_with(const uint8_t *cookie)
{
	static const uint8_t tail[] = { 0, 2, 0xc0, 0x2b, 1, 0 };
	struct hello h = { .bytes = { 22, 0xfe, 0xfd }, .size = 13 + 12 };
	size_t body;

	h.bytes[h.size++] = 0xfe;
	h.bytes[h.size++] = 0xfd;
	h.size += 32; /* the random bytes */
	h.bytes[h.size++] = 0; /* no session */
	h.bytes[h.size++] = cookie != NULL ? COOKIE_SIZE : 0;
	if (cookie != NULL) {
		memcpy(h.bytes + h.size, cookie, COOKIE_SIZE);
		h.size += COOKIE_SIZE;
	}
	memcpy(h.bytes + h.size, tail, sizeof(tail));
	h.size += sizeof(tail);
	body = h.size - 13 - 12;
	h.bytes[12] = (uint8_t)(12 + body);
	h.bytes[13] = 1; /* ClientHello */
	h.bytes[16] = h.bytes[24] = (uint8_t)body;
	return h;
}

static coap_address_t address(const char *text, uint16_t port)
{
	coap_address_t a;

	coap_address_init(&a);
	memset(&a.addr, 0xa5, sizeof(a.addr)); /* what is not set is no part of the sender */
	if (strchr(text, ':') != NULL) {
		a.addr.sin6.sin6_family = AF_INET6;
		a.addr.sin6.sin6_port = htons(port);
		inet_pton(AF_INET6, text, &a.addr.sin6.sin6_addr);
	} else {
		a.addr.sin.sin_family = AF_INET;
		a.addr.sin.sin_port = htons(port);
		inet_pton(AF_INET, text, &a.addr.sin.sin_addr);
	}
	return a;
}

static void setup_two(struct coaps_cookies *c, uint8_t first, uint8_t second)
{
	struct coaps_secrets secrets = { .n = second != 0 ? 2 : 1 };

	memset(secrets.key[0], first, sizeof(secrets.key[0]));
	memset(secrets.key[1], second, sizeof(secrets.key[1]));
	coaps_cookies_init(c);
	assert_int_equal(coaps_cookies_setup(c, &secrets), 0);
}

/* The hello of `from` with the cookie that it got. */
static struct hello verified(struct coaps_cookies *c, const char *from, uint16_t port)
{
	const coap_address_t sender = address(from, port);
	const struct hello first = hello_with(NULL);
	uint8_t reply[COAP_DTLS_HELLO_REPLY_MAX];
	size_t size;

	assert_int_equal(coaps_cookie_judge(c, &sender, first.bytes, first.size, reply, &size), 0);
	assert_int_equal(size, COOKIE_AT + COOKIE_SIZE);
	return hello_with(reply + COOKIE_AT);
}

static bool is_good(struct coaps_cookies *c, const struct hello *h, const char *from, uint16_t port)
{
	const coap_address_t sender = address(from, port);
	uint8_t reply[COAP_DTLS_HELLO_REPLY_MAX];
	size_t size;

	return coaps_cookie_judge(c, &sender, h->bytes, h->size, reply, &size) == 1;
}

static void a_cookie_is_good_from_the_address_and_port_that_got_it(void **state)
{
	static const struct {
		const char *to, *from;
		uint16_t port;
		bool good;
	} vectors[] = {
		{ "192.0.2.1", "192.0.2.1", 5000, true },
		{ "192.0.2.1", "192.0.2.2", 5000, false },
		{ "192.0.2.1", "193.0.2.1", 5000, false },
		{ "192.0.2.1", "192.0.2.1", 5001, false },
		{ "2001:db8::1", "2001:db8::1", 5000, true },
		{ "2001:db8::1", "2001:db8::2", 5000, false },
		{ "2001:db8::1", "2001:db9::1", 5000, false },
		{ "2001:db8::1", "2001:db8::1", 5001, false },
	};
	struct coaps_cookies c;

	(void)state;
	setup_two(&c, 1, 0);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct hello h = verified(&c, vectors[i].to, 5000);

		assert_int_equal(is_good(&c, &h, vectors[i].from, vectors[i].port),
				 vectors[i].good);
	}
	coaps_cookies_free(&c);
}

static void each_bit_of_a_cookie_counts(void **state)
{
	struct coaps_cookies c;
	struct hello h;

	(void)state;
	setup_two(&c, 1, 0);
	h = verified(&c, "192.0.2.1", 5000);
	for (unsigned bit = 0; bit < COOKIE_SIZE * 8; bit++) {
		struct hello forged = h;

		forged.bytes[13 + 12 + 2 + 32 + 1 + 1 + bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(is_good(&c, &forged, "192.0.2.1", 5000));
	}
	coaps_cookies_free(&c);
}

static void a_cookie_is_good_for_a_minute(void **state)
{
	struct coaps_cookies c;
	struct hello h;

	(void)state;
	setup_two(&c, 1, 0);
	h = verified(&c, "192.0.2.1", 5000);
	now_s += COAPS_COOKIE_LIFETIME_S;
	assert_true(is_good(&c, &h, "192.0.2.1", 5000));
	now_s++;
	assert_false(is_good(&c, &h, "192.0.2.1", 5000));
	now_s -= COAPS_COOKIE_LIFETIME_S + 2; /* of a clock that was set back */
	assert_false(is_good(&c, &h, "192.0.2.1", 5000));
	coaps_cookies_free(&c);
}

static void the_first_of_two_secrets_makes_cookies_and_both_are_accepted(void **state)
{
	struct coaps_cookies before, between, after;
	struct hello old, new;

	(void)state;
	setup_two(&before, 1, 0);
	setup_two(&between, 2, 1);
	setup_two(&after, 2, 0);
	old = verified(&before, "192.0.2.1", 5000);
	new = verified(&between, "192.0.2.1", 5000);
	assert_true(is_good(&between, &old, "192.0.2.1", 5000));
	assert_false(is_good(&before, &new, "192.0.2.1", 5000));
	assert_true(is_good(&after, &new, "192.0.2.1", 5000));
	assert_false(is_good(&after, &old, "192.0.2.1", 5000));
	coaps_cookies_free(&before);
	coaps_cookies_free(&between);
	coaps_cookies_free(&after);
}

static int start(void **state)
{
	(void)state;
	return psa_crypto_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cookie_is_good_from_the_address_and_port_that_got_it),
		cmocka_unit_test(each_bit_of_a_cookie_counts),
		cmocka_unit_test(a_cookie_is_good_for_a_minute),
		cmocka_unit_test(the_first_of_two_secrets_makes_cookies_and_both_are_accepted),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
