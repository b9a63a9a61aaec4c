// SPDX-License-Identifier: BSD-2-Clause
/*
 * The server's resources over real DTLS on loopback: client and server in one process, one loop. Certificates are
 * made by certs/make-test-ca.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/ingest.h"
#include "server/reads.h"
#include "server/resources.h"
#include "unit/random_reading.h"
#include "userspace/coaps/coaps_client.h"
#include "userspace/coaps/coaps_server.h"
#include "userspace/daemon/log.h"
#include "userspace/reading/senml.h"

#define NODE "urn:dev:mac:0200c0fffe000001"
#define OTHER "urn:dev:mac:0200c0fffe000002"
#define EPOCH UINT64_C(0x1234567890abcdef)
#define T0 INT64_C(1700000000000000)
#define CODE(c, dd) ((c) << 5 | (dd))

static char dir[64];

static struct {
	struct store *write_store, *read_store;
	struct ingest *ingest;
	struct reads *reads;
	struct coaps_server *server;
	struct resources *resources;
	struct coaps_client *client;
	char path[100];		/* the database */
	char uri[40];

	bool answered;
	enum coaps_failure failure;
	unsigned code;
	int format;
	int64_t max_age_s;
	uint8_t *body;
	size_t size;
} rig;

static const char *in_dir(const char *name)
{
	static char paths[32][120];	/* borrowed by server and client: more than a test uses */
	static unsigned n;
	char *path = paths[n++ % 32];

	snprintf(path, sizeof(paths[0]), "%s/pki/%s", dir, name);
	return path;
}

/* --- rig ------------------------------------------------------------------ */

static unsigned free_port(void)
{
	for (unsigned port = 20000 + (unsigned)getpid() % 5000; port < 32768; port++) {
		struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		int fd = socket(AF_INET, SOCK_DGRAM, 0);
		int rc = bind(fd, (struct sockaddr *)&a, sizeof(a));

		close(fd);
		if (rc == 0) {
			return port;
		}
	}
	return 0;
}

static void start_server(enum coaps_client_auth auth, size_t queue)
{
	static unsigned number;
	struct store_config store = { .kind = STORE_SQLITE, .path = rig.path };
	char listen[40], err[300] = "";
	unsigned port = free_port();
	int code = 0;

	memset(&rig, 0, sizeof(rig));
	snprintf(rig.path, sizeof(rig.path), "%s/%u.db", dir, number++);
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
	snprintf(rig.uri, sizeof(rig.uri), "coaps://127.0.0.1:%u", port);
	rig.write_store = store_new(&store);
	rig.read_store = store_new(&store);
	assert_int_equal(store_connect(rig.write_store), 0);
	rig.ingest = ingest_start(rig.write_store, &(struct ingest_config){ .queue = queue, .batch = queue });
	rig.reads = reads_start(rig.read_store);
	rig.server = coaps_server_new(&(struct coaps_server_config){
		.listen = listen, .client_auth = auth,
		.credentials = { .certificate = in_dir("server.pem"), .key = in_dir("server.key"), .ca = in_dir("ca.pem") },
	}, &code, err, sizeof(err));
	assert_string_equal(err, "");
	rig.resources = resources_new(&(struct resources_config){
		.coaps = rig.server, .client_auth = auth, .ingest = rig.ingest, .reads = rig.reads,
	});
}

/*
 * who: "node", "operator" or NULL for a client without a certificate. ack_timeout_ms 0: RFC 7252's. It
 * sends twice.
 */
static void be_impatient(const char *who, unsigned ack_timeout_ms)
{
	char certificate[32], key[32], err[300] = "";
	int code = 0;

	coaps_client_free(rig.client);
	snprintf(certificate, sizeof(certificate), "%s.pem", who);
	snprintf(key, sizeof(key), "%s.key", who);
	rig.client = coaps_client_new(&(struct coaps_client_config){
		.uri = rig.uri, .server_name = "localhost",
		.credentials = { .certificate = who != NULL ? in_dir(certificate) : NULL,
				 .key = who != NULL ? in_dir(key) : NULL, .ca = in_dir("ca.pem") },
		.ack_timeout_ms = ack_timeout_ms, .max_retransmit = ack_timeout_ms != 0 ? 1 : 0,
	}, &code, err, sizeof(err));
	assert_string_equal(err, "");
}

static void be(const char *who)
{
	be_impatient(who, 0);
}

