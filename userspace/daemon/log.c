// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* write() and ssize_t */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_NOTICE] = "notice",
	[LOG_LEVEL_INFO] = "info",   [LOG_LEVEL_DEBUG] = "debug",
};

static const char *program_name = "geotherm";
static bool under_journal;
static atomic_int threshold = LOG_LEVEL_INFO;

void log_init(const char *program, enum log_level level)
{
	program_name = program;
	under_journal = getenv("JOURNAL_STREAM") != NULL;
	log_set_level(level);
}

void log_set_level(enum log_level level)
{
	atomic_store(&threshold, (int)level);
}

int log_level_parse(const char *text, enum log_level *level)
{
	for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
		if (strcmp(text, level_names[i]) == 0 || (text[0] == '0' + i && text[1] == '\0')) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* A line break inside would start a line without a priority; other control bytes confuse terminals.
 */
static void flatten(char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f) {
			*text = ' ';
		}
	}
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[1024];
	int saved_errno = errno;
	int head, body;
	size_t length;
	va_list args;

	if ((int)level > atomic_load(&threshold)) {
		return;
	}
	if (under_journal) {
		head = snprintf(line, sizeof(line), "<%d>", (int)level);
	} else if (level <= LOG_LEVEL_WARNING) {
		head = snprintf(line, sizeof(line), "%.64s: %s: ", program_name,
				level_names[level]);
	} else {
		head = snprintf(line, sizeof(line), "%.64s: ", program_name);
	}
	va_start(args, format);
	body = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, format, args);
	va_end(args);
	if (body < 0) {
		body = 0;
	}
	flatten(line + head);
	length = strlen(line);
	if ((size_t)head + (size_t)body > length) { /* cut: visibly */
		memcpy(line + length - 3, "...", 3);
	}
	line[length++] = '\n';
	/* Nothing useful can be done when stderr is gone. */
	if (write(STDERR_FILENO, line, length) < 0) {
		saved_errno = saved_errno != 0 ? saved_errno : errno;
	}
	errno = saved_errno;
}
