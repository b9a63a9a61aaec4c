// SPDX-License-Identifier: BSD-2-Clause
/* geotherm sensor */
#include <getopt.h>
#include <jansson.h>
#include <string.h>

#include "cli.h"
#include "node_status.h"
#include "time/civil.h"
#include "userspace/daemon/options.h"

/* "2026-11-29 18:02"; "-": not known */
static const char *minute(const json_t *sensor, const char *key, char text[CIVIL_TEXT_SIZE])
{
	const json_t *us = json_object_get(sensor, key);

	if (!json_is_integer(us)) {
		return "-";
	}
	civil_text(json_integer_value(us) / 1000000, text);
	text[10] = ' ';
	text[16] = '\0';
	return text;
}

static void show(const struct node_status *s)
{
	const json_t *w1 = json_object_get(s->json, "w1"), *sensor;
	size_t i;

	printf("%2s  %-15s  %-14s %11s  %-16s  %-16s  %s\n", "", "sensor", "quality", "",
	       "since (UTC)", "last seen (UTC)", "make");
	json_array_foreach(json_object_get(w1, "known"), i, sensor)
	{
		const char *rom = node_status_word(sensor, "rom");
		const json_t *sample = node_status_sensor(s, "sensors", rom),
			     *celsius = json_object_get(sample, "celsius");
		char value[32] = "", since[CIVIL_TEXT_SIZE], seen[CIVIL_TEXT_SIZE];

		if (json_is_number(celsius)) {
			snprintf(value, sizeof value, "%8.3f °C", json_number_value(celsius));
		}
		printf("%2zu  %-15s  %-14s %*s  %-16s  %-16s  %s%s\n", i + 1, rom,
		       sample != NULL ? node_status_word(sample, "quality") : "-",
		       *value != '\0' ? 12 : 11, value, minute(sensor, "since_us", since),
		       minute(sensor, "seen_us", seen), node_status_word(sensor, "make"),
		       json_is_true(json_object_get(sensor, "known")) ? "" : " (new)");
	}
	if (i == 0) {
		puts("    none");
	}
	if (*node_status_word(w1, "refused") != '\0') {
		printf("\n! %s\n", node_status_word(w1, "refused"));
	}
}

static int list(const char *file, bool json)
{
	struct node_status s;
	char err[512];

	if (node_status_read(file, CONTROL_STATUS, &s, err, sizeof err) != 0) {
		fprintf(stderr, "geotherm sensor: %s\n", err);
		return CLI_UNREACHABLE;
	}
	if (json) {
		json_dumpf(json_object_get(json_object_get(s.json, "w1"), "known"), stdout,
			   JSON_INDENT(1));
		putchar('\n');
	} else {
		show(&s);
	}
	if (!s.running) {
		fputs("geotherm sensor: the node does not run: this is its last status\n", stderr);
	}
	node_status_free(&s);
	return s.running ? CLI_OK : CLI_UNREACHABLE;
}

static int forget(const char *file, const char *name)
{
	char request[100], err[512];
	json_t *answer;

	if (strlen(name) > 40) {
		fprintf(stderr, "geotherm sensor: %.40s ...: no sensor has such a name\n", name);
		return CLI_USAGE;
	}
	snprintf(request, sizeof request, "forget %s", name);
	answer = node_status_request(file, request, err, sizeof err);
	if (answer == NULL) {
		fprintf(stderr, "geotherm sensor: %s\n", err);
		return CLI_UNREACHABLE;
	}
	if (*node_status_word(answer, "error") != '\0') {
		fprintf(stderr, "geotherm sensor: %s: %s\n", name,
			node_status_word(answer, "error"));
		json_decref(answer);
		return CLI_FAILED;
	}
	printf("%s is forgotten; if it is still on the bus, it comes back as the last one\n",
	       node_status_word(answer, "forgotten"));
	json_decref(answer);
	return CLI_OK;
}

int cmd_sensor(const struct manual_command *self, int argc, char **argv)
{
	const char *file = NODE_STATUS_FILE;
	bool json = false;
	int key;

	while ((key = options_next(&cli_manual, self, argc, argv)) != OPTIONS_END) {
		switch (key) {
		case CLI_FILE:
			file = optarg;
			break;
		case CLI_JSON:
			json = true;
			break;
		default:
			return key == OPTIONS_DONE ? CLI_OK : CLI_USAGE;
		}
	}
	argc -= optind;
	argv += optind;
	if (argc == 1 && strcmp(argv[0], "list") == 0) {
		return list(file, json);
	}
	if (argc == 2 && strcmp(argv[0], "forget") == 0) {
		return forget(file, argv[1]);
	}
	fprintf(stderr, "geotherm sensor: expected list, or forget SENSOR\n");
	return CLI_USAGE;
}
