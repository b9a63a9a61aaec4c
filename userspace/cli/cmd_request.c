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
#include "show.h"
#include "userspace/coaps/coaps_client.h"
#include "userspace/daemon/options.h"

#define BODY_MAX (1024 * 1024) /* what a server takes by default */

struct options {
	const char *verb;
	struct coaps_client_config client;
	int accept, content_format;
	bool json;
	const char *uri, *payload;
};

struct outcome {
	bool done;
	bool observing;
	const struct options *options;
	int exit_code;
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

static int parse(const struct manual_command *self, int argc, char **argv, struct options *o)
{
	struct coaps_credentials *files = &o->client.credentials;
	int c;

	memset(o, 0, sizeof *o);
	o->verb = self->name;
	o->accept = o->content_format = -1;
	files->ca = getenv("GEOTHERM_CA");
	files->certificate = getenv("GEOTHERM_CERT");
	files->key = getenv("GEOTHERM_KEY");
	while ((c = options_next(&cli_manual, self, argc, argv)) != OPTIONS_END) {
		switch (c) {
		case CLI_CA:
			files->ca = optarg;
			break;
		case CLI_CERT:
			files->certificate = optarg;
			break;
		case CLI_KEY:
			files->key = optarg;
			break;
		case CLI_NAME:
			o->client.server_name = optarg;
			break;
		case CLI_CIPHERS:
			o->client.ciphers = optarg;
			break;
		case CLI_JSON:
			o->json = true;
			break;
		case CLI_ACCEPT:
		case CLI_FORMAT:
			if (format_number(optarg) < 0) {
				fprintf(stderr, "geotherm %s: no such format: %s\n", o->verb,
					optarg);
				return CLI_USAGE;
			}
			*(c == CLI_ACCEPT ? &o->accept : &o->content_format) =
				format_number(optarg);
			break;
		case CLI_TIMEOUT: {
			char *end;
			double seconds = strtod(optarg, &end);

			if (end == optarg || *end != '\0' || seconds <= 0 || seconds > 3600) {
				fprintf(stderr,
					"geotherm %s: --timeout %s: seconds up to 3600 are wanted\n",
					o->verb, optarg);
				return CLI_USAGE;
			}
			o->client.deadline_ms = (unsigned)(seconds * 1000);
			break;
		}
		default:
			return c == OPTIONS_DONE ? -1 : CLI_USAGE;
		}
	}
	o->uri = optind < argc ? argv[optind] : NULL;
	o->payload = optind + 1 < argc ? argv[optind + 1] : NULL;
	if (o->uri == NULL || optind + 2 < argc) {
		fprintf(stderr, "geotherm %s: %s\n", o->verb,
			o->uri == NULL ? "a URI is wanted" : "too many arguments");
		return CLI_USAGE;
	}
	return CLI_OK;
}

/* The path with its query, as it stands in the URI; "/" if there is none. */
static const char *path_of(const char *uri)
{
	const char *host = strstr(uri, "://");
	const char *path = host != NULL ? strpbrk(host + 3, "/?") : NULL;

	return path != NULL ? path : "/";
}

/* An argument, "@file" or "-" for stdin, whole. NULL after a word on stderr. */
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

static void on_answer(void *arg, const struct coaps_response *r)
{
	struct outcome *outcome = arg;

	outcome->done = !outcome->observing || r->cause != COAPS_ANSWERED || r->code >= 0x80;
	if (r->cause != COAPS_ANSWERED) {
		fprintf(stderr, "geotherm: %s: %s\n", outcome->options->uri, r->reason);
		outcome->exit_code = CLI_UNREACHABLE;
	} else if (r->code >= 0x80) {
		fprintf(stderr, "geotherm: %s: %d.%02d %.*s\n", outcome->options->uri, r->code >> 5,
			r->code & 31, (int)r->payload_size, (const char *)r->payload);
		outcome->exit_code = CLI_FAILED;
	} else if (show_body(stdout, r->content_format, r->payload, r->payload_size,
			     outcome->options->json) != 0) {
		outcome->exit_code = CLI_FAILED;
	}
	fflush(stdout);
}

int cmd_request(const struct manual_command *self, int argc, char **argv)
{
	struct options o;
	struct outcome outcome = { .options = &o };
	struct coaps_request request = { .method = COAPS_GET };
	struct coaps_client *client;
	uint8_t *payload = NULL;
	char err[512];
	int code = parse(self, argc, argv, &o);

	if (code != CLI_OK) {
		return code < 0 ? CLI_OK : code;
	}
	o.client.uri = o.uri;
	request.path = path_of(o.uri);
	request.accept = o.accept;
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
		request.observe = outcome.observing = true;
		sigaction(SIGINT, &(struct sigaction){ .sa_handler = on_signal }, NULL);
		sigaction(SIGTERM, &(struct sigaction){ .sa_handler = on_signal }, NULL);
	}
	client = coaps_client_new(&o.client, &code, err, sizeof err);
	if (client == NULL) {
		fprintf(stderr, "geotherm: %s\n", err);
		free(payload);
		return code == -EINVAL ? CLI_USAGE : CLI_UNREACHABLE;
	}
	code = coaps_client_request(client, &request, on_answer, &outcome);
	if (code != 0) {
		fprintf(stderr, "geotherm: %s: %s\n", o.uri, strerror(-code));
		outcome.exit_code = CLI_USAGE;
		outcome.done = true;
	}
	while (!outcome.done && !interrupted) {
		struct pollfd wait = { .fd = coaps_client_fd(client), .events = POLLIN };

		if (poll(&wait, 1, -1) < 0 && errno != EINTR) {
			break;
		}
		coaps_client_process(client);
	}
	coaps_client_free(client);
	free(payload);
	return outcome.exit_code;
}
