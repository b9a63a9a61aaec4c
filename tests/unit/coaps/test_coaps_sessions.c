// SPDX-License-Identifier: BSD-2-Clause
/*
 * Handshakes that are not finished, fail, or come from the address of a session (RFC 6347 4.2.8),
 * and more of them than a server keeps; more sessions of one peer than it may have; sessions whose
 * address changes (RFC 9146). The clients are Mbed TLS on sockets whose port is chosen.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "coaps_rig.h"
#include "dtls_peer.h"
#include "userspace/coaps/coaps_sessions.h"

#define HALF_OPEN 1005 /* the server keeps 1,000 */
#define CHANGED 0x44 /* 2.04 */

static struct coaps_rig rig;

static int socket_at(uint32_t address, uint16_t port)
{
	const struct sockaddr_in from = { .sin_family = AF_INET,
					  .sin_port = htons(port),
					  .sin_addr.s_addr = htonl(address) };
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unsigned server;

	assert_int_equal(sscanf(rig.listen, "127.0.0.1:%u", &server), 1);
	to.sin_port = htons((uint16_t)server);
	assert_int_equal(bind(fd, (const struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in at;
	socklen_t size = sizeof(at);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	return ntohs(at.sin_port);
}

/* On a socket that stays the caller's, with the certificate of `who`. */
static void peer_init(struct dtls_peer *p, int fd, const char *who)
{
	struct coaps_credentials files = coaps_rig_credentials(who);

	files.ca = coaps_rig_file("ca.pem");
	assert_true(dtls_peer_init(p, fd, &files));
}

static void serve(int client_fd)
{
	struct pollfd fds[2] = { { .fd = coaps_server_fd(rig.server), .events = POLLIN },
				 { .fd = client_fd, .events = POLLIN } };

	poll(fds, 2, 100);
	coaps_server_process(rig.server);
}

static int shake_hands(struct dtls_peer *p, unsigned turns)
{
	return dtls_peer_handshake(p, turns, serve);
}

/* Up to the server's flight, which is not answered; or to no answer. */
static void begin_and_leave(int fd)
{
	struct dtls_peer p;
	unsigned turns = 0;

	peer_init(&p, fd, "node");
	while (p.ssl.MBEDTLS_PRIVATE(state) < MBEDTLS_SSL_SERVER_CERTIFICATE && turns < 10) {
		if (mbedtls_ssl_handshake_step(&p.ssl) == MBEDTLS_ERR_SSL_WANT_READ) {
			serve(fd);
			turns++;
		}
	}
	dtls_peer_free(&p);
	while (recv(fd, &(char){ 0 }, 1, 0) >= 0) {
	}
}

/* The code of the answer to that Message ID; 0: none. */
static unsigned receive(struct dtls_peer *p, uint8_t mid)
{
	uint8_t answer[256];

	for (unsigned turn = 0; turn < 20; turn++) {
		serve(p->fd);
		if (mbedtls_ssl_read(&p->ssl, answer, sizeof(answer)) >= 4) {
			assert_int_equal(answer[3], mid);
			return answer[1];
		}
	}
	return 0;
}

/* The same for a CON POST to /x. */
static unsigned post(struct dtls_peer *p, uint8_t mid)
{
	const uint8_t request[] = { 0x40, COAP_REQUEST_CODE_POST, 0, mid, 0xb1, 'x' };

	assert_int_equal(mbedtls_ssl_write(&p->ssl, request, sizeof(request)), sizeof(request));
	return receive(p, mid);
}

static int start(void **state)
{
	const struct coaps_credentials server = coaps_rig_credentials("server");

	(void)state;
	memset(&rig, 0, sizeof(rig));
	return coaps_rig_start_server(&rig, COAPS_AUTH_REQUIRED, &server);
}

static int stop(void **state)
{
	(void)state;
	coaps_server_free(rig.server);
	return 0;
}

static void an_unfinished_handshake_from_its_address_leaves_a_session_as_it_is(void **state)
{
	int fd = socket_at(INADDR_LOOPBACK, 0);
	struct dtls_peer first, second;

	(void)state;
	peer_init(&first, fd, "node");
	assert_int_equal(shake_hands(&first, 200), 0);
	assert_int_equal(post(&first, 1), CHANGED);
	begin_and_leave(fd);
	assert_int_equal(post(&first, 2), CHANGED);
	begin_and_leave(fd);
	peer_init(&second, fd, "operator");
	assert_int_equal(shake_hands(&second, 200), 0);
	assert_int_equal(post(&second, 3), CHANGED);
	assert_true(rig.identity.is_operator);
	assert_int_equal(rig.handled, 3);
	dtls_peer_free(&first);
	dtls_peer_free(&second);
	close(fd);
}

static void a_failed_handshake_from_its_address_leaves_a_session_as_it_is(void **state)
{
	int fd = socket_at(INADDR_LOOPBACK, 0);
	struct dtls_peer first, foreign, second;

	(void)state;
	peer_init(&first, fd, "node");
	assert_int_equal(shake_hands(&first, 200), 0);
	peer_init(&foreign, fd, "other/node");
	assert_int_equal(shake_hands(&foreign, 200), MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
	dtls_peer_free(&foreign);
	assert_int_equal(post(&first, 1), CHANGED);
	peer_init(&second, fd, "node");
	assert_int_equal(shake_hands(&second, 200), 0);
	assert_int_equal(post(&second, 2), CHANGED);
	dtls_peer_free(&first);
	dtls_peer_free(&second);
	close(fd);
}

static void after_a_failed_handshake_alone_its_address_is_free(void **state)
{
	int fd = socket_at(INADDR_LOOPBACK, 0);
	struct dtls_peer foreign, good;

	(void)state;
	peer_init(&foreign, fd, "other/node");
	assert_int_equal(shake_hands(&foreign, 200), MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
	dtls_peer_free(&foreign);
	begin_and_leave(fd);
	peer_init(&good, fd, "node");
	assert_int_equal(shake_hands(&good, 200), 0);
	assert_int_equal(post(&good, 1), CHANGED);
	dtls_peer_free(&good);
	close(fd);
}

/* A device that reboots uses the Message IDs of its last life again. */
static void with_the_new_session_all_of_the_old_one_goes(void **state)
{
	const struct coaps_reply reply = { .code = COAP_RESPONSE_CODE_CHANGED,
					   .content_format = -1,
					   .max_age_s = -1 };
	int fd = socket_at(INADDR_LOOPBACK, 0);
	struct dtls_peer first, second;
	uint16_t port = port_of(fd);
	struct coaps_deferred *late;

	(void)state;
	rig.defer = true;
	rig.how = COAPS_ONCE;
	peer_init(&first, fd, "node");
	assert_int_equal(shake_hands(&first, 200), 0);
	assert_int_equal(post(&first, 1), 0);
	late = rig.deferred;
	assert_non_null(late);
	rig.deferred = NULL;
	close(fd); /* it reboots */
	fd = socket_at(INADDR_LOOPBACK, port);
	peer_init(&second, fd, "node");
	assert_int_equal(shake_hands(&second, 200), 0);
	coaps_answer(late, &reply); /* its session has ended */
	assert_int_equal(post(&second, 1), 0);
	assert_int_equal(rig.handled, 2);
	assert_non_null(rig.deferred);
	coaps_answer(rig.deferred, &reply);
	assert_int_equal(post(&second, 1), CHANGED); /* the same answer again */
	assert_int_equal(rig.handled, 3);
	first.fd = fd; /* the old keys are worth nothing */
	assert_int_equal(post(&first, 2), 0);
	assert_int_equal(rig.handled, 3);
	dtls_peer_free(&first);
	dtls_peer_free(&second);
	close(fd);
}

/* From addresses of their own, and from one: each keeps others out without 0008. */
static void more_half_open_handshakes_than_are_kept_shut_nobody_out(void **state)
{
	static int fds[HALF_OPEN];
	struct dtls_peer good;
	int fd;

	(void)state;
	for (unsigned one = 0; one <= 1; one++) {
		for (unsigned i = 0; i < HALF_OPEN; i++) {
			fds[i] = socket_at(one ? INADDR_LOOPBACK + 1 : 0x7f010000u + i, 0);
			begin_and_leave(fds[i]);
		}
		fd = socket_at(INADDR_LOOPBACK, 0);
		peer_init(&good, fd, "node");
		assert_int_equal(shake_hands(&good, 50), 0);
		assert_int_equal(post(&good, 1), CHANGED);
		dtls_peer_free(&good);
		close(fd);
		for (unsigned i = 0; i < HALF_OPEN; i++) {
			close(fds[i]);
		}
	}
}

/* Its host has too many, but it is known by its ticket. */
static void a_client_with_a_ticket_keeps_its_place(void **state)
{
	static int fds[HALF_OPEN];
	struct dtls_peer p;
	mbedtls_ssl_session session;
	int fd = socket_at(INADDR_LOOPBACK, 0);
	unsigned turns = 0;

	(void)state;
	peer_init(&p, fd, "node");
	assert_int_equal(shake_hands(&p, 200), 0);
	mbedtls_ssl_session_init(&session);
	assert_int_equal(mbedtls_ssl_get_session(&p.ssl, &session), 0);
	dtls_peer_free(&p);
	close(fd);
	for (unsigned i = 0; i < HALF_OPEN / 2; i++) {
		fds[i] = socket_at(0x7f010000u + i, 0);
		begin_and_leave(fds[i]);
	}
	fd = socket_at(INADDR_LOOPBACK, 0);
	peer_init(&p, fd, "node");
	assert_int_equal(mbedtls_ssl_set_session(&p.ssl, &session), 0);
	while (p.ssl.MBEDTLS_PRIVATE(state) <= MBEDTLS_SSL_SERVER_HELLO && turns++ < 20) {
		if (mbedtls_ssl_handshake_step(&p.ssl) == MBEDTLS_ERR_SSL_WANT_READ) {
			serve(fd);
		}
	}
	assert_true(turns < 20); /* its hello with cookie and ticket was answered */
	for (unsigned i = HALF_OPEN / 2; i < HALF_OPEN * 3 / 4; i++) {
		fds[i] = socket_at(INADDR_LOOPBACK, 0);
		begin_and_leave(fds[i]);
	}
	assert_int_equal(shake_hands(&p, 50), 0);
	assert_int_equal(post(&p, 1), CHANGED);
	assert_true(coaps_server_counts(rig.server).unfinished > 0);
	mbedtls_ssl_session_free(&session);
	dtls_peer_free(&p);
	close(fd);
	for (unsigned i = 0; i < HALF_OPEN * 3 / 4; i++) {
		close(fds[i]);
	}
}

static unsigned open_sessions(void)
{
	return coaps_server_counts(rig.server).sessions;
}

static void the_oldest_session_of_a_name_ends_for_a_further_one(void **state)
{
	static struct dtls_peer peers[COAPS_SESSIONS_PER_NAME + 1];
	struct dtls_peer other;
	unsigned turns = 0;
	int fds[COAPS_SESSIONS_PER_NAME + 2];

	(void)state;
	fds[COAPS_SESSIONS_PER_NAME + 1] = socket_at(INADDR_LOOPBACK, 0);
	peer_init(&other, fds[COAPS_SESSIONS_PER_NAME + 1], "operator");
	assert_int_equal(shake_hands(&other, 200), 0);
	for (unsigned i = 0; i <= COAPS_SESSIONS_PER_NAME; i++) {
		fds[i] = socket_at(INADDR_LOOPBACK, 0);
		peer_init(&peers[i], fds[i], "node");
		assert_int_equal(shake_hands(&peers[i], 200), 0);
	}
	while (open_sessions() > COAPS_SESSIONS_PER_NAME + 1) {
		assert_true(turns++ < 100);
		serve(other.fd);
	}
	assert_int_equal(coaps_server_counts(rig.server).displaced, 1);
	assert_int_equal(post(&peers[0], 1), 0);
	assert_int_equal(post(&peers[1], 1), CHANGED);
	assert_int_equal(post(&peers[COAPS_SESSIONS_PER_NAME], 1), CHANGED);
	assert_int_equal(post(&other, 1), CHANGED);
	dtls_peer_free(&other);
	for (unsigned i = 0; i <= COAPS_SESSIONS_PER_NAME; i++) {
		dtls_peer_free(&peers[i]);
	}
	for (unsigned i = 0; i <= COAPS_SESSIONS_PER_NAME + 1; i++) {
		close(fds[i]);
	}
}

/* --- Connection ID -------------------------------------------------------- */

static void open_moving(struct dtls_peer *p, int fd)
{
	peer_init(p, fd, "node");
	assert_int_equal(mbedtls_ssl_set_cid(&p->ssl, MBEDTLS_SSL_CID_ENABLED, NULL, 0), 0);
	assert_int_equal(shake_hands(p, 200), 0);
	assert_int_equal(post(p, 1), CHANGED);
}

/* What p sends next, which stays here. */
static size_t catch_record(struct dtls_peer *p, uint8_t mid, uint8_t *record, size_t size)
{
	const uint8_t request[] = { 0x40, COAP_REQUEST_CODE_POST, 0, mid, 0xb1, 'x' };
	int ends[2], fd = p->fd;
	ssize_t n;

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	p->fd = ends[0];
	assert_int_equal(mbedtls_ssl_write(&p->ssl, request, sizeof(request)), sizeof(request));
	p->fd = fd;
	n = recv(ends[1], record, size, 0);
	assert_true(n > 0);
	assert_int_equal(record[0], 25); /* tls12_cid */
	close(ends[0]);
	close(ends[1]);
	return (size_t)n;
}

static void deliver(int fd, const uint8_t *record, size_t size)
{
	assert_int_equal(send(fd, record, size, 0), (ssize_t)size);
	serve(fd);
}

static bool has_come(int fd)
{
	serve(fd);
	return recv(fd, &(char){ 0 }, 1, MSG_PEEK) > 0;
}

static void a_session_follows_its_client_to_another_port_and_back(void **state)
{
	int home = socket_at(INADDR_LOOPBACK, 0), away = socket_at(INADDR_LOOPBACK, 0);
	struct dtls_peer p;

	(void)state;
	open_moving(&p, home);
	p.fd = away;
	assert_int_equal(post(&p, 2), CHANGED);
	p.fd = home;
	assert_int_equal(post(&p, 3), CHANGED);
	assert_int_equal(rig.handled, 3);
	assert_int_equal(open_sessions(), 1);
	dtls_peer_free(&p);
	close(home);
	close(away);
}

static void a_forged_record_and_a_copy_of_one_move_nothing(void **state)
{
	int home = socket_at(INADDR_LOOPBACK, 0), stranger = socket_at(INADDR_LOOPBACK, 0);
	uint8_t record[300], forged[300];
	struct dtls_peer p;
	size_t n;

	(void)state;
	open_moving(&p, home);
	n = catch_record(&p, 2, record, sizeof(record));
	for (size_t i = 0; i < n; i++) { /* each byte in turn: header, CID, ciphertext, tag */
		memcpy(forged, record, n);
		forged[i] ^= 1;
		deliver(stranger, forged, n);
	}
	assert_false(has_come(stranger));
	assert_int_equal(rig.handled, 1);
	deliver(home, record, n);
	assert_int_equal(rig.handled, 2);
	deliver(stranger, record, n);
	deliver(stranger, record, 20);
	assert_false(has_come(stranger));
	assert_int_equal(rig.handled, 2);
	assert_int_equal(receive(&p, 2), CHANGED);
	assert_int_equal(post(&p, 3), CHANGED);
	dtls_peer_free(&p);
	close(home);
	close(stranger);
}

/* Delayed by the network, it is authentic, but from where the client was before. */
static void an_older_record_does_not_move_a_session_back(void **state)
{
	int home = socket_at(INADDR_LOOPBACK, 0), away = socket_at(INADDR_LOOPBACK, 0);
	uint8_t record[300];
	struct dtls_peer p;
	size_t n;

	(void)state;
	open_moving(&p, home);
	n = catch_record(&p, 2, record, sizeof(record));
	p.fd = away;
	assert_int_equal(post(&p, 3), CHANGED);
	deliver(home, record, n);
	assert_int_equal(rig.handled, 3);
	assert_false(has_come(home));
	assert_true(has_come(away));
	dtls_peer_free(&p);
	close(home);
	close(away);
}

static void a_session_does_not_take_the_address_of_another(void **state)
{
	int home = socket_at(INADDR_LOOPBACK, 0), taken = socket_at(INADDR_LOOPBACK, 0);
	struct dtls_peer p, other;

	(void)state;
	open_moving(&p, home);
	peer_init(&other, taken, "operator");
	assert_int_equal(shake_hands(&other, 200), 0);
	p.fd = taken;
	assert_int_equal(post(&p, 2), 0); /* answered at home */
	assert_true(has_come(home));
	assert_int_equal(post(&other, 1), CHANGED);
	dtls_peer_free(&p);
	dtls_peer_free(&other);
	close(home);
	close(taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ON(f) cmocka_unit_test_setup_teardown(f, start, stop)
		cmocka_unit_test_setup_teardown(
			an_unfinished_handshake_from_its_address_leaves_a_session_as_it_is, start,
			stop),
		cmocka_unit_test_setup_teardown(
			a_failed_handshake_from_its_address_leaves_a_session_as_it_is, start, stop),
		cmocka_unit_test_setup_teardown(after_a_failed_handshake_alone_its_address_is_free,
						start, stop),
		cmocka_unit_test_setup_teardown(with_the_new_session_all_of_the_old_one_goes, start,
						stop),
		cmocka_unit_test_setup_teardown(
			more_half_open_handshakes_than_are_kept_shut_nobody_out, start, stop),
		ON(a_client_with_a_ticket_keeps_its_place),
		ON(the_oldest_session_of_a_name_ends_for_a_further_one),
		ON(a_session_follows_its_client_to_another_port_and_back),
		ON(a_forged_record_and_a_copy_of_one_move_nothing),
		ON(an_older_record_does_not_move_a_session_back),
		ON(a_session_does_not_take_the_address_of_another),
	};

	return cmocka_run_group_tests(tests, coaps_rig_make_ca, coaps_rig_remove_ca);
}
