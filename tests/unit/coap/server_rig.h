/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server_rig: the server's routes over real DTLS on loopback, client and server in one process
 * and one loop, with a SQLite store of the test's own. Certificates are made by certs/make-test-ca.
 */
#ifndef SERVER_RIG_H
#define SERVER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/ingest/ingest.h"
#include "server/ingest/queries.h"
#include "server/coap/routes.h"
#include "tests/unit/reading/random_reading.h"
#include "userspace/coaps/coaps_client.h"
#include "userspace/coaps/coaps_server.h"
#include "userspace/daemon/log.h"
#include "userspace/reading/senml.h"

#define NODE "urn:dev:mac:0200c0fffe000001"
#define OTHER "urn:dev:mac:0200c0fffe000002"
#define EPOCH UINT64_C(0x1234567890abcdef)
#define T0 INT64_C(1700000000000000)
#define CODE(c, dd) ((c) << 5 | (dd))

extern char dir[64]; /* for the files of all tests */

extern struct server_rig {
	struct store *write_store, *read_store, *short_store;
	struct ingest *ingest;
	struct queries *queries;
	struct coaps_server *server;
	struct routes *routes;
	struct coaps_client *client;
	char path[100]; /* the database */
	char uri[40];

	bool answered;
	unsigned answers; /* all that came */
	enum coaps_cause cause;
	unsigned code;
	int format;
	int64_t max_age_s;
	uint8_t *body;
	size_t size;
} rig;

/* --- rig ------------------------------------------------------------------ */

void start_server(enum coaps_client_auth auth, size_t queue);

/*
 * who: "node", "operator" or NULL for a client without a certificate. ack_timeout_ms 0: RFC 7252's.
 * It sends twice.
 */
void be_impatient(const char *who, unsigned ack_timeout_ms);

void be(const char *who);

/* As server_stop(). */
void stop_server(void);

int stop(void **state);

int start(void **state);

int start_open(void **state);

int start_optional(void **state);

void turn(int timeout_ms);

void ask(enum coaps_method method, const char *path, int format, int accept, const void *payload,
	 size_t size);

void wait_for_answer(void);

unsigned request(enum coaps_method method, const char *path, int format, int accept,
		 const void *payload, size_t size);

unsigned get(const char *path);

void make(struct reading *r, const char *device, uint64_t seq);

unsigned post_range(const char *device, int format, uint64_t first, uint64_t last);

void expect_complete(uint64_t complete);

void expect_words(const char *words);

int64_t count_rows(void);

/* A server where certificates are optional, and beside the client a DTLS session of the node's, for
 * messages of a test's own making. */
int start_wire(void **state);

/* Another one's; NULL: without a certificate. */
int start_wire_as(const char *who);

/* The same without a certificate. */
int start_wire_nameless(void **state);

int stop_wire(void **state);

/* The server's end of that session. */
coap_session_t *wire_session(void);

void send_message(const uint8_t *message, size_t size);

extern uint8_t answer[1500];

extern size_t answer_size;

/* Receives `answer` if one has come. */
bool has_answer(void);

/* Receives `answer`; false: nothing came. */
bool is_answered(int timeout_ms);

/* The body of main(): certificates, the tests, and no trace where all went well. */
int rig_run(const char *name, int (*tests)(void));

#define ON(f, start) cmocka_unit_test_setup_teardown(f, start, stop)

#endif
