// SPDX-License-Identifier: BSD-2-Clause
/* The node's socket, and clients of every kind at it. */
#define _GNU_SOURCE /* mkdtemp(), SOCK_CLOEXEC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "userspace/node/control.h"

static char dir[64], status[96], path[120];
static char request[CONTROL_REQUEST_SIZE];
static struct control_peer peer;

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/geotherm-control-XXXXXX");
	if (mkdtemp(dir) == NULL) {
		return -1;
	}
	snprintf(status, sizeof(status), "%s/status.json", dir);
	snprintf(path, sizeof(path), "%s.socket", status);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static int client(void)
{
	const struct sockaddr_un unnamed = { .sun_family = AF_UNIX };
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(control_address(status, &address), 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&unnamed, sizeof(sa_family_t)), 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void its_group_may_use_it_and_no_other_whatever_the_umask(void **state)
{
	static const mode_t masks[] = { 0, 0022, 0077, 0777 };
	mode_t before = umask(0);

	(void)state;
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		struct stat st;
		int fd;

		umask(masks[i]);
		fd = control_open(status);
		assert_true(fd >= 0);
		assert_int_equal(lstat(path, &st), 0);
		assert_true(S_ISSOCK(st.st_mode));
		assert_int_equal(st.st_mode & 07777, 0660);
		control_close(fd, status);
		assert_int_equal(lstat(path, &st), -1);
	}
	umask(before);
}

static void a_request_is_answered_to_the_one_who_sent_it(void **state)
{
	char text[64] = "";
	int fd = control_open(status), a = client(), b = client();

	(void)state;
	assert_int_equal(control_receive(fd, request, &peer), 0);
	assert_int_equal(send(a, "first\n", 6, 0), 6);
	assert_int_equal(send(b, "second", 6, 0), 6);
	assert_int_equal(control_receive(fd, request, &peer), 1);
	assert_string_equal(request, "first");
	control_answer(fd, &peer, "one");
	assert_int_equal(control_receive(fd, request, &peer), 1);
	assert_string_equal(request, "second");
	control_answer(fd, &peer, "two");
	assert_int_equal(recv(a, text, sizeof(text), 0), 3);
	assert_memory_equal(text, "one", 3);
	assert_int_equal(recv(b, text, sizeof(text), 0), 3);
	assert_memory_equal(text, "two", 3);
	assert_int_equal(control_receive(fd, request, &peer), 0);
	close(a);
	close(b);
	control_close(fd, status);
}

static void a_client_that_does_not_read_blocks_nothing(void **state)
{
	static char large[CONTROL_ANSWER_MAX], got[CONTROL_ANSWER_MAX];
	int fd = control_open(status), deaf = client(), other;
	unsigned received = 0;

	(void)state;
	memset(large, 'x', sizeof(large) - 1);
	for (unsigned i = 0; i < 1000; i++) {
		(void)!send(deaf, "status", 6, 0);
		while (control_receive(fd, request, &peer) == 1) {
			received++;
			control_answer(fd, &peer, large);
		}
	}
	assert_int_equal(received, 1000);
	close(deaf);
	other = client(); /* has its answer all the same */
	assert_int_equal(send(other, "status", 6, 0), 6);
	assert_int_equal(control_receive(fd, request, &peer), 1);
	control_answer(fd, &peer, large);
	assert_int_equal(recv(other, got, sizeof(got), 0), sizeof(large) - 1);
	close(other);
	control_close(fd, status);
}

static void requests_of_every_length_are_cut_and_terminated(void **state)
{
	char long_one[4000];
	int fd = control_open(status), c = client();

	(void)state;
	memset(long_one, 'y', sizeof(long_one));
	for (size_t size = 0; size < sizeof(long_one); size += size < 200 ? 1 : 777) {
		size_t fits = size < CONTROL_REQUEST_SIZE - 1 ? size : CONTROL_REQUEST_SIZE - 1;

		assert_int_equal(send(c, long_one, size, 0), size);
		assert_int_equal(control_receive(fd, request, &peer), 1);
		assert_int_equal(strlen(request), fits);
	}
	close(c);
	assert_int_equal(control_receive(fd, request, &peer), 0);
	control_close(fd, status);
}

static void a_sender_without_a_name_or_that_is_gone_gets_nothing(void **state)
{
	struct sockaddr_un address;
	int fd = control_open(status), c = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(control_address(status, &address), 0);
	assert_int_equal(
		sendto(c, "status", 6, 0, (const struct sockaddr *)&address, sizeof(address)), 6);
	assert_int_equal(control_receive(fd, request, &peer), 1);
	control_answer(fd, &peer, "lost");
	close(c);
	c = client();
	assert_int_equal(send(c, "status", 6, 0), 6);
	close(c);
	assert_int_equal(control_receive(fd, request, &peer), 1);
	control_answer(fd, &peer, "lost"); /* no SIGPIPE either */
	control_close(fd, status);
}

static void what_a_killed_node_left_is_replaced_and_what_is_in_use_is_not(void **state)
{
	int first = control_open(status), second;

	(void)state;
	assert_true(first >= 0);
	assert_int_equal(control_open(status), -EADDRINUSE);
	close(first); /* as a kill does */
	assert_int_equal(access(path, F_OK), 0);
	second = control_open(status);
	assert_true(second >= 0);
	control_close(second, status);
	second = open(path, O_CREAT | O_WRONLY, 0600);
	close(second);
	assert_int_equal(control_open(status), -EADDRINUSE); /* somebody's file */
	assert_int_equal(access(path, F_OK), 0);
}

static void a_path_that_no_socket_can_have_is_an_error(void **state)
{
	char longest[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	struct sockaddr_un address;

	(void)state;
	memset(longest, 'p', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(control_open(longest), -ENAMETOOLONG);
	longest[sizeof(longest) - 1 - 7] = '\0';
	assert_int_equal(control_address(longest, &address), -ENAMETOOLONG);
	longest[sizeof(longest) - 1 - 8] = '\0';
	assert_int_equal(control_address(longest, &address), 0);
	assert_int_equal(control_open("/nonexistent/status.json"), -ENOENT);
	control_close(-1, status);
}

static void an_error_is_json_whatever_its_text(void **state)
{
	char text[64];

	(void)state;
	control_error(text, sizeof(text), "a \"b\"\n");
	assert_string_equal(text, "{\"error\": \"a \\\"b\\\"\\n\"}");
	control_error(text, sizeof(text), "\xff");
	assert_string_equal(text, "{\"error\": \"not UTF-8\"}");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(its_group_may_use_it_and_no_other_whatever_the_umask),
		TEST(a_request_is_answered_to_the_one_who_sent_it),
		TEST(a_client_that_does_not_read_blocks_nothing),
		TEST(requests_of_every_length_are_cut_and_terminated),
		TEST(a_sender_without_a_name_or_that_is_gone_gets_nothing),
		TEST(what_a_killed_node_left_is_replaced_and_what_is_in_use_is_not),
		TEST(a_path_that_no_socket_can_have_is_an_error),
		TEST(an_error_is_json_whatever_its_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
