// SPDX-License-Identifier: BSD-2-Clause
/*
 * The uplink against a CoAP server of 80 lines on a plain socket, which answers what each test wants.
 * (What DTLS adds is in the end-to-end tests.)
 */
#define _GNU_SOURCE	/* mkdtemp(), poll */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/coap_peer.h"
#include "userspace/coaps/coaps_client.h"
#include "userspace/node/system_facts.h"
#include "userspace/node/uplink.h"
#include "userspace/reading/senml.h"

#define S UINT64_C(1000000000)
#define PATIENCE_S 30

#define SILENT 0
#define HUGE_ANSWER 2	/* 2.04 with the first block of 4 GB */
#define BINARY 3	/* 4.03 with a diagnostic that is no text */
#define NONSENSE 1	/* bytes that are no CoAP, then a right answer with a wrong token, then a reset */

static struct {
	char dir[64], path[96], uri[64];
	struct node_config config;
	struct outbox *outbox;
	struct uplink *uplink;
	int fd;
	uint16_t port;
	uint64_t skew_ns;	/* the uplink is told a time this much later than it is */
	/* the server */
	uint8_t code;		/* of the next answers to a POST */
	uint64_t poison;	/* a pack with this seq is refused with 4.00 */
	int max_age_s;		/* -1: none */
	const char *time;	/* what /time says; NULL: 4.04 */
	bool hold;		/* a POST is not answered, but kept */
	struct coap_message held[COAPS_REQUESTS_MAX];
	struct sockaddr_in held_from;
	unsigned n_held, most_held;
	unsigned posts, gets, gap_posts;
	char gaps[600];		/* the newest body of a POST to /gaps */
	uint8_t gap_code;	/* its answer; 0: as code */
	unsigned sizes[64];	/* readings in each pack */
	uint8_t stored[256];	/* by seq: how often */
	/* another server, which stores all and says so */
	int other_fd;
	uint16_t other_port;
	unsigned other_posts;
	/* what came of it */
	struct clock_stamp stamp;
	unsigned stamps;
} t;

static uint64_t now_ns(void)
{
	return system_facts_boot_ns() + t.skew_ns;
}

/* --- the server ----------------------------------------------------------- */

static void reply(const struct coap_message *m, uint8_t code, const char *payload,
		  const struct sockaddr_in *to)
{
	assert_true(coap_reply(t.fd, m, code, t.max_age_s, payload, to));
}

static void nonsense(const struct coap_message *m, const struct sockaddr_in *to)
{
	struct coap_message wrong = *m;
	const uint8_t reset[4] = { 0x70, 0, (uint8_t)(m->mid >> 8), (uint8_t)m->mid };

	sendto(t.fd, "\xff\xfe\xfd", 3, 0, (const struct sockaddr *)to, sizeof(*to));
	wrong.token[0] ^= 0xff;
	wrong.mid ^= 0x5555;
	reply(&wrong, CODE(2, 4), "", to);
	sendto(t.fd, reset, sizeof(reset), 0, (const struct sockaddr *)to, sizeof(*to));
}

