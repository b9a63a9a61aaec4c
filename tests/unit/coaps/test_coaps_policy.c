// SPDX-License-Identifier: BSD-2-Clause
/* coaps_policy: what the words of a policy mean. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "userspace/coaps/coaps_policy.h"

static void a_policy_gives_the_suites_that_its_words_mean(void **state)
{
	static const struct {
		const char *text;
		int first;
		int count;
	} vectors[] = {
		/* IANA numbers: c02b ECDHE-ECDSA-AES128-GCM, c02c -AES256-GCM, c02f and c030 the
		   same with RSA */
		{ "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256", 0xc02b, 1 },
		{ "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xc030, 1 },
		{ "ECDHE+ECDSA+AES128+AESGCM", 0xc02b, 1 },
		{ "ECDHE+AESGCM", -1, 4 },
		{ "ECDHE+AESGCM:!RSA", -1, 2 },
		{ "!RSA:ECDHE+AESGCM", -1, 2 },
		{ "ecdhe+chacha20+ecdsa", 0xcca9, 1 },
	};
	struct coaps_policy policy;
	char err[256];

	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		int n = 0;

		if (coaps_policy_parse(vectors[i].text, &policy, err, sizeof err) != 0) {
			fail_msg("%s: %s", vectors[i].text, err);
		}
		while (policy.suites[n] != 0) {
			n++;
		}
		assert_int_equal(n, vectors[i].count);
		assert_true(vectors[i].first < 0 || policy.suites[0] == vectors[i].first);
	}
}

static void a_policy_that_is_unsafe_empty_or_misspelt_is_refused_by_its_word(void **state)
{
	static const struct {
		const char *text, *word;
	} vectors[] = {
		{ "ECDHE+AESGCN", "ECDHE+AESGCN" },
		{ "TLS-RSA-WITH-AES-128-CBC-SHA", "TLS-RSA-WITH-AES-128-CBC-SHA" },
		{ "ECDHE:!ALL", "leaves no" },
		{ "!RSA", "leaves no" },
	};
	struct coaps_policy policy;
	char err[256];

	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		assert_int_equal(coaps_policy_parse(vectors[i].text, &policy, err, sizeof err),
				 -EINVAL);
		if (strstr(err, vectors[i].word) == NULL) {
			fail_msg("\"%s\" does not name %s", err, vectors[i].word);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_policy_gives_the_suites_that_its_words_mean),
		cmocka_unit_test(a_policy_that_is_unsafe_empty_or_misspelt_is_refused_by_its_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
