// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* fopen's e, explicit_bzero */
#include "secret_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "userspace/reading/hex.h"

#define DIGITS (2 * COAPS_SECRET_SIZE)

static int read_line(char *line, const char *path, unsigned number, struct coaps_secrets *secrets,
		     char *err, size_t err_size)
{
	line[strcspn(line, "\r\n")] = '\0';
	if (line[0] == '\0' || line[0] == '#') {
		return 0;
	}
	if (secrets->n == COAPS_SECRETS_MAX) {
		snprintf(err, err_size, "%s:%u: expected at most %d keys", path, number,
			 COAPS_SECRETS_MAX);
		return -EINVAL;
	}
	if (strlen(line) != DIGITS ||
	    !hex_parse(line, secrets->key[secrets->n], COAPS_SECRET_SIZE)) {
		snprintf(err, err_size,
			 "%s:%u: expected a key of %d hex digits (openssl rand -hex %d)", path,
			 number, DIGITS, COAPS_SECRET_SIZE);
		return -EINVAL;
	}
	secrets->n++;
	return 0;
}

static int read_lines(FILE *file, const char *path, struct coaps_secrets *secrets, char *err,
		      size_t err_size)
{
	char line[DIGITS + 64];
	int rc = 0;

	for (unsigned number = 1; rc == 0 && fgets(line, sizeof(line), file) != NULL; number++) {
		rc = read_line(line, path, number, secrets, err, err_size);
	}
	explicit_bzero(line, sizeof(line));
	if (rc == 0 && secrets->n == 0) {
		snprintf(err, err_size,
			 "%s: expected a line of %d hex digits (openssl rand -hex %d)", path,
			 DIGITS, COAPS_SECRET_SIZE);
		rc = -EINVAL;
	}
	return rc;
}

int secret_file_read(const char *path, struct coaps_secrets *secrets, char *err, size_t err_size)
{
	FILE *file = fopen(path, "re");
	struct stat st;
	int rc;

	secrets->n = 0;
	if (file == NULL || fstat(fileno(file), &st) != 0) {
		rc = -errno;
		snprintf(err, err_size, "%s: %s", path, strerror(-rc));
	} else if ((st.st_mode & 07) != 0 || (st.st_uid != 0 && (st.st_mode & 077) != 0)) {
		rc = -EPERM;
		snprintf(err, err_size,
			 "%s: mode %03o: other users may read the keys: expected 0600, or 0640 and "
			 "owned by root",
			 path, st.st_mode & 0777u);
	} else {
		rc = read_lines(file, path, secrets, err, err_size);
	}
	if (file != NULL) {
		fclose(file);
	}
	return rc;
}