/* One datagram; false if there was none. */
static bool serve(void)
{
	static struct reading readings[64];
	struct sockaddr_in from;
	socklen_t from_size = sizeof(from);
	uint8_t buffer[2048];
	ssize_t n = recvfrom(t.fd, buffer, sizeof(buffer), MSG_DONTWAIT, (struct sockaddr *)&from,
			     &from_size);
	struct senml_error error;
	struct coap_message m;
	int count;

	if (n < 0) {
		return false;
	}
	if (!coap_parse(buffer, (size_t)n, &m) || m.code == 0) {
		return true;
	}
	if (m.code == 1) {
		t.gets++;
		assert_string_equal(m.path, "/time");
		reply(&m, t.time != NULL ? CODE(2, 5) : CODE(4, 4), t.time != NULL ? t.time : "", &from);
		return true;
	}
	assert_int_equal(m.code, 2);
	if (strncmp(m.path, "/gaps/", 6) == 0) {
		assert_string_equal(m.path, "/gaps/urn:dev:mac:0200c0fffe000001");
		assert_int_equal(m.content_format, 50);
		snprintf(t.gaps, sizeof(t.gaps), "%.*s", (int)m.payload_size, (const char *)m.payload);
		t.gap_posts++;
		reply(&m, t.gap_code != 0 ? t.gap_code : t.code, "", &from);
		return true;
	}
	assert_string_equal(m.path, "/gpsflowtemp");
	count = senml_decode(SENML_CBOR, m.payload, m.payload_size, readings, 64, &error);
	if (count <= 0) {
		fail_msg("no pack: %s", error.text);
	}
	if (t.posts < 64) {
		t.sizes[t.posts] = (unsigned)count;
	}
	t.posts++;
	if (t.hold && t.n_held < COAPS_REQUESTS_MAX) {
		t.held_from = from;
		t.held[t.n_held++] = m;
		t.most_held = t.n_held > t.most_held ? t.n_held : t.most_held;
		for (int i = 0; i < count; i++) {
			t.stored[readings[i].seq % 256]++;
		}
		return true;
	}
	if (t.code == SILENT) {
		return true;
	}
	if (t.code == NONSENSE) {
		nonsense(&m, &from);
		return true;
	}
	if (t.code == HUGE_ANSWER) {
		static uint8_t b[4 + 8 + 8 + 1024] = { 0x60 };
		size_t at = 4;

		b[0] = 0x60 | (uint8_t)m.token_size;
		b[1] = CODE(2, 4);
		b[2] = (uint8_t)(m.mid >> 8);
		b[3] = (uint8_t)m.mid;
		memcpy(b + at, m.token, m.token_size);
		at += m.token_size;
		/* Block2 (23): 0, more, 1024; Size2 (28): 2^32 - 1 */
		memcpy(b + at, "\xd1\x0a\x0e\x54\xff\xff\xff\xff\xff", 9);
		assert_true(sendto(t.fd, b, at + 9 + 1024, 0, (struct sockaddr *)&from, sizeof(from)) > 0);
		return true;
	}
	if (t.code == BINARY) {
		reply(&m, CODE(4, 3), "\xc3\x28 \x01\x02", &from);
		return true;
	}
	for (int i = 0; i < count; i++) {
		if (readings[i].seq == t.poison) {
			reply(&m, CODE(4, 0), "record 7: not a number", &from);
			return true;
		}
	}
	for (int i = 0; i < count && t.code >> 5 == 2; i++) {
		t.stored[readings[i].seq]++;
	}
	reply(&m, t.code, t.code >> 5 == 4 ? "not your device" : "", &from);
	return true;
}

/* --- the rig --------------------------------------------------------------- */

static void listen_again(void)
{
	t.fd = coap_listen(&t.port);
	assert_true(t.fd >= 0);
}

static void serve_other(void)
{
	struct sockaddr_in from;
	socklen_t from_size = sizeof(from);
	uint8_t buffer[2048];
	ssize_t n = recvfrom(t.other_fd, buffer, sizeof(buffer), MSG_DONTWAIT, (struct sockaddr *)&from, &from_size);
	struct coap_message m;

	if (n > 0 && coap_parse(buffer, (size_t)n, &m) && m.code == 2) {
		t.other_posts++;
		assert_true(coap_reply(t.other_fd, &m, CODE(2, 4), -1, "", &from));
	}
}

/* The uplink anew, with more settings. */
static void open_with(const char *second, const char *third)
{
	const char *over[] = { t.uri, "server.batch=4", second, third };
	char err[600];
	int code;

	uplink_close(t.uplink);
	t.uplink = NULL;
	node_config_free(&t.config);
	if (node_config_load(&t.config, &(const struct node_config_source){ NULL, over, third != NULL ? 4 : 3 }, err,
			     sizeof(err)) != 0) {
		fail_msg("%s", err);
	}
	t.uplink = uplink_open(&t.config, "urn:dev:mac:0200c0fffe000001", 0, &code, err, sizeof(err));
	if (t.uplink == NULL) {
		fail_msg("%s", err);
	}
}

