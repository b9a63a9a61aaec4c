// SPDX-License-Identifier: BSD-2-Clause
/*
 * coap_load PORT PKI DEVICES [PATH]: many DTLS sessions of CoAP clients in one process, to load a
 *server on 127.0.0.1.
 *
 * PKI holds ca.pem, and node.key with node-0.pem ... of DEVICES devices
 *urn:dev:mac:0200c0fffe000000 ... Without PATH each request is a POST of one reading to
 * /gpsflowtemp, else a PUT of as many bytes to /PATH. Reads commands from stdin, a line each, and
 *answers each with a line:
 *
 *	connect N [ticket]	so many more sessions; the handshakes in full, or by a ticket from
 *the last  -> N close N			ends the newest N by close_notify  -> N load N
 *SECONDS [RATE]	N sessions send, each one request at a time, as fast as they are answered or
 *RATE a second
 *				-> requests seconds p50_us p99_us bytes
 *	ask N SECONDS [RATE]	the same with GET /time, which costs any server little
 *
 * At a RATE all RATE * SECONDS requests are sent, each at its due time or as soon after it as a
 *session is free, and its latency counts from the due time: else a server that stands still would
 *hide it from all but the requests under way. Without a RATE it counts from the sending.
 *
 * A time-out of a request (2 s: ACK_TIMEOUT, RFC 7252 4.8) ends the program: a benchmark has no
 *losses. So does a command that is not understood (exit code 2).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/timing.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "gpio-w1/w1_crc.h"
#include "userspace/reading/reading.h"
#include "userspace/reading/senml.h"

#define SESSIONS_MAX 12000
#define DEVICES_MAX 128
#define HANDSHAKES 32 /* at a time */
#define TIMEOUT_NS UINT64_C(2000000000)
#define LATENCIES_MAX 4000000
#define SECONDS_MAX 3600
#define RATE_MAX 1000000

struct session {
	mbedtls_ssl_context ssl;
	mbedtls_timing_delay_context timer;
	mbedtls_net_context net;
	unsigned device;
	uint16_t mid;
	uint64_t sent_ns; /* 0: nothing is outstanding */
	uint64_t due_ns; /* when the request was to be sent */
};

struct device {
	mbedtls_x509_crt crt;
	mbedtls_ssl_config conf;
	uint64_t seq;
};

static struct session *sessions[SESSIONS_MAX];
static unsigned n_sessions, n_devices;
static struct device devices[DEVICES_MAX];
static mbedtls_pk_context key;
static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;
static mbedtls_ssl_session ticket;
static bool has_ticket;
static unsigned ticket_device;
static struct sockaddr_in server = { .sin_family = AF_INET };
static const char *put_path;
static bool asking;
static uint64_t epoch;
static size_t request_bytes;
static uint32_t latency_us[LATENCIES_MAX];
static size_t n_latencies;
static int events;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *doing, int code)
{
	char why[128] = "";

	if (code != 0) {
		mbedtls_strerror(code, why, sizeof(why));
	}
	fprintf(stderr, "coap_load: %s: %s\n", doing, code != 0 ? why : strerror(errno));
	exit(1);
}

static void check(const char *doing, int code)
{
	if (code != 0) {
		die(doing, code);
	}
}

static void prepare(const char *pki)
{
	/* What a node offers that knows its server: P-256 both ways. */
	static const uint16_t groups[] = { MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, 0 };
	char path[512];

	mbedtls_pk_init(&key);
	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&drbg);
	mbedtls_ssl_session_init(&ticket);
	check("randomness", mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0));
	snprintf(path, sizeof(path), "%s/node.key", pki);
	check(path, mbedtls_pk_parse_keyfile(&key, path, NULL, mbedtls_ctr_drbg_random, &drbg));
	for (unsigned i = 0; i < n_devices; i++) {
		struct device *d = &devices[i];

		mbedtls_x509_crt_init(&d->crt);
		mbedtls_ssl_config_init(&d->conf);
		snprintf(path, sizeof(path), "%s/node-%u.pem", pki, i);
		check(path, mbedtls_x509_crt_parse_file(&d->crt, path));
		check("configuration", mbedtls_ssl_config_defaults(&d->conf, MBEDTLS_SSL_IS_CLIENT,
								   MBEDTLS_SSL_TRANSPORT_DATAGRAM,
								   MBEDTLS_SSL_PRESET_DEFAULT));
		mbedtls_ssl_conf_rng(&d->conf, mbedtls_ctr_drbg_random, &drbg);
		mbedtls_ssl_conf_authmode(&d->conf, MBEDTLS_SSL_VERIFY_NONE); /* the server's cost
										 is the question */
		mbedtls_ssl_conf_max_tls_version(&d->conf, MBEDTLS_SSL_VERSION_TLS1_2);
		mbedtls_ssl_conf_groups(&d->conf, groups);
		mbedtls_ssl_conf_handshake_timeout(&d->conf, 1000, 16000);
		check("certificate", mbedtls_ssl_conf_own_cert(&d->conf, &d->crt, &key));
	}
}

