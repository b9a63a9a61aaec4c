// SPDX-License-Identifier: BSD-2-Clause
/* coaps_cause: which flag of a certificate weighs most, and what people read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <mbedtls/x509.h>
#include <string.h>

#include "userspace/coaps/coaps_cause.h"

static void the_weightiest_flag_is_the_cause(void **state)
{
	static const struct {
		uint32_t flags;
		enum coaps_cause cause;
	} vectors[] = {
		{ MBEDTLS_X509_BADCERT_EXPIRED, COAPS_EXPIRED },
		{ MBEDTLS_X509_BADCERT_FUTURE, COAPS_NOT_YET_VALID },
		{ MBEDTLS_X509_BADCERT_CN_MISMATCH, COAPS_WRONG_NAME },
		{ MBEDTLS_X509_BADCERT_NOT_TRUSTED, COAPS_WRONG_CA },
		{ MBEDTLS_X509_BADCERT_REVOKED, COAPS_REVOKED },
		{ MBEDTLS_X509_BADCERT_EXT_KEY_USAGE, COAPS_WRONG_USAGE },
		{ MBEDTLS_X509_BADCERT_BAD_KEY, COAPS_WEAK },
		{ MBEDTLS_X509_BADCRL_EXPIRED, COAPS_CRL_UNUSABLE },
		{ MBEDTLS_X509_BADCERT_OTHER, COAPS_BAD_CERTIFICATE },
		/* of an unknown CA nothing else is believed */
		{ MBEDTLS_X509_BADCERT_CN_MISMATCH | MBEDTLS_X509_BADCERT_NOT_TRUSTED,
		  COAPS_WRONG_CA },
		{ MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_REVOKED, COAPS_REVOKED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		assert_int_equal(coaps_cause_of_flags(vectors[i].flags), vectors[i].cause);
	}
}

static void a_failure_is_one_line_for_people(void **state)
{
	static const struct {
		struct coaps_failure failure;
		const char *server_name, *text;
	} vectors[] = {
		{ { .cause = COAPS_NO_ANSWER }, "x.example", "no answer" },
		{ { .cause = COAPS_NO_ANSWER, .in_handshake = true },
		  "x.example",
		  "no answer to the handshake" },
		{ { .cause = COAPS_WRONG_NAME,
		    .flags = MBEDTLS_X509_BADCERT_CN_MISMATCH,
		    .detail = "CN=y.example" },
		  "x.example",
		  "server certificate rejected (expected name x.example): issued for another name: "
		  "CN=y.example" },
		{ { .cause = COAPS_EXPIRED,
		    .flags = MBEDTLS_X509_BADCERT_EXPIRED,
		    .detail = "CN=Ann" },
		  NULL,
		  "certificate of \"CN=Ann\" rejected: expired" },
		{ { .cause = COAPS_WE_ARE_REJECTED, .alert = 48, .in_handshake = true },
		  "x.example",
		  "the peer rejected our certificate (alert 48)" },
		{ { .cause = COAPS_HANDSHAKE_FAILED, .tls_error = -0x6c00, .in_handshake = true },
		  NULL,
		  "the handshake failed (-0x6c00)" },
		{ { .cause = COAPS_NO_SUCH_HOST, .detail = "x.invalid (unknown)" },
		  "x.invalid",
		  "no such host: x.invalid (unknown)" },
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		coaps_failure_text(&vectors[i].failure, vectors[i].server_name, text, sizeof(text));
		assert_string_equal(text, vectors[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_weightiest_flag_is_the_cause),
		cmocka_unit_test(a_failure_is_one_line_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
