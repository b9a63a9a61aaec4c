// SPDX-License-Identifier: BSD-2-Clause
#include "coaps_credentials.h"

#include <errno.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "coaps_tls.h"
#include "time/civil.h"
#include "coaps_x509.h"

#define NEWER_THAN_S INT64_C(1767225600) /* 2026-01-01: this source is younger */
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
static int check_key(const char *path, const char *crt_path, mbedtls_x509_crt *crt,
		     const struct complaint *c)
{
	mbedtls_pk_context key;
	int code = readable(path, "the private key", c);

	if (code != 0) {
		return code;
	}
	mbedtls_pk_init(&key);
	psa_crypto_init();
	code = coaps_tls_parse_key(&key, path);
	if (code == MBEDTLS_ERR_PK_PASSWORD_REQUIRED) {
		code = complain(c, -EINVAL,
				"%s: the private key has a pass phrase; a daemon needs it without",
				path);
	} else if (code != 0) {
		code = not_pem(path, "a private key", code, c);
	} else if (coaps_tls_check_pair(&crt->pk, &key) != 0) {
		code = complain(c, -EINVAL, "%s: the private key does not match the certificate %s",
				path, crt_path);
	}
	mbedtls_pk_free(&key);
	return code;
}

static int check_own(const struct coaps_credentials *own, enum coaps_role role, int64_t now_s,
		     struct coaps_certificate_info *info, const struct complaint *c)
{
	mbedtls_x509_crt crt;
	int code;

	mbedtls_x509_crt_init(&crt);
	code = load_certificates(own->certificate, "the certificate", &crt, c);
	if (code == 0) {
		mbedtls_x509_dn_gets(info->subject, sizeof info->subject, &crt.subject);
		coaps_x509_device(&crt, info->device, sizeof info->device);
		info->not_before_s = coaps_x509_seconds(&crt.valid_from);
		info->not_after_s = coaps_x509_seconds(&crt.valid_to);
		code = check_dates(own->certificate, &crt, now_s, c);
	}
	if (code == 0) {
		code = check_strength(own->certificate, &crt.pk, c);
	}
	if (code == 0) {
		code = check_usage(own->certificate, &crt, role, c);
	}
	if (code == 0) {
		code = check_key(own->key != NULL ? own->key : own->certificate, own->certificate,
				 &crt, c);
	}
	mbedtls_x509_crt_free(&crt);
	return code;
}

static int check_ca(const char *path, int64_t now_s, const struct complaint *c)
{
	mbedtls_x509_crt ca;
	int code;

	mbedtls_x509_crt_init(&ca);
	code = load_certificates(path, "the CA certificate", &ca, c);
	for (const mbedtls_x509_crt *crt = &ca; code == 0 && crt != NULL; crt = crt->next) {
		code = check_dates(path, crt, now_s, c);
		if (code == 0 && !mbedtls_x509_crt_get_ca_istrue(crt)) {
			code = complain(c, -EINVAL, "%s: holds a certificate that is not a CA's",
					path);
		}
	}
	mbedtls_x509_crt_free(&ca);
	return code;
}

static int check_crl(const char *path, const struct complaint *c)
{
	mbedtls_x509_crl crl;
	int code = readable(path, "the revocation list", c);

	if (code != 0) {
		return code;
	}
	mbedtls_x509_crl_init(&crl);
	code = mbedtls_x509_crl_parse_file(&crl, path);
	mbedtls_x509_crl_free(&crl);
	return code == 0 ? 0 : not_pem(path, "a revocation list", code, c);
}

int coaps_credentials_check(const struct coaps_credentials *credentials, enum coaps_role role,
			    int64_t now_s, struct coaps_certificate_info *info, char *err,
			    size_t err_size)
{
	const struct complaint c = { err, err_size };
	struct coaps_certificate_info own;
	int code = 0;

	memset(&own, 0, sizeof own);
	if (credentials->certificate != NULL) {
		code = check_own(credentials, role, now_s, &own, &c);
	} else if (role == COAPS_SERVER) {
		code = complain(&c, -EINVAL, "a server needs a certificate: none is configured");
	}
	if (code == 0 && credentials->ca != NULL) {
		code = check_ca(credentials->ca, now_s, &c);
	} else if (code == 0 && role == COAPS_CLIENT) {
		code = complain(
			&c, -EINVAL,
			"a CA certificate is needed to verify the server: none is configured");
	}
	if (code == 0 && credentials->crl != NULL) {
		code = check_crl(credentials->crl, &c);
	}
	if (info != NULL) {
		*info = own;
	}
	return code;
}

bool coaps_credentials_exposed(const struct coaps_credentials *credentials, char *text, size_t size)
{
	const char *path = credentials->key != NULL ? credentials->key : credentials->certificate;
	struct stat st;

	if (path == NULL || stat(path, &st) != 0 || (st.st_mode & S_IROTH) == 0) {
		return false;
	}
	snprintf(text, size,
		 "%s: mode %03o: every user of this machine can read the private key: chmod o= %s",
		 path, st.st_mode & 0777u, path);
	return true;
}

int64_t coaps_now_s(void)
{
	int64_t now_s = time(NULL);

	return now_s >= NEWER_THAN_S ? now_s : 0;
}

char *coaps_certificate_end(const struct coaps_certificate_info *info, char day[11])
{
	struct civil end;

	civil_from_s(info->not_after_s, &end);
	snprintf(day, 11, "%04u-%02u-%02u", (unsigned)end.year % 10000, (unsigned)end.month % 100,
		 (unsigned)end.day % 100);
	return day;
}