static int setup(void **state)
{
	struct outbox_config outbox = {
		.path = t.path, .max_rows = 1000, .max_bytes = 10000000, .boot = 7
	};
	const char *over[] = { t.uri, "server.batch=4" };
	char err[600];
	int code;

	(void)state;
	memset(&t, 0, sizeof(t));
	t.other_fd = -1;
	t.code = CODE(2, 4);
	t.max_age_s = -1;
	strcpy(t.dir, "/tmp/geotherm-uplink-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	snprintf(t.path, sizeof(t.path), "%s/outbox.db", t.dir);
	listen_again();
	snprintf(t.uri, sizeof(t.uri), "server.uri=coap://127.0.0.1:%u", t.port);
	assert_int_equal(node_config_load(&t.config,
					  &(const struct node_config_source){ NULL, over, 2 }, err,
					  sizeof(err)),
			 0);
	assert_int_equal(outbox_open(&t.outbox, &outbox, err, sizeof(err)), 0);
	log_set_level(LOG_LEVEL_ERROR);
	t.uplink = uplink_open(&t.config, "urn:dev:mac:0200c0fffe000001", 0, &code, err, sizeof(err));
	if (t.uplink == NULL) {
		fail_msg("%s", err);
	}
	return 0;
}

static int teardown(void **state)
{
	const struct dirent *entry;
	DIR *dir;

	(void)state;
	uplink_close(t.uplink);
	outbox_close(t.outbox);
	node_config_free(&t.config);
	if (t.fd >= 0) {
		close(t.fd);
	}
	if (t.other_fd >= 0) {
		close(t.other_fd);
	}
	dir = opendir(t.dir);
	while ((entry = readdir(dir)) != NULL) {
		unlinkat(dirfd(dir), entry->d_name, 0);
	}
	closedir(dir);
	return rmdir(t.dir);
}

static void put(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct reading r;

		reading_init(&r);
		strcpy(r.device, "urn:dev:mac:0200c0fffe000001");
		r.boot_ns = system_facts_boot_ns();
		assert_int_equal(outbox_put(t.outbox, &r), 0);
	}
}

static struct outbox_stats outbox(void)
{
	struct outbox_stats stats;

	assert_int_equal(outbox_stats(t.outbox, &stats), 0);
	return stats;
}

static struct uplink_stats uplink(void)
{
	struct uplink_stats stats;

	uplink_stats(t.uplink, &stats);
	return stats;
}

/* One turn of the event loop, of node and server. Returns how long it waited, in ms. */
static int turn(bool needs_time)
{
	struct pollfd fds[3] = { { .fd = uplink_fd(t.uplink), .events = POLLIN },
				 { .fd = t.fd, .events = POLLIN }, { .fd = t.other_fd, .events = POLLIN } };
	uint64_t before = system_facts_boot_ns();

	assert_true(poll(fds, 3, 20) >= 0);
	while (t.fd >= 0 && serve()) {
	}
	if (t.other_fd >= 0) {
		serve_other();
	}
	switch (uplink_process(t.uplink, t.outbox, needs_time, now_ns(), &t.stamp)) {
	case 0:
		break;
	case 1:
		t.stamps++;
		break;
	default:
		fail_msg("uplink_process failed: %s", outbox_reason(t.outbox));
	}
	return (int)((system_facts_boot_ns() - before) / 1000000);
}

#define UNTIL_NEEDING(needs_time, condition) do { \
		uint64_t give_up = system_facts_boot_ns() + PATIENCE_S * S; \
		while (!(condition)) { \
			turn(needs_time); \
			if (system_facts_boot_ns() > give_up) { \
				fail_msg("in vain: " #condition); \
			} \
		} \
	} while (0)
#define UNTIL(condition) UNTIL_NEEDING(false, condition)

/* --- tests ------------------------------------------------------------------ */

