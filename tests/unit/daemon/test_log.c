// SPDX-License-Identifier: BSD-2-Clause
/* log and notify: what comes out at the other end of the descriptor. */
#define _GNU_SOURCE /* setenv(), mkdtemp() */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "stderr_rig.h"
#include "userspace/daemon/log.h"
#include "userspace/daemon/notify.h"

static void a_terminal_sees_the_program_and_the_journal_a_priority(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_init("geotherm-test", LOG_LEVEL_INFO);
	stderr_begin();
	log_error("no %s in %d", "sensor", 4);
	log_warning("w");
	log_notice("n");
	log_info("i");
	log_debug("not this");
	assert_string_equal(stderr_end(),
			    "geotherm-test: error: no sensor in 4\ngeotherm-test: warning: w\n"
			    "geotherm-test: n\ngeotherm-test: i\n");
	setenv("JOURNAL_STREAM", "8:1234", 1);
	log_init("geotherm-test", LOG_LEVEL_DEBUG);
	stderr_begin();
	log_error("e");
	log_debug("d");
	assert_string_equal(stderr_end(), "<3>e\n<7>d\n");
	unsetenv("JOURNAL_STREAM");
	log_init("geotherm-test", LOG_LEVEL_INFO);
}

static void the_level_can_be_changed_and_read_from_text(void **state)
{
	enum log_level level = LOG_LEVEL_ERROR;

	(void)state;
	assert_int_equal(log_level_parse("debug", &level), 0);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_parse("4", &level), 0);
	assert_int_equal(level, LOG_LEVEL_WARNING);
	assert_int_equal(log_level_parse("2", &level), -EINVAL);
	assert_int_equal(log_level_parse("8", &level), -EINVAL);
	assert_int_equal(log_level_parse("44", &level), -EINVAL);
	assert_int_equal(log_level_parse("", &level), -EINVAL);
	assert_int_equal(log_level_parse("Debug", &level), -EINVAL);
	assert_int_equal(level, LOG_LEVEL_WARNING);
	log_set_level(LOG_LEVEL_ERROR);
	stderr_begin();
	log_warning("not this");
	log_error("this");
	assert_string_equal(stderr_end(), "geotherm-test: error: this\n");
	log_set_level(LOG_LEVEL_INFO);
}

static void text_from_outside_cannot_make_a_second_line(void **state)
{
	(void)state;
	stderr_begin();
	log_info("a\n<0>b\r\x1b[31m\x7f%s", "\xc3\xa9");
	assert_string_equal(stderr_end(), "geotherm-test: a <0>b  [31m \xc3\xa9\n");
}

static void a_long_line_is_cut_and_says_so_and_errno_stays(void **state)
{
	char text[3000];
	const char *seen;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	stderr_begin();
	errno = EDOM;
	log_info("%s", text);
	assert_int_equal(errno, EDOM);
	seen = stderr_end();
	assert_in_range(strlen(seen), 1000, 1024);
	assert_string_equal(seen + strlen(seen) - 6, "xx...\n");
}

#define LINES 200

static void *write_lines(void *letter)
{
	for (unsigned i = 0; i < LINES; i++) {
		log_info("%.40s", (const char *)letter);
	}
	return NULL;
}

static void lines_of_two_threads_never_mix(void **state)
{
	static char a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	static char b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
	unsigned seen = 0;
	pthread_t one, two;
	const char *line;

	(void)state;
	stderr_begin();
	assert_int_equal(pthread_create(&one, NULL, write_lines, a), 0);
	assert_int_equal(pthread_create(&two, NULL, write_lines, b), 0);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	for (line = stderr_end(); *line != '\0'; line = strchr(line, '\n') + 1) {
		assert_true(strncmp(line, "geotherm-test: ", 15) == 0);
		assert_true(strncmp(line + 15, a, 40) == 0 || strncmp(line + 15, b, 40) == 0);
		assert_int_equal(line[55], '\n');
		seen++;
	}
	assert_int_equal(seen, 2 * LINES);
}

static void a_service_manager_gets_the_datagram(void **state)
{
	char dir[] = "/tmp/test_notify.XXXXXX", path[64], text[64];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t size;
	ssize_t n;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/notify", dir);
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", path, 1);
	assert_int_equal(notify_send("READY=1\nSTATUS=all is well"), 1);
	n = recv(fd, text, sizeof(text), 0);
	assert_int_equal(n, 26);
	assert_memory_equal(text, "READY=1\nSTATUS=all is well", 26);
	close(fd);
	assert_int_equal(notify_send("READY=1"), -ECONNREFUSED);
	unlink(path);
	assert_int_equal(notify_send("READY=1"), -ENOENT);
	rmdir(dir);

	/* the abstract namespace, an address of the kernel's choice */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	size = sizeof(address);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	snprintf(path, sizeof(path), "@%.*s", (int)(size - sizeof(sa_family_t)) - 1,
		 address.sun_path + 1);
	setenv("NOTIFY_SOCKET", path, 1);
	assert_int_equal(notify_send("STOPPING=1"), 1);
	assert_int_equal(recv(fd, text, sizeof(text), 0), 10);
	close(fd);
}

static void without_a_service_manager_nothing_is_sent(void **state)
{
	char longer[200];

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(notify_send("READY=1"), 0);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(notify_send("READY=1"), 0);
	setenv("NOTIFY_SOCKET", "relative", 1);
	assert_int_equal(notify_send("READY=1"), -EINVAL);
	memset(longer, 'x', sizeof(longer));
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	setenv("NOTIFY_SOCKET", longer, 1);
	assert_int_equal(notify_send("READY=1"), -ENAMETOOLONG);
	unsetenv("NOTIFY_SOCKET");
}

static void the_watchdog_wants_a_sign_in_half_its_time_from_this_process_only(void **state)
{
	char pid[24];

	(void)state;
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	assert_int_equal(notify_watchdog_us(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(notify_watchdog_us(), 15000000);
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(notify_watchdog_us(), 15000000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(notify_watchdog_us(), 0);
	unsetenv("WATCHDOG_PID");
	setenv("WATCHDOG_USEC", "soon", 1);
	assert_int_equal(notify_watchdog_us(), 0);
	setenv("WATCHDOG_USEC", "-1", 1);
	assert_int_equal(notify_watchdog_us(), 0);
	unsetenv("WATCHDOG_USEC");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_terminal_sees_the_program_and_the_journal_a_priority),
		cmocka_unit_test(the_level_can_be_changed_and_read_from_text),
		cmocka_unit_test(text_from_outside_cannot_make_a_second_line),
		cmocka_unit_test(a_long_line_is_cut_and_says_so_and_errno_stays),
		cmocka_unit_test(lines_of_two_threads_never_mix),
		cmocka_unit_test(a_service_manager_gets_the_datagram),
		cmocka_unit_test(without_a_service_manager_nothing_is_sent),
		cmocka_unit_test(the_watchdog_wants_a_sign_in_half_its_time_from_this_process_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
