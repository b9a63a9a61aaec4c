// SPDX-License-Identifier: BSD-2-Clause
#include "coaps_keys.h"

#include <errno.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "coaps_tls.h"
#include "coaps_x509.h"

#define RSA_BITS_MIN 2048 /* NIST SP 800-131A */
#define EC_BITS_MIN 256

struct complaint {
	char *text;
	size_t size;
};

static int complain(const struct complaint *c, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int complain(const struct complaint *c, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->text, c->size, format, args);
	va_end(args);
	return code;
}

/* mbedTLS hides errno behind FILE_IO_ERROR: open the file first. */
static int readable(const char *path, const char *what, const struct complaint *c)
{
	FILE *f = fopen(path, "rb");
	int first = f != NULL ? getc(f) : 0;
	int error = errno;

	if (f == NULL) {
		return complain(c, -error, "%s: %s cannot be read: %s", path, what,
				strerror(error));
	}
	if (first == EOF && ferror(f)) {
		error = errno;
		fclose(f);
		return complain(c, -error, "%s: %s cannot be read: %s", path, what,
				strerror(error));
	}
	fclose(f);
	return first == EOF ? complain(c, -EINVAL, "%s: %s is empty", path, what) : 0;
}

static int not_pem(const char *path, const char *what, int mbedtls_code, const struct complaint *c)
{
	char why[96];

	mbedtls_strerror(mbedtls_code, why, sizeof why);
	return complain(c, -EINVAL, "%s: not %s in PEM: %s", path, what, why);
}

static int load_certificates(const char *path, const char *what, mbedtls_x509_crt *crt,
			     const struct complaint *c)
{
	int code = readable(path, what, c);

	if (code != 0) {
		return code;
	}
	code = mbedtls_x509_crt_parse_file(crt, path);
	if (code < 0) {
		return not_pem(path, "a certificate", code, c);
	}
	return code == 0 ? 0
			 : complain(c, -EINVAL, "%s: %d of its certificates cannot be read", path,
				    code);
}

/* A Pi's clock may be unset: then now_s is not positive, and dates are not checked. */
static int check_dates(const char *path, const mbedtls_x509_crt *crt, int64_t now_s,
		       const struct complaint *c)
{
	const mbedtls_x509_time *from = &crt->valid_from, *to = &crt->valid_to;

	if (now_s <= 0) {
		return 0;
	}
	if (now_s < coaps_x509_seconds(from)) {
		return complain(
			c, -EAGAIN,
			"%s: not valid before %04d-%02d-%02d; is this machine's clock right?", path,
			from->year, from->mon, from->day);
	}
	if (now_s > coaps_x509_seconds(to)) {
		return complain(c, -EKEYEXPIRED, "%s: expired on %04d-%02d-%02d; have it renewed",
				path, to->year, to->mon, to->day);
	}
	return 0;
}

static int check_strength(const char *path, const mbedtls_pk_context *pk, const struct complaint *c)
{
	psa_key_attributes_t key = PSA_KEY_ATTRIBUTES_INIT;
	size_t bits = 0;
	bool rsa;

	if (mbedtls_pk_get_psa_attributes(pk, PSA_KEY_USAGE_VERIFY_HASH, &key) == 0) {
		bits = psa_get_key_bits(&key);
	}
	rsa = PSA_KEY_TYPE_IS_RSA(psa_get_key_type(&key));
	if (bits >= (rsa ? RSA_BITS_MIN : EC_BITS_MIN)) {
		return 0;
	}
	return complain(c, -EINVAL, "%s: its %s key has %zu bits: expected at least %d", path,
			rsa ? "RSA" : "EC", bits, rsa ? RSA_BITS_MIN : EC_BITS_MIN);
}

static int check_usage(const char *path, const mbedtls_x509_crt *crt, enum coaps_role role,
		       const struct complaint *c)
{
	bool server = role == COAPS_SERVER;
	int code = server ? mbedtls_x509_crt_check_extended_key_usage(
				    crt, MBEDTLS_OID_SERVER_AUTH,
				    MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH))
			  : mbedtls_x509_crt_check_extended_key_usage(
				    crt, MBEDTLS_OID_CLIENT_AUTH,
				    MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH));

	return code == 0 ? 0
			 : complain(c, -EINVAL,
				    "%s: the certificate's extendedKeyUsage does not allow %s",
				    path, server ? "serverAuth" : "clientAuth");
}

