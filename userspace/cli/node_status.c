// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* kill(), SOCK_CLOEXEC */
#include "node_status.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "time/now.h"
#include "userspace/node/sampler.h"

#define FORMAT 1
/* Longer than a turn of the node's loop takes */
#define ANSWER_MS 2000
/* A reading later than three periods plus this is missing. */
#define LATE_S 30
/* Longer than the restart of a server or a tunnel: a person must act. */
#define WAITING_S 1800
#define CERTIFICATE_DAYS 30
/* Losses need attention for a day; the counts stay. */
#define LOST_S 86400

static const json_t *at(const struct node_status *s, const char *section, const char *key)
{
	return json_object_get(section == NULL ? s->json : json_object_get(s->json, section), key);
}

bool node_status_number(const struct node_status *s, const char *section, const char *key,
			double *number)
{
	const json_t *value = at(s, section, key);

	*number = json_number_value(value);
	return json_is_number(value);
}

const char *node_status_text(const struct node_status *s, const char *section, const char *key)
{
	return node_status_word(section == NULL ? s->json : json_object_get(s->json, section), key);
}

const char *node_status_word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

const json_t *node_status_sensor(const struct node_status *s, const char *list, const char *rom)
{
	const json_t *sensor;
	size_t i;

	json_array_foreach(at(s, "w1", list), i, sensor)
	{
		if (strcmp(node_status_word(sensor, "rom"), rom) == 0) {
			return sensor;
		}
	}
	return NULL;
}

double node_status_number_or(const struct node_status *s, const char *section, const char *key,
			     double fallback)
{
	double number;

	return node_status_number(s, section, key, &number) ? number : fallback;
}

/* A socket with a name, so that it can be answered, connected to the node's; or a negative errno.
 */
static int connect_node(const char *path)
{
	const struct sockaddr_un unnamed = { .sun_family = AF_UNIX }; /* the kernel names it */
	struct sockaddr_un address;
	int rc = control_address(path, &address), fd;

	if (rc != 0) {
		return rc;
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&unnamed, sizeof(sa_family_t)) != 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
		rc = -errno;
		if (fd >= 0) {
			close(fd);
		}
		return rc;
	}
	return fd;
}

/* Its length, or a negative errno. */
static ssize_t ask(int fd, const char *request, char *answer, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t length = send(fd, request, strlen(request), MSG_NOSIGNAL | MSG_DONTWAIT);

	if (length >= 0) {
		errno = ETIMEDOUT;
		length = poll(&p, 1, ANSWER_MS) == 1 ? recv(fd, answer, size, MSG_DONTWAIT) : -1;
	}
	return length < 0 ? -errno : length;
}

json_t *node_status_request(const char *path, const char *request, char *err, size_t err_size)
{
	char *answer = malloc(CONTROL_ANSWER_MAX);
	int fd = connect_node(path);
	ssize_t length = fd < 0 ? fd : -ENOMEM;
	json_t *json = NULL;

	if (fd >= 0 && answer != NULL) {
		length = ask(fd, request, answer, CONTROL_ANSWER_MAX);
	}
	if (fd >= 0) {
		close(fd);
	}
	if (length >= 0) {
		json = json_loadb(answer, (size_t)length, 0, NULL);
	}
	free(answer);
	if (json == NULL) {
		snprintf(
			err, err_size, "%s.socket: %s%s", path,
			length < 0 ? strerror((int)-length) : "no answer of a node",
			length == -ENOENT || length == -ECONNREFUSED
				? ": no node runs here, or its configuration has another file in [node] status"
			: length == -EACCES ? ": root and the group geotherm may"
					    : "");
	}
	return json;
}

static bool is_status(const json_t *json)
{
	return json_number_value(json_object_get(json, "format")) == FORMAT;
}

/* From the file. */
static json_t *load(const char *path, char *err, size_t err_size)
{
	json_error_t bad;
	json_t *json;
	FILE *file = fopen(path, "re");

	if (file == NULL) {
		snprintf(
			err, err_size, "%s: %s%s", path, strerror(errno),
			errno == ENOENT
				? ": no node runs here, or its configuration has another file in [node] status"
				: "");
		return NULL;
	}
	json = json_loadf(file, 0, &bad);
	if (json == NULL) {
		snprintf(err, err_size, "%s:%d: %s", path, bad.line, bad.text);
	} else if (!is_status(json)) {
		snprintf(err, err_size,
			 "%s: not a status of format %d, the one that this program knows", path,
			 FORMAT);
		json_decref(json);
		json = NULL;
	}
	fclose(file);
	return json;
}

