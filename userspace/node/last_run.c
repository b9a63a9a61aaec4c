// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* st_mtim */
#include "last_run.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "time/civil.h"

int64_t last_run_written_us(const char *outbox_path)
{
	static const char *const suffixes[] = { "", "-wal" }; /* SQLite's */
	char path[PATH_MAX];
	int64_t newest_us = 0;
	struct stat st;

	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s%s", outbox_path, suffixes[i]);
		if (stat(path, &st) == 0) {
			int64_t us =
				(int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;

			newest_us = us > newest_us ? us : newest_us;
		}
	}
	return newest_us;
}

void last_run_describe(enum reading_start start, int64_t written_us, char *text, size_t size)
{
	char at[CIVIL_TEXT_SIZE];

	if (start == READING_START_NEW) {
		snprintf(text, size, "first reading of this outbox");
		return;
	}
	if (written_us == 0) {
		snprintf(text, size, "start after a %s", reading_start_name(start));
		return;
	}
	snprintf(text, size, "start after a %s at %s", reading_start_name(start),
		 civil_text(written_us / 1000000, at));
}

void last_run_note(const char *text, char *note, size_t size)
{
	char all[512];
	size_t length;

	snprintf(all, sizeof(all), "%s%s%s", text, *text != '\0' && *note != '\0' ? "; " : "",
		 note);
	length = strlen(all);
	if (length >= size) {
		length = size - 1;
		while (length > 0 && all[length] != ' ') {
			length--;
		}
		while (length > 0 && strchr(" ;,:", all[length - 1]) != NULL) {
			length--;
		}
	}
	snprintf(note, size, "%.*s", (int)length, all);
}
