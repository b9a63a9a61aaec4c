/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ca: a small certificate authority in a directory: ECDSA P-256, SHA-256, X.509 v3 (RFC 5280, RFC
 * 7925 4.4).
 *
 *   ca.pem, ca.key          itself
 *   index                   what it has signed (ca_index.h)
 *   crl.pem                 what of that it has revoked
 *   FILE.pem, FILE.key      each certificate under the name ca_file_of() makes; its key, where it
 * was made here
 *
 * Keys are 0600 and never overwritten; a certificate is replaced by its renewal only. Not for two
 * processes at once: ca_open() takes a lock. Every error comes with a line in err that names the
 * file.
 */
#ifndef CLI_CA_H
#define CLI_CA_H

#include <stddef.h>
#include <stdint.h>

#include "ca_index.h"

#define CA_DAYS_OF_ITSELF 7300 /* twenty years: as long as a node may be in the field */
#define CA_SANS_MAX 16

struct ca;

/* Makes the directory (0700 where it is new) and the authority in it. 0, or a negative errno. */
int ca_init(const char *dir, const char *title, int64_t now_s, char *err, size_t err_size);

/* NULL with err: none there, or it is in use. */
struct ca *ca_open(const char *dir, char *err, size_t err_size);
void ca_close(struct ca *ca);
struct ca_index *ca_index(struct ca *ca);

struct ca_request {
	enum ca_role role;
	const char *name; /* a node's URN, a server's first host name or address, an operator's name
			   */
	const char *sans[CA_SANS_MAX]; /* a server's further names and addresses */
	size_t n_sans;
	unsigned days;
	const char *csr; /* file with a request whose key (and nothing else of it) is signed; NULL:
			    a new key is made */
};

/* Signs. 0 with the path of the certificate in path, or a negative errno. */
int ca_issue(struct ca *ca, const struct ca_request *request, int64_t now_s, char *path,
	     size_t path_size, char *err, size_t err_size);
/*
 * Signs the same key and names again, for so many days from now: the certificate in path is
 * replaced, the key stays where it is. The old one is good until its end; revoking by the name
 * revokes both. 0, or a negative errno.
 */
int ca_renew(struct ca *ca, const char *name, unsigned days, int64_t now_s, char *path,
	     size_t path_size, char *err, size_t err_size);
/* Revokes what is under this name or serial number and is not yet; writes crl.pem. How many, or a
 * negative errno. */
int ca_revoke(struct ca *ca, const char *which, int64_t now_s, char *err, size_t err_size);

/* DIR/NAME with every character that is not one of a plain file name replaced by '_'. */
void ca_file_of(const struct ca *ca, const char *name, const char *suffix, char *path, size_t size);

#endif
