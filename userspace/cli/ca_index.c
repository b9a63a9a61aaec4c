// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* fchmod, fsync */
#include "ca_index.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const ca_role_words[] = { "node", "server", "operator", NULL };

void ca_index_serial(const struct ca_entry *entry, char text[2 * CA_SERIAL_SIZE + 1])
{
	for (unsigned i = 0; i < CA_SERIAL_SIZE; i++) {
		snprintf(text + 2 * i, 3, "%02x", entry->serial[i]);
	}
}

static int parse(const char *text, struct ca_entry *e)
{
	char serial[33], role[16];
	int used = 0;

	memset(e, 0, sizeof *e);
	if (sscanf(text, "%32[0-9a-f] %15s %" SCNd64 " %" SCNd64 " %" SCNd64 " %n", serial, role,
		   &e->not_before_s, &e->not_after_s, &e->revoked_s, &used) != 5 ||
	    strlen(serial) != 32 || used == 0 || text[used] == '\0' ||
	    strlen(text + used) >= sizeof e->name) {
		return -EINVAL;
	}
	for (unsigned i = 0; i < CA_SERIAL_SIZE; i++) {
		unsigned byte;

		sscanf(serial + 2 * i, "%2x", &byte);
		e->serial[i] = (uint8_t)byte;
	}
	memcpy(e->name, text + used, strlen(text + used) + 1);
	for (int i = 0; ca_role_words[i] != NULL; i++) {
		if (strcmp(ca_role_words[i], role) == 0) {
			e->role = (enum ca_role)i;
			return 0;
		}
	}
	return -EINVAL;
}

int ca_index_add(struct ca_index *index, const struct ca_entry *entry)
{
	struct ca_entry *more = realloc(index->entries, (index->n + 1) * sizeof *more);

	if (more == NULL) {
		return -ENOMEM;
	}
	index->entries = more;
	more[index->n++] = *entry;
	return 0;
}

int ca_index_read(struct ca_index *index, const char *path, unsigned *line)
{
	FILE *in = fopen(path, "re");
	struct ca_entry entry;
	char text[256];
	int rc = 0;

	*index = (struct ca_index){ NULL, 0 };
	*line = 0;
	if (in == NULL) {
		return -errno;
	}
	while (rc == 0 && fgets(text, sizeof text, in) != NULL) {
		(*line)++;
		text[strcspn(text, "\n")] = '\0';
		rc = parse(text, &entry);
		rc = rc == 0 ? ca_index_add(index, &entry) : rc;
	}
	fclose(in);
	if (rc != 0) {
		ca_index_free(index);
	}
	return rc;
}

int ca_index_write(const struct ca_index *index, const char *path)
{
	char fresh[PATH_MAX], serial[2 * CA_SERIAL_SIZE + 1];
	FILE *out;
	int rc = 0;

	if ((size_t)snprintf(fresh, sizeof fresh, "%s.new", path) >= sizeof fresh) {
		return -ENAMETOOLONG;
	}
	out = fopen(fresh, "we");
	if (out == NULL) {
		return -errno;
	}
	for (size_t i = 0; i < index->n; i++) {
		const struct ca_entry *e = &index->entries[i];

		ca_index_serial(e, serial);
		fprintf(out, "%s %s %" PRId64 " %" PRId64 " %" PRId64 " %s\n", serial,
			ca_role_words[e->role], e->not_before_s, e->not_after_s, e->revoked_s,
			e->name);
	}
	if (fflush(out) != 0 || ferror(out) || fchmod(fileno(out), 0600) != 0 ||
	    fsync(fileno(out)) != 0) {
		rc = errno != 0 ? -errno : -EIO;
	}
	if (fclose(out) != 0 && rc == 0) {
		rc = -errno;
	}
	if (rc == 0 && rename(fresh, path) != 0) {
		rc = -errno;
	}
	if (rc != 0) {
		unlink(fresh);
	}
	return rc;
}

const struct ca_entry *ca_index_valid(const struct ca_index *index, const char *name)
{
	const struct ca_entry *found = NULL;

	for (size_t i = 0; i < index->n; i++) {
		if (index->entries[i].revoked_s == 0 && strcmp(index->entries[i].name, name) == 0) {
			found = &index->entries[i];
		}
	}
	return found;
}

void ca_index_free(struct ca_index *index)
{
	free(index->entries);
	*index = (struct ca_index){ NULL, 0 };
}