/* --- sessions --------------------------------------------------------------- */

static struct session *open_session(unsigned number, bool by_ticket)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		die("a session", 0);
	}
	s->device = number % n_devices;
	mbedtls_ssl_init(&s->ssl);
	s->net.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->net.fd < 0 ||
	    connect(s->net.fd, (const struct sockaddr *)&server, sizeof(server)) != 0) {
		die("a socket", 0);
	}
	check("a session", mbedtls_ssl_setup(&s->ssl, &devices[s->device].conf));
	mbedtls_ssl_set_bio(&s->ssl, &s->net, mbedtls_net_send, mbedtls_net_recv, NULL);
	mbedtls_ssl_set_timer_cb(&s->ssl, &s->timer, mbedtls_timing_set_delay,
				 mbedtls_timing_get_delay);
	if (by_ticket) {
		check("the ticket", mbedtls_ssl_set_session(&s->ssl, &ticket));
	}
	return s;
}

static void up(struct session *s)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = s };

	if (!has_ticket && mbedtls_ssl_get_session(&s->ssl, &ticket) == 0) {
		has_ticket = true;
		ticket_device = s->device;
	}
	if (epoll_ctl(events, EPOLL_CTL_ADD, s->net.fd, &event) != 0) {
		die("epoll", 0);
	}
	sessions[n_sessions++] = s;
}

static void connect_more(unsigned n, bool by_ticket)
{
	struct session *going[HANDSHAKES];
	struct pollfd fds[HANDSHAKES];
	unsigned begun = 0, n_going = 0, first = n_sessions;

	if (by_ticket && !has_ticket) {
		errno = ENOKEY;
		die("connect", 0);
	}
	while (n_going > 0 || begun < n) {
		while (n_going < HANDSHAKES && begun < n) {
			/* A ticket is of one device. */
			going[n_going++] =
				open_session(by_ticket ? ticket_device : first + begun, by_ticket);
			begun++;
		}
		for (unsigned i = 0; i < n_going; i++) {
			int rc = mbedtls_ssl_handshake(&going[i]->ssl);

			if (rc == 0) {
				up(going[i]);
				going[i--] = going[--n_going];
			} else if (rc != MBEDTLS_ERR_SSL_WANT_READ &&
				   rc != MBEDTLS_ERR_SSL_WANT_WRITE) {
				die("a handshake", rc);
			}
		}
		for (unsigned i = 0; i < n_going; i++) {
			fds[i] = (struct pollfd){ .fd = going[i]->net.fd, .events = POLLIN };
		}
		poll(fds, n_going, 50);
	}
	printf("%u\n", n);
}

static void close_newest(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct session *s = sessions[--n_sessions];

		mbedtls_ssl_close_notify(&s->ssl);
		mbedtls_ssl_free(&s->ssl);
		mbedtls_net_free(&s->net);
		free(s);
	}
	printf("%u\n", n);
}

/* --- requests --------------------------------------------------------------- */

static size_t reading_of(struct device *d, unsigned number, uint8_t *out, size_t size)
{
	static const uint8_t pad[9] = { 0x91, 0x01, 0x4b, 0x46, 0x7f, 0xff, 0x0c, 0x10, 0x25 };
	struct reading r;
	size_t done;
	int n;

	reading_init(&r);
	snprintf(r.device, sizeof(r.device), "urn:dev:mac:0200c0fffe%06x", number);
	r.epoch = epoch;
	r.seq = ++d->seq;
	r.utc_us = INT64_C(1790000000000000) + (int64_t)r.seq * 1000000;
	r.time_source = READING_TIME_GNSS;
	r.n_temperatures = 1;
	r.temperatures[0].rom[0] = 0x28;
	r.temperatures[0].rom[7] = w1_crc8(r.temperatures[0].rom, 7);
	memcpy(r.temperatures[0].scratchpad, pad, sizeof(pad));
	r.temperatures[0].scratchpad_known = r.temperatures[0].temp_known = true;
	r.temperatures[0].temp_mc = 25062;
	r.temperatures[0].resolution_bits = 12;
	n = senml_encode(SENML_CBOR, &r, 1, out, size, &done);
	if (n < 0) {
		errno = -n;
		die("a reading", 0);
	}
	return (size_t)n;
}

