/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_keys: what the files of the credentials hold, parsed and checked. Inside userspace/coaps
 * only; any thread, each on its own keys.
 */
#ifndef COAPS_KEYS_H
#define COAPS_KEYS_H

#include <mbedtls/pk.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>

#include "coaps_credentials.h"

struct coaps_keys {
	mbedtls_x509_crt own;
	mbedtls_pk_context key;
	mbedtls_x509_crt ca;
	mbedtls_x509_crl crl;
};

void coaps_keys_init(struct coaps_keys *keys);
void coaps_keys_free(struct coaps_keys *keys);
/* As coaps_credentials_check(), into initialised keys; after an error they are to be freed. */
int coaps_keys_load(struct coaps_keys *keys, const struct coaps_credentials *credentials,
		    enum coaps_role role, int64_t now_s, char *err, size_t err_size);

#endif
