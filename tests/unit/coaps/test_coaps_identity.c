// SPDX-License-Identifier: BSD-2-Clause
/*
 * coaps_identity over every shape of certificate, and what a revocation list does to a session.
 * The CA's key signs them here, with the key of "node".
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* a subject that no text can name */
#define _GNU_SOURCE
#include <mbedtls/oid.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "coaps_rig.h"

#define BMP_STRING 0x1e

struct shape {
	const char *subject; /* NULL: empty */
	const char *uri[2]; /* subjectAltName; NULL: none */
	const char *dns;
	/* in place of the text of a subject of one attribute */
	int tag;
	const char *bytes;
	size_t size;

	const char *name; /* expected */
	bool is_operator;
};

static char ca_pem[160], ca_key[160]; /* who issues */
static uint8_t serial[20];
static size_t serial_size;

static const mbedtls_x509_san_list *alternative_names(const struct shape *s,
						      mbedtls_x509_san_list list[3])
{
	const char *const texts[] = { s->uri[0], s->uri[1], s->dns };
	const mbedtls_x509_san_list *first = NULL;

	memset(list, 0, 3 * sizeof(list[0]));
	for (int i = 2; i >= 0; i--) {
		if (texts[i] == NULL) {
			continue;
		}
		list[i].node.type = i < 2 ? MBEDTLS_X509_SAN_UNIFORM_RESOURCE_IDENTIFIER
					  : MBEDTLS_X509_SAN_DNS_NAME;
		list[i].node.san.unstructured_name.p = (unsigned char *)(uintptr_t)texts[i];
		list[i].node.san.unstructured_name.len = strlen(texts[i]);
		list[i].next = (mbedtls_x509_san_list *)(uintptr_t)first;
		first = &list[i];
	}
	return first;
}

static int write_pem(mbedtls_x509write_cert *w, unsigned char *pem, size_t size)
{
#if MBEDTLS_VERSION_MAJOR >= 4
	return mbedtls_x509write_crt_pem(w, pem, size);
#else
	return mbedtls_x509write_crt_pem(w, pem, size, mbedtls_psa_get_random,
					 MBEDTLS_PSA_RANDOM_STATE);
#endif
}

static void parse_key(mbedtls_pk_context *key, const char *path)
{
	mbedtls_pk_init(key);
	assert_int_equal(mbedtls_pk_parse_keyfile(key, path, NULL, mbedtls_psa_get_random,
						  MBEDTLS_PSA_RANDOM_STATE),
			 0);
}

