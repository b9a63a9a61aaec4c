/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ca_index: what an authority has signed, as a text file of a line each:
 *
 *   SERIAL ROLE NOT-BEFORE NOT-AFTER REVOKED NAME
 *
 * SERIAL is 32 hex digits; times are seconds since 1970; REVOKED is 0 where it is not. The file is
 * replaced whole, by rename, after a sync.
 */
#ifndef CLI_CA_INDEX_H
#define CLI_CA_INDEX_H

#include <stddef.h>
#include <stdint.h>

#define CA_SERIAL_SIZE 16
#define CA_NAME_SIZE 96 /* as in struct coaps_identity */

enum ca_role { CA_NODE, CA_SERVER, CA_OPERATOR };
extern const char *const ca_role_words[]; /* NULL-terminated */

struct ca_entry {
	uint8_t serial[CA_SERIAL_SIZE];
	enum ca_role role;
	int64_t not_before_s, not_after_s, revoked_s;
	char name[CA_NAME_SIZE];
};

struct ca_index {
	struct ca_entry *entries; /* in the order of signing */
	size_t n;
};

/* 0, -errno, or -EINVAL with the number of the wrong line in *line. */
int ca_index_read(struct ca_index *index, const char *path, unsigned *line);
int ca_index_write(const struct ca_index *index, const char *path);
int ca_index_add(struct ca_index *index, const struct ca_entry *entry); /* 0 or -ENOMEM */
/* The newest of this name that is not revoked, expired or not; NULL: none. Good until the next is
 * added. */
const struct ca_entry *ca_index_valid(const struct ca_index *index, const char *name);
void ca_index_free(struct ca_index *index);
void ca_index_serial(const struct ca_entry *entry, char text[2 * CA_SERIAL_SIZE + 1]);

#endif
