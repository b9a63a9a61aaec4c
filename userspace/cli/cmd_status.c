// SPDX-License-Identifier: BSD-2-Clause
/* geotherm status */
#define _GNU_SOURCE /* isatty, nanosleep */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "node_status.h"
#include "time/civil.h"
#include "userspace/daemon/options.h"
#include "userspace/reading/reading.h"

/* --- the screen ----------------------------------------------------------- */

static const char *paint(bool colour, const char *code)
{
	return colour ? code : "";
}

static bool colourful(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') && term != NULL &&
	       strcmp(term, "dumb") != 0;
}

/* "12 s ago", with the age of the file on top; "never" where it is unknown. */
static const char *ago(const struct node_status *s, const char *section, const char *key,
		       char text[48])
{
	char span[32];
	double n;

	if (!node_status_number(s, section, key, &n)) {
		return "never";
	}
	node_status_span(n + s->age_s, span, sizeof span);
	snprintf(text, 48, "%s ago", span);
	return text;
}

static double number(const struct node_status *s, const char *section, const char *key)
{
	return node_status_number_or(s, section, key, 0);
}

static void show_readings(const struct node_status *s)
{
	const char *note = node_status_text(s, "reading", "note");
	int length = (int)strlen(note);
	bool cut = strlen(note) + 1 >= sizeof((struct reading *)0)->note;
	char when[48];
	double age;

	printf("  %-12s", "readings");
	if (node_status_number(s, "reading", "age_s", &age)) {
		printf("last %s, number %.0f", ago(s, "reading", "age_s", when),
		       number(s, "reading", "seq"));
	} else if (number(s, "reading", "seq") > 0) {
		printf("none since the start; number %.0f was the last before it",
		       number(s, "reading", "seq"));
	} else {
		printf("none yet");
	}
	if (number(s, NULL, "period_s") > 0) {
		printf("; one every %g s", number(s, NULL, "period_s"));
	}
	/* A note that fills its field may have been cut within a word. */
	while (cut && length > 0 && note[--length] != ' ') {
	}
	printf("%s%.*s%s\n", length > 0 ? "; " : "", length, note, cut ? " ..." : "");
}

static void show_sensors(const struct node_status *s)
{
	const json_t *sensors = json_object_get(json_object_get(s->json, "w1"), "sensors"), *sensor;
	const char *label = "sensors";
	size_t i;

	json_array_foreach((json_t *)sensors, i, sensor)
	{
		const json_t *celsius = json_object_get(sensor, "celsius");

		printf("  %-12s%s  ", label, node_status_word(sensor, "rom"));
		if (json_is_number(celsius)) {
			printf("%8.3f °C\n", json_number_value(celsius));
		} else {
			printf("%s\n", node_status_word(sensor, "quality"));
		}
		label = "";
	}
	if (i == 0) {
		printf("  %-12snone\n", label);
	}
}

static void show_position(const struct node_status *s)
{
	static const char *const fixes[] = { "no fix", "dead reckoning", "2D fix",
					     "3D fix", "3D fix",	 "time only" };
	double fix, lat, lon, n;

	printf("  %-12s", "position");
	if (node_status_number(s, "gnss", "lat", &lat) &&
	    node_status_number(s, "gnss", "lon", &lon)) {
		printf("%.7f, %.7f", lat, lon);
		if (node_status_number(s, "gnss", "hacc_m", &n)) {
			printf(" ± %.1f m", n);
		}
		if (node_status_number(s, "gnss", "alt_m", &n)) {
			printf(", altitude %.1f m", n);
		}
		fputs("; ", stdout);
	}
	if (node_status_number(s, "gnss", "fix", &fix) && fix >= 0 && fix < 6) {
		printf("%s, %.0f satellites", fixes[(int)fix], number(s, "gnss", "satellites"));
	} else {
		printf("receiver: %s", node_status_text(s, "gnss", "state"));
	}
	printf(" (%s)\n", *node_status_text(s, "gnss", "port") != '\0'
				  ? node_status_text(s, "gnss", "port")
				  : "no port");
}

/* What the receiver reports of antenna, interference and each satellite's signal. */
static void show_signals(const struct node_status *s)
{
	const json_t *list = json_object_get(json_object_get(s->json, "gnss"), "signals"), *sat;
	const char *antenna = node_status_text(s, "gnss", "antenna"),
		   *pulse = node_status_text(s, "gnss", "pulse"),
		   *restart = node_status_text(s, "gnss", "restart"),
		   *notice = node_status_text(s, "gnss", "notice");
	size_t i;

	if (*antenna == '\0') {
		return;
	}
	printf("  %-12santenna %s, interference %.0f of 255%s%s\n", "receiver", antenna,
	       number(s, "gnss", "jamming"), *pulse != '\0' ? "; pulse: " : "", pulse);
	if (*restart != '\0') {
		printf("  %-12s%.0f, the last: %s\n", "  restarts", number(s, "gnss", "restarts"),
		       restart);
	}
	if (*notice != '\0') {
		printf("  %-12s\"%s\" (%.0f in all)\n", "  reports", notice,
		       number(s, "gnss", "notices"));
	}
	json_array_foreach((json_t *)list, i, sat)
	{
		printf("%s%2" JSON_INTEGER_FORMAT ": %2" JSON_INTEGER_FORMAT "%s",
		       i % 8 == 0 ? (i == 0 ? "  signals     " : "\n              ") : ", ",
		       json_integer_value(json_object_get(sat, "id")),
		       json_integer_value(json_object_get(sat, "cno")),
		       json_is_true(json_object_get(sat, "used")) ? "*" : "");
	}
	if (i > 0) {
		puts(" (satellite: dBHz, * in the fix)");
	}
}

