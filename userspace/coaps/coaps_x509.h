/* SPDX-License-Identifier: BSD-2-Clause */
/* coaps_x509: the fields of a parsed certificate that we use. Inside userspace/coaps only. */
#ifndef COAPS_X509_H
#define COAPS_X509_H

#include <mbedtls/x509_crt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Seconds of UTC since 1970. */
int64_t coaps_x509_seconds(const mbedtls_x509_time *time);
/* The first SAN URI that begins with "urn:dev:" and fits; else "" and false. */
bool coaps_x509_device(const mbedtls_x509_crt *crt, char *out, size_t size);
/* The subject's attribute with this OID as text; else "" and false. */
bool coaps_x509_attribute(const mbedtls_x509_crt *crt, const char *oid, size_t oid_size, char *out,
			  size_t size);

#endif
