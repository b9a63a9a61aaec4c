// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* getline(), O_CLOEXEC, explicit_bzero() */
#include "secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	char *line = NULL;
	size_t size = 0;
	int rc = 0;

	for (unsigned number = 1; rc == 0 && getline(&line, &size, file) >= 0; number++) {
		rc = read_line(line, path, number, secrets, err, err_size);
	}
	if (line != NULL) {
		explicit_bzero(line, size);
	}
	free(line);
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
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* does not wait for a pipe's end */
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
	struct stat st;
	int rc;

	secrets->n = 0;
	if (file == NULL || fstat(fileno(file), &st) != 0) {
		rc = -errno;
		snprintf(err, err_size, "%s: %s", path, strerror(-rc));
	} else if (!S_ISREG(st.st_mode)) {
		rc = -EINVAL;
		snprintf(err, err_size, "%s: expected a regular file", path);
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
	} else if (fd >= 0) {
		close(fd);
	}
	return rc;
}