static int stop(void **state)
{
	(void)state;
	coaps_client_free(rig.client);
	ingest_stop(rig.ingest);
	reads_stop(rig.reads);
	resources_free(rig.resources);
	coaps_server_free(rig.server);
	store_free(rig.write_store);
	store_free(rig.read_store);
	free(rig.body);
	memset(&rig, 0, sizeof(rig));
	return 0;
}

static int start(void **state)
{
	(void)state;
	start_server(COAPS_AUTH_REQUIRED, 1000);
	be("node");
	return 0;
}

static int start_open(void **state)
{
	(void)state;
	start_server(COAPS_AUTH_NONE, 1000);
	be(NULL);
	return 0;
}

static int start_optional(void **state)
{
	(void)state;
	start_server(COAPS_AUTH_OPTIONAL, 1000);
	be(NULL);
	return 0;
}

static void turn(int timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = coaps_server_fd(rig.server), .events = POLLIN }, { .fd = ingest_fd(rig.ingest), .events = POLLIN },
		{ .fd = reads_fd(rig.reads), .events = POLLIN }, { .fd = coaps_client_fd(rig.client), .events = POLLIN },
	};

	poll(fds, 4, timeout_ms);
	ingest_collect(rig.ingest);
	reads_collect(rig.reads);
	coaps_server_process(rig.server);
	coaps_client_process(rig.client);
}

static void take(void *arg, const struct coaps_response *r)
{
	(void)arg;
	rig.answered = true;
	rig.failure = r->failure;
	rig.code = r->code;
	rig.format = r->content_format;
	rig.max_age_s = r->max_age_s;
	free(rig.body);
	rig.body = calloc(1, r->payload_size + 1);
	if (r->payload_size > 0) {
		memcpy(rig.body, r->payload, r->payload_size);
	}
	rig.size = r->payload_size;
}

static void ask(enum coaps_method method, const char *path, int format, int accept, const void *payload, size_t size)
{
	rig.answered = false;
	assert_int_equal(coaps_client_request(rig.client, &(struct coaps_request){
		.method = method, .path = path, .content_format = format, .accept = accept,
		.payload = payload, .payload_size = size,
	}, take, NULL), 0);
}

static void wait_for_answer(void)
{
	time_t until = time(NULL) + 60;

	while (!rig.answered) {
		assert_true(time(NULL) < until);
		turn(1000);
	}
}

static unsigned request(enum coaps_method method, const char *path, int format, int accept, const void *payload,
			size_t size)
{
	ask(method, path, format, accept, payload, size);
	wait_for_answer();
	assert_int_equal(rig.failure, COAPS_ANSWERED);
	return rig.code;
}

static unsigned get(const char *path)
{
	return request(COAPS_GET, path, -1, -1, NULL, 0);
}

static void make(struct reading *r, const char *device, uint64_t seq)
{
	reading_init(r);
	strcpy(r->device, device);
	r->epoch = EPOCH;
	r->seq = seq;
	r->time_source = READING_TIME_GNSS;
	r->utc_us = T0 + (int64_t)(seq % 1000000) * 1000000;
	r->n_temperatures = 1;
	r->temperatures[0] = (struct reading_temperature){
		.rom = { 0x28, 0xd2, 0xe7, 0x9b, 0x06, 0, 0, 0x9b }, .temp_known = true, .temp_mc = 21500, .raw = 344,
		.resolution_bits = 12,
	};
	assert_int_equal(reading_scalar_put(r, READING_LAT, 525163400), 0);
	assert_int_equal(reading_scalar_put(r, READING_LON, 134049990), 0);
}

static unsigned post_range(const char *device, int format, uint64_t first, uint64_t last)
{
	size_t n = (size_t)(last - first + 1), size = 4096 + n * 4096;
	struct reading *r = calloc(n, sizeof(*r));
	uint8_t *body = malloc(size);
	unsigned code;
	int length;

	for (size_t i = 0; i < n; i++) {
		make(&r[i], device, first + i);
	}
	length = senml_encode((enum senml_format)format, r, n, body, size, NULL);
	assert_true(length > 0);
	code = request(COAPS_POST, "/gpsflowtemp", format, -1, body, (size_t)length);
	free(body);
	free(r);
	return code;
}

