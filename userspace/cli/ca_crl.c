// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* gmtime_r, fsync */
#include "ca_crl.h"

#include <errno.h>
#include <limits.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ENTRY_MAX 64 /* serial, time and their lengths */
#define HEAD_MAX 2048 /* the rest: names, times, extensions, signature */
#define SEQUENCE (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)

/* As all of ASN.1 here it is written from the end: *p goes down to start. A negative mbedTLS error
 * stays. */
struct der {
	unsigned char *p, *start;
	int error;
};

static size_t put(struct der *d, int written)
{
	if (written < 0) {
		d->error = d->error != 0 ? d->error : written;
		return 0;
	}
	return (size_t)written;
}

static size_t put_head(struct der *d, size_t len, unsigned char tag)
{
	len += put(d, mbedtls_asn1_write_len(&d->p, d->start, len));
	return len + put(d, mbedtls_asn1_write_tag(&d->p, d->start, tag));
}

static size_t put_raw(struct der *d, const void *bytes, size_t size)
{
	return put(d, mbedtls_asn1_write_raw_buffer(&d->p, d->start, bytes, size));
}

/* UTCTime until 2049, then GeneralizedTime (RFC 5280 4.1.2.5). */
static size_t put_time(struct der *d, int64_t seconds)
{
	time_t t = (time_t)seconds;
	char text[20];
	struct tm tm;
	int late;

	gmtime_r(&t, &tm);
	late = tm.tm_year >= 150;
	strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &tm);
	return put_head(d, put_raw(d, text + (late ? 0 : 2), strlen(text) - (late ? 0 : 2)),
			late ? MBEDTLS_ASN1_GENERALIZED_TIME : MBEDTLS_ASN1_UTC_TIME);
}

static size_t put_algorithm(struct der *d)
{
	size_t len = put(d, mbedtls_asn1_write_oid(&d->p, d->start, MBEDTLS_OID_ECDSA_SHA256,
						   MBEDTLS_OID_SIZE(MBEDTLS_OID_ECDSA_SHA256)));

	return put_head(d, len, SEQUENCE);
}

static size_t put_revoked(struct der *d, const struct ca_index *index)
{
	size_t all = 0;

	for (size_t i = 0; i < index->n; i++) {
		const struct ca_entry *e = &index->entries[i];
		size_t len;

		if (e->revoked_s == 0) {
			continue;
		}
		len = put_time(d, e->revoked_s);
		len += put_head(d, put_raw(d, e->serial, sizeof e->serial), MBEDTLS_ASN1_INTEGER);
		all += put_head(d, len, SEQUENCE);
	}
	return all > 0 ? put_head(d, all, SEQUENCE) : 0; /* an empty one must not be there (5.1.2.6)
							  */
}

static size_t put_extension(struct der *d, size_t value, const char *oid, size_t oid_size)
{
	size_t len = put_head(d, value, MBEDTLS_ASN1_OCTET_STRING);

	len += put(d, mbedtls_asn1_write_oid(&d->p, d->start, oid, oid_size));
	return put_head(d, len, SEQUENCE);
}

/* Both that 5.2 demands: which key, and a number that grows. */
static size_t put_extensions(struct der *d, const mbedtls_x509_crt *ca, int64_t now_s)
{
	unsigned char number[8];
	size_t len, all;

	for (int i = 0; i < 8; i++) {
		number[i] = (unsigned char)((uint64_t)now_s >> (56 - 8 * i));
	}
	/* The shortest form, and positive: from 2038 on a byte more. */
	len = put_head(d, number[4] & 0x80 ? put_raw(d, number + 3, 5) : put_raw(d, number + 4, 4),
		       MBEDTLS_ASN1_INTEGER);
	all = put_extension(d, len, "\x55\x1d\x14", 3); /* id-ce-cRLNumber */
	len = put_head(d, put_raw(d, ca->subject_key_id.p, ca->subject_key_id.len),
		       MBEDTLS_ASN1_CONTEXT_SPECIFIC | 0);
	all += put_extension(d, put_head(d, len, SEQUENCE), MBEDTLS_OID_AUTHORITY_KEY_IDENTIFIER,
			     MBEDTLS_OID_SIZE(MBEDTLS_OID_AUTHORITY_KEY_IDENTIFIER));
	all = put_head(d, all, SEQUENCE);
	return put_head(d, all, MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED | 0);
}

