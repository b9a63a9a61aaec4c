// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "server_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/coaps/dtls_peer.h"

char dir[64];
struct server_rig rig;

static const char *in_dir(const char *name)
{
	static char paths[32][120]; /* borrowed by server and client: more than a test uses */
	static unsigned n;
	char *path = paths[n++ % 32];

	snprintf(path, sizeof(paths[0]), "%s/pki/%s", dir, name);
	return path;
}

static unsigned free_port(void)
{
	for (unsigned port = 20000 + (unsigned)getpid() % 5000; port < 32768; port++) {
		struct sockaddr_in a = { .sin_family = AF_INET,
					 .sin_port = htons((uint16_t)port),
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

void start_server(enum coaps_client_auth auth, size_t queue)
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
	rig.short_store = store_new(&store);
	assert_int_equal(store_connect(rig.write_store), 0);
	rig.ingest = ingest_start(rig.write_store,
				  &(struct ingest_config){ .queue = queue, .batch = queue });
	rig.queries = queries_start(rig.read_store, rig.short_store);
	rig.server = coaps_server_new(
		&(struct coaps_server_config){
			.listen = listen,
			.client_auth = auth,
			.credentials = { .certificate = in_dir("server.pem"),
					 .key = in_dir("server.key"),
					 .ca = in_dir("ca.pem") },
		},
		&code, err, sizeof(err));
	assert_string_equal(err, "");
	rig.routes = routes_new(&(struct routes_config){
		.coaps = rig.server,
		.client_auth = auth,
		.ingest = rig.ingest,
		.queries = rig.queries,
	});
}

void be_impatient(const char *who, unsigned ack_timeout_ms)
{
	char certificate[32], key[32], err[300] = "";
	int code = 0;

	coaps_client_free(rig.client);
	snprintf(certificate, sizeof(certificate), "%s.pem", who);
	snprintf(key, sizeof(key), "%s.key", who);
	rig.client = coaps_client_new(
		&(struct coaps_client_config){
			.uri = rig.uri,
			.server_name = "localhost",
			.credentials = { .certificate = who != NULL ? in_dir(certificate) : NULL,
					 .key = who != NULL ? in_dir(key) : NULL,
					 .ca = in_dir("ca.pem") },
			.ack_timeout_ms = ack_timeout_ms,
			.max_retransmit = ack_timeout_ms != 0 ? 1 : 0,
		},
		&code, err, sizeof(err));
	assert_string_equal(err, "");
}

void be(const char *who)
{
	be_impatient(who, 0);
}

void stop_server(void)
{
	ingest_stop(rig.ingest);
	queries_stop(rig.queries);
	routes_free(rig.routes);
	coaps_server_free(rig.server);
	rig.ingest = NULL;
	rig.queries = NULL;
	rig.routes = NULL;
	rig.server = NULL;
}

int stop(void **state)
{
	(void)state;
	coaps_client_free(rig.client);
	stop_server();
	store_free(rig.write_store);
	store_free(rig.read_store);
	store_free(rig.short_store);
	free(rig.body);
	memset(&rig, 0, sizeof(rig));
	return 0;
}

int start(void **state)
{
	(void)state;
	start_server(COAPS_AUTH_REQUIRED, 1000);
	be("node");
	return 0;
}

int start_open(void **state)
{
	(void)state;
	start_server(COAPS_AUTH_NONE, 1000);
	be(NULL);
	return 0;
}

int start_optional(void **state)
{
	(void)state;
	start_server(COAPS_AUTH_OPTIONAL, 1000);
	be(NULL);
	return 0;
}

void turn(int timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = coaps_server_fd(rig.server), .events = POLLIN },
		{ .fd = ingest_fd(rig.ingest), .events = POLLIN },
		{ .fd = queries_fd(rig.queries), .events = POLLIN },
		{ .fd = coaps_client_fd(rig.client), .events = POLLIN },
	};

	int tick_ms = routes_tick(rig.routes);

	poll(fds, 4, tick_ms >= 0 && tick_ms < timeout_ms ? tick_ms : timeout_ms);
	ingest_collect(rig.ingest);
	queries_collect(rig.queries);
	coaps_server_process(rig.server);
	coaps_client_process(rig.client);
}