static void show_clock(const struct node_status *s)
{
	int64_t seconds = (int64_t)(number(s, "clock", "utc_us") / 1e6 + s->age_s);
	const char *source = node_status_text(s, "clock", "source");
	char text[CIVIL_TEXT_SIZE];
	double acc;

	printf("  %-12s", "clock");
	if (strcmp(source, "none") == 0) {
		puts("unknown");
		return;
	}
	civil_text(seconds, text);
	printf("%.10s %.8s UTC from %s", text, text + 11, source);
	if (node_status_number(s, "clock", "accuracy_s", &acc)) {
		printf(acc < 0.001 ? " ± %.0f µs"
		       : acc < 1   ? " ± %.1f ms"
				   : " ± %.1f s",
		       acc < 0.001 ? acc * 1e6
		       : acc < 1   ? acc * 1e3
				   : acc);
	}
	putchar('\n');
}

static void show_sending(const struct node_status *s)
{
	static const struct {
		const char *key, *fate;
	} counts[] = {
		{ "unprotected", "in memory only" },
		{ "refused", "refused by the server" },
		{ "dropped", "dropped, as it was full" },
		{ "not_written", "not taken by the disk" },
	};
	char when[48], span[32];
	double n;

	printf("  %-12s%.0f waiting", "outbox", number(s, "outbox", "waiting"));
	if (node_status_number(s, "outbox", "oldest_s", &n) && number(s, "outbox", "waiting") > 0) {
		node_status_span(n + s->age_s, span, sizeof span);
		printf(", the oldest for %s", span);
	}
	printf("; %.0f kB", number(s, "outbox", "bytes") / 1000);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		if (number(s, "outbox", counts[i].key) > 0) {
			printf("; %.0f %s", number(s, "outbox", counts[i].key), counts[i].fate);
		}
	}
	putchar('\n');
	printf("  %-12s%s, %s; %.0f readings sent, last %s; %.0f failures\n", "server",
	       *node_status_text(s, "uplink", "server") != '\0'
		       ? node_status_text(s, "uplink", "server")
		       : "none",
	       node_status_text(s, "uplink", "state"), number(s, "uplink", "sent"),
	       ago(s, "uplink", "last_sent_s", when), number(s, "uplink", "failures"));
	printf("  %-12s", "certificate");
	if (node_status_number(s, "uplink", "certificate_days", &n)) {
		printf(n < 0 ? "expired %.0f days ago\n" : "%.0f days left\n", n < 0 ? -n : n);
	} else {
		puts("none");
	}
	if (*node_status_text(s, "last_error", "text") != '\0') {
		printf("  %-12s%s: %s\n", "last error", ago(s, "last_error", "age_s", when),
		       node_status_text(s, "last_error", "text"));
	}
}

static void show_screen(const struct node_status *s, const struct node_problem *problems, size_t n,
			bool colour)
{
	char span[32];

	node_status_span(number(s, NULL, "running_s") + (s->running ? s->age_s : 0), span,
			 sizeof span);
	printf("%s%s%s  geotherm-node %s, %s %s: %s%s%s\n\n", paint(colour, "\033[1m"),
	       node_status_text(s, NULL, "device"), paint(colour, "\033[0m"),
	       node_status_text(s, NULL, "version"), s->running ? "running" : "ran", span,
	       paint(colour, n == 0 ? "\033[32m" : "\033[31m"),
	       n == 0 ? "all well" : "needs attention", paint(colour, "\033[0m"));
	show_readings(s);
	show_sensors(s);
	show_position(s);
	show_signals(s);
	show_clock(s);
	show_sending(s);
	for (size_t i = 0; i < n; i++) {
		printf("%s%s! %s%s\n", i == 0 ? "\n" : "", paint(colour, "\033[31m"),
		       problems[i].text, paint(colour, "\033[0m"));
	}
}

/* --- the commands --------------------------------------------------------- */

static int show_once(const char *path, bool json, bool watch)
{
	struct node_problem problems[NODE_STATUS_PROBLEMS];
	struct node_status s;
	char err[512];
	size_t n;
	int code;

	if (watch && !json && isatty(STDOUT_FILENO)) {
		fputs("\033[H\033[J", stdout);
	}
	if (node_status_read(path, CONTROL_SATELLITES, &s, err, sizeof err) != 0) {
		fprintf(stderr, "geotherm status: %s\n", err);
		return CLI_UNREACHABLE;
	}
	n = node_status_judge(&s, problems);
	if (json) {
		json_dumpf(s.json, stdout, watch ? JSON_COMPACT : JSON_INDENT(1));
		putchar('\n');
	} else {
		show_screen(&s, problems, n, colourful());
	}
	fflush(stdout);
	code = !s.running ? CLI_UNREACHABLE : n > 0 ? CLI_FAILED : CLI_OK;
	node_status_free(&s);
	return code;
}

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

int cmd_status(const struct manual_command *self, int argc, char **argv)
{
	const char *path = NODE_STATUS_FILE;
	bool json = false, watch = false;
	const struct options_value values[] = {
		{ CLI_FILE, .text = &path },
		{ CLI_JSON, .flag = &json },
		{ CLI_WATCH, .flag = &watch },
	};
	int code = options_read(&cli_manual, self, argc, argv, values, 3, 0);

	if (code >= 0) {
		return code;
	}
	if (watch) {
		sigaction(SIGINT, &(struct sigaction){ .sa_handler = on_signal }, NULL);
	}
	do {
		code = show_once(path, json, watch);
		if (watch) {
			pause_ms(1000);
		}
	} while (watch && !interrupted);
	return code;
}
