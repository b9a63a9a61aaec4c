// SPDX-License-Identifier: BSD-2-Clause
/* The uplink with a backlog, with several servers, and with a server that is still the old one. */
#define _GNU_SOURCE /* mkdtemp() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "uplink_rig.h"

static void answer_held(void)
{
	unsigned n = t.n_held;

	t.n_held = 0;
	for (unsigned i = 0; i < n; i++) {
		assert_true(coap_reply(t.fd, &t.held[i], CODE(2, 4), -1, "", &t.held_from));
	}
	for (unsigned i = 0; i < n + 2; i++) { /* a turn reads one answer */
		rig_turn(false);
	}
}

static void a_backlog_goes_several_packs_at_a_time_each_in_a_datagram(void **state)
{
	(void)state;
	rig_put(240);
	t.hold = true;
	while (outbox().rows > 0) {
		UNTIL(t.n_held > 0 || outbox().rows == 0);
		for (int i = 0; i < 3; i++) { /* what else comes */
			rig_turn(false);
		}
		answer_held();
	}
	assert_true(t.most_held >= 16);
	for (unsigned seq = 1; seq <= 240; seq++) {
		assert_int_equal(t.stored[seq], 1);
	}
	assert_int_equal(uplink().sent, 240);
}

static void newest_first_and_several_at_a_time_confirms_only_what_was_stored(void **state)
{
	(void)state;
	open_with("server.order=newest-first", NULL);
	rig_put(100);
	t.hold = true;
	for (unsigned round = 0; outbox().rows > 0; round++) {
		UNTIL(t.n_held > 0 || outbox().rows == 0);
		rig_put(round < 10 ? 12 : 0); /* above what is under way */
		rig_turn(false);
		rig_turn(false);
		answer_held();
	}
	for (unsigned seq = 1; seq <= 220; seq++) {
		assert_int_equal(t.stored[seq], 1);
	}
}

static void the_next_server_takes_over_and_the_first_comes_back_when_it_is_well(void **state)
{
	char uris[160];

	(void)state;
	t.other_fd = coap_listen(&t.other_port);
	snprintf(uris, sizeof(uris), "%s, coap://127.0.0.1:%u/elsewhere", t.uri, t.other_port);
	open_with(uris, "server.retry_max=1min");
	rig_put(2);
	UNTIL(outbox().rows == 0);
	assert_int_equal(t.other_posts, 0);
	close(t.fd);
	t.fd = -1;
	rig_put(2);
	UNTIL(outbox().rows == 0);
	assert_int_equal(t.other_posts, 1);
	assert_non_null(strstr(uplink().server, "elsewhere"));
	assert_non_null(strstr(uplink().last_error, "; trying coap"));
	assert_int_equal(uplink().n_servers, 2);
	listen_again();
	rig_put(1);
	UNTIL(outbox().rows == 0);
	assert_int_equal(t.other_posts, 2);
	t.skew_ns = 301 * S;
	rig_put(1);
	UNTIL(outbox().rows == 0);
	assert_int_equal(t.other_posts, 2);
	assert_string_equal(uplink().server, t.config.servers[0]);
}

static void servers_that_are_all_away_are_told_once_each_and_so_is_their_return(void **state)
{
	char uris[160];

	(void)state;
	t.other_fd = coap_listen(&t.other_port);
	snprintf(uris, sizeof(uris), "%s, coap://127.0.0.1:%u", t.uri, t.other_port);
	close(t.other_fd);
	t.other_fd = -1;
	open_with(uris, "server.retry_max=1s");
	catch_log();
	t.code = CODE(5, 0);
	rig_put(2);
	UNTIL(uplink().failures >= 8);
	assert_int_equal(log_lines("; trying coap"), 1);
	assert_int_equal(log_lines("readings wait in the outbox"), 1);
	t.code = CODE(2, 4);
	UNTIL(outbox().rows == 0);
	assert_int_equal(log_lines("readings acknowledged"), 1);
	t.code = CODE(5, 0);
	rig_put(1);
	UNTIL(log_lines("; trying coap") == 2);
}

/* What the older program's server did with a payload: split it at slashes and take the fields as
 * numbers. */
static void assert_old_server_understands(const struct coap_message *m)
{
	char text[600], *field[8] = { NULL }, *save = NULL, *end;
	unsigned n = 0;

	assert_int_equal(m->content_format, -1);
	assert_true(m->payload_size < sizeof(text));
	snprintf(text, sizeof(text), "%.*s", (int)m->payload_size, (const char *)m->payload);
	for (char *at = strtok_r(text, "/", &save); at != NULL && n < 8;
	     at = strtok_r(NULL, "/", &save)) {
		field[n++] = at;
	}
	assert_int_equal(n, 6);
	assert_string_equal(field[0], "28-010203040506");
	assert_string_equal(field[1], "2199023255553");
	assert_string_equal(field[2], "21.437");
	assert_string_equal(field[3], "0");
	assert_true(strncmp(field[4], "$GPRMC,", 7) == 0 && strstr(field[4], "\r\n") != NULL);
	assert_true(strtod(field[5], &end) > 1.7e9 && *end == '\0');
}

static void the_older_servers_format_is_one_record_at_a_time(void **state)
{
	struct coap_message last = { 0 };
	uint8_t buffer[2048];
	struct sockaddr_in from;
	socklen_t from_size = sizeof(from);
	unsigned posts = 0;
	uint64_t give_up = now_boot_ns() + PATIENCE_S * S;

	(void)state;
	open_with("server.format=legacy", NULL);
	for (unsigned i = 0; i < 20; i++) {
		struct reading r;

		reading_init(&r);
		strcpy(r.device, "urn:dev:mac:020000fffe000001");
		r.boot_ns = now_boot_ns();
		r.utc_us = INT64_C(1797120010000000) + i;
		r.time_source = READING_TIME_GNSS;
		reading_scalar_put(&r, READING_LAT, -276004400);
		reading_scalar_put(&r, READING_LON, -485188400);
		r.n_temperatures = 1;
		memcpy(r.temperatures[0].rom, "\x28\x06\x05\x04\x03\x02\x01\x5b", 8);
		r.temperatures[0].temp_known = true;
		r.temperatures[0].temp_mc = 21437;
		assert_int_equal(outbox_put(t.outbox, &r), 0);
	}
	while (outbox().rows > 0) {
		struct pollfd fds[2] = { { .fd = uplink_fd(t.uplink), .events = POLLIN },
					 { .fd = t.fd, .events = POLLIN } };
		ssize_t n;

		assert_true(poll(fds, 2, 20) >= 0);
		assert_int_equal(uplink_process(t.uplink, t.outbox, false, rig_now_ns(), &t.stamp),
				 0);
		assert_true(uplink().in_flight <= 1);
		n = recvfrom(t.fd, buffer, sizeof(buffer), MSG_DONTWAIT, (struct sockaddr *)&from,
			     &from_size);
		if (n > 0 && coap_parse(buffer, (size_t)n, &last) && last.code == 2) {
			assert_old_server_understands(&last);
			posts++;
			assert_true(coap_reply(t.fd, &last, CODE(2, 4), -1, "", &from));
		}
		assert_true(now_boot_ns() < give_up);
	}
	assert_int_equal(posts, 20);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_backlog_goes_several_packs_at_a_time_each_in_a_datagram),
		TEST(newest_first_and_several_at_a_time_confirms_only_what_was_stored),
		TEST(the_next_server_takes_over_and_the_first_comes_back_when_it_is_well),
		TEST(servers_that_are_all_away_are_told_once_each_and_so_is_their_return),
		TEST(the_older_servers_format_is_one_record_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
