// SPDX-License-Identifier: BSD-2-Clause
#include "coaps_cookie.h"

#include <errno.h>
#include <mbedtls/platform_util.h>
#include <netinet/in.h>
#include <psa/crypto.h>
#include <string.h>

#include "time/now.h"

/* RFC 6347 4.1, 4.2.2, 4.2.1: offsets in a datagram that begins with a ClientHello */
#define RECORD_HEADER 13
#define HANDSHAKE_HEADER 12
#define CLIENT_VERSION (RECORD_HEADER + HANDSHAKE_HEADER)
#define SESSION_ID (CLIENT_VERSION + 2 + 32)
#define TYPE_HANDSHAKE 22
#define CLIENT_HELLO 1
#define HELLO_VERIFY_REQUEST 3

/* A cookie: the time in seconds of UTC, 32 bits, and an HMAC of that and the sender. */
#define COOKIE_SIZE 32
#define TIME_SIZE 4
#define MAC_SIZE (COOKIE_SIZE - TIME_SIZE)
#define MAC PSA_ALG_TRUNCATED_MAC(PSA_ALG_HMAC(PSA_ALG_SHA_256), MAC_SIZE)

static int import_key(const uint8_t secret[COAPS_SECRET_SIZE], mbedtls_svc_key_id_t *out)
{
	psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
	uint8_t key[32];
	int rc = coaps_secret_derive(secret, "cookie", 0, key);

	psa_set_key_type(&attributes, PSA_KEY_TYPE_HMAC);
	psa_set_key_algorithm(&attributes, MAC);
	psa_set_key_usage_flags(&attributes,
				PSA_KEY_USAGE_SIGN_MESSAGE | PSA_KEY_USAGE_VERIFY_MESSAGE);
	if (rc == 0 && psa_import_key(&attributes, key, sizeof(key), out) != PSA_SUCCESS) {
		rc = -EIO;
	}
	mbedtls_platform_zeroize(key, sizeof(key));
	return rc;
}

void coaps_cookies_init(struct coaps_cookies *c)
{
	memset(c, 0, sizeof(*c));
}

int coaps_cookies_setup(struct coaps_cookies *c, const struct coaps_secrets *secrets)
{
	int rc = 0;

	for (c->n = 0; rc == 0 && c->n < secrets->n; c->n++) {
		rc = import_key(secrets->key[c->n], &c->key[c->n]);
	}
	return rc;
}

void coaps_cookies_free(struct coaps_cookies *c)
{
	for (unsigned i = 0; i < COAPS_SECRETS_MAX; i++) {
		psa_destroy_key(c->key[i]);
	}
	coaps_cookies_init(c);
}

/* Identity of a sender: coap_address_t has padding whose bytes differ between copies. */
struct sender {
	uint8_t address[16];
	uint8_t port[2];
};

static struct sender sender_of(const coap_address_t *remote)
{
	struct sender s;

	memset(&s, 0, sizeof(s));
	if (remote->addr.sa.sa_family == AF_INET6) {
		memcpy(s.address, &remote->addr.sin6.sin6_addr, sizeof(s.address));
		memcpy(s.port, &remote->addr.sin6.sin6_port, sizeof(s.port));
	} else {
		memcpy(s.address, &remote->addr.sin.sin_addr, 4);
		memcpy(s.port, &remote->addr.sin.sin_port, sizeof(s.port));
	}
	return s;
}

/* libcoap gives mbedTLS the coap_address_t as it lies in memory. */
static struct sender sender_of_id(const unsigned char *id, size_t size)
{
	coap_address_t remote;

	memset(&remote, 0, sizeof(remote));
	memcpy(&remote, id, size < sizeof(remote) ? size : sizeof(remote));
	return sender_of(&remote);
}

static size_t read_be(const uint8_t *at, size_t n)
{
	size_t value = 0;

	while (n-- > 0) {
		value = value << 8 | *at++;
	}
	return value;
}

struct signed_part {
	uint8_t time[TIME_SIZE];
	struct sender sender;
};

/* Writes at *p and moves it behind the cookie. */
static int write_cookie(struct coaps_cookies *c, unsigned char **p, const unsigned char *end,
			const struct sender *s)
{
	struct signed_part part = { .sender = *s };
	uint32_t now_s = (uint32_t)(now_utc_us() / 1000000);
	size_t size;

	for (unsigned i = 0; i < TIME_SIZE; i++) {
		part.time[i] = (uint8_t)(now_s >> 8 * (TIME_SIZE - 1 - i));
	}
	if (end - *p < COOKIE_SIZE) {
		return MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL;
	}
	memcpy(*p, part.time, TIME_SIZE);
	if (psa_mac_compute(c->key[0], MAC, (const uint8_t *)&part, sizeof(part), *p + TIME_SIZE,
			    MAC_SIZE, &size) != PSA_SUCCESS) {
		return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
	}
	*p += COOKIE_SIZE;
	return 0;
}

