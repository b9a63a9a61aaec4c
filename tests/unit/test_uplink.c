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
#include "userspace/node/system_facts.h"
#include "userspace/node/uplink.h"
#include "userspace/reading/senml.h"

#define S UINT64_C(1000000000)
#define PATIENCE_S 30

#define SILENT 0
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
	unsigned posts, gets;
	unsigned sizes[64];	/* readings in each pack */
	uint8_t stored[256];	/* by seq: how often */
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

static void serve(void)
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

	if (n < 0 || !coap_parse(buffer, (size_t)n, &m) || m.code == 0) {
		return;
	}
	if (m.code == 1) {
		t.gets++;
		assert_string_equal(m.path, "/time");
		reply(&m, t.time != NULL ? CODE(2, 5) : CODE(4, 4), t.time != NULL ? t.time : "", &from);
		return;
	}
	assert_int_equal(m.code, 2);
	assert_string_equal(m.path, "/gpsflowtemp");
	count = senml_decode(SENML_CBOR, m.payload, m.payload_size, readings, 64, &error);
	if (count <= 0) {
		fail_msg("no pack: %s", error.text);
	}
	if (t.posts < 64) {
		t.sizes[t.posts] = (unsigned)count;
	}
	t.posts++;
	if (t.code == SILENT) {
		return;
	}
	if (t.code == NONSENSE) {
		nonsense(&m, &from);
		return;
	}
	for (int i = 0; i < count; i++) {
		if (readings[i].seq == t.poison) {
			reply(&m, CODE(4, 0), "record 7: not a number", &from);
			return;
		}
	}
	for (int i = 0; i < count && t.code >> 5 == 2; i++) {
		t.stored[readings[i].seq]++;
	}
	reply(&m, t.code, t.code >> 5 == 4 ? "not your device" : "", &from);
}

/* --- the rig --------------------------------------------------------------- */

static void listen_again(void)
{
	t.fd = coap_listen(&t.port);
	assert_true(t.fd >= 0);
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
	t.uplink = uplink_open(&t.config, 42, 0, &code, err, sizeof(err));
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
	struct pollfd fds[2] = { { .fd = uplink_fd(t.uplink), .events = POLLIN },
				 { .fd = t.fd, .events = POLLIN } };
	uint64_t before = system_facts_boot_ns();

	assert_true(poll(fds, 2, 20) >= 0);
	if (t.fd >= 0) {
		serve();
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
	struct outbox_gap gaps[2];

	(void)state;
	t.poison = 6;
	put(12);
	UNTIL(outbox().rows - outbox().refused == 0);
	assert_int_equal(outbox().refused, 1);
	assert_int_equal(outbox_gaps(t.outbox, 1, gaps, 2), 1);
	assert_int_equal(gaps[0].first, 6);
	assert_int_equal(gaps[0].last, 6);
	for (unsigned seq = 1; seq <= 12; seq++) {
		assert_int_equal(t.stored[seq], seq != 6);
	}
	assert_non_null(strstr(uplink().last_error, "record 7: not a number"));
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

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_the_server_has_is_deleted_in_packs_of_the_batch),
		TEST(only_the_reading_that_is_wrong_is_set_aside),
		TEST(a_server_that_is_busy_is_left_alone_for_max_age),
		TEST(a_server_that_refuses_this_node_keeps_it_waiting_and_nothing_is_lost),
		TEST(a_server_that_was_away_gets_what_was_kept),
		TEST(a_server_that_answers_nonsense_costs_neither_readings_nor_the_processor),
		TEST(the_time_is_asked_before_anything_is_sent),
		TEST(a_server_without_a_clock_does_not_stop_the_readings),
		TEST(newest_first_confirms_what_was_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
