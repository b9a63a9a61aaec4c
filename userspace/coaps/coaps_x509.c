// SPDX-License-Identifier: BSD-2-Clause
#include "coaps_x509.h"

#include <mbedtls/oid.h>
#include <string.h>

/* Days since 1970-01-01 of a Gregorian date; valid for the years of a certificate. */
static int64_t days_from_civil(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - 719468;
}

int64_t coaps_x509_seconds(const mbedtls_x509_time *time)
{
	return days_from_civil(time->year, time->mon, time->day) * 86400 + time->hour * 3600 +
	       time->min * 60 + time->sec;
}

/* Only text that is text: a NUL or a control character inside would let two names look alike. */
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