static int check_cookie(struct coaps_cookies *c, const unsigned char *cookie, size_t size,
			const struct sender *s)
{
	struct signed_part part = { .sender = *s };
	uint32_t age_s;

	if (size != COOKIE_SIZE) {
		return MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
	}
	memcpy(part.time, cookie, TIME_SIZE);
	age_s = (uint32_t)(now_utc_us() / 1000000) - (uint32_t)read_be(cookie, TIME_SIZE);
	if (age_s > COAPS_COOKIE_LIFETIME_S) { /* of the future, too: the difference wraps */
		return MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
	}
	for (unsigned i = 0; i < c->n; i++) {
		if (psa_mac_verify(c->key[i], MAC, (const uint8_t *)&part, sizeof(part),
				   cookie + TIME_SIZE, MAC_SIZE) == PSA_SUCCESS) {
			return 0;
		}
	}
	return MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
}

static int cookie_write(void *cookies, unsigned char **p, unsigned char *end,
			const unsigned char *id, size_t size)
{
	struct sender s = sender_of_id(id, size);

	return write_cookie(cookies, p, end, &s);
}

static int cookie_check(void *cookies, const unsigned char *cookie, size_t cookie_size,
			const unsigned char *id, size_t size)
{
	struct sender s = sender_of_id(id, size);

	return check_cookie(cookies, cookie, cookie_size, &s);
}

void coaps_cookie_configure(mbedtls_ssl_config *conf, struct coaps_cookies *cookies)
{
	mbedtls_ssl_conf_dtls_cookies(conf, cookie_write, cookie_check, cookies);
}

/* The cookie of a ClientHello's first fragment, which is all that matters here; -EINVAL: it is
 * none. */
static int find_cookie(const uint8_t *data, size_t size, const uint8_t **cookie,
		       size_t *cookie_size)
{
	size_t end, at = SESSION_ID;

	if (size < SESSION_ID + 2 || data[0] != TYPE_HANDSHAKE || data[1] != 0xfe ||
	    read_be(data + 3, 2) != 0 || data[RECORD_HEADER] != CLIENT_HELLO ||
	    read_be(data + RECORD_HEADER + 6, 3) != 0) {
		return -EINVAL; /* not a record of epoch 0, not a ClientHello, not its beginning */
	}
	end = RECORD_HEADER + read_be(data + 11, 2);
	if (end > size || CLIENT_VERSION + read_be(data + RECORD_HEADER + 9, 3) > end) {
		return -EINVAL;
	}
	at += 1 + data[at];
	if (at >= end || at + 1 + data[at] > end) {
		return -EINVAL;
	}
	*cookie_size = data[at];
	*cookie = data + at + 1;
	return 0;
}

const uint8_t *coaps_hello_ticket(const uint8_t *data, size_t size, size_t *ticket_size)
{
	const uint8_t *at, *end, *cookie;
	size_t length;

	if (find_cookie(data, size, &cookie, &length) != 0) {
		return NULL;
	}
	at = cookie + length;
	end = data + RECORD_HEADER + read_be(data + 11, 2);
	for (unsigned width = 2; width >= 1; width--) { /* cipher suites, compression methods */
		if (end - at < (ptrdiff_t)width ||
		    end - at - (ptrdiff_t)width < (ptrdiff_t)read_be(at, width)) {
			return NULL;
		}
		at += width + read_be(at, width);
	}
	for (at += 2; end - at >= 4; at += 4 + length) { /* extensions: type, length */
		length = read_be(at + 2, 2);
		if ((ptrdiff_t)length > end - at - 4) {
			return NULL;
		}
		if (read_be(at, 2) == MBEDTLS_TLS_EXT_SESSION_TICKET) {
			*ticket_size = length;
			return at + 4;
		}
	}
	return NULL;
}

/* Always shorter than the ClientHello: no amplification (RFC 6347 4.2.1). */
static size_t hello_verify_request(struct coaps_cookies *cookies, const struct sender *s,
				   const uint8_t *hello, uint8_t *reply)
{
	uint8_t *body = reply + CLIENT_VERSION, *end = body + 3;
	size_t length;

	if (write_cookie(cookies, &end, reply + COAP_DTLS_HELLO_REPLY_MAX, s) != 0) {
		return 0;
	}
	length = (size_t)(end - body);
	memset(reply, 0, CLIENT_VERSION);
	memcpy(reply, hello, 11); /* type, version, epoch and the record's number are the client's
				   */
	reply[12] = (uint8_t)(HANDSHAKE_HEADER + length);
	reply[RECORD_HEADER] = HELLO_VERIFY_REQUEST;
	reply[RECORD_HEADER + 3] = reply[RECORD_HEADER + 11] = (uint8_t)length;
	body[0] = 0xfe; /* DTLS 1.0, whatever version is negotiated */
	body[1] = 0xff;
	body[2] = (uint8_t)(length - 3);
	return (size_t)(end - reply);
}

int coaps_cookie_judge(struct coaps_cookies *cookies, const coap_address_t *remote,
		       const uint8_t *data, size_t size, uint8_t reply[COAP_DTLS_HELLO_REPLY_MAX],
		       size_t *reply_size)
{
	struct sender s = sender_of(remote);
	const uint8_t *cookie;
	size_t cookie_size;

	*reply_size = 0;
	if (find_cookie(data, size, &cookie, &cookie_size) != 0) {
		return 0;
	}
	if (check_cookie(cookies, cookie, cookie_size, &s) == 0) {
		return 1;
	}
	*reply_size = hello_verify_request(cookies, &s, data, reply);
	return 0;
}
