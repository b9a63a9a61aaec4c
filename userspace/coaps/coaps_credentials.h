/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_credentials: the files of our identity and of the CA that we trust, checked before use:
 * libcoap would fail only at the first handshake, by a timeout.
 *
 * Plain functions, any thread. Every message names the file.
 */
#ifndef COAPS_CREDENTIALS_H
#define COAPS_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* File names, PEM; borrowed for the life of their user. */
struct coaps_credentials {
	const char *certificate; /* own, the chain after it in the same file; NULL: none (a client
				    may) */
	const char *key; /* NULL: in the certificate's file */
	const char *ca; /* CAs that may have signed the peer's certificate; a bundle is allowed */
	const char *crl; /* revoked certificates of that CA, or NULL */
};

struct coaps_certificate_info {
	char subject[128];
	char device[96]; /* SAN URI "urn:dev:...", else ""; */
	int64_t not_before_s, not_after_s; /* UTC */
};

enum coaps_role { COAPS_CLIENT, COAPS_SERVER };

/*
 * Reads and parses all files. 0; or a negative errno with err: -ENOENT, -EACCES ... of a file;
 * -EKEYEXPIRED, -EAGAIN: expired, not yet valid at now_s; -EINVAL: not PEM, key and certificate do
 * not match, key too weak (RSA < 2048, curve < 256 bits), not for this role (extendedKeyUsage), no
 * CA where one is needed. *info
 * (may be NULL) describes our own certificate. now_s <= 0: the clock is not set yet, dates are
 * not looked at.
 */
int coaps_credentials_check(const struct coaps_credentials *credentials, enum coaps_role role,
			    int64_t now_s, struct coaps_certificate_info *info, char *err,
			    size_t err_size);

/*
 * Whether other users of this machine may read the private key; then text is one line that has the
 * file and its mode. False where the file cannot be found.
 */
bool coaps_credentials_exposed(const struct coaps_credentials *credentials, char *text,
			       size_t size);

/*
 * Seconds of UTC by this machine's clock, or 0 if it is certainly unset: a Pi without a network
 * starts in the past, and a certificate is then not "not valid yet".
 */
int64_t coaps_now_s(void);

/* "2027-11-29", the day on which a certificate ends; returns day. */
char *coaps_certificate_end(const struct coaps_certificate_info *info, char day[11]);

#endif