/* The key belongs to the certificate if both have the same public key. */
static int load_key(const char *path, const char *crt_path, struct coaps_keys *keys,
		    const struct complaint *c)
{
	int code = readable(path, "the private key", c);

	if (code != 0) {
		return code;
	}
	psa_crypto_init();
	code = coaps_tls_parse_key(&keys->key, path);
	if (code == MBEDTLS_ERR_PK_PASSWORD_REQUIRED) {
		return complain(c, -EINVAL,
				"%s: the private key has a pass phrase; a daemon needs it without",
				path);
	}
	if (code != 0) {
		return not_pem(path, "a private key", code, c);
	}
	return coaps_tls_check_pair(&keys->own.pk, &keys->key) == 0
		       ? 0
		       : complain(c, -EINVAL,
				  "%s: the private key does not match the certificate %s", path,
				  crt_path);
}

static int load_own(const struct coaps_credentials *own, enum coaps_role role, int64_t now_s,
		    struct coaps_keys *keys, const struct complaint *c)
{
	int code = load_certificates(own->certificate, "the certificate", &keys->own, c);

	code = code != 0 ? code : check_dates(own->certificate, &keys->own, now_s, c);
	code = code != 0 ? code : check_strength(own->certificate, &keys->own.pk, c);
	code = code != 0 ? code : check_usage(own->certificate, &keys->own, role, c);
	return code != 0 ? code
			 : load_key(own->key != NULL ? own->key : own->certificate,
				    own->certificate, keys, c);
}

static int load_ca(const char *path, int64_t now_s, mbedtls_x509_crt *ca, const struct complaint *c)
{
	int code = load_certificates(path, "the CA certificate", ca, c);

	for (const mbedtls_x509_crt *crt = ca; code == 0 && crt != NULL; crt = crt->next) {
		code = check_dates(path, crt, now_s, c);
		if (code == 0 && !mbedtls_x509_crt_get_ca_istrue(crt)) {
			code = complain(c, -EINVAL, "%s: holds a certificate that is not a CA's",
					path);
		}
	}
	return code;
}

static int load_crl(const char *path, mbedtls_x509_crl *crl, const struct complaint *c)
{
	int code = readable(path, "the revocation list", c);

	if (code != 0) {
		return code;
	}
	code = mbedtls_x509_crl_parse_file(crl, path);
	return code == 0 ? 0 : not_pem(path, "a revocation list", code, c);
}

void coaps_keys_init(struct coaps_keys *k)
{
	mbedtls_x509_crt_init(&k->own);
	mbedtls_pk_init(&k->key);
	mbedtls_x509_crt_init(&k->ca);
	mbedtls_x509_crl_init(&k->crl);
}

void coaps_keys_free(struct coaps_keys *k)
{
	mbedtls_x509_crt_free(&k->own);
	mbedtls_pk_free(&k->key);
	mbedtls_x509_crt_free(&k->ca);
	mbedtls_x509_crl_free(&k->crl);
}

int coaps_keys_load(struct coaps_keys *keys, const struct coaps_credentials *credentials,
		    enum coaps_role role, int64_t now_s, char *err, size_t err_size)
{
	const struct complaint c = { err, err_size };
	int code = 0;

	if (credentials->certificate != NULL) {
		code = load_own(credentials, role, now_s, keys, &c);
	} else if (role == COAPS_SERVER) {
		code = complain(&c, -EINVAL, "a server needs a certificate: none is configured");
	}
	if (code == 0 && credentials->ca != NULL) {
		code = load_ca(credentials->ca, now_s, &keys->ca, &c);
	} else if (code == 0 && role == COAPS_CLIENT) {
		code = complain(
			&c, -EINVAL,
			"a CA certificate is needed to verify the server: none is configured");
	}
	if (code == 0 && credentials->crl != NULL) {
		code = load_crl(credentials->crl, &keys->crl, &c);
	}
	return code;
}
