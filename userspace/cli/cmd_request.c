// SPDX-License-Identifier: BSD-2-Clause
/* geotherm get, post, put, delete, observe */
#define _GNU_SOURCE /* sigaction */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "credentials.h"
#include "show.h"
#include "time/now.h"
#include "userspace/coaps/coaps_request.h"
#include "userspace/daemon/options.h"
#include "userspace/reading/printable.h"
#include "when.h"

#define BODY_MAX (1024 * 1024) /* the server's default limit */
#define PATH_SIZE 1024
#define RETRY_MAX_S 16

struct options {
	const char *verb;
	struct coaps_client_config client;
	int accept, content_format;
	bool json;
	const char *uri, *payload, *from, *to;
};

struct outcome {
	bool is_time; /* microseconds, to be shown as a date */
	const struct options *options;
	int exit_code;
	/* of an observation */
	bool granted; /* the server notified us, or promised to */
	bool lost; /* it was granted, and the server may be back soon */
	uint8_t *last; /* what was shown last; malloc'ed */
	size_t last_size;
};

static const struct {
	const char *name;
	int number; /* IANA CoAP Content-Formats */
} formats[] = {
	{ "text", 0 },	{ "link", 40 },	       { "json", 50 },
	{ "cbor", 60 }, { "senml+json", 110 }, { "senml+cbor", 112 },
};

static int format_number(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
		if (strcmp(formats[i].name, text) == 0) {
			return formats[i].number;
		}
	}
	return end != text && *end == '\0' && number >= 0 && number <= 65535 ? (int)number : -1;
}

static bool parse_format(void *number, const char *text)
{
	*(int *)number = format_number(text);
	if (*(int *)number < 0) {
		fprintf(stderr, "%s: no such format\n", text);
	}
	return *(int *)number >= 0;
}

static bool parse_timeout(void *config, const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end != '\0' || !(seconds > 0 && seconds <= 3600)) {
		fprintf(stderr, "--timeout %s: expected seconds up to 3600\n", text);
		return false;
	}
	((struct coaps_client_config *)config)->deadline_ms = (unsigned)(seconds * 1000);
	return true;
}

static int parse(const struct manual_command *self, int argc, char **argv, struct options *o)
{
	const struct options_value values[] = {
		CLI_CREDENTIALS_VALUES(o->client),
		{ CLI_CIPHERS, .text = &o->client.ciphers },
		{ CLI_JSON, .flag = &o->json },
		{ CLI_ACCEPT, .accept = parse_format, .arg = &o->accept },
		{ CLI_FORMAT, .accept = parse_format, .arg = &o->content_format },
		{ CLI_TIMEOUT, .accept = parse_timeout, .arg = &o->client },
		{ CLI_FROM, .text = &o->from },
		{ CLI_TO, .text = &o->to },
	};
	int code;

	*o = (struct options){ .verb = self->name, .accept = -1, .content_format = -1 };
	cli_credentials_default(&o->client);
	code = options_read(&cli_manual, self, argc, argv, values, sizeof values / sizeof values[0],
			    2);
	if (code < 0 && optind == argc) {
		fprintf(stderr, "geotherm %s: expected a URI\n", o->verb);
		return CLI_USAGE;
	}
	o->uri = argv[optind];
	o->payload = optind + 1 < argc ? argv[optind + 1] : NULL;
	return code;
}

/*
 * The path with its query as it stands in the URI ("/" if there is none) and --from and --to,
 * with times in seconds. False with a message on stderr.
 */
static bool make_path(const struct options *o, char *path, size_t size)
{
	const char *host = strstr(o->uri, "://");
	const char *start = host != NULL ? strpbrk(host + 3, "/?") : NULL, *wrong;
	char text[PATH_SIZE];
	int n;

	start = start != NULL ? start : "/";
	n = snprintf(text, sizeof text, "%s%s%s%s%s", start,
		     o->from == NULL		  ? ""
		     : strchr(start, '?') == NULL ? "?from="
						  : "&from=",
		     o->from != NULL ? o->from : "",
		     o->to == NULL				     ? ""
		     : strchr(start, '?') == NULL && o->from == NULL ? "?to="
								     : "&to=",
		     o->to != NULL ? o->to : "");
	if (n < 0 || (size_t)n >= sizeof text) {
		fprintf(stderr, "geotherm %s: the path is longer than %d characters\n", o->verb,
			PATH_SIZE - 1);
		return false;
	}
	wrong = when_convert_query(text, now_utc_us() / 1000000, path, size);
	if (wrong != NULL) {
		fprintf(stderr, "geotherm %s: %s is no time: expected " WHEN_EXPECTED "\n", o->verb,
			wrong);
	}
	return wrong == NULL;
}

/* An argument, "@file" or "-" for stdin, whole. NULL with a message on stderr. */
static uint8_t *read_payload(const char *argument, size_t *size)
{
	uint8_t *body = malloc(BODY_MAX + 1);
	FILE *in;

	if (body == NULL) {
		return NULL;
	}
	if (*argument != '@' && strcmp(argument, "-") != 0) {
		*size = strlen(argument);
		if (*size <= BODY_MAX) {
			memcpy(body, argument, *size);
		}
	} else {
		in = *argument == '@' ? fopen(argument + 1, "rb") : stdin;
		if (in == NULL) {
			fprintf(stderr, "geotherm: %s: %s\n", argument + 1, strerror(errno));
			free(body);
			return NULL;
		}
		*size = fread(body, 1, BODY_MAX + 1, in);
		if (in != stdin) {
			fclose(in);
		}
	}
	if (*size > BODY_MAX) {
		fprintf(stderr, "geotherm: the payload is larger than %d bytes\n", BODY_MAX);
		free(body);
		return NULL;
	}
	return body;
}

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

