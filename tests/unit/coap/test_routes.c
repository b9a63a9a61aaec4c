// SPDX-License-Identifier: BSD-2-Clause
/* What the server stores and gives back, and to whom. */
#define _GNU_SOURCE
#include "server_rig.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "server/store/hash.h"
#include "time/now.h"

#include "server/coap/blockwise.h"

/* --- storing -------------------------------------------------------------- */

static void a_posted_reading_is_on_disk_when_it_is_acknowledged(void **state)
{
	(void)state;
	assert_int_equal(post_range(NODE, SENML_CBOR, 1, 1), CODE(2, 4));
	assert_int_equal(rig.format, SENML_CBOR);
	assert_int_equal(count_rows(), 1);
	expect_complete(1);
	assert_int_equal(post_range(NODE, SENML_JSON, 2, 4), CODE(2, 4));
	assert_int_equal(rig.format, SENML_JSON);
	expect_complete(4);
	assert_int_equal(post_range(NODE, SENML_CBOR, 1, 4), CODE(2, 4));
	expect_complete(4);
	assert_int_equal(post_range(NODE, SENML_CBOR, 6, 7), CODE(2, 4));
	expect_complete(4);
	assert_int_equal(count_rows(), 6);
}

static void a_pack_in_many_blocks_is_stored_whole(void **state)
{
	(void)state;
	assert_int_equal(post_range(NODE, SENML_CBOR, 1, 200), CODE(2, 4));
	expect_complete(200);
	assert_int_equal(count_rows(), 200);
}

static void a_pack_with_an_error_stores_nothing_and_is_told_where(void **state)
{
	static const char bad[] = "[{\"bn\":\"" NODE
				  ":\",\"n\":\"seq\",\"v\":1},{\"n\":\"nonsense\",\"v\":\"x\"}]";
	uint8_t garbage[64];
	uint64_t seed = 7;

	(void)state;
	assert_int_equal(request(COAPS_POST, "/gpsflowtemp", SENML_JSON, -1, bad, sizeof(bad) - 1),
			 CODE(4, 0));
	expect_words("record");
	for (unsigned i = 0; i < 50; i++) {
		for (unsigned k = 0; k < sizeof(garbage); k++) {
			garbage[k] = (uint8_t)random_u64(&seed);
		}
		assert_int_equal(request(COAPS_POST, "/gpsflowtemp", SENML_CBOR, -1, garbage,
					 sizeof(garbage)),
				 CODE(4, 0));
		assert_true(rig.size > 0);
	}
	assert_int_equal(request(COAPS_POST, "/gpsflowtemp", SENML_CBOR, -1, NULL, 0), CODE(4, 0));
	assert_int_equal(request(COAPS_POST, "/gpsflowtemp", 60, -1, "x", 1), CODE(4, 15));
	expect_words("112");
	assert_int_equal(count_rows(), 0);
}

static void more_readings_than_a_pack_may_hold_are_too_large(void **state)
{
	(void)state;
	assert_int_equal(post_range(NODE, SENML_CBOR, 1, 257), CODE(4, 13));
	assert_int_equal(count_rows(), 0);
}

static void a_number_that_the_store_cannot_hold_is_refused(void **state)
{
	(void)state;
	assert_int_equal(post_range(NODE, SENML_CBOR, UINT64_C(1) << 63, UINT64_C(1) << 63),
			 CODE(4, 0));
	expect_words("9223372036854775808");
}

