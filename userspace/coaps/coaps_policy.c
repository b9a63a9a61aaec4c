// SPDX-License-Identifier: BSD-2-Clause
#include "coaps_policy.h"

#include <ctype.h>
#include <errno.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* IANA TLS Supported Groups. */
const uint16_t coaps_policy_groups[] = {
	MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
	MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
	MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
	0,
};

/* The meaning of an OpenSSL-style word in an mbedTLS suite name. */
static const struct {
	const char *word, *part, *without;
} words[] = {
	{ "ECDHE", "-ECDHE-", NULL },	 { "EECDH", "-ECDHE-", NULL },
	{ "ECDSA", "-ECDSA-", NULL },	 { "AECDSA", "-ECDSA-", NULL },
	{ "RSA", "-RSA-", NULL },	 { "ARSA", "-RSA-", NULL },
	{ "AESGCM", "-GCM-", "-ARIA" },	 { "AES128", "-AES-128-", NULL },
	{ "AES256", "-AES-256-", NULL }, { "AESCCM", "-CCM", NULL },
	{ "CCM8", "-CCM-8", NULL },	 { "CHACHA20", "-CHACHA20-", NULL },
	{ "SHA256", "-SHA256", NULL },	 { "SHA384", "-SHA384", NULL },
	{ "HIGH", "TLS-", NULL },	 { "ALL", "TLS-", NULL },
};

/* Forward secrecy, a certificate, an AEAD. */
static bool allowed(const char *suite)
{
	return (strstr(suite, "TLS-ECDHE-ECDSA-") == suite ||
		strstr(suite, "TLS-ECDHE-RSA-") == suite) &&
	       (strstr(suite, "-AES-") != NULL || strstr(suite, "-CHACHA20-") != NULL) &&
	       (strstr(suite, "-GCM-") != NULL || strstr(suite, "-CCM") != NULL ||
		strstr(suite, "-CHACHA20-") != NULL);
}

/* 1 fits, 0 does not, -1: no such word. */
static int word_fits(const char *word, size_t len, const char *suite)
{
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (strlen(words[i].word) == len && memcmp(words[i].word, word, len) == 0) {
			return strstr(suite, words[i].part) != NULL &&
			       (words[i].without == NULL ||
				strstr(suite, words[i].without) == NULL);
		}
	}
	return -1;
}

static int token_fits(const char *token, const char *suite)
{
	const char *at = token;

	if (strcmp(token, suite) == 0) {
		return 1;
	}
	if (strncmp(token, "TLS-", 4) == 0) {
		return 0;
	}
	for (;;) {
		size_t len = strcspn(at, "+");
		int fits = word_fits(at, len, suite);

		if (fits <= 0) {
			return fits;
		}
		if (at[len] == '\0') {
			return 1;
		}
		at += len + 1;
	}
}

static int find(const struct coaps_policy *policy, int suite)
{
	for (int i = 0; policy->suites[i] != 0; i++) {
		if (policy->suites[i] == suite) {
			return i;
		}
	}
	return -1;
}

static void append(struct coaps_policy *policy, int suite)
{
	size_t n = 0;

	while (policy->suites[n] != 0) {
		n++;
	}
	if (n < COAPS_SUITES_MAX && find(policy, suite) < 0) {
		policy->suites[n] = suite;
		policy->suites[n + 1] = 0;
	}
}

static void exclude(struct coaps_policy *policy, int suite)
{
	int i = find(policy, suite);

	while (i >= 0 && policy->suites[i] != 0) {
		policy->suites[i] = policy->suites[i + 1];
		i++;
	}
}

static int apply(const char *token, bool out, struct coaps_policy *policy, char *err,
		 size_t err_size)
{
	bool any = false;

	for (const int *suite = mbedtls_ssl_list_ciphersuites(); *suite != 0; suite++) {
		const char *name = mbedtls_ssl_get_ciphersuite_name(*suite);
		int fits;

		if (!allowed(name)) {
			continue;
		}
		fits = token_fits(token, name);
		if (fits < 0) {
			snprintf(
				err, err_size,
				"ciphers: \"%s\" is neither a cipher suite nor a word such as ECDHE, ECDSA, "
				"RSA, AESGCM, CHACHA20",
				token);
			return -EINVAL;
		}
		if (fits == 0) {
			continue;
		}
		any = true;
		if (out) {
			exclude(policy, *suite);
		} else {
			append(policy, *suite);
		}
	}
	if (!any && !out) {
		snprintf(err, err_size, "ciphers: \"%s\" fits no cipher suite that is safe to use",
			 token);
		return -EINVAL;
	}
	return 0;
}

int coaps_policy_parse(const char *text, struct coaps_policy *policy, char *err, size_t err_size)
{
	if (text == NULL || *text == '\0') {
		text = COAPS_POLICY_DEFAULT;
	}
	policy->suites[0] = 0;
	for (int out = 0; out <= 1; out++) { /* an exclusion applies to all tokens, at any position
					      */
		for (const char *at = text; *at != '\0';) {
			char token[80];
			size_t len = strcspn(at, ":, ");
			bool negated = *at == '!';
			size_t skip = negated ? 1 : 0;

			if (len >= sizeof token) {
				snprintf(err, err_size, "ciphers: \"%.40s...\" is no cipher suite",
					 at);
				return -EINVAL;
			}
			for (size_t i = skip; i < len; i++) {
				token[i - skip] =
					at[i] == '_' ? '-' : (char)toupper((unsigned char)at[i]);
			}
			token[len - (len >= skip ? skip : 0)] = '\0';
			if (len > skip && negated == (out == 1)) {
				int code = apply(token, negated, policy, err, err_size);

				if (code != 0) {
					return code;
				}
			}
			at += len;
			at += *at != '\0';
		}
	}
	if (policy->suites[0] == 0) {
		snprintf(err, err_size, "ciphers: \"%s\" leaves no cipher suite", text);
		return -EINVAL;
	}
	return 0;
}