/* RFC 7252 3: CON, a token of 2 bytes; options Uri-Path (11) and Content-Format (12) = 112. Due 0:
 * now. */
static void send_request(struct session *s, uint64_t due_ns)
{
	const char *path = asking ? "time" : put_path != NULL ? put_path : "gpsflowtemp";
	uint8_t m[600];
	size_t n = 0, length = strlen(path);
	int rc;

	s->mid++;
	m[n++] = 0x42;
	m[n++] = asking ? 1 : put_path != NULL ? 3 : 2;
	m[n++] = (uint8_t)(s->mid >> 8);
	m[n++] = (uint8_t)s->mid;
	m[n++] = (uint8_t)(s->mid >> 8);
	m[n++] = (uint8_t)s->mid;
	m[n++] = 11 << 4 | (uint8_t)(length < 13 ? length : 13);
	if (length >= 13) {
		m[n++] = (uint8_t)(length - 13);
	}
	memcpy(m + n, path, length);
	n += length;
	if (!asking && put_path == NULL) {
		m[n++] = 1 << 4 | 1;
		m[n++] = 112;
	}
	if (!asking) {
		m[n++] = 0xff;
		request_bytes = reading_of(&devices[s->device], s->device, m + n, sizeof(m) - n);
		n += request_bytes;
	}
	rc = mbedtls_ssl_write(&s->ssl, m, n);
	if (rc != (int)n) {
		die("a request", rc < 0 ? rc : MBEDTLS_ERR_SSL_INTERNAL_ERROR);
	}
	s->sent_ns = now_ns();
	s->due_ns = due_ns != 0 ? due_ns : s->sent_ns;
}