static void a_node_writes_and_reads_as_itself_only(void **state)
{
	(void)state;
	assert_int_equal(post_range(OTHER, SENML_CBOR, 1, 1), CODE(4, 3));
	expect_words(NODE);
	expect_words(OTHER);
	assert_int_equal(count_rows(), 0);
	assert_int_equal(get("/gpsflowtemp/" OTHER), CODE(4, 3));
	assert_int_equal(get("/gaps/" OTHER), CODE(4, 3));
	assert_int_equal(post_range(NODE, SENML_CBOR, 1, 1), CODE(2, 4));
	assert_int_equal(
		request(COAPS_DELETE, "/gpsflowtemp/" NODE "/1234567890abcdef.1", -1, -1, NULL, 0),
		CODE(4, 3));
	assert_int_equal(get("/gpsflowtemp"), CODE(2, 5));
	be("operator");
	assert_int_equal(post_range(NODE, SENML_CBOR, 2, 2), CODE(4, 3));
	assert_int_equal(count_rows(), 1);
}

static unsigned put_one(const char *path, uint64_t seq)
{
	struct reading r;
	uint8_t body[2048];
	int length;

	make(&r, NODE, seq);
	length = senml_encode(SENML_CBOR, &r, 1, body, sizeof(body), NULL);
	return request(COAPS_PUT, path, SENML_CBOR, -1, body, (size_t)length);
}

static void put_stores_the_reading_that_its_path_names(void **state)
{
	(void)state;
	assert_int_equal(put_one("/gpsflowtemp/" NODE "/1234567890abcdef.1", 1), CODE(2, 4));
	expect_complete(1);
	assert_int_equal(put_one("/gpsflowtemp/" NODE "/1234567890abcdef.1", 1), CODE(2, 4));
	assert_int_equal(put_one("/gpsflowtemp/" NODE "/1234567890abcdef.2", 3), CODE(4, 0));
	expect_words("1234567890abcdef.2");
	assert_int_equal(put_one("/gpsflowtemp/" NODE, 3), CODE(4, 15));
	assert_int_equal(count_rows(), 1);
}

static void a_number_that_is_taken_is_a_conflict_and_the_others_are_stored(void **state)
{
	struct reading r[3];
	uint8_t body[4096];
	int length;

	(void)state;
	assert_int_equal(post_range(NODE, SENML_CBOR, 1, 2), CODE(2, 4));
	for (unsigned i = 0; i < 3; i++) {
		make(&r[i], NODE, i + 1);
	}
	r[1].temperatures[0].temp_mc++;
	length = senml_encode(SENML_CBOR, r, 3, body, sizeof(body), NULL);
	assert_int_equal(request(COAPS_POST, "/gpsflowtemp", SENML_CBOR, -1, body, (size_t)length),
			 CODE(4, 9));
	expect_words("1234567890abcdef.2");
	assert_int_equal(count_rows(), 3);
	assert_int_equal(request(COAPS_POST, "/gpsflowtemp", SENML_CBOR, -1, body, (size_t)length),
			 CODE(4, 9));
	assert_int_equal(put_one("/gpsflowtemp/" NODE "/1234567890abcdef.2", 2), CODE(2, 4));
	make(&r[1], NODE, 2);
	length = senml_encode(SENML_CBOR, r, 3, body, sizeof(body), NULL);
	assert_int_equal(request(COAPS_POST, "/gpsflowtemp", SENML_CBOR, -1, body, (size_t)length),
			 CODE(2, 4));
}