static void expect_complete(uint64_t complete)
{
	struct reading_ack ack[2];
	struct senml_error error;

	assert_int_equal(senml_decode_acks((enum senml_format)rig.format, rig.body, rig.size, ack, 2, &error), 1);
	assert_string_equal(ack[0].device, NODE);
	assert_int_equal(ack[0].epoch, EPOCH);
	assert_int_equal(ack[0].complete, complete);
}

static void expect_words(const char *words)
{
	if (strstr((const char *)rig.body, words) == NULL) {
		fail_msg("\"%s\" does not say \"%s\"", rig.body, words);
	}
}

static int64_t count_rows(void)
{
	sqlite3 *db;
	sqlite3_stmt *stmt;
	int64_t n;

	assert_int_equal(sqlite3_open_v2(rig.path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM reading_view", -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return n;
}

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
	static const char bad[] = "[{\"bn\":\"" NODE ":\",\"n\":\"seq\",\"v\":1},{\"n\":\"nonsense\",\"v\":\"x\"}]";
	uint8_t garbage[64];
	uint64_t seed = 7;

	(void)state;
	assert_int_equal(request(COAPS_POST, "/gpsflowtemp", SENML_JSON, -1, bad, sizeof(bad) - 1), CODE(4, 0));
	expect_words("record");
	for (unsigned i = 0; i < 50; i++) {
		for (unsigned k = 0; k < sizeof(garbage); k++) {
			garbage[k] = (uint8_t)random_u64(&seed);
		}
		assert_int_equal(request(COAPS_POST, "/gpsflowtemp", SENML_CBOR, -1, garbage, sizeof(garbage)), CODE(4, 0));
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
	assert_int_equal(post_range(NODE, SENML_CBOR, UINT64_C(1) << 63, UINT64_C(1) << 63), CODE(4, 0));
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
	assert_int_equal(request(COAPS_DELETE, "/gpsflowtemp/" NODE "/1234567890abcdef.1", -1, -1, NULL, 0), CODE(4, 3));
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
	assert_int_equal(put_one("/gpsflowtemp/" NODE, 3), CODE(4, 5));
	assert_int_equal(count_rows(), 1);
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
		int tick_ms = resources_tick(rig.resources);

		turn(tick_ms < 0 ? 1000 : tick_ms);
		assert_false(rig.answered);
	}
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	wait_for_answer();
	assert_int_equal(rig.failure, COAPS_ANSWERED);
	assert_int_equal(rig.code, CODE(2, 4));
	expect_complete(1);
	assert_int_equal(resources_tick(rig.resources), -1);
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
	struct ingest_job job = { .job.done = filler, .readings = r, .n = 2, .acks = ack, .received_us = T0 };
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
	assert_int_equal(get("/gpsflowtemp"), CODE(4, 4));
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
	assert_int_equal(get("/gpsflowtemp/" NODE "?from=1700000010.5&to=1700000020&limit=300"), CODE(2, 5));
	assert_int_equal(decode_body(got, 300), 10);
	assert_int_equal(got[0].seq, 11);
	assert_int_equal(got[9].seq, 20);
	assert_int_equal(get("/gpsflowtemp/" NODE "?from=yesterday"), CODE(4, 0));
	expect_words("from=yesterday");
	assert_int_equal(get("/gpsflowtemp/" NODE "?limit=0"), CODE(4, 0));
	assert_int_equal(get("/gpsflowtemp/" NODE "?since=1"), CODE(4, 0));
	assert_int_equal(get("/gpsflowtemp/" NODE "?to=1"), CODE(4, 4));
	free(got);
}

static void gaps_names_what_never_arrived_and_what_was_removed(void **state)
{
	(void)state;
	assert_int_equal(get("/gaps/" NODE), CODE(4, 4));
	post_range(NODE, SENML_CBOR, 1, 4);
	post_range(NODE, SENML_CBOR, 7, 9);
	be("operator");
	assert_int_equal(request(COAPS_DELETE, "/gpsflowtemp/" NODE "/1234567890abcdef.2", -1, -1, NULL, 0), CODE(2, 2));
	assert_int_equal(request(COAPS_DELETE, "/gpsflowtemp/" NODE "/1234567890abcdef.2", -1, -1, NULL, 0), CODE(4, 4));
	assert_int_equal(get("/gaps/" NODE), CODE(2, 5));
	assert_int_equal(rig.format, 50);
	assert_string_equal((char *)rig.body,
		"{\"device\":\"" NODE "\",\"streams\":[{\"epoch\":\"1234567890abcdef\",\"complete\":4,\"last\":9,\"holes\":["
		"{\"first\":2,\"last\":2,\"cause\":\"removed by operator\"},"
		"{\"first\":5,\"last\":6,\"cause\":\"never arrived\"}]}]}");
}

static void time_is_utc_in_microseconds(void **state)
{
	int64_t before = (int64_t)time(NULL), told;

	(void)state;
	assert_int_equal(get("/time"), CODE(2, 5));
	told = strtoll((char *)rig.body, NULL, 10) / 1000000;
	assert_true(told >= before && told <= (int64_t)time(NULL));
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

/* --- the older program's clients ------------------------------------------ */

static const char legacy_text[] = "SENSOR_A/202481588596741/24.687/0/"
	"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n/1700000000.25";

static void the_older_programs_text_is_stored(void **state)
{
	(void)state;
	assert_int_equal(request(COAPS_POST, "/gpsflowtemp", -1, -1, legacy_text, sizeof(legacy_text) - 1), CODE(2, 4));
	assert_int_equal(rig.size, 0);
	assert_int_equal(request(COAPS_POST, "/gpsflowtemp", 0, -1, legacy_text, sizeof(legacy_text) - 1), CODE(2, 4));
	assert_int_equal(count_rows(), 1);
	assert_int_equal(request(COAPS_POST, "/gpsflowtemp", -1, -1, "202481588596741", 15), CODE(2, 4));
	assert_int_equal(request(COAPS_POST, "/gpsflowtemp", -1, -1, "a/b'; DROP TABLE readings", 25), CODE(4, 0));
	assert_int_equal(count_rows(), 2);
}

static void without_certificates_anyone_writes_and_nobody_removes(void **state)
{
	the_older_programs_text_is_stored(state);
	assert_int_equal(post_range(OTHER, SENML_CBOR, 1, 2), CODE(2, 4));
	assert_int_equal(get("/gpsflowtemp/" OTHER), CODE(2, 5));
	assert_int_equal(request(COAPS_DELETE, "/gpsflowtemp/" OTHER "/1234567890abcdef.2", -1, -1, NULL, 0), CODE(4, 3));
	assert_int_equal(count_rows(), 4);
}

static void where_certificates_are_optional_one_without_sends_old_text_only(void **state)
{
	the_older_programs_text_is_stored(state);
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
	assert_int_equal(rig.failure, COAPS_REFUSED);
}

int main(void)
{
	const char *base = getenv("TMPDIR");
	char command[200];
	int failed;
#define ON(f, start) cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {
		ON(a_posted_reading_is_on_disk_when_it_is_acknowledged, start),
		ON(a_pack_in_many_blocks_is_stored_whole, start),
		ON(a_pack_with_an_error_stores_nothing_and_is_told_where, start),
		ON(more_readings_than_a_pack_may_hold_are_too_large, start),
		ON(a_number_that_the_store_cannot_hold_is_refused, start),
		ON(a_node_writes_and_reads_as_itself_only, start),
		ON(put_stores_the_reading_that_its_path_names, start),
		ON(a_commit_that_takes_long_is_acknowledged_first_and_answered_later, start),
		ON(a_full_queue_is_answered_5_03_with_max_age, NULL),
		ON(newest_and_one_come_back_exactly, start),
		ON(a_long_track_comes_in_blocks_and_whole, start),
		ON(gaps_names_what_never_arrived_and_what_was_removed, start),
		ON(time_is_utc_in_microseconds, start),
		ON(paths_and_methods_that_are_none_are_told_so, start),
		ON(without_certificates_anyone_writes_and_nobody_removes, start_open),
		ON(where_certificates_are_optional_one_without_sends_old_text_only, start_optional),
		ON(without_a_certificate_there_is_no_session_where_one_is_required, start),
	};

	log_init("test_server", LOG_LEVEL_ERROR);
	snprintf(dir, sizeof(dir), "%s/server-XXXXXX", base != NULL && strlen(base) < 40 ? base : "/tmp");
	if (mkdtemp(dir) == NULL) {
		perror(dir);
		return 1;
	}
	snprintf(command, sizeof(command), "certs/make-test-ca %s/pki %s", dir, NODE);
	if (system(command) != 0) {
		fprintf(stderr, "%s failed\n", command);
		return 1;
	}
	failed = cmocka_run_group_tests_name("server", tests, NULL, NULL);
	if (failed == 0) {
		execlp("rm", "rm", "-rf", dir, NULL);
	}
	return failed;
}