static void what_the_server_has_is_deleted_in_packs_of_the_batch(void **state)
{
	(void)state;
	put(10);
	UNTIL(outbox().rows == 0);
	assert_int_equal(t.posts, 3);
	assert_int_equal(t.sizes[0], 4);
	assert_int_equal(t.sizes[1], 4);
	assert_int_equal(t.sizes[2], 2);
	for (unsigned seq = 1; seq <= 10; seq++) {
		assert_int_equal(t.stored[seq], 1);
	}
	assert_int_equal(uplink().sent, 10);
	assert_int_equal(uplink().failures, 0);
	assert_true(uplink_deadline_ns(t.uplink, now_ns()) == UINT64_MAX);
}

static void only_the_reading_that_is_wrong_is_set_aside(void **state)
{
	(void)state;
	t.poison = 6;
	put(12);
	UNTIL(outbox().rows - outbox().refused == 0 && t.gap_posts == 1 && outbox().gaps == 0);
	assert_int_equal(outbox().refused, 1);
	assert_non_null(strstr(t.gaps, "[{\"first\":6,\"last\":6,\"cause\":\"refused\"}]"));
	for (unsigned seq = 1; seq <= 12; seq++) {
		assert_int_equal(t.stored[seq], seq != 6);
	}
	assert_non_null(strstr(uplink().last_error, "record 7: not a number"));
}

static void what_will_never_come_is_told_until_the_server_knows(void **state)
{
	char expected[160];

	(void)state;
	put(5);
	assert_int_equal(outbox_refuse(t.outbox, outbox().epoch, 2, "it"), 0);
	assert_int_equal(outbox_refuse(t.outbox, outbox().epoch, 3, "it"), 0);
	t.code = CODE(5, 0);
	UNTIL(uplink().failures == 1);
	assert_int_equal(outbox().gaps, 1);
	t.code = CODE(2, 4);
	UNTIL(outbox().rows - outbox().refused == 0 && outbox().gaps == 0);
	snprintf(expected, sizeof(expected), "{\"epoch\":\"%016llx\",\"gaps\":[{\"first\":2,\"last\":3,\"cause\":\"refused\"}]}",
		 (unsigned long long)outbox().epoch);
	assert_string_equal(t.gaps, expected);
	assert_int_equal(t.gap_posts, 2);
}

static void a_server_that_takes_no_note_of_gaps_gets_the_readings(void **state)
{
	(void)state;
	put(3);
	assert_int_equal(outbox_refuse(t.outbox, outbox().epoch, 2, "it"), 0);
	t.gap_code = CODE(4, 5);
	UNTIL(outbox().rows - outbox().refused == 0);
	assert_int_equal(t.gap_posts, 1);
	assert_int_equal(outbox().gaps, 1);
	put(1);
	UNTIL(outbox().rows - outbox().refused == 0);
	assert_int_equal(t.gap_posts, 1);
	t.gap_code = 0;
	t.skew_ns = 601 * S;	/* it is asked again after ten minutes */
	UNTIL(outbox().gaps == 0);
}

static void a_server_that_is_busy_is_left_alone_for_max_age(void **state)
{
	uint64_t until;

	(void)state;
	t.code = CODE(5, 3);
	t.max_age_s = 90;
	put(1);
	UNTIL(uplink().failures == 1);
	until = uplink_deadline_ns(t.uplink, now_ns());
	assert_in_range(until - now_ns(), 88 * S, 90 * S);
	t.code = CODE(2, 4);
	t.max_age_s = -1;
	for (int i = 0; i < 5; i++) {
		turn(false);
	}
	assert_int_equal(t.posts, 1);
	t.skew_ns = 91 * S;
	UNTIL(outbox().rows == 0);
	assert_int_equal(t.posts, 2);
}

static void a_server_that_refuses_this_node_keeps_it_waiting_and_nothing_is_lost(void **state)
{
	(void)state;
	t.code = CODE(4, 3);
	put(2);
	UNTIL(uplink().failures == 1);
	assert_non_null(strstr(uplink().last_error, "4.03"));
	assert_non_null(strstr(uplink().last_error, "not your device"));
	assert_int_equal(outbox().rows, 2);
	assert_int_equal(outbox().refused, 0);
	assert_in_range(uplink_deadline_ns(t.uplink, now_ns()) - now_ns(), 0, S);
	t.code = CODE(2, 4);
	UNTIL(outbox().rows == 0);
}

