/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log: one line an event on stderr, key=value where it has fields.
 *
 * Under systemd (JOURNAL_STREAM set) each line begins with an sd-daemon
 * priority, "<4>"; on a terminal with the program's name. Only edges log: a core
 * returns an error. Safe to call from any thread; a line is one write().
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
}; /* sd-daemon(3) */

/* program is borrowed for the life of the process ("geotherm-node"). Default level: INFO. */
void log_init(const char *program, enum log_level level);
void log_set_level(enum log_level level);
/* "error", "warning", "notice", "info", "debug" or "3".."7"; -EINVAL else. */
int log_level_parse(const char *text, enum log_level *level);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