/* The answer to an observation that was asked for again may be the one that was shown. */
static bool is_news(struct outcome *o, const struct coaps_response *r)
{
	if (o->last != NULL && o->last_size == r->payload_size &&
	    memcmp(o->last, r->payload, r->payload_size) == 0) {
		return false;
	}
	free(o->last);
	o->last = malloc(r->payload_size + 1);
	if (o->last != NULL) {
		memcpy(o->last, r->payload, r->payload_size);
		o->last_size = r->payload_size;
	}
	return true;
}

static void show_answer(struct outcome *o, const struct coaps_response *r)
{
	o->exit_code = CLI_OK;
	if (!(o->is_time && show_time(stdout, r->payload, r->payload_size)) &&
	    show_body(stdout, r->content_format, r->payload, r->payload_size, o->options->json) !=
		    0) {
		fprintf(stderr, "geotherm: %s: the answer is not in its content format, %d\n",
			o->options->uri, r->content_format);
		o->exit_code = CLI_FAILED;
	}
	fflush(stdout);
}

static void show_failure(struct outcome *o, const struct coaps_response *r)
{
	o->exit_code = r->cause != COAPS_ANSWERED ? CLI_UNREACHABLE : CLI_FAILED;
	o->lost = o->granted && (r->cause != COAPS_ANSWERED || r->code >> 5 == 5);
	fprintf(stderr, "geotherm: %s: ", o->options->uri);
	if (r->cause != COAPS_ANSWERED) {
		fputs(r->reason, stderr);
	} else {
		fprintf(stderr, "%d.%02d ", r->code >> 5, r->code & 31);
		printable_put(stderr, r->payload, r->payload_size, PRINTABLE_TEXT);
	}
	fputs(o->lost ? "; observing again as soon as it answers\n" : "\n", stderr);
}

static void on_answer(void *arg, const struct coaps_response *r)
{
	struct outcome *o = arg;

	if (r->cause != COAPS_ANSWERED || r->code >= 0x80) {
		show_failure(o, r);
		return;
	}
	if (is_news(o, r)) {
		show_answer(o, r);
	}
	o->granted = r->observed;
}

static void pause_s(unsigned seconds)
{
	uint64_t until_ns = now_ns() + seconds * UINT64_C(1000000000);

	while (!interrupted && now_ns() < until_ns) {
		poll(NULL, 0, 100);
	}
}

/* Goes on when the server was away, once it has granted the observation. */
static int observe(struct coaps_client *client, const struct coaps_request *request,
		   struct outcome *o)
{
	unsigned wait_s = 1;
	int code;

	do {
		o->lost = false;
		code = coaps_request_wait(client, request, on_answer, o, &interrupted);
		if (o->lost) {
			pause_s(wait_s);
			wait_s = wait_s < RETRY_MAX_S ? wait_s * 2 : RETRY_MAX_S;
		} else {
			wait_s = 1;
		}
	} while (!interrupted && (o->lost || code == -ETIMEDOUT));
	if (code == 0 && !o->lost && !o->granted && o->exit_code == CLI_OK) {
		fprintf(stderr, "geotherm: %s: the server answers but will not notify of changes\n",
			o->options->uri);
		o->exit_code = CLI_FAILED;
	}
	return code;
}

int cmd_request(const struct manual_command *self, int argc, char **argv)
{
	struct options o;
	struct outcome outcome = { .options = &o };
	struct coaps_request request = { .method = COAPS_GET };
	struct coaps_client *client;
	uint8_t *payload = NULL;
	char err[512], path[PATH_SIZE];
	int code = parse(self, argc, argv, &o);

	if (code >= 0) {
		return code;
	}
	o.client.uri = o.uri;
	if (!cli_credentials_check(&o.client, o.verb) || !make_path(&o, path, sizeof path)) {
		return CLI_USAGE;
	}
	request.path = path;
	request.accept = o.accept;
	outcome.is_time = strcmp(path, "/time") == 0 && o.accept < 0;
	request.content_format = o.content_format;
	if (strcmp(o.verb, "post") == 0 || strcmp(o.verb, "put") == 0) {
		request.method = strcmp(o.verb, "put") == 0 ? COAPS_PUT : COAPS_POST;
		payload = read_payload(o.payload != NULL ? o.payload : "-", &request.payload_size);
		if (payload == NULL) {
			return CLI_USAGE;
		}
		request.payload = payload;
	} else if (strcmp(o.verb, "delete") == 0) {
		request.method = COAPS_DELETE;
	} else if (strcmp(o.verb, "observe") == 0) {
		request.observe = true;
		sigaction(SIGINT, &(struct sigaction){ .sa_handler = on_signal }, NULL);
		sigaction(SIGTERM, &(struct sigaction){ .sa_handler = on_signal }, NULL);
	}
	client = coaps_client_new(&o.client, &code, err, sizeof err);
	if (client == NULL) {
		fprintf(stderr, "geotherm: %s\n", err);
		free(payload);
		return code == -EINVAL ? CLI_USAGE : CLI_UNREACHABLE;
	}
	code = request.observe ? observe(client, &request, &outcome)
			       : coaps_request_wait(client, &request, on_answer, &outcome, NULL);
	if (code != 0 && code != -EINTR) {
		fprintf(stderr, "geotherm: %s: %s\n", o.uri, strerror(-code));
		outcome.exit_code = CLI_USAGE;
	}
	coaps_client_free(client);
	free(outcome.last);
	free(payload);
	return outcome.exit_code;
}
