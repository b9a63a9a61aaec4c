// SPDX-License-Identifier: BSD-2-Clause
/* geotherm bench: the cost of a handshake and a POST from here, per cipher suite. */
#define _GNU_SOURCE /* getrandom() */
#include <getopt.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli.h"
#include "credentials.h"
#include "time/now.h"
#include "userspace/coaps/coaps_client.h"
#include "userspace/coaps/coaps_policy.h"
#include "userspace/coaps/coaps_request.h"
#include "userspace/daemon/options.h"
#include "userspace/reading/senml.h"
#include "userspace/reading/printable.h"

#define COUNT_MAX 10000
#define DEADLINE_MS 10000 /* for a suite that the server ignores */

struct bench {
	struct coaps_client_config client;
	bool post;
	unsigned long count;
	struct reading reading; /* of a post: seq grows */
	double *ms;
	/* of the request under way */
	bool good;
	char why[160];
};

static void on_answer(void *arg, const struct coaps_response *r)
{
	struct bench *b = arg;

	b->good = r->cause == COAPS_ANSWERED && r->code < 0x80;
	if (r->cause != COAPS_ANSWERED) {
		snprintf(b->why, sizeof b->why, "%s", r->reason);
	} else if (!b->good) {
		char text[120];

		printable(text, sizeof text, r->payload, r->payload_size, PRINTABLE_LINE);
		snprintf(b->why, sizeof b->why, "%d.%02d %s", r->code >> 5, r->code & 31, text);
	}
}

/* The time to the answer, or to the end of the handshake. Below 0: failed, see why. */
static double request_ms(struct bench *b, struct coaps_client *client,
			 const struct coaps_request *request, bool handshake)
{
	uint64_t begun_ns = now_ns(), end_ns;
	int rc = coaps_request_wait(client, request, on_answer, b, NULL);

	end_ns = now_ns();
	if (rc != 0) {
		snprintf(b->why, sizeof b->why, "%s", strerror(-rc));
		return -1;
	}
	if (handshake) { /* complete, whatever the server answers then */
		end_ns = coaps_client_established_ns(client);
	}
	return end_ns > begun_ns && (handshake || b->good) ? (double)(end_ns - begun_ns) / 1e6 : -1;
}

static double time_request_ms(struct bench *b, struct coaps_client *client)
{
	struct coaps_request request = {
		.method = COAPS_GET, .path = "/time", .content_format = -1, .accept = -1
	};

	return request_ms(b, client, &request, true);
}

static double post_ms(struct bench *b, struct coaps_client *client)
{
	uint8_t body[SENML_READING_MAX];
	struct coaps_request request = { .method = COAPS_POST,
					 .path = "/gpsflowtemp",
					 .content_format = SENML_CBOR,
					 .accept = -1,
					 .payload = body };
	int size;

	b->reading.seq++;
	size = senml_encode(SENML_CBOR, &b->reading, 1, body, sizeof body, NULL);
	if (size < 0) {
		snprintf(b->why, sizeof b->why, "%s", strerror(-size));
		return -1;
	}
	request.payload_size = (size_t)size;
	return request_ms(b, client, &request, false);
}

static void progress(const struct bench *b, unsigned long done, const char *suite)
{
	int filled = (int)(done * 30 / b->count);

	if (isatty(STDERR_FILENO)) {
		fprintf(stderr, "\r[%.*s%*s] %lu/%lu %s\033[K", filled,
			"##############################", 30 - filled, "", done, b->count, suite);
	}
}

/* All of one suite: how many were measured. */
static unsigned long measure(struct bench *b, const char *suite)
{
	struct coaps_client *client = NULL;
	unsigned long n = 0;
	int code;

	b->client.ciphers = suite;
	for (; n < b->count; n++) {
		/* A new client has no ticket: each handshake is a full one. */
		if (client == NULL) {
			client = coaps_client_new(&b->client, &code, b->why, sizeof b->why);
		}
		if (client == NULL || (b->post && n == 0 && time_request_ms(b, client) < 0)) {
			break;
		}
		b->ms[n] = b->post ? post_ms(b, client) : time_request_ms(b, client);
		if (b->ms[n] < 0) {
			break;
		}
		if (!b->post) {
			coaps_client_free(client);
			client = NULL;
		}
		progress(b, n + 1, suite);
	}
	coaps_client_free(client);
	if (isatty(STDERR_FILENO)) {
		fputs("\r\033[K", stderr);
	}
	return n;
}

