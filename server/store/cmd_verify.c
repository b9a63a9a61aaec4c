// SPDX-License-Identifier: BSD-2-Clause
#define _POSIX_C_SOURCE 200809L /* clock_gettime, isatty */
#include "cmd_verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "userspace/daemon/log.h"

#define PROGRESS_S 5

static int progress(void *arg, const struct store_verdict *v)
{
	time_t *next = arg;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec >= *next) {
		*next = now.tv_sec + (isatty(STDERR_FILENO) ? 1 : PROGRESS_S);
		fprintf(stderr, "%s%" PRIu64 " rows of %" PRIu64 " streams%s",
			isatty(STDERR_FILENO) ? "\r" : "", v->rows, v->streams,
			isatty(STDERR_FILENO) ? "" : "\n");
	}
	return 0;
}

enum verify_result cmd_verify(const struct store_config *config)
{
	static const char *const words[STORE_FLAWS] = {
		[STORE_FLAW_ROW] = "rows that are no readings",
		[STORE_FLAW_ROM] = "ROMs with a wrong CRC",
		[STORE_FLAW_CRC] = "temperatures whose scratchpad is wrong",
		[STORE_FLAW_VALUE] = "temperatures other than their scratchpad says",
		[STORE_FLAW_COLUMN] = "columns other than the proof",
		[STORE_FLAW_HOLE] = "readings missing without a cause",
	};
	struct store *store = store_new(config);
	struct store_verdict v;
	struct timespec now;
	time_t next;
	int rc;

	clock_gettime(CLOCK_MONOTONIC, &now);
	next = now.tv_sec + PROGRESS_S;
	if (config->kind == STORE_SQLITE && access(config->path, R_OK) != 0) { /* it would be made
										*/
		log_error("store: %s: %s", config->path, strerror(errno));
		store_free(store);
		return VERIFY_NO_STORE;
	}
	rc = store == NULL ? STORE_DOWN : store_connect(store);
	rc = rc < 0 ? rc : store_verify(store, &v, progress, &next);
	if (isatty(STDERR_FILENO)) {
		fputs("\r\033[K", stderr);
	}
	if (rc < 0) {
		log_error("store: %s", store != NULL ? store_error(store) : "out of memory");
		store_free(store);
		return VERIFY_NO_STORE;
	}
	store_free(store);
	printf("%" PRIu64 " readings of %" PRIu64 " streams; %" PRIu64
	       " temperatures proven by their nine bytes, %" PRIu64 " that came without\n",
	       v.rows, v.streams, v.proven, v.unproven);
	rc = VERIFY_GOOD;
	for (unsigned i = 0; i < STORE_FLAWS; i++) {
		if (v.flaws[i] > 0) {
			printf("%" PRIu64 " %s\n", v.flaws[i], words[i]);
			rc = i == STORE_FLAW_HOLE && rc != VERIFY_WRONG ? VERIFY_INCOMPLETE
									: VERIFY_WRONG;
		}
	}
	if (v.first[0] != '\0') {
		printf("the first that is wrong: %s\n", v.first);
	}
	if (v.first_hole[0] != '\0') {
		printf("the first that are missing: %s\n", v.first_hole);
	}
	if (rc == VERIFY_GOOD) {
		puts("all is right and complete");
	}
	return (enum verify_result)rc;
}