/* Whether the answer was in it. */
static bool take_answer(struct session *s)
{
	uint8_t m[1500];
	int n;

	while ((n = mbedtls_ssl_read(&s->ssl, m, sizeof(m))) > 0) {
		unsigned token = m[0] & 15u;

		if (n < 4 + (int)token || token != 2 || (m[0] & 0x30) == 0x30) {
			continue; /* an empty acknowledgement: the answer comes by itself */
		}
		if ((m[0] & 0x30) == 0) { /* CON: acknowledge it */
			const uint8_t ack[4] = { 0x60, 0, m[2], m[3] };

			mbedtls_ssl_write(&s->ssl, ack, sizeof(ack));
		}
		if (m[4] != (uint8_t)(s->mid >> 8) || m[5] != (uint8_t)s->mid || s->sent_ns == 0) {
			continue;
		}
		if (m[1] >> 5 != 2) {
			fprintf(stderr, "coap_load: answered %u.%02u: %.*s\n", m[1] >> 5,
				m[1] & 31u, n - 6, (const char *)m + 6);
			exit(1);
		}
		if (n_latencies == LATENCIES_MAX) {
			errno = ENOBUFS;
			die("more answers than there is room for", 0);
		}
		latency_us[n_latencies++] = (uint32_t)((now_ns() - s->due_ns) / 1000);
		s->sent_ns = 0;
		return true;
	}
	if (n != MBEDTLS_ERR_SSL_WANT_READ && n != MBEDTLS_ERR_SSL_WANT_WRITE) {
		die("an answer", n);
	}
	return false;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void check_time(const struct session *s, uint64_t now)
{
	if (s->sent_ns != 0 && now > s->sent_ns + TIMEOUT_NS) {
		errno = ETIMEDOUT;
		die("a request", 0);
	}
}

static void load(unsigned n, double seconds, double rate)
{
	uint64_t began = now_ns(), end = began + (uint64_t)(seconds * 1e9), sent = 0;
	uint64_t total = rate > 0 ? (uint64_t)(seconds * rate) : UINT64_MAX;
	double gap_ns = rate > 0 ? 1e9 / rate : 0;
	unsigned outstanding = 0, next = 0;

	n_latencies = 0;
	for (;;) {
		struct timespec wait = { .tv_nsec = 100000000 };
		struct epoll_event ready[256];
		uint64_t now = now_ns(), due = 0;
		bool enough = false;
		int got;

		for (unsigned i = 0; i < n; i++) {
			struct session *s = sessions[(next + i) % n];

			due = rate > 0 ? began + (uint64_t)((double)sent * gap_ns) : 0;
			enough = rate > 0 ? sent == total : now >= end;
			if (s->sent_ns == 0 && !enough && due <= now) {
				send_request(s, due);
				outstanding++;
				sent++;
			} else {
				check_time(s, now);
			}
		}
		next = (next + 1) % n;
		if (enough && outstanding == 0) {
			break;
		}
		if (!enough && due > now && due - now < (uint64_t)wait.tv_nsec) {
			wait.tv_nsec = (long)(due - now);
		}
		got = epoll_pwait2(events, ready, 256, &wait, NULL);
		for (int i = 0; i < got; i++) {
			outstanding -= take_answer(ready[i].data.ptr);
		}
	}
	seconds = (double)(now_ns() - began) / 1e9;
	qsort(latency_us, n_latencies, sizeof(latency_us[0]), by_size);
	printf("%" PRIu64 " %.3f %u %u %zu\n", sent, seconds,
	       n_latencies > 0 ? latency_us[n_latencies / 2] : 0,
	       n_latencies > 0 ? latency_us[n_latencies * 99 / 100] : 0, request_bytes);
}

/* --- commands ---------------------------------------------------------------- */

/* A number within these bounds, or the end of the program. */
static double number(const char *what, const char *text, double min, double max)
{
	char *end = NULL;
	double value = text != NULL ? strtod(text, &end) : 0;

	if (text == NULL || end == text || *end != '\0' || !(value >= min && value <= max)) {
		fprintf(stderr, "coap_load: %s: '%s': a number from %g to %g is wanted\n", what,
			text != NULL ? text : "", min, max);
		exit(2);
	}
	return value;
}

static unsigned whole(const char *what, const char *text, unsigned min, unsigned max)
{
	double value;

	if (max < min) {
		fprintf(stderr, "coap_load: %s: %s\n", what,
			max == 0 ? "no session is open" : "no more sessions are possible");
		exit(2);
	}
	value = number(what, text, min, max);
	if (value != (double)(unsigned)value) {
		fprintf(stderr, "coap_load: %s: '%s': a whole number is wanted\n", what, text);
		exit(2);
	}
	return (unsigned)value;
}

static void obey(char *line)
{
	char *word[5] = { NULL }, *rest = NULL;
	unsigned n = 0;
	bool more;

	for (char *w = strtok_r(line, " \n", &rest); w != NULL && n < 5;
	     w = strtok_r(NULL, " \n", &rest)) {
		word[n++] = w;
	}
	more = n == 3 && strcmp(word[2], "ticket") == 0;
	if (n >= 2 && strcmp(word[0], "connect") == 0 && (n == 2 || more)) {
		connect_more(whole("connect", word[1], 1, SESSIONS_MAX - n_sessions), more);
	} else if (n == 2 && strcmp(word[0], "close") == 0) {
		close_newest(whole("close", word[1], 1, n_sessions));
	} else if ((n == 3 || n == 4) &&
		   (strcmp(word[0], "load") == 0 || strcmp(word[0], "ask") == 0)) {
		unsigned by = whole(word[0], word[1], 1, n_sessions);
		double seconds = number("seconds", word[2], 0.001, SECONDS_MAX);

		asking = word[0][0] == 'a';
		load(by, seconds, n == 4 ? number("rate", word[3], 0.001, RATE_MAX) : 0);
	} else {
		fprintf(stderr,
			"coap_load: '%s': connect N [ticket], close N, load N SECONDS [RATE] or ask N SECONDS [RATE] is wanted\n",
			n > 0 ? word[0] : "");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct rlimit files;
	char line[128];

	if (argc < 4 || argc > 5) {
		fprintf(stderr, "usage: coap_load PORT PKI DEVICES [PATH]\n");
		return 2;
	}
	server.sin_port = htons((uint16_t)whole("PORT", argv[1], 1, 65535));
	n_devices = whole("DEVICES", argv[3], 1, DEVICES_MAX);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	put_path = argv[4];
	epoch = (uint64_t)time(NULL) << 20 | (uint64_t)getpid();
	events = epoll_create1(EPOLL_CLOEXEC);
	prepare(argv[2]);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		obey(line);
		fflush(stdout);
	}
	return 0;
}