/* Into odd.pem. */
static void issue(const struct shape *s)
{
	mbedtls_x509write_cert w;
	mbedtls_x509_crt ca;
	mbedtls_pk_context issuer, own;
	mbedtls_x509_san_list names[3];
	const mbedtls_x509_san_list *first = alternative_names(s, names);
	unsigned char pem[4096];
	char name[256], until[16];
	time_t end = time(NULL) + 7 * 86400;
	FILE *f;

	mbedtls_x509_crt_init(&ca);
	assert_int_equal(mbedtls_x509_crt_parse_file(&ca, ca_pem), 0);
	mbedtls_x509_dn_gets(name, sizeof(name), &ca.subject);
	parse_key(&issuer, ca_key);
	parse_key(&own, coaps_rig_file("node.key"));
	strftime(until, sizeof(until), "%Y%m%d%H%M%S", gmtime(&end));
	mbedtls_x509write_crt_init(&w);
	mbedtls_x509write_crt_set_version(&w, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(&w, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_issuer_key(&w, &issuer);
	mbedtls_x509write_crt_set_subject_key(&w, &own);
	assert_int_equal(mbedtls_x509write_crt_set_serial_raw(&w, serial, serial_size), 0);
	assert_int_equal(mbedtls_x509write_crt_set_validity(&w, "20260101000000", until), 0);
	assert_int_equal(mbedtls_x509write_crt_set_issuer_name(&w, name), 0);
	if (s->subject != NULL) {
		assert_int_equal(mbedtls_x509write_crt_set_subject_name(&w, s->subject), 0);
	}
	if (s->tag != 0) {
		assert_true(s->size <= w.subject->val.len);
		w.subject->val.tag = s->tag;
		w.subject->val.len = s->size;
		memcpy(w.subject->val.p, s->bytes, s->size);
	}
	if (first != NULL) {
		assert_int_equal(mbedtls_x509write_crt_set_subject_alternative_name(&w, first), 0);
	}
	assert_int_equal(write_pem(&w, pem, sizeof(pem)), 0);
	f = fopen(coaps_rig_file("odd.pem"), "w");
	assert_non_null(f);
	fputs((const char *)pem, f);
	fclose(f);
	mbedtls_x509write_crt_free(&w);
	mbedtls_pk_free(&own);
	mbedtls_pk_free(&issuer);
	mbedtls_x509_crt_free(&ca);
}

static void issue_by_the_ca(void)
{
	snprintf(ca_pem, sizeof(ca_pem), "%s", coaps_rig_file("ca.pem"));
	snprintf(ca_key, sizeof(ca_key), "%s", coaps_rig_file("ca.key"));
	serial[0] = 0x42;
	serial_size = 1;
}

/* The client's certificate is odd.pem, ca what both trust; one request is answered. */
static void connect_odd(struct coaps_rig *r, const char *ca, const char *crl)
{
	struct coaps_credentials server = coaps_rig_credentials("server"),
				 client = coaps_rig_credentials("node");

	memset(r, 0, sizeof(*r));
	server.ca = client.ca = coaps_rig_file(ca);
	server.crl = crl;
	client.certificate = coaps_rig_file("odd.pem");
	assert_int_equal(coaps_rig_start_server(r, COAPS_AUTH_REQUIRED, &server), 0);
	coaps_rig_start_client(r, &client, NULL);
	coaps_rig_post(r, "x", 1);
	coaps_rig_wait_answer(r);
	if (r->answer.cause != COAPS_ANSWERED) {
		fail_msg("%s", r->reason);
	}
}

static void the_name_is_the_device_s_else_the_cn_and_never_anything_odd(void **state)
{
	static const struct shape shapes[] = {
		{ .subject = "CN=Ann", .name = "Ann" },
		{ .subject = "CN=Ann", .uri = { "urn:dev:mac:1" }, .name = "urn:dev:mac:1" },
		{ .subject = NULL, .uri = { "urn:dev:mac:1" }, .name = "urn:dev:mac:1" },
		{ .subject = "CN=Ann",
		  .uri = { "https://x.example", "urn:dev:mac:2" },
		  .name = "urn:dev:mac:2" },
		{ .subject = "CN=Ann", .uri = { "urn:ietf:mac:1" }, .name = "Ann" },
		{ .subject = "CN=Ann", .dns = "ann.example", .name = "Ann" },
		/* no name */
		{ .subject = NULL, .dns = "ann.example", .name = "" },
		{ .subject = "O=Ann", .name = "" },
		{ .subject = "CN=Annette",
		  .tag = BMP_STRING,
		  .bytes = "\0A\0n\0n",
		  .size = 6,
		  .name = "" },
		{ .subject = "CN=Z",
		  .tag = MBEDTLS_ASN1_UTF8_STRING,
		  .bytes = "\0",
		  .size = 1,
		  .name = "" },
		{ .subject = "CN=Annette",
		  .tag = MBEDTLS_ASN1_UTF8_STRING,
		  .bytes = "Ann\0x",
		  .size = 5,
		  .name = "" },
		{ .subject = "CN=Annette",
		  .tag = MBEDTLS_ASN1_UTF8_STRING,
		  .bytes = "Ann\x1b[m",
		  .size = 6,
		  .name = "" },
		/* operators */
		{ .subject = "OU=operator,CN=Ann", .name = "Ann", .is_operator = true },
		{ .subject = "OU=operators,CN=Ann", .name = "Ann" },
		{ .subject = "OU=node,CN=Ann", .name = "Ann" },
		/* the first unit counts; a text has the last one first (RFC 4514) */
		{ .subject = "CN=Ann,OU=operator,OU=node", .name = "Ann" },
		{ .subject = "CN=Ann,OU=node,OU=operator", .name = "Ann", .is_operator = true },
		{ .subject = "CN=operator", .name = "operator" },
	};

	(void)state;
	issue_by_the_ca();
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct coaps_rig r;

		issue(&shapes[i]);
		connect_odd(&r, "ca.pem", NULL);
		assert_true(r.identity.certified);
		assert_false(r.identity.revoked);
		if (strcmp(r.identity.name, shapes[i].name) != 0 ||
		    r.identity.is_operator != shapes[i].is_operator) {
			fail_msg("%zu: \"%s\"%s", i, r.identity.name,
				 r.identity.is_operator ? ", an operator" : "");
		}
		coaps_rig_stop(&r);
	}
}

static void who_is_revoked_has_no_right_at_the_next_request_and_no_session_after(void **state)
{
	struct coaps_credentials server = coaps_rig_credentials("server");
	struct coaps_rig r;
	char err[512];

	(void)state;
	coaps_rig_begin(&r, "node", NULL);
	coaps_rig_post(&r, "x", 1);
	coaps_rig_wait_answer(&r);
	assert_false(r.identity.revoked);
	coaps_rig_run("certs/geotherm-ca --dir %s revoke %s >/dev/null", coaps_rig_dir,
		      COAPS_RIG_DEVICE);
	server.crl = coaps_rig_file("crl.pem");
	assert_int_equal(coaps_server_renew(r.server, &server, err, sizeof(err)), 0);
	coaps_rig_post(&r, "x", 1);
	coaps_rig_wait_answer(&r);
	assert_int_equal(r.handled, 2);
	assert_true(r.identity.revoked);
	coaps_client_free(r.client);
	/* Another client: it has no ticket. */
	server = coaps_rig_credentials("node");
	coaps_rig_start_client(&r, &server, NULL);
	coaps_rig_post(&r, "x", 1);
	coaps_rig_wait_answer(&r);
	assert_int_equal(r.answer.cause, COAPS_WE_ARE_REJECTED);
	assert_int_equal(r.handled, 2);
	coaps_rig_stop(&r);
}

/* A number on the list of one CA is no number of another, however alike their names. */
static void the_same_number_of_another_ca_is_not_revoked(void **state)
{
	const struct shape shape = { .subject = "CN=Ann" };
	mbedtls_x509_crt node;
	struct coaps_rig r;

	(void)state;
	coaps_rig_run("certs/geotherm-ca --dir %s/third init 'geotherm tent CA' >/dev/null && "
		      "cat %s/ca.pem %s/third/ca.pem >%s/both.pem",
		      coaps_rig_dir, coaps_rig_dir, coaps_rig_dir, coaps_rig_dir);
	mbedtls_x509_crt_init(&node);
	assert_int_equal(mbedtls_x509_crt_parse_file(&node, coaps_rig_file("node.pem")), 0);
	serial_size = node.serial.len;
	memcpy(serial, node.serial.p, serial_size);
	mbedtls_x509_crt_free(&node);
	snprintf(ca_pem, sizeof(ca_pem), "%s", coaps_rig_file("third/ca.pem"));
	snprintf(ca_key, sizeof(ca_key), "%s", coaps_rig_file("third/ca.key"));
	issue(&shape);
	connect_odd(&r, "both.pem", coaps_rig_file("crl.pem"));
	assert_false(r.identity.revoked);
	assert_string_equal(r.identity.name, "Ann");
	coaps_rig_stop(&r);
}

/* Neither its session nor its ticket. */
static void who_is_of_a_ca_that_was_removed_has_no_session_and_no_way_back(void **state)
{
	struct coaps_credentials server = coaps_rig_credentials("server");
	struct coaps_rig r;
	char err[512];

	(void)state;
	coaps_rig_run("certs/geotherm-ca --dir %s/fourth init 'another CA' >/dev/null && "
		      "cat %s/ca.pem %s/fourth/ca.pem >%s/two.pem",
		      coaps_rig_dir, coaps_rig_dir, coaps_rig_dir, coaps_rig_dir);
	coaps_rig_begin(&r, "node", NULL);
	coaps_rig_post(&r, "x", 1);
	coaps_rig_wait_answer(&r);
	server.ca = coaps_rig_file("two.pem"); /* another beside it: all goes on */
	assert_int_equal(coaps_server_renew(r.server, &server, err, sizeof(err)), 0);
	coaps_rig_post(&r, "x", 1);
	coaps_rig_wait_answer(&r);
	assert_int_equal(r.handled, 2);
	assert_false(r.identity.revoked);
	server.ca = coaps_rig_file("fourth/ca.pem");
	assert_int_equal(coaps_server_renew(r.server, &server, err, sizeof(err)), 0);
	coaps_rig_post(&r, "x", 1);
	coaps_rig_wait_answer(&r);
	assert_int_equal(r.handled, 2);
	assert_int_equal(r.answer.cause, COAPS_PEER_CLOSED);
	coaps_rig_post(&r, "x", 1); /* it has a ticket */
	coaps_rig_wait_answer(&r);
	assert_int_equal(r.answer.cause, COAPS_WE_ARE_REJECTED);
	assert_int_equal(r.handled, 2);
	coaps_rig_stop(&r);
}

static int make_ca(void **state)
{
	return psa_crypto_init() != PSA_SUCCESS ? -1 : coaps_rig_make_ca(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_is_the_device_s_else_the_cn_and_never_anything_odd),
		/* in this order: the list stays */
		cmocka_unit_test(
			who_is_revoked_has_no_right_at_the_next_request_and_no_session_after),
		cmocka_unit_test(the_same_number_of_another_ca_is_not_revoked),
		cmocka_unit_test(who_is_of_a_ca_that_was_removed_has_no_session_and_no_way_back),
	};

	return cmocka_run_group_tests(tests, make_ca, coaps_rig_remove_ca);
}
