/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_tickets: session tickets (RFC 5077) whose keys come from a secret and the time, so that
 * processes with one secret accept each other's tickets and all change the key at the same moment,
 * without any message between them. The first secret encrypts, every one decrypts.
 *
 * The key of a period of half a ticket's lifetime is HMAC-SHA-256(secret, number of the period); a
 * ticket is good in the period that made it and in the next, 12 to 24 hours.
 *
 * One thread. Inside userspace/coaps only.
 */
#ifndef COAPS_TICKETS_H
#define COAPS_TICKETS_H

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COAPS_SECRET_SIZE 32
#define COAPS_SECRETS_MAX 2 /* the one in use, and the one before or after it */

/* What tickets and cookies are made from; n >= 1. */
struct coaps_secrets {
	unsigned n;
	uint8_t key[COAPS_SECRETS_MAX][COAPS_SECRET_SIZE];
};

struct coaps_tickets {
	unsigned n;
	struct coaps_ticket_keys {
		mbedtls_ssl_ticket_context context;
		uint8_t secret[COAPS_SECRET_SIZE];
		int64_t period; /* whose key is in use; -1: none yet */
		int64_t set_s; /* since when */
	} of[COAPS_SECRETS_MAX];
};

void coaps_tickets_init(struct coaps_tickets *t);
/* An error of mbedTLS or PSA, or 0. */
int coaps_tickets_setup(struct coaps_tickets *t, const struct coaps_secrets *secrets);
void coaps_tickets_configure(mbedtls_ssl_config *conf, struct coaps_tickets *t);
/* Whether one of the keys made it, and it has not expired. */
bool coaps_tickets_accept(struct coaps_tickets *t, const uint8_t *ticket, size_t size);
void coaps_tickets_free(struct coaps_tickets *t);

/* out: HMAC-SHA-256(secret, label, number); 0 or an error of PSA. */
int coaps_secret_derive(const uint8_t secret[COAPS_SECRET_SIZE], const char *label, int64_t number,
			uint8_t out[32]);

#endif
