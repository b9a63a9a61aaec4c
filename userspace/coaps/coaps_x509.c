// SPDX-License-Identifier: BSD-2-Clause
#include "coaps_x509.h"

#include <mbedtls/oid.h>
#include <string.h>

#include "time/civil.h"

int64_t coaps_x509_seconds(const mbedtls_x509_time *time)
{
	return civil_to_s(&(const struct civil){ .year = time->year,
						 .month = time->mon,
						 .day = time->day,
						 .hour = time->hour,
						 .min = time->min,
						 .sec = time->sec });
}

/* Printable text only: a NUL or a control character inside would let two names look alike. */
static bool copy_text(const unsigned char *from, size_t len, char *out, size_t size)
{
	if (len == 0 || len >= size) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		if (from[i] < 0x20 || from[i] == 0x7f) {
			return false;
		}
	}
	memcpy(out, from, len);
	out[len] = '\0';
	return true;
}

bool coaps_x509_device(const mbedtls_x509_crt *crt, char *out, size_t size)
{
	static const char prefix[] = "urn:dev:";

	out[0] = '\0';
	for (const mbedtls_x509_sequence *at = &crt->subject_alt_names; at != NULL; at = at->next) {
		const mbedtls_x509_buf *name = &at->buf;

		if (name->tag != (MBEDTLS_ASN1_CONTEXT_SPECIFIC |
				  MBEDTLS_X509_SAN_UNIFORM_RESOURCE_IDENTIFIER) ||
		    name->len < sizeof prefix - 1 ||
		    memcmp(name->p, prefix, sizeof prefix - 1) != 0) {
			continue;
		}
		if (copy_text(name->p, name->len, out, size)) {
			return true;
		}
	}
	return false;
}

bool coaps_x509_attribute(const mbedtls_x509_crt *crt, const char *oid, size_t oid_size, char *out,
			  size_t size)
{
	out[0] = '\0';
	for (const mbedtls_x509_name *at = &crt->subject; at != NULL; at = at->next) {
		if (at->oid.len == oid_size && memcmp(at->oid.p, oid, oid_size) == 0 &&
		    copy_text(at->val.p, at->val.len, out, size)) {
			return true;
		}
	}
	return false;
}