int node_status_read(const char *path, const char *request, struct node_status *s, char *err,
		     size_t err_size)
{
	char no_answer[256];
	pid_t pid;

	memset(s, 0, sizeof *s);
	s->json = node_status_request(path, request, no_answer, sizeof no_answer);
	if (s->json != NULL && !is_status(s->json)) {
		node_status_free(s);
	}
	s->json = s->json != NULL ? s->json : load(path, err, err_size);
	if (s->json == NULL) {
		return -1;
	}
	s->age_s = (double)now_boot_ns() / 1e9 - node_status_number_or(s, NULL, "boot_s", 0);
	pid = (pid_t)node_status_number_or(s, NULL, "pid", 0);
	/* A negative age: it was written in another boot. */
	s->running = s->age_s >= 0 && pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
	s->age_s = s->age_s > 0 ? s->age_s : 0;
	return 0;
}

void node_status_free(struct node_status *s)
{
	json_decref(s->json);
	s->json = NULL;
}

void node_status_span(double seconds, char *text, size_t size)
{
	unsigned long s = seconds > 0 ? (unsigned long)seconds : 0;

	if (s < 120) {
		snprintf(text, size, "%lu s", s);
	} else if (s < 7200) {
		snprintf(text, size, "%lu min", s / 60);
	} else if (s < 172800) {
		snprintf(text, size, "%lu h %lu min", s / 3600, s % 3600 / 60);
	} else {
		snprintf(text, size, "%lu days", s / 86400);
	}
}

double node_status_interval_s(const struct node_status *s)
{
	double period_s = node_status_number_or(s, NULL, "period_s", 0);

	return period_s > 0 ? period_s : (double)SAMPLER_NO_FIX_NS / 1e9;
}

/* --- judgement ------------------------------------------------------------ */

struct judge {
	struct node_problem *problems;
	size_t n;
};

static void __attribute__((format(printf, 2, 3))) add(struct judge *j, const char *format, ...)
{
	va_list args;

	if (j->n < NODE_STATUS_PROBLEMS) {
		va_start(args, format);
		vsnprintf(j->problems[j->n++].text, sizeof j->problems->text, format, args);
		va_end(args);
	}
}

/* "absent, last seen 3 h ago; ..." */
static void judge_absent(const struct node_status *s, struct judge *j, const char *rom)
{
	const json_t *seen = json_object_get(node_status_sensor(s, "known", rom), "seen_us");
	double now_us;
	char span[32];

	if (json_is_integer(seen) && node_status_number(s, "clock", "utc_us", &now_us)) {
		node_status_span((now_us - json_number_value(seen)) / 1e6 + s->age_s, span,
				 sizeof span);
		add(j,
		    "sensor %s: absent, last seen %s ago; if it is gone for good: geotherm sensor forget %s",
		    rom, span, rom);
		return;
	}
	add(j, "sensor %s: absent; if it is gone for good: geotherm sensor forget %s", rom, rom);
}

static void judge_sensors(const struct node_status *s, struct judge *j)
{
	const json_t *w1 = json_object_get(s->json, "w1"),
		     *sensors = json_object_get(w1, "sensors"), *sensor;
	const char *bus = node_status_text(s, "w1", "bus"),
		   *reason = node_status_text(s, "w1", "reason");
	size_t i;

	if (*node_status_text(s, "w1", "refused") != '\0') {
		add(j, "%s", node_status_text(s, "w1", "refused"));
	}
	if (strcmp(bus, "none") != 0 && json_array_size(sensors) == 0 &&
	    node_status_number_or(s, "reading", "seq", 0) > 0) {
		add(j, "no thermometer answers%s%s", *reason != '\0' ? ": " : "", reason);
	} else if (strcmp(bus, "none") == 0 && *reason != '\0') {
		add(j, "no thermometers: %s", reason);
	}
	/* One of several buses fails, or the proof is not strict. */
	if (*reason != '\0' && strcmp(bus, "kernel") != 0 && json_array_size(sensors) > 0) {
		add(j, "1-Wire: %s", reason);
	}
	json_array_foreach((json_t *)sensors, i, sensor)
	{
		const char *rom = node_status_word(sensor, "rom"),
			   *quality = node_status_word(sensor, "quality");

		if (strcmp(quality, "absent") == 0) {
			judge_absent(s, j, rom);
		} else if (!json_is_number(json_object_get(sensor, "celsius"))) {
			add(j, "sensor %s: %s", rom, quality);
		}
	}
	json_array_foreach(json_object_get(w1, "known"), i, sensor)
	{
		const char *before = node_status_word(sensor, "former_make");

		if (*before != '\0') {
			add(j,
			    "sensor %s: it was a %s and is a %s now: exchanged by another of its code?",
			    node_status_word(sensor, "rom"), before,
			    node_status_word(sensor, "make"));
		}
	}
}