static int64_t end_of(const mbedtls_x509_crt *ca)
{
	struct tm tm = { .tm_year = ca->valid_to.year - 1900,
			 .tm_mon = ca->valid_to.mon - 1,
			 .tm_mday = ca->valid_to.day,
			 .tm_hour = ca->valid_to.hour,
			 .tm_min = ca->valid_to.min,
			 .tm_sec = ca->valid_to.sec };

	return (int64_t)timegm(&tm);
}

static size_t put_list(struct der *d, const mbedtls_x509_crt *ca, const struct ca_index *index,
		       int64_t now_s)
{
	size_t len = put_extensions(d, ca, now_s);

	len += put_revoked(d, index);
	len += put_time(d, end_of(ca));
	len += put_time(d, now_s);
	len += put_raw(d, ca->subject_raw.p, ca->subject_raw.len);
	len += put_algorithm(d);
	len += put(d, mbedtls_asn1_write_int(&d->p, d->start, 1)); /* v2 */
	return put_head(d, len, SEQUENCE);
}

static int write_pem(const char *path, const unsigned char *der, size_t size)
{
	size_t pem_size = size * 2 + 256, used;
	unsigned char *pem = malloc(pem_size);
	char fresh[PATH_MAX];
	FILE *out = NULL;
	int rc = -EIO;

	if (pem == NULL) {
		return -ENOMEM;
	}
	if (mbedtls_pem_write_buffer("-----BEGIN X509 CRL-----\n", "-----END X509 CRL-----\n", der,
				     size, pem, pem_size, &used) == 0 &&
	    (size_t)snprintf(fresh, sizeof fresh, "%s.new", path) < sizeof fresh) {
		out = fopen(fresh, "we");
		rc = out == NULL ? -errno
		     : fputs((char *)pem, out) < 0 || fflush(out) != 0 || fsync(fileno(out)) != 0
			     ? -EIO
			     : 0;
	}
	if (out != NULL && fclose(out) != 0 && rc == 0) {
		rc = -errno;
	}
	if (rc == 0 && rename(fresh, path) != 0) {
		rc = -errno;
	}
	free(pem);
	return rc;
}

int ca_crl_write(const char *path, const mbedtls_x509_crt *ca, mbedtls_pk_context *key,
		 mbedtls_ctr_drbg_context *drbg, const struct ca_index *index, int64_t now_s)
{
	size_t size = HEAD_MAX + index->n * ENTRY_MAX, list_size, len, signature_size;
	unsigned char *buffer = calloc(1, size), *list = calloc(1, size), hash[32],
		      signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
	int rc = -ENOMEM;
	struct der d;

	if (buffer == NULL || list == NULL) {
		goto out;
	}
	d = (struct der){ list + size, list, 0 };
	list_size = put_list(&d, ca, index, now_s);
	rc = -EIO;
	if (d.error != 0 || mbedtls_sha256(d.p, list_size, hash, 0) != 0 ||
	    mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, hash, sizeof hash, signature, sizeof signature,
			    &signature_size, mbedtls_ctr_drbg_random, drbg) != 0) {
		goto out;
	}
	memmove(list, d.p, list_size);
	d = (struct der){ buffer + size, buffer, 0 };
	len = put(&d, mbedtls_asn1_write_bitstring(&d.p, d.start, signature, signature_size * 8));
	len += put_algorithm(&d);
	len += put_raw(&d, list, list_size);
	len = put_head(&d, len, SEQUENCE);
	rc = d.error != 0 ? -EIO : write_pem(path, d.p, len);
out:
	free(list);
	free(buffer);
	return rc;
}