static void a_commit_that_takes_long_is_acknowledged_first_and_answered_later(void **state)
{
	time_t until;
	struct reading r;
	uint8_t body[2048];
	int length;
	sqlite3 *other;

	(void)state;
	/* This one gives up 3 to 4.5 s after its request, unless it has been told to wait. */
	be_impatient("node", 1000);
	assert_int_equal(get("/time"), CODE(2, 5));
	make(&r, NODE, 1);
	length = senml_encode(SENML_CBOR, &r, 1, body, sizeof(body), NULL);
	assert_int_equal(sqlite3_open(rig.path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	ask(COAPS_POST, "/gpsflowtemp", SENML_CBOR, -1, body, (size_t)length);
	for (until = time(NULL) + 6; time(NULL) < until;) {
		int tick_ms = routes_tick(rig.routes);

		turn(tick_ms < 0 ? 1000 : tick_ms);
		assert_false(rig.answered);
	}
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	wait_for_answer();
	assert_int_equal(rig.cause, COAPS_ANSWERED);
	assert_int_equal(rig.code, CODE(2, 4));
	expect_complete(1);
	assert_int_equal(routes_tick(rig.routes), -1); /* no request waits */
}

static bool filler_done;

static void filler(struct job *job)
{
	(void)job;
	filler_done = true;
}

static void a_full_queue_is_answered_5_03_with_max_age(void **state)
{
	struct reading r[2];
	struct reading_ack ack[2];
	struct ingest_job job = {
		.job.done = filler, .readings = r, .n = 2, .acks = ack, .received_us = T0
	};
	sqlite3 *other;

	(void)state;
	/* One job takes the whole queue while someone else holds the database. */
	start_server(COAPS_AUTH_REQUIRED, 2);
	be("node");
	assert_int_equal(get("/time"), CODE(2, 5));
	make(&r[0], NODE, 1);
	make(&r[1], NODE, 2);
	filler_done = false;
	assert_int_equal(sqlite3_open(rig.path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(ingest_submit(rig.ingest, &job), 0);
	assert_int_equal(post_range(NODE, SENML_CBOR, 3, 3), CODE(5, 3));
	assert_true(rig.max_age_s > 0);
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	while (!filler_done) {
		turn(1000);
	}
	assert_int_equal(post_range(NODE, SENML_CBOR, 3, 3), CODE(2, 4));
	expect_complete(3);
}

/* --- reading -------------------------------------------------------------- */

static unsigned decode_body(struct reading *out, unsigned max)
{
	struct senml_error error;
	int n = senml_decode((enum senml_format)rig.format, rig.body, rig.size, out, max, &error);

	if (n < 0) {
		fail_msg("%s", error.text);
	}
	return (unsigned)n;
}

static void newest_and_one_come_back_exactly(void **state)
{
	struct reading want, got[2];

	(void)state;
	assert_int_equal(get("/gpsflowtemp"), CODE(2, 5));
	assert_int_equal(rig.size, 1);
	assert_int_equal(rig.body[0], 0x80);
	assert_int_equal(post_range(NODE, SENML_CBOR, 1, 5), CODE(2, 4));
	make(&want, NODE, 5);
	assert_int_equal(get("/gpsflowtemp"), CODE(2, 5));
	assert_int_equal(rig.format, SENML_CBOR);
	assert_int_equal(decode_body(got, 2), 1);
	assert_true(reading_equal(&got[0], &want));
	assert_int_equal(request(COAPS_GET, "/gpsflowtemp", -1, SENML_JSON, NULL, 0), CODE(2, 5));
	assert_int_equal(rig.format, SENML_JSON);
	assert_int_equal(decode_body(got, 2), 1);
	assert_true(reading_equal(&got[0], &want));
	assert_int_equal(request(COAPS_GET, "/gpsflowtemp", -1, 60, NULL, 0), CODE(4, 6));
	make(&want, NODE, 3);
	assert_int_equal(get("/gpsflowtemp/" NODE "/1234567890abcdef.3"), CODE(2, 5));
	assert_int_equal(decode_body(got, 2), 1);
	assert_true(reading_equal(&got[0], &want));
	assert_int_equal(get("/gpsflowtemp/" NODE "/1234567890abcdef.6"), CODE(4, 4));
	assert_int_equal(get("/gpsflowtemp/" NODE "/6"), CODE(4, 4));
}

static void a_long_track_comes_in_blocks_and_whole(void **state)
{
	struct reading *got = calloc(300, sizeof(*got));

	(void)state;
	assert_int_equal(post_range(NODE, SENML_CBOR, 1, 150), CODE(2, 4));
	assert_int_equal(post_range(NODE, SENML_CBOR, 151, 250), CODE(2, 4));
	assert_int_equal(get("/gpsflowtemp/" NODE "?limit=300"), CODE(2, 5));
	assert_true(rig.size > 10000);
	assert_int_equal(decode_body(got, 300), 250);
	for (unsigned i = 0; i < 250; i++) {
		assert_int_equal(got[i].seq, i + 1);
	}
	assert_int_equal(get("/gpsflowtemp/" NODE), CODE(2, 5));
	assert_int_equal(decode_body(got, 300), 100);
	assert_int_equal(got[0].seq, 151);
	assert_int_equal(get("/gpsflowtemp/" NODE "?from=1700000010.5&to=1700000020&limit=300"),
			 CODE(2, 5));
	assert_int_equal(decode_body(got, 300), 10);
	assert_int_equal(got[0].seq, 11);
	assert_int_equal(got[9].seq, 20);
	assert_int_equal(get("/gpsflowtemp/" NODE "?from=yesterday"), CODE(4, 0));
	expect_words("from=yesterday");
	assert_int_equal(get("/gpsflowtemp/" NODE "?limit=0"), CODE(4, 0));
	assert_int_equal(get("/gpsflowtemp/" NODE "?since=1"), CODE(4, 0));
	assert_int_equal(request(COAPS_GET, "/gpsflowtemp/" NODE "?to=1", -1, SENML_JSON, NULL, 0),
			 CODE(2, 5));
	assert_string_equal((const char *)rig.body, "[]");
	free(got);
}

static void gaps_names_what_never_arrived_and_what_was_removed(void **state)
{
	(void)state;
	assert_int_equal(get("/gaps/" NODE), CODE(4, 4));
	post_range(NODE, SENML_CBOR, 1, 4);
	post_range(NODE, SENML_CBOR, 7, 9);
	assert_int_equal(get("/gaps/" NODE "?epoch=1234567890abcdef"), CODE(2, 5));
	assert_string_equal(
		(char *)rig.body,
		"{\"device\":\"" NODE
		"\",\"streams\":[{\"epoch\":\"1234567890abcdef\",\"complete\":4,\"last\":9,\"holes\":["
		"{\"first\":5,\"last\":6,\"cause\":\"never arrived\"}]}],\"starts\":[]}");
	assert_int_equal(get("/gaps/" NODE "?epoch=1234567890abcdee"), CODE(2, 5));
	assert_non_null(strstr((char *)rig.body,
			       "\"complete\":0,\"last\":0,\"holes\":[]}],\"starts\":[]}"));
	assert_int_equal(get("/gaps/" NODE "?epoch=12"), CODE(4, 0));
	expect_words("16 lowercase hex digits");
	be("operator");
	assert_int_equal(
		request(COAPS_DELETE, "/gpsflowtemp/" NODE "/1234567890abcdef.2", -1, -1, NULL, 0),
		CODE(2, 2));
	assert_int_equal(
		request(COAPS_DELETE, "/gpsflowtemp/" NODE "/1234567890abcdef.2", -1, -1, NULL, 0),
		CODE(4, 4));
	assert_int_equal(get("/gaps/" NODE), CODE(2, 5));
	assert_int_equal(rig.format, 50);
	assert_string_equal(
		(char *)rig.body,
		"{\"device\":\"" NODE
		"\",\"streams\":[{\"epoch\":\"1234567890abcdef\",\"complete\":4,\"last\":9,\"holes\":["
		"{\"first\":2,\"last\":2,\"cause\":\"removed by operator\"},"
		"{\"first\":5,\"last\":6,\"cause\":\"never arrived\"}]}],\"starts\":[]}");
}

static unsigned post_gaps(const char *device, const char *json)
{
	char path[128];

	snprintf(path, sizeof(path), "/gaps/%s", device);
	return request(COAPS_POST, path, 50, -1, json, strlen(json));
}

static void what_a_node_gave_up_is_noted_once_and_told_by_gaps(void **state)
{
	static const char json[] =
		"{\"epoch\":\"1234567890abcdef\",\"gaps\":[{\"first\":4,\"last\":5,\"cause\":\"full\"},"
		"{\"first\":7,\"last\":7,\"cause\":\"power\"}]}";

	(void)state;
	assert_int_equal(post_range(NODE, SENML_CBOR, 1, 3), CODE(2, 4));
	assert_int_equal(post_range(NODE, SENML_CBOR, 6, 6), CODE(2, 4));
	expect_complete(3);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(post_gaps(NODE, json), CODE(2, 4));
		assert_int_equal(rig.format, SENML_JSON);
		expect_complete(7);
	}
	assert_int_equal(post_range(NODE, SENML_CBOR, 9, 9), CODE(2, 4));
	assert_int_equal(get("/gaps/" NODE), CODE(2, 5));
	assert_string_equal(
		(const char *)rig.body,
		"{\"device\":\"" NODE
		"\",\"streams\":[{\"epoch\":\"1234567890abcdef\",\"complete\":7,"
		"\"last\":9,\"holes\":[{\"first\":4,\"last\":5,\"cause\":\"dropped by node: full\"},"
		"{\"first\":7,\"last\":7,\"cause\":\"dropped by node: power\"},"
		"{\"first\":8,\"last\":8,\"cause\":\"never arrived\"}]}],\"starts\":[]}");
	/* What comes after all is stored, and no hole. */
	assert_int_equal(post_range(NODE, SENML_CBOR, 4, 5), CODE(2, 4));
	assert_int_equal(get("/gaps/" NODE), CODE(2, 5));
	assert_null(strstr((const char *)rig.body, "full"));
}

static unsigned put_device(const char *json)
{
	return request(COAPS_PUT, "/gpsflowtemp/" NODE, 50, -1, json, strlen(json));
}

static void what_an_operator_says_of_a_device_its_node_may_read(void **state)
{
	static const struct {
		const char *json, *says;
	} bad[] = {
		{ "", "no payload" },
		{ "[]", "an object" },
		{ "{", "byte 1" },
		{ "{\"labl\":\"x\"}", "labl: expected label" },
		{ "{\"label\":7}", "label: expected a text" },
		{ "{\"label\":\"a\\u0000b\"}", "byte" },
		{ "{\"settings\":[]}", "settings: expected an object" },
		{ "{\"retention_days\":-1}", "0 (for ever) to 36500" },
		{ "{\"retention_days\":1.5}", "retention_days" },
	};

	(void)state;
	assert_int_equal(put_device("{}"), CODE(4, 3));
	be("operator");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(put_device(bad[i].json), CODE(4, 0));
		expect_words(bad[i].says);
	}
	assert_int_equal(request(COAPS_GET, "/gpsflowtemp/" NODE, -1, 50, NULL, 0), CODE(4, 4));
	assert_int_equal(
		put_device(
			"{\"settings\":{\"b\":[1,2],\"a\":30},\"label\":\"the garden\",\"retention_days\":7}"),
		CODE(2, 4));
	be("node");
	assert_int_equal(request(COAPS_GET, "/gpsflowtemp/" NODE, -1, 50, NULL, 0), CODE(2, 5));
	assert_int_equal(rig.format, 50);
	assert_string_equal(
		(const char *)rig.body,
		"{\"label\":\"the garden\",\"settings\":{\"a\":30,\"b\":[1,2]},\"retention_days\":7}");
	assert_int_equal(request(COAPS_GET, "/gpsflowtemp/" OTHER, -1, 50, NULL, 0), CODE(4, 3));
}

static bool set_done;

static void set_is_done(struct job *job)
{
	(void)job;
	set_done = true;
}

static int set_label(const char *label, uint64_t if_match, bool if_none_match)
{
	struct store_device set = { .retention_days = -1 };
	struct query job = { .job.done = set_is_done,
			     .kind = QUERY_SET_DEVICE,
			     .device = NODE,
			     .settings = &set,
			     .if_match = if_match,
			     .if_none_match = if_none_match };

	strcpy(set.label, label);
	set_done = false;
	assert_int_equal(queries_submit(rig.queries, &job), 0);
	while (!set_done) {
		turn(1000);
	}
	return job.result;
}

static void a_label_is_set_only_if_it_is_what_the_operator_saw(void **state)
{
	static const char first[] = "{\"label\":\"first\"}";
	uint64_t seen = hash_etag(first, strlen(first));

	(void)state;
	assert_int_equal(set_label("none", seen, false), -EEXIST);
	assert_int_equal(set_label("none", UINT64_MAX, false), -EEXIST);
	assert_int_equal(set_label("first", 0, true), 1);
	assert_int_equal(set_label("other", 0, true), -EEXIST);
	assert_int_equal(set_label("second", seen, false), 1);
	assert_int_equal(set_label("third", seen, false), -EEXIST);
	assert_int_equal(set_label("third", UINT64_MAX, false), 1);
	assert_int_equal(request(COAPS_GET, "/gpsflowtemp/" NODE, -1, 50, NULL, 0), CODE(2, 5));
	assert_string_equal((const char *)rig.body, "{\"label\":\"third\"}");
}

static void a_device_is_forgotten_by_an_operator_only_and_its_holes_are_explained(void **state)
{
	(void)state;
	assert_int_equal(post_range(NODE, SENML_CBOR, 1, 200), CODE(2, 4));
	assert_int_equal(request(COAPS_DELETE, "/gpsflowtemp/" NODE, -1, -1, NULL, 0), CODE(4, 3));
	be("operator");
	assert_int_equal(request(COAPS_DELETE, "/gpsflowtemp/" NODE, -1, -1, NULL, 0), CODE(2, 2));
	assert_int_equal(count_rows(), 0);
	assert_int_equal(get("/gaps/" NODE), CODE(2, 5));
	expect_words(
		"\"complete\":200,\"last\":200,\"holes\":[{\"first\":1,\"last\":200,\"cause\":\"removed by operator\"}]");
	/* It goes on where it was. */
	be("node");
	assert_int_equal(post_range(NODE, SENML_CBOR, 201, 201), CODE(2, 4));
	expect_complete(201);
	assert_int_equal(count_rows(), 1);
}

static void fields_leave_out_the_rest(void **state)
{
	struct reading r[8];

	(void)state;
	assert_int_equal(post_range(NODE, SENML_CBOR, 1, 2), CODE(2, 4));
	assert_int_equal(get("/gpsflowtemp/" NODE "?fields=lat"), CODE(2, 5));
	assert_int_equal(decode_body(r, 8), 2);
	assert_int_equal(r[0].known, UINT64_C(1) << READING_LAT);
	assert_int_equal(r[0].n_temperatures, 0);
	assert_int_equal(get("/gpsflowtemp?fields=temp,lon"), CODE(2, 5));
	assert_int_equal(decode_body(r, 8), 1);
	assert_int_equal(r[0].known, UINT64_C(1) << READING_LON);
	assert_int_equal(r[0].n_temperatures, 1);
	assert_int_equal(get("/gpsflowtemp?fields=lat,latt"), CODE(4, 0));
	expect_words("fields=");
}

static void well_known_core_lists_what_there_is(void **state)
{
	(void)state;
	assert_int_equal(get("/.well-known/core"), CODE(2, 5));
	assert_int_equal(rig.format, 40);
	expect_words("</gpsflowtemp>");
	expect_words("rt=\"geotherm.readings\"");
	expect_words("if=\"core.b\"");
	expect_words("ct=\"112 110 0\"");
	expect_words(";obs");
	expect_words("</time>");
}

static void gaps_that_are_none_are_refused(void **state)
{
	(void)state;
	assert_int_equal(
		post_gaps(
			OTHER,
			"{\"epoch\":\"1234567890abcdef\",\"gaps\":[{\"first\":4,\"last\":5,\"cause\":\"x\"}]}"),
		CODE(4, 3));
	assert_int_equal(
		post_gaps(
			NODE,
			"{\"epoch\":\"1234567890abcdef\",\"gaps\":[{\"first\":4,\"last\":3,\"cause\":\"x\"}]}"),
		CODE(4, 0));
	expect_words("gap 0: last");
	assert_int_equal(
		post_gaps(
			NODE,
			"{\"epoch\":\"6c65676163790000\",\"gaps\":[{\"first\":4,\"last\":5,\"cause\":\"x\"}]}"),
		CODE(4, 0));
	assert_int_equal(post_gaps(NODE, ""), CODE(4, 0));
	assert_int_equal(request(COAPS_POST, "/gaps/" NODE, SENML_CBOR, -1, "\x80", 1),
			 CODE(4, 15));
	assert_int_equal(request(COAPS_POST, "/gpsflowtemp/" NODE, 50, -1, "{}", 2), CODE(4, 5));
	assert_int_equal(get("/gaps/" NODE), CODE(4, 4));
}

static void time_is_utc_in_microseconds(void **state)
{
	int64_t before_us = now_utc_us(), told_us; /* time() may be a tick behind it */

	(void)state;
	assert_int_equal(get("/time"), CODE(2, 5));
	told_us = strtoll((char *)rig.body, NULL, 10);
	assert_true(told_us >= before_us && told_us <= now_utc_us());
}

static void paths_and_methods_that_are_none_are_told_so(void **state)
{
	(void)state;
	assert_int_equal(get("/nothing"), CODE(4, 4));
	assert_int_equal(get("/gpsflowtemp/somewhere"), CODE(4, 4));
	assert_int_equal(get("/gpsflowtemp/" NODE "/1/2"), CODE(4, 4));
	assert_int_equal(request(COAPS_DELETE, "/gpsflowtemp", -1, -1, NULL, 0), CODE(4, 5));
	assert_int_equal(request(COAPS_DELETE, "/nothing", -1, -1, NULL, 0), CODE(4, 4));
	assert_int_equal(request(COAPS_PUT, "/nothing", 0, -1, "x", 1), CODE(4, 4));
	assert_int_equal(request(COAPS_PUT, "/gpsflowtemp", 0, -1, "x", 1), CODE(4, 5));
	assert_int_equal(request(COAPS_POST, "/gpsflowtemp/" NODE, 0, -1, "x", 1), CODE(4, 5));
	assert_int_equal(request(COAPS_POST, "/time", 0, -1, "x", 1), CODE(4, 5));
	assert_int_equal(get("/.well-known/core"), CODE(2, 5));
	expect_words("</gpsflowtemp>");
	expect_words("ct=\"112 110 0\"");
}

/* --- the legacy client ------------------------------------------ */

static const char legacy_text[] =
	"SENSOR_A/202481588596741/24.687/0/"
	"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n/1700000000.25";

static const char legacy_other_text[] = /* of the same time: no conflict is reported to it */
	"SENSOR_A/202481588596741/25.001/0/here/1700000000.25";

static void the_legacy_clients_text_is_stored(void **state)
{
	(void)state;
	assert_int_equal(
		request(COAPS_POST, "/gpsflowtemp", -1, -1, legacy_text, sizeof(legacy_text) - 1),
		CODE(2, 4));
	assert_int_equal(rig.size, 0);
	assert_int_equal(
		request(COAPS_POST, "/gpsflowtemp", 0, -1, legacy_text, sizeof(legacy_text) - 1),
		CODE(2, 4));
	assert_int_equal(request(COAPS_POST, "/gpsflowtemp", 0, -1, legacy_other_text,
				 sizeof(legacy_other_text) - 1),
			 CODE(2, 4));
	assert_int_equal(count_rows(), 1);
	assert_int_equal(request(COAPS_POST, "/gpsflowtemp", -1, -1, "202481588596741", 15),
			 CODE(2, 4));
	assert_int_equal(
		request(COAPS_POST, "/gpsflowtemp", -1, -1, "a/b'; DROP TABLE readings", 25),
		CODE(4, 0));
	assert_int_equal(count_rows(), 2);
}

/* It knows no separate answer: however long the commit takes, it is not told to wait. */
static void the_legacy_client_is_answered_in_the_acknowledgement_only(void **state)
{
	time_t until = time(NULL) + 60;
	sqlite3 *other;

	(void)state;
	assert_int_equal(get("/time"), CODE(2, 5));
	assert_int_equal(sqlite3_open(rig.path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	ask(COAPS_POST, "/gpsflowtemp", -1, -1, legacy_text, sizeof(legacy_text) - 1);
	while (ingest_queued(rig.ingest) == 0) {
		assert_true(time(NULL) < until);
		turn(100);
	}
	assert_int_equal(routes_tick(rig.routes), -1);
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	wait_for_answer();
	assert_int_equal(rig.code, CODE(2, 4));
	assert_int_equal(count_rows(), 1);
}

static void where_certificates_are_optional_one_without_sends_old_text_only(void **state)
{
	the_legacy_clients_text_is_stored(state);
	assert_int_equal(post_range(OTHER, SENML_CBOR, 1, 2), CODE(4, 3));
	assert_int_equal(get("/gpsflowtemp"), CODE(4, 3));
	be("node");
	assert_int_equal(post_range(NODE, SENML_CBOR, 1, 2), CODE(2, 4));
	assert_int_equal(post_range(OTHER, SENML_CBOR, 1, 2), CODE(4, 3));
}

static void without_a_certificate_there_is_no_session_where_one_is_required(void **state)
{
	(void)state;
	be(NULL);
	ask(COAPS_GET, "/time", -1, -1, NULL, 0);
	wait_for_answer();
	assert_int_equal(rig.cause, COAPS_WE_ARE_REJECTED);
}

static int tests(void)
{
	const struct CMUnitTest all[] = {
		ON(a_posted_reading_is_on_disk_when_it_is_acknowledged, start),
		ON(a_pack_in_many_blocks_is_stored_whole, start),
		ON(a_pack_with_an_error_stores_nothing_and_is_told_where, start),
		ON(more_readings_than_a_pack_may_hold_are_too_large, start),
		ON(a_number_that_the_store_cannot_hold_is_refused, start),
		ON(a_node_writes_and_reads_as_itself_only, start),
		ON(a_number_that_is_taken_is_a_conflict_and_the_others_are_stored, start),
		ON(put_stores_the_reading_that_its_path_names, start),
		ON(a_commit_that_takes_long_is_acknowledged_first_and_answered_later, start),
		ON(a_full_queue_is_answered_5_03_with_max_age, NULL),
		ON(newest_and_one_come_back_exactly, start),
		ON(a_long_track_comes_in_blocks_and_whole, start),
		ON(gaps_names_what_never_arrived_and_what_was_removed, start),
		ON(what_a_node_gave_up_is_noted_once_and_told_by_gaps, start),
		ON(gaps_that_are_none_are_refused, start),
		ON(what_an_operator_says_of_a_device_its_node_may_read, start),
		ON(a_device_is_forgotten_by_an_operator_only_and_its_holes_are_explained, start),
		ON(a_label_is_set_only_if_it_is_what_the_operator_saw, start),
		ON(fields_leave_out_the_rest, start),
		ON(well_known_core_lists_what_there_is, start),
		ON(time_is_utc_in_microseconds, start),
		ON(paths_and_methods_that_are_none_are_told_so, start),
		ON(the_legacy_client_is_answered_in_the_acknowledgement_only, start_open),
		ON(where_certificates_are_optional_one_without_sends_old_text_only, start_optional),
		ON(without_a_certificate_there_is_no_session_where_one_is_required, start),
	};

	return cmocka_run_group_tests_name("routes", all, NULL, NULL);
}

int main(void)
{
	return rig_run("test_routes", tests);
}