static void judge_losses(const struct node_status *s, struct judge *j)
{
	double newest_s, n;

	if (!node_status_number(s, "outbox", "lost_s", &newest_s) || newest_s + s->age_s > LOST_S) {
		return;
	}
	if (node_status_number(s, "outbox", "refused", &n) && n > 0) {
		add(j, "%.0f readings were refused by the server and are kept aside", n);
	}
	if (node_status_number(s, "outbox", "dropped", &n) && n > 0) {
		add(j, "%.0f readings were dropped: the outbox is full", n);
	}
	if (node_status_number(s, "outbox", "not_written", &n) && n > 0) {
		add(j, "%.0f readings could not be written to the outbox", n);
	}
}

static void judge_uplink(const struct node_status *s, struct judge *j)
{
	double waiting = node_status_number_or(s, "outbox", "waiting", 0), oldest, n;
	char span[32];

	if (strcmp(node_status_text(s, "uplink", "state"), "off") != 0 && waiting > 0 &&
	    node_status_number(s, "outbox", "oldest_s", &oldest) && oldest > WAITING_S) {
		node_status_span(oldest, span, sizeof span);
		add(j, "%.0f readings wait for the server, the oldest for %s", waiting, span);
	}
	if (node_status_number(s, "outbox", "new_epochs", &n) && n > 0) {
		add(j, "the server has other readings of this device's last epoch: the outbox was "
		       "restored, or copied to another node; a new epoch has begun");
	}
	if (strcmp(node_status_text(s, "uplink", "state"), "no-credentials") == 0) {
		add(j, "readings wait in the outbox: %s", node_status_text(s, "uplink", "error"));
	} else if (*node_status_text(s, "uplink", "error") != '\0') {
		add(j, "the new certificate, key or CA cannot be used: %s",
		    node_status_text(s, "uplink", "error"));
	}
	if (*node_status_text(s, "uplink", "exposed") != '\0') {
		add(j, "%s", node_status_text(s, "uplink", "exposed"));
	}
	if (*node_status_text(s, "reload", "refused") != '\0') {
		add(j, "the last reload was refused: %s", node_status_text(s, "reload", "refused"));
	}
	if (node_status_number(s, "uplink", "certificate_days", &n) && n < CERTIFICATE_DAYS) {
		add(j,
		    n < 0 ? "the certificate has expired"
			  : "the certificate expires in %.0f days: renew it",
		    n);
	}
	if (node_status_number(s, "outbox", "unprotected", &n) && n > 0) {
		add(j, "%.0f readings are in memory only: the disk does not take them", n);
	}
}

size_t node_status_judge(const struct node_status *s,
			 struct node_problem problems[NODE_STATUS_PROBLEMS])
{
	struct judge j = { problems, 0 };
	double allowed_s = 3 * node_status_interval_s(s) + LATE_S, age, throttled;
	const json_t *problem;
	size_t i;
	const char *gnss = node_status_text(s, "gnss", "state"),
		   *why = node_status_text(s, "gnss", "reason");
	char span[32];

	if (!s->running) {
		add(&j, "the node does not run: its process %.0f is gone",
		    node_status_number_or(s, NULL, "pid", 0));
		return j.n;
	}
	if (!node_status_number(s, "reading", "age_s", &age)) {
		age = node_status_number_or(s, NULL, "running_s", 0);
	}
	if (age + s->age_s > allowed_s) {
		node_status_span(age + s->age_s, span, sizeof span);
		add(&j, "no reading for %s", span);
	}
	judge_sensors(s, &j);
	if (strcmp(gnss, "no-port") == 0 || (strcmp(gnss, "none") == 0 && *why != '\0')) {
		add(&j, "no receiver%s%s", *why != '\0' ? ": " : "", why);
	} else if (strcmp(gnss, "ready") != 0 && strcmp(gnss, "limited") != 0 &&
		   strcmp(gnss, "none") != 0 &&
		   node_status_number_or(s, NULL, "running_s", 0) > LATE_S) {
		add(&j, "no receiver%s%s", *why != '\0' ? ": " : "", why);
	}
	json_array_foreach(json_object_get(json_object_get(s->json, "gnss"), "problems"), i,
			   problem)
	{
		add(&j, "receiver: %s", json_string_value(problem));
	}
	if (json_is_object(json_object_get(json_object_get(s->json, "clock"), "disagreement"))) {
		const json_t *other =
			json_object_get(json_object_get(s->json, "clock"), "disagreement");

		add(&j, "%s differs by %+.3f s from the clock", node_status_word(other, "source"),
		    json_number_value(json_object_get(other, "seconds")));
	}
	if (strcmp(node_status_text(s, "clock", "source"), "none") == 0) {
		add(&j, "the time is not known: readings are dated later, once it is");
	}
	judge_uplink(s, &j);
	judge_losses(s, &j);
	if (node_status_number(s, "reading", "throttled", &throttled) &&
	    ((unsigned)throttled & 1) != 0) {
		add(&j, "under-voltage: the power supply is too weak");
	}
	return j.n;
}