static void a_server_that_was_away_gets_what_was_kept(void **state)
{
	(void)state;
	close(t.fd);
	t.fd = -1;
	put(3);
	UNTIL(uplink().failures >= 2);
	assert_int_equal(outbox().rows, 3);
	assert_true(uplink().last_error[0] != '\0');
	listen_again();
	UNTIL(outbox().rows == 0);
	for (unsigned seq = 1; seq <= 3; seq++) {
		assert_true(t.stored[seq] >= 1);	/* the key keeps what comes twice from being stored twice */
	}
}

static void a_server_that_answers_nonsense_costs_neither_readings_nor_the_processor(void **state)
{
	unsigned turns = 0, busy = 0;

	(void)state;
	t.code = NONSENSE;
	put(2);
	while (uplink().failures == 0 && turns < 5000) {
		busy += turn(false) < 1;
		turns++;
	}
	assert_int_equal(uplink().failures, 1);
	assert_true(busy < 200);
	assert_int_equal(outbox().rows, 2);
	t.code = CODE(2, 4);
	UNTIL(outbox().rows == 0);
}

static void an_answer_that_is_too_large_or_no_text_is_told_and_costs_no_reading(void **state)
{
	(void)state;
	t.code = HUGE_ANSWER;
	put(2);
	UNTIL(uplink().failures == 1);
	assert_non_null(strstr(uplink().last_error, "too large"));
	t.code = BINARY;
	UNTIL(uplink().failures == 2);
	assert_non_null(strstr(uplink().last_error, "4.03: ?( ??"));
	assert_int_equal(outbox().rows, 2);
	t.code = CODE(2, 4);
	UNTIL(outbox().rows == 0);
}

static void the_time_is_asked_before_anything_is_sent(void **state)
{
	(void)state;
	t.time = "1797120010000000";
	put(1);
	UNTIL_NEEDING(true, t.stamps == 1);
	assert_int_equal(t.posts, 0);
	assert_int_equal(t.stamp.source, READING_TIME_SERVER);
	assert_in_range(t.stamp.utc_us - INT64_C(1797120010000000), 0, 10000000);
	assert_true(t.stamp.acc_ns < 10 * S && t.stamp.acc_ns > 0);
	UNTIL(outbox().rows == 0);
	assert_int_equal(t.gets, 1);
}

static void a_server_without_a_clock_does_not_stop_the_readings(void **state)
{
	static const char *const times[] = { NULL, "half past ten", "", "99999999999999999999" };

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		t.time = times[i];
		put(1);
		UNTIL_NEEDING(true, outbox().rows == 0);
		assert_int_equal(t.stamps, 0);
		t.skew_ns += 601 * S;	/* it is asked again after ten minutes */
		assert_int_equal(t.gets, i + 1);
	}
}

static void newest_first_confirms_what_was_sent(void **state)
{
	(void)state;
	t.config.server_order = OUTBOX_NEWEST_FIRST;
	put(6);
	UNTIL(t.posts == 1);
	UNTIL(outbox().rows == 0);
	assert_int_equal(t.sizes[0], 4);
	for (unsigned seq = 1; seq <= 6; seq++) {
		assert_int_equal(t.stored[seq], 1);
	}
}

static void answer_held(void)
{
	unsigned n = t.n_held;

	t.n_held = 0;
	for (unsigned i = 0; i < n; i++) {
		assert_true(coap_reply(t.fd, &t.held[i], CODE(2, 4), -1, "", &t.held_from));
	}
	for (unsigned i = 0; i < n + 2; i++) {	/* a turn reads one answer */
		turn(false);
	}
}