static void take(void *arg, const struct coaps_response *r)
{
	(void)arg;
	rig.answered = true;
	rig.answers++;
	rig.cause = r->cause;
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

void ask(enum coaps_method method, const char *path, int format, int accept, const void *payload,
	 size_t size)
{
	rig.answered = false;
	assert_int_equal(coaps_client_request(rig.client,
					      &(struct coaps_request){
						      .method = method,
						      .path = path,
						      .content_format = format,
						      .accept = accept,
						      .payload = payload,
						      .payload_size = size,
					      },
					      take, NULL),
			 0);
}

void wait_for_answer(void)
{
	time_t until = time(NULL) + 60;

	while (!rig.answered) {
		assert_true(time(NULL) < until);
		turn(1000);
	}
}

unsigned request(enum coaps_method method, const char *path, int format, int accept,
		 const void *payload, size_t size)
{
	ask(method, path, format, accept, payload, size);
	wait_for_answer();
	assert_int_equal(rig.cause, COAPS_ANSWERED);
	return rig.code;
}

unsigned get(const char *path)
{
	return request(COAPS_GET, path, -1, -1, NULL, 0);
}

void make(struct reading *r, const char *device, uint64_t seq)
{
	reading_init(r);
	strcpy(r->device, device);
	r->epoch = EPOCH;
	r->seq = seq;
	r->time_source = READING_TIME_GNSS;
	r->utc_us = T0 + (int64_t)(seq % 1000000) * 1000000;
	r->n_temperatures = 1;
	r->temperatures[0] = (struct thermometer_sample){
		.rom = { 0x28, 0xd2, 0xe7, 0x9b, 0x06, 0, 0, 0x9b },
		.temp_known = true,
		.temp_mc = 21500,
		.resolution_bits = 12,
	};
	assert_int_equal(reading_scalar_put(r, READING_LAT, 525163400), 0);
	assert_int_equal(reading_scalar_put(r, READING_LON, 134049990), 0);
}

unsigned post_range(const char *device, int format, uint64_t first, uint64_t last)
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

void expect_complete(uint64_t complete)
{
	struct reading_ack ack[2];
	struct senml_error error;

	assert_int_equal(senml_decode_acks((enum senml_format)rig.format, rig.body, rig.size, ack,
					   2, &error),
			 1);
	assert_string_equal(ack[0].device, NODE);
	assert_int_equal(ack[0].epoch, EPOCH);
	assert_int_equal(ack[0].complete, complete);
}

void expect_words(const char *words)
{
	if (strstr((const char *)rig.body, words) == NULL) {
		fail_msg("\"%s\" does not say \"%s\"", rig.body, words);
	}
}

int64_t count_rows(void)
{
	sqlite3 *db;
	sqlite3_stmt *stmt;
	int64_t n;

	assert_int_equal(sqlite3_open_v2(rig.path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db, "SELECT count(*) FROM reading_view", -1, &stmt, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return n;
}

static int wire = -1;
uint8_t answer[1500];
size_t answer_size;

static struct dtls_peer peer;

static void serve(int fd)
{
	(void)fd;
	turn(20);
}

int start_wire_as(const char *who)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct coaps_credentials files = { .ca = in_dir("ca.pem") };
	char certificate[32], key[32];
	unsigned port;

	if (who != NULL) {
		snprintf(certificate, sizeof(certificate), "%s.pem", who);
		snprintf(key, sizeof(key), "%s.key", who);
		files.certificate = in_dir(certificate);
		files.key = in_dir(key);
	}

	start_server(COAPS_AUTH_OPTIONAL, 1000);
	be(who);
	assert_int_equal(sscanf(rig.uri, "coaps://127.0.0.1:%u", &port), 1);
	to.sin_port = htons((uint16_t)port);
	wire = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(connect(wire, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_true(dtls_peer_init(&peer, wire, &files));
	assert_int_equal(dtls_peer_handshake(&peer, 1000, serve), 0);
	return 0;
}

int start_wire(void **state)
{
	(void)state;
	return start_wire_as("node");
}

int start_wire_nameless(void **state)
{
	(void)state;
	return start_wire_as(NULL);
}

int stop_wire(void **state)
{
	dtls_peer_free(&peer);
	close(wire);
	return stop(state);
}

coap_session_t *wire_session(void)
{
	coap_address_t address;

	coap_address_init(&address);
	assert_int_equal(getsockname(wire, &address.addr.sa, &address.size), 0);
	return coap_session_get_by_peer(coaps_server_context(rig.server), &address,
					(int)if_nametoindex("lo"));
}

void send_message(const uint8_t *message, size_t size)
{
	assert_int_equal(mbedtls_ssl_write(&peer.ssl, message, size), (int)size);
}

bool has_answer(void)
{
	int n = mbedtls_ssl_read(&peer.ssl, answer, sizeof(answer));

	answer_size = n > 0 ? (size_t)n : 0;
	return n >= 4;
}

bool is_answered(int timeout_ms)
{
	time_t until = time(NULL) + timeout_ms / 1000 + 1;

	while (!has_answer()) {
		if (time(NULL) > until) {
			return false;
		}
		turn(20);
	}
	return true;
}

int rig_run(const char *name, int (*tests)(void))
{
	const char *base = getenv("TMPDIR");
	char command[200];
	int failed;

	log_init(name, LOG_LEVEL_ERROR);
	snprintf(dir, sizeof(dir), "%s/server-XXXXXX",
		 base != NULL && strlen(base) < 40 ? base : "/tmp");
	if (mkdtemp(dir) == NULL) {
		perror(dir);
		return 1;
	}
	snprintf(command, sizeof(command), "certs/make-test-ca %s/pki %s", dir, NODE);
	if (system(command) != 0) {
		fprintf(stderr, "%s failed\n", command);
		return 1;
	}
	failed = tests();
	if (failed == 0) {
		execlp("rm", "rm", "-rf", dir, NULL);
	}
	return failed;
}
