// SPDX-License-Identifier: BSD-2-Clause
#define _POSIX_C_SOURCE 200809L /* isatty */
#include "cmd_verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "time/now.h"
#include "userspace/daemon/log.h"

#define PROGRESS_MS 5000
#define PROGRESS_TTY_MS 1000

static int progress(void *arg, const struct store_verdict *v)
{
	uint64_t *next_ms = arg, now = now_ms();
	bool tty = isatty(STDERR_FILENO);

	if (now >= *next_ms) {
		*next_ms = now + (tty ? PROGRESS_TTY_MS : PROGRESS_MS);
		fprintf(stderr, "%s%" PRIu64 " rows of %" PRIu64 " streams%s", tty ? "\r" : "",
			v->rows, v->streams, tty ? "" : "\n");
	}
	return 0;
}

enum verify_result cmd_verify(const struct store_config *config)
{
	static const char *const names[STORE_FLAWS] = {
		[STORE_FLAW_ROW] = "rows that are no readings",
		[STORE_FLAW_ROM] = "ROMs with a wrong CRC",
		[STORE_FLAW_CRC] = "temperatures whose scratchpad has a wrong CRC",
		[STORE_FLAW_VALUE] = "temperatures that do not follow from their scratchpad",
		[STORE_FLAW_COLUMN] = "columns that differ from the sensors' bytes",
		[STORE_FLAW_RANGE] = "values that cannot be",
		[STORE_FLAW_HOLE] = "readings missing without a cause",
	};
	struct store_config only_read = *config;
	struct store *store;
	struct store_verdict v;
	uint64_t next_ms = now_ms() + PROGRESS_MS;
	int rc;

	only_read.read_only = true;
	store = store_new(&only_read);
	rc = store == NULL ? STORE_DOWN : store_connect(store);
	rc = rc < 0 ? rc : store_verify(store, &v, progress, &next_ms);
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
	if (v.renumbered > 0) {
		printf("%" PRIu64
		       " streams began as their outbox was restored or copied: is one certificate on two nodes?\n",
		       v.renumbered);
	}
	rc = VERIFY_GOOD;
	for (unsigned i = 0; i < STORE_FLAWS; i++) {
		if (v.flaws[i] > 0) {
			printf("%" PRIu64 " %s\n", v.flaws[i], names[i]);
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