static void a_backlog_goes_several_packs_at_a_time_each_in_a_datagram(void **state)
{
	(void)state;
	put(240);
	t.hold = true;
	while (outbox().rows > 0) {
		UNTIL(t.n_held > 0 || outbox().rows == 0);
		for (int i = 0; i < 3; i++) {	/* what else comes */
			turn(false);
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
	put(100);
	t.hold = true;
	for (unsigned round = 0; outbox().rows > 0; round++) {
		UNTIL(t.n_held > 0 || outbox().rows == 0);
		put(round < 10 ? 12 : 0);	/* above what is under way */
		turn(false);
		turn(false);
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
	put(2);
	UNTIL(outbox().rows == 0);
	assert_int_equal(t.other_posts, 0);
	close(t.fd);
	t.fd = -1;
	put(2);
	UNTIL(outbox().rows == 0);
	assert_int_equal(t.other_posts, 1);
	assert_non_null(strstr(uplink().server, "elsewhere"));
	assert_non_null(strstr(uplink().last_error, "is tried"));
	assert_int_equal(uplink().n_servers, 2);
	listen_again();
	put(1);
	UNTIL(outbox().rows == 0);
	assert_int_equal(t.other_posts, 2);
	t.skew_ns = 301 * S;
	put(1);
	UNTIL(outbox().rows == 0);
	assert_int_equal(t.other_posts, 2);
	assert_string_equal(uplink().server, t.config.servers[0]);
}

/* What the older program's server did with a payload: split it at slashes and take the fields as numbers. */
static void assert_old_server_understands(const struct coap_message *m)
{
	char text[600], *field[8] = { NULL }, *save = NULL, *end;
	unsigned n = 0;

	assert_int_equal(m->content_format, -1);
	assert_true(m->payload_size < sizeof(text));
	snprintf(text, sizeof(text), "%.*s", (int)m->payload_size, (const char *)m->payload);
	for (char *at = strtok_r(text, "/", &save); at != NULL && n < 8; at = strtok_r(NULL, "/", &save)) {
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
	uint64_t give_up = system_facts_boot_ns() + PATIENCE_S * S;

	(void)state;
	open_with("server.format=legacy", NULL);
	for (unsigned i = 0; i < 20; i++) {
		struct reading r;

		reading_init(&r);
		strcpy(r.device, "urn:dev:mac:020000fffe000001");
		r.boot_ns = system_facts_boot_ns();
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
		struct pollfd fds[2] = { { .fd = uplink_fd(t.uplink), .events = POLLIN }, { .fd = t.fd, .events = POLLIN } };
		ssize_t n;

		assert_true(poll(fds, 2, 20) >= 0);
		assert_int_equal(uplink_process(t.uplink, t.outbox, false, now_ns(), &t.stamp), 0);
		assert_true(uplink().in_flight <= 1);
		n = recvfrom(t.fd, buffer, sizeof(buffer), MSG_DONTWAIT, (struct sockaddr *)&from, &from_size);
		if (n > 0 && coap_parse(buffer, (size_t)n, &last) && last.code == 2) {
			assert_old_server_understands(&last);
			posts++;
			assert_true(coap_reply(t.fd, &last, CODE(2, 4), -1, "", &from));
		}
		assert_true(system_facts_boot_ns() < give_up);
	}
	assert_int_equal(posts, 20);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_the_server_has_is_deleted_in_packs_of_the_batch),
		TEST(only_the_reading_that_is_wrong_is_set_aside),
		TEST(what_will_never_come_is_told_until_the_server_knows),
		TEST(a_server_that_takes_no_note_of_gaps_gets_the_readings),
		TEST(a_server_that_is_busy_is_left_alone_for_max_age),
		TEST(a_server_that_refuses_this_node_keeps_it_waiting_and_nothing_is_lost),
		TEST(a_server_that_was_away_gets_what_was_kept),
		TEST(a_server_that_answers_nonsense_costs_neither_readings_nor_the_processor),
		TEST(an_answer_that_is_too_large_or_no_text_is_told_and_costs_no_reading),
		TEST(the_time_is_asked_before_anything_is_sent),
		TEST(a_server_without_a_clock_does_not_stop_the_readings),
		TEST(newest_first_confirms_what_was_sent),
		TEST(a_backlog_goes_several_packs_at_a_time_each_in_a_datagram),
		TEST(newest_first_and_several_at_a_time_confirms_only_what_was_stored),
		TEST(the_next_server_takes_over_and_the_first_comes_back_when_it_is_well),
		TEST(the_older_servers_format_is_one_record_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
