// SPDX-License-Identifier: BSD-2-Clause
/* authorise: each right of each kind of client, as a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "server/coap/authorise.h"

#define OWN "urn:dev:mac:0200c0fffe000001"
#define OTHER "urn:dev:mac:0200c0fffe000002"

enum client {
	NODE,
	OPERATOR,
	REVOKED_NODE,
	REVOKED_OPERATOR,
	NAMELESS,
	NAMELESS_OPERATOR,
	NONE,
};

static struct coaps_identity identity_of(enum client client)
{
	struct coaps_identity who = {
		.certified = client != NONE,
		.revoked = client == REVOKED_NODE || client == REVOKED_OPERATOR,
		.is_operator = client == OPERATOR || client == REVOKED_OPERATOR ||
			       client == NAMELESS_OPERATOR,
	};

	if (client == NODE || client == REVOKED_NODE) {
		strcpy(who.name, OWN);
	} else if (client == OPERATOR || client == REVOKED_OPERATOR) {
		strcpy(who.name, "alice");
	}
	return who;
}

/* Columns: own device, other device, all devices; Y or n. */
static const struct {
	enum client client;
	enum coaps_client_auth mode;
	enum authorise_action action;
	const char *allowed;
} rights[] = {
	{ NODE, COAPS_AUTH_REQUIRED, AUTHORISE_WRITE, "Ynn" },
	{ NODE, COAPS_AUTH_REQUIRED, AUTHORISE_WRITE_LEGACY, "Ynn" },
	{ NODE, COAPS_AUTH_REQUIRED, AUTHORISE_READ, "Ynn" },
	{ NODE, COAPS_AUTH_REQUIRED, AUTHORISE_REMOVE, "nnn" },
	{ NODE, COAPS_AUTH_REQUIRED, AUTHORISE_SET, "nnn" },
	{ OPERATOR, COAPS_AUTH_REQUIRED, AUTHORISE_WRITE, "nnn" },
	{ OPERATOR, COAPS_AUTH_REQUIRED, AUTHORISE_WRITE_LEGACY, "nnn" },
	{ OPERATOR, COAPS_AUTH_REQUIRED, AUTHORISE_READ, "YYY" },
	{ OPERATOR, COAPS_AUTH_REQUIRED, AUTHORISE_REMOVE, "YYY" },
	{ OPERATOR, COAPS_AUTH_REQUIRED, AUTHORISE_SET, "YYY" },
	{ NONE, COAPS_AUTH_REQUIRED, AUTHORISE_READ, "nnn" },
	{ NONE, COAPS_AUTH_OPTIONAL, AUTHORISE_WRITE, "nnn" },
	{ NONE, COAPS_AUTH_OPTIONAL, AUTHORISE_WRITE_LEGACY, "YYY" },
	{ NONE, COAPS_AUTH_OPTIONAL, AUTHORISE_READ, "nnn" },
	{ NONE, COAPS_AUTH_OPTIONAL, AUTHORISE_REMOVE, "nnn" },
	{ NONE, COAPS_AUTH_OPTIONAL, AUTHORISE_SET, "nnn" },
	{ NONE, COAPS_AUTH_NONE, AUTHORISE_WRITE, "nnn" },
	{ NONE, COAPS_AUTH_NONE, AUTHORISE_WRITE_LEGACY, "YYY" },
	{ NONE, COAPS_AUTH_NONE, AUTHORISE_READ, "nnn" },
	{ NONE, COAPS_AUTH_NONE, AUTHORISE_REMOVE, "nnn" },
	{ NONE, COAPS_AUTH_NONE, AUTHORISE_SET, "nnn" },
};

static const char *const devices[] = { OWN, OTHER, NULL };
static const enum coaps_client_auth modes[] = { COAPS_AUTH_REQUIRED, COAPS_AUTH_OPTIONAL,
						COAPS_AUTH_NONE };

static void each_client_has_its_rights_and_no_others(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
		struct coaps_identity who = identity_of(rights[i].client);

		for (unsigned d = 0; d < 3; d++) {
			if (authorise(rights[i].mode, &who, rights[i].action, devices[d]) !=
			    (rights[i].allowed[d] == 'Y')) {
				fail_msg("row %u, device %u", i, d);
			}
		}
	}
}

static void expect_no_right(enum client client)
{
	struct coaps_identity who = identity_of(client);

	for (unsigned m = 0; m < 3; m++) {
		for (unsigned action = AUTHORISE_WRITE; action <= AUTHORISE_SET; action++) {
			for (unsigned d = 0; d < 3; d++) {
				assert_false(authorise(modes[m], &who,
						       (enum authorise_action)action, devices[d]));
			}
			/* as a caller asks that takes the name for a device */
			assert_false(
				authorise(modes[m], &who, (enum authorise_action)action, who.name));
		}
	}
}

static void a_revoked_certificate_has_no_right_in_any_mode(void **state)
{
	(void)state;
	expect_no_right(REVOKED_NODE);
	expect_no_right(REVOKED_OPERATOR);
}

static void a_certificate_without_a_name_has_no_right_in_any_mode(void **state)
{
	(void)state;
	expect_no_right(NAMELESS);
	expect_no_right(NAMELESS_OPERATOR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_client_has_its_rights_and_no_others),
		cmocka_unit_test(a_revoked_certificate_has_no_right_in_any_mode),
		cmocka_unit_test(a_certificate_without_a_name_has_no_right_in_any_mode),
	};

	return cmocka_run_group_tests_name("authorise", tests, NULL, NULL);
}
