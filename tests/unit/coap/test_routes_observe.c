// SPDX-License-Identifier: BSD-2-Clause
/* Who observes is told of what was committed (RFC 7641), and who is gone is forgotten. */
#define _GNU_SOURCE
#include "server_rig.h"

#include <poll.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WATCHERS 6

struct watcher {
	struct coaps_client *client;
	unsigned answers, code;
	struct reading newest;
	unsigned n;
};

static struct watcher watchers[WATCHERS];

static void seen(void *arg, const struct coaps_response *r)
{
	struct watcher *w = arg;
	struct senml_error error;
	struct reading *read = calloc(100, sizeof(*read));
	int n;

	assert_int_equal(r->cause, COAPS_ANSWERED);
	w->answers++;
	w->code = r->code;
	w->n = 0;
	if (r->payload_size > 1) {
		n = senml_decode(SENML_CBOR, r->payload, r->payload_size, read, 100, &error);
		assert_true(n > 0);
		w->n = (unsigned)n;
		w->newest = read[n - 1];
	}
	free(read);
}

static void turn_all(void)
{
	turn(20);
	for (unsigned i = 0; i < WATCHERS; i++) {
		if (watchers[i].client != NULL) {
			coaps_client_process(watchers[i].client);
		}
	}
}

static struct coaps_client *client_of(const char *who)
{
	struct coaps_client *main = rig.client, *mine;

	rig.client = NULL;
	be(who);
	mine = rig.client;
	rig.client = main;
	return mine;
}

static void observe(struct watcher *w, const char *who, const char *path)
{
	memset(w, 0, sizeof(*w));
	w->client = client_of(who);
	assert_int_equal(coaps_client_request(w->client,
					      &(struct coaps_request){ .method = COAPS_GET,
								       .path = path,
								       .content_format = -1,
								       .accept = -1,
								       .observe = true },
					      seen, w),
			 0);
}

#define UNTIL(condition)                                                 \
	for (time_t until = time(NULL) + 60; !(condition); turn_all()) { \
		assert_true(time(NULL) < until);                         \
	}

static int stop_all(void **state)
{
	for (unsigned i = 0; i < WATCHERS; i++) {
		coaps_client_free(watchers[i].client);
		watchers[i].client = NULL;
	}
	return stop(state);
}

/* The client of the rig posts while the others are served too. */
static void post_one(uint64_t seq)
{
	struct reading r;
	uint8_t body[4096];
	int length;

	make(&r, NODE, seq);
	length = senml_encode(SENML_CBOR, &r, 1, body, sizeof(body), NULL);
	ask(COAPS_POST, "/gpsflowtemp", SENML_CBOR, -1, body, (size_t)length);
	UNTIL(rig.answered);
	assert_int_equal(rig.code, CODE(2, 4));
}

static void every_observer_is_told_after_the_commit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WATCHERS; i++) {
		observe(&watchers[i], i % 2 ? "node" : "operator",
			i < 3 ? "/gpsflowtemp" : "/gpsflowtemp/" NODE);
		UNTIL(watchers[i].answers == 1);
		assert_int_equal(watchers[i].code, CODE(2, 5));
		assert_int_equal(watchers[i].n, 0);
	}
	for (uint64_t seq = 1; seq <= 3; seq++) {
		post_one(seq);
		for (unsigned i = 0; i < WATCHERS; i++) {
			UNTIL(watchers[i].newest.seq == seq);
			assert_int_equal(watchers[i].n, i < 3 ? 1 : seq);
		}
	}
}

static void what_did_not_change_is_not_told(void **state)
{
	unsigned before;

	(void)state;
	post_one(1);
	observe(&watchers[0], "operator", "/gpsflowtemp/" NODE "?to=1700000001.5");
	UNTIL(watchers[0].answers == 1);
	observe(&watchers[1], "operator", "/gpsflowtemp");
	UNTIL(watchers[1].answers == 1);
	before = watchers[0].answers;
	post_one(2);
	UNTIL(watchers[1].newest.seq == 2); /* told, so the other was looked at as well */
	assert_int_equal(watchers[0].answers, before);
	assert_int_equal(watchers[0].newest.seq, 1);
}

static void an_observer_that_ends_its_session_is_forgotten(void **state)
{
	(void)state;
	observe(&watchers[0], "operator", "/gpsflowtemp");
	observe(&watchers[1], "operator", "/gpsflowtemp");
	UNTIL(watchers[0].answers == 1 && watchers[1].answers == 1);
	coaps_client_free(watchers[0].client);
	watchers[0].client = NULL;
	post_one(1);
	UNTIL(watchers[1].newest.seq == 1);
	UNTIL(routes_counts(rig.routes).observers == 1);
}

static void an_observer_that_forgot_resets_and_is_forgotten(void **state)
{
	(void)state;
	observe(&watchers[0], "operator", "/gpsflowtemp");
	UNTIL(watchers[0].answers == 1);
	assert_int_equal(routes_counts(rig.routes).observers, 1);
	coaps_client_cancel(watchers[0].client);
	for (uint64_t seq = 1; routes_counts(rig.routes).observers > 0; seq++) {
		assert_true(seq < 100);
		post_one(seq);
		turn_all();
	}
}

/* Posts a reading that waits for its commit so long that the client is told to wait. */
static void post_to_locked_store(uint64_t seq)
{
	struct reading r;
	uint8_t body[2048];
	int length, tick_ms;

	make(&r, NODE, seq);
	length = senml_encode(SENML_CBOR, &r, 1, body, sizeof(body), NULL);
	ask(COAPS_POST, "/gpsflowtemp", SENML_CBOR, -1, body, (size_t)length);
	while (routes_tick(rig.routes) < 0) { /* until it is received */
		turn(1000);
	}
	while ((tick_ms = routes_tick(rig.routes)) >= 0) { /* until the empty ACK is sent */
		turn(tick_ms);
	}
	turn(100);
}

/*
 * Of two answers of their own to one client the second waits for the acknowledgement of the first
 * (NSTART). libcoap gives it up when the session ends, and calls back: found by AddressSanitizer.
 */
static void an_answer_that_was_never_acknowledged_does_not_outlive_the_server(void **state)
{
	sqlite3 *other;

	(void)state;
	assert_int_equal(get("/time"), CODE(2, 5));
	assert_int_equal(sqlite3_open(rig.path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	post_to_locked_store(1);
	post_to_locked_store(2);
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	assert_false(rig.answered);
	stop_server(); /* commits and answers both; the client does not read that */
}

static int tests(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test_setup_teardown(every_observer_is_told_after_the_commit, start,
						stop_all),
		cmocka_unit_test_setup_teardown(what_did_not_change_is_not_told, start, stop_all),
		cmocka_unit_test_setup_teardown(an_observer_that_ends_its_session_is_forgotten,
						start, stop_all),
		cmocka_unit_test_setup_teardown(an_observer_that_forgot_resets_and_is_forgotten,
						start, stop_all),
		cmocka_unit_test_setup_teardown(
			an_answer_that_was_never_acknowledged_does_not_outlive_the_server, start,
			stop_all),
	};

	return cmocka_run_group_tests_name("routes_observe", all, NULL, NULL);
}

int main(void)
{
	return rig_run("test_routes_observe", tests);
}