static int by_size(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static bool report(struct bench *b, const char *suite)
{
	unsigned long n = measure(b, suite);

	if (n < b->count) {
		printf("%-46s %s\n", suite, b->why);
		return false;
	}
	qsort(b->ms, n, sizeof *b->ms, by_size);
	printf("%-46s %9.2f %9.2f %9.2f\n", suite, b->ms[0], b->ms[n / 2],
	       b->ms[(n * 99 + 99) / 100 - 1]);
	fflush(stdout);
	return true;
}

/* The posted reading: minimal, of the device that the certificate names, in an epoch of its own. */
static int prepare_reading(struct bench *b)
{
	struct coaps_certificate_info info;
	char err[512];

	if (coaps_credentials_check(&b->client.credentials, COAPS_CLIENT, 0, &info, err,
				    sizeof err) != 0 ||
	    info.device[0] == '\0') {
		fprintf(stderr, "geotherm bench: post needs the certificate of a node: %s\n",
			b->client.credentials.certificate == NULL ? "expected --cert"
			: info.device[0] == '\0'		  ? "it names no device"
								  : err);
		return CLI_USAGE;
	}
	reading_init(&b->reading);
	snprintf(b->reading.device, sizeof b->reading.device, "%s", info.device);
	b->reading.utc_us = now_utc_us();
	b->reading.time_source = READING_TIME_HOST;
	b->reading.time_acc_ns = UINT64_MAX;
	snprintf(b->reading.note, sizeof b->reading.note, "geotherm bench");
	if (getrandom(&b->reading.epoch, sizeof b->reading.epoch, 0) != sizeof b->reading.epoch) {
		return CLI_FAILED;
	}
	b->reading.epoch |= 1;
	return CLI_OK;
}

static int read_options(const struct manual_command *self, int argc, char **argv, struct bench *b,
			const char **ciphers)
{
	const struct options_value values[] = {
		CLI_CREDENTIALS_VALUES(b->client),
		{ CLI_CIPHERS, .text = ciphers },
		{ CLI_COUNT, .number = &b->count, .min = 1, .max = COUNT_MAX },
	};
	int code;

	cli_credentials_default(&b->client);
	code = options_read(&cli_manual, self, argc, argv, values, sizeof values / sizeof values[0],
			    2);
	if (code >= 0) {
		return code;
	}
	if (argc - optind != 2 ||
	    (strcmp(argv[optind], "handshake") != 0 && strcmp(argv[optind], "post") != 0)) {
		fputs("geotherm bench: expected handshake or post, and a URI\n", stderr);
		return CLI_USAGE;
	}
	b->post = strcmp(argv[optind], "post") == 0;
	b->client.uri = argv[optind + 1];
	if (strncmp(b->client.uri, "coaps://", 8) != 0) {
		fprintf(stderr, "geotherm bench: %s: expected a coaps:// URI\n", b->client.uri);
		return CLI_USAGE;
	}
	return cli_credentials_check(&b->client, "bench") ? -1 : CLI_USAGE;
}

int cmd_bench(const struct manual_command *self, int argc, char **argv)
{
	struct bench b = { .client.deadline_ms = DEADLINE_MS, .count = 20 };
	const char *ciphers = NULL;
	struct coaps_policy policy;
	char err[512];
	size_t good = 0;
	int code = read_options(self, argc, argv, &b, &ciphers);

	if (code >= 0) {
		return code;
	}
	if (coaps_policy_parse(ciphers, &policy, err, sizeof err) != 0) {
		fprintf(stderr, "geotherm bench: %s\n", err);
		return CLI_USAGE;
	}
	code = b.post ? prepare_reading(&b) : CLI_OK;
	if (code != CLI_OK) {
		return code;
	}
	b.ms = calloc(b.count, sizeof *b.ms);
	if (b.ms == NULL) {
		return CLI_FAILED;
	}
	printf("%lu %s each, in ms\n%-46s %9s %9s %9s\n", b.count,
	       b.post ? "POSTs of one reading" : "full handshakes", "cipher suite", "min", "median",
	       "99 %");
	for (const int *suite = policy.suites; *suite != 0; suite++) {
		good += report(&b, mbedtls_ssl_get_ciphersuite_name(*suite));
	}
	free(b.ms);
	return good > 0 ? CLI_OK : CLI_UNREACHABLE;
}
