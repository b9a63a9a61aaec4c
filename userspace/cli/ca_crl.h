/* SPDX-License-Identifier: BSD-2-Clause */
/* ca_crl: a certificate revocation list (RFC 5280 section 5), which mbedTLS reads but does not
 * write. */
#ifndef CLI_CA_CRL_H
#define CLI_CA_CRL_H

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <stdint.h>

#include "ca_index.h"

/*
 * Writes path whole, by rename, in PEM. It is valid as long as the authority: a server refuses
 * everybody once its list has run out, and a list is as fresh as its copy. 0 or a negative errno.
 */
int ca_crl_write(const char *path, const mbedtls_x509_crt *ca, mbedtls_pk_context *key,
		 mbedtls_ctr_drbg_context *drbg, const struct ca_index *index, int64_t now_s);

#endif
