// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* epoll_create1() */
#include "sensors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "time/civil.h"
#include "ubx/receiver.h"
#include "userspace/daemon/log.h"
#include "userspace/reading/rom.h"
#include "userspace/sim/ublox7_pty.h"
#include "userspace/sim/w1_sim_line.h"

#define NS_PER_S UINT64_C(1000000000)

/* Period of the attempts to open a missing bus */
#define RETRY_NS (60 * NS_PER_S)
/* Silent at every baud rate for this long: absent. A u-blox 7 is found in under 3 s. */
#define PROBE_NS (10 * NS_PER_S)

/* A problem that the receiver no longer reports is over after this: it is polled every 10 s. */
#define PROBLEM_OVER_NS (60 * NS_PER_S)

#define SIMULATED_SEED 1 /* the same world at each start */

struct sensors {
	const struct node_config *config;
	int epoll;

	struct thermometers *thermometers;
	struct sensor_list *list;
	unsigned refused; /* sensors, at most; logged */
	struct w1_sim *sims[THERMOMETERS_BUSES]; /* NULL: real ones */
	struct w1_line lines[THERMOMETERS_BUSES]; /* of sims */
	bool measuring; /* a cycle runs */
	bool seen_sensor; /* a real one */
	enum thermometers_bus used;
	uint64_t bus_retry_ns; /* while thermometers is NULL */
	uint64_t sim_ns; /* the simulated world is as old as this */
	char bus_reason[sizeof(((struct thermometers_result *)0)->reason)];

	struct receiver *receiver;
	struct ublox7_pty *pty;
	bool seen_receiver;
	enum receiver_state last_logged;
	enum ubx_silence silence_logged; /* since it was last in use */
	char notice[UBX_NOTICE_SIZE]; /* the newest, logged */
	uint32_t notices_noted; /* in a reading's note */
	uint32_t restarts_noted; /* of a receiver in use */
	bool pulse_used; /* logged */
	bool implausible; /* its date, as logged; until one is known */
	uint16_t problems; /* logged, and not over */
	uint64_t problem_ns[UBX_PROBLEM_COUNT]; /* when each was last reported */
	uint64_t probe_until_ns;
	uint64_t errors; /* already reported */
};

static bool may_simulate(const struct sensors *s)
{
	return s->config->simulate == NODE_SIMULATE_IF_ABSENT;
}

static void watch(const struct sensors *s, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
		log_error("epoll: %s", strerror(errno));
	}
}

/* --- thermometers --------------------------------------------------------- */

static void keep_bus_reason(struct sensors *s, const char *reason)
{
	if (strcmp(s->bus_reason, reason) != 0) {
		snprintf(s->bus_reason, sizeof(s->bus_reason), "%s", reason);
		if (reason[0] != '\0') {
			log_warning("1-Wire: %s", reason);
		} else {
			log_notice("1-Wire: working again");
		}
	}
}

static void open_bus(struct sensors *s, uint64_t now_ns)
{
	static const enum thermometers_bus buses[] = {
		[NODE_W1_AUTO] = THERMOMETERS_AUTO,
		[NODE_W1_USERSPACE] = THERMOMETERS_USERSPACE,
		[NODE_W1_KERNEL] = THERMOMETERS_KERNEL,
		[NODE_W1_SIMULATED] = THERMOMETERS_USERSPACE,
	};
	const struct node_config *c = s->config;
	struct thermometers_config config = {
		.bus = buses[c->w1_bus],
		.chip = c->w1_chip,
		.n_buses = c->w1_pins.n,
		.search_every_cycles = c->w1_search_every,
		.resolutions = c->w1_resolutions,
		.proof = (enum w1_proof)c->w1_proof,
		.line = s->sims[0] != NULL ? s->lines : NULL,
	};
	char err[sizeof(s->bus_reason)];

	memcpy(config.gpio, c->w1_pins.gpio, sizeof(config.gpio));
	s->thermometers = thermometers_open(&config, err, sizeof(err));
	if (s->thermometers != NULL) {
		watch(s, thermometers_fd(s->thermometers));
		s->bus_reason[0] = '\0';
		if (config.line == NULL && *thermometers_missing_rights(s->thermometers) != '\0') {
			log_notice(
				"1-Wire: running without %s: expect 1 in 1000 slots to be repeated",
				thermometers_missing_rights(s->thermometers));
		}
		return;
	}
	keep_bus_reason(s, err);
	s->bus_retry_ns = now_ns + RETRY_NS;
}

static bool is_simulated(const struct sensors *s)
{
	return s->sims[0] != NULL;
}

static void free_sims(struct sensors *s)
{
	for (unsigned i = 0; i < THERMOMETERS_BUSES; i++) {
		w1_sim_free(s->sims[i]);
		s->sims[i] = NULL;
	}
}

static void simulate_bus(struct sensors *s, uint64_t now_ns, const char *why)
{
	thermometers_close(s->thermometers);
	s->thermometers = NULL;
	s->measuring = false;
	for (unsigned i = 0; i < s->config->w1_pins.n; i++) {
		s->sims[i] = w1_sim_new_demo(SIMULATED_SEED + i);
		if (s->sims[i] == NULL) {
			keep_bus_reason(s, "out of memory for simulated sensors");
			s->bus_retry_ns = now_ns + RETRY_NS;
			free_sims(s);
			return;
		}
		s->lines[i] = w1_sim_line(s->sims[i]);
	}
	s->sim_ns = now_ns;
	log_notice("1-Wire: %s: using simulated sensors", why);
	open_bus(s, now_ns);
}

static void start_bus(struct sensors *s, uint64_t now_ns)
{
	if (s->config->w1_bus == NODE_W1_NONE) {
		s->bus_retry_ns = UINT64_MAX;
		return;
	}
	if (s->config->w1_bus == NODE_W1_SIMULATED) {
		simulate_bus(s, now_ns, "as configured");
		return;
	}
	open_bus(s, now_ns);
	if (s->thermometers == NULL && may_simulate(s)) {
		simulate_bus(s, now_ns, "no bus");
	}
}

bool sensors_has_bus(const struct sensors *s)
{
	return s->thermometers != NULL;
}

bool sensors_is_measuring(const struct sensors *s)
{
	return s->measuring;
}

int sensors_start_cycle(struct sensors *s, uint64_t now_ns)
{
	int rc;

	for (unsigned i = 0; i < THERMOMETERS_BUSES && s->sims[i] != NULL && now_ns > s->sim_ns;
	     i++) {
		w1_sim_advance(s->sims[i], now_ns - s->sim_ns); /* time passes between cycles too */
	}
	s->sim_ns = now_ns;
	rc = thermometers_start(s->thermometers, s->config->period_ms);
	s->measuring |= rc == 0;
	return rc;
}

const struct sensor_list *sensors_list(const struct sensors *s)
{
	return is_simulated(s) && s->config->w1_bus != NODE_W1_SIMULATED ? NULL : s->list;
}

int sensors_forget(struct sensors *s, const uint8_t rom[8])
{
	int rc = 0;

	if (s->list->fixed) {
		return -EPERM;
	}
	if (s->thermometers != NULL) {
		rc = thermometers_forget(s->thermometers, rom);
	}
	return rc != 0 ? rc : sensor_list_forget(s->list, rom) ? 0 : -ENOENT;
}

static void log_sensor(const struct sensor *sensor, unsigned place, enum ds18b20_quality quality)
{
	char rom[ROM_NAME_SIZE];

	rom_format(rom, sensor->rom);
	switch (sensor->event) {
	case SENSOR_UNCHANGED:
		break;
	case SENSOR_KNOWN:
		log_notice("sensor %s: known from now on, number %u of the readings (%s)", rom,
			   place, sensor->make);
		break;
	case SENSOR_MISSED:
		log_warning(
			"sensor %s: no value in %d cycles (%s)%s", rom, SENSOR_LIST_READS,
			ds18b20_quality_name(quality),
			quality == DS18B20_ABSENT
				? "; its place in the readings stays until `geotherm sensor forget`"
				: "");
		break;
	case SENSOR_BACK:
		log_notice("sensor %s: values again", rom);
		break;
	case SENSOR_OTHER_MAKE:
		log_warning(
			"sensor %s: it was a %s and is a %s now: exchanged by another of its code?",
			rom, sensor->former_make, sensor->make);
		break;
	}
}

static void put_in_order(struct sensors *s, struct thermometers_result *result, int64_t utc_us)
{
	char refusal[200];

	sensor_list_apply(s->list, result, utc_us);
	for (unsigned i = 0; i < s->list->n; i++) {
		log_sensor(&s->list->sensors[i], i + 1, result->sample[i].quality);
	}
	if (s->list->refused > s->refused) {
		s->refused = s->list->refused;
		sensor_list_refusal(s->list, refusal, sizeof(refusal));
		log_warning("1-Wire: %s", refusal);
	}
}

int sensors_read_result(struct sensors *s, struct thermometers_result *result, uint64_t now_ns,
			int64_t utc_us)
{
	if (s->thermometers == NULL || thermometers_take(s->thermometers, result) <= 0) {
		return 0;
	}
	s->measuring = false;
	s->used = result->used;
	if (!is_simulated(s) && result->n > 0) {
		s->seen_sensor = true;
	}
	if (!is_simulated(s) && !s->seen_sensor && may_simulate(s)) {
		simulate_bus(s, now_ns,
			     result->reason[0] != '\0' ? result->reason : "no sensor answered");
		return 0;
	}
	keep_bus_reason(s, result->reason[0] != '\0' ? result->reason
			   : result->n == 0	     ? "no sensor answers"
						     : "");
	if (sensors_list(s) != NULL) {
		put_in_order(s, result, utc_us);
	}
	return 1;
}

/* --- receiver --------------------------------------------------------------- */

static void open_receiver(struct sensors *s, const char *port, uint64_t now_ns)
{
	const struct receiver_config config = node_config_receiver(s->config, port);
	char err[200];

	s->receiver = receiver_open(&config, err, sizeof(err));
	if (s->receiver == NULL) {
		log_error("receiver: %s", err);
		return;
	}
	watch(s, receiver_fd(s->receiver));
	s->probe_until_ns = now_ns + PROBE_NS;
	s->last_logged = RECEIVER_PROBING;
	log_notice("receiver: probing %s", port);
}

static void simulate_receiver(struct sensors *s, uint64_t now_ns, const char *why)
{
	struct ublox7_config config;
	char err[200];

	log_notice("receiver: %s: using a simulated one", why);
	receiver_close(s->receiver); /* why may be its text */
	s->receiver = NULL;
	ublox7_config_default(&config);
	config.seed = SIMULATED_SEED;
	/* Its time is this machine's: from 2016, its 10 bits of a week would make 2036. */
	config.no_fix_before_us = s->config->not_before_us;
	s->pty = ublox7_pty_start(&config, err, sizeof(err));
	if (s->pty == NULL) {
		log_error("receiver: simulation failed: %s", err);
		return;
	}
	open_receiver(s, ublox7_pty_path(s->pty), now_ns);
}

static bool is_in_use(enum receiver_state state)
{
	return state == RECEIVER_READY || state == RECEIVER_LIMITED;
}

/* Each change once, and each cause of a silence once until the receiver is in use again. */
static void log_receiver(struct sensors *s, enum receiver_state state)
{
	enum ubx_silence silence = receiver_silence(s->receiver);
	const char *identity = receiver_identity(s->receiver);
	struct receiver_events events;

	identity = *identity != '\0' ? identity : "of unknown make: MON-VER not answered";
	receiver_events(s->receiver, &events);
	if (silence != UBX_SILENCE_NONE && silence != s->silence_logged) {
		log_warning("receiver: %s", receiver_reason(s->receiver));
		s->silence_logged = silence;
	}
	if (state == s->last_logged) {
		return;
	}
	switch (state) {
	case RECEIVER_READY:
		log_notice("receiver on %s: ready, %s", sensors_receiver_name(s), identity);
		s->silence_logged = UBX_SILENCE_NONE;
		break;
	case RECEIVER_LIMITED:
		log_warning("receiver on %s: in use, %s; %s", sensors_receiver_name(s), identity,
			    receiver_limits(s->receiver));
		s->silence_logged = UBX_SILENCE_NONE;
		break;
	case RECEIVER_CONFIGURING:
		log_debug("receiver: %s", receiver_reason(s->receiver));
		return;
	case RECEIVER_NO_PORT:
		log_warning("receiver: %s", receiver_reason(s->receiver));
		break;
	case RECEIVER_PROBING:
		if (!is_in_use(s->last_logged)) {
			return;
		}
		log_warning("receiver: %s: probing again", events.restart);
		break;
	}
	s->last_logged = state;
}

/* What it reports of itself: when it begins, and when it was over for a while. */
static void log_problems(struct sensors *s, uint64_t now_ns)
{
	const struct ubx_health *h = receiver_health(s->receiver);
	struct receiver_events events;

	receiver_events(s->receiver, &events);
	if (strcmp(events.notice, s->notice) != 0) {
		snprintf(s->notice, sizeof(s->notice), "%s", events.notice);
		log_warning("receiver: reports \"%s\"", events.notice);
	}
	for (unsigned p = 0; p < UBX_PROBLEM_COUNT; p++) {
		bool is = (h->problems >> p & 1) != 0, was = (s->problems >> p & 1) != 0;

		s->problem_ns[p] = is ? now_ns : s->problem_ns[p];
		if (is && !was) {
			log_warning("receiver: %s: %s", ubx_problem_text((enum ubx_problem)p),
				    ubx_problem_advice((enum ubx_problem)p));
		} else if (was && now_ns > s->problem_ns[p] + PROBLEM_OVER_NS) {
			log_notice("receiver: no longer %s", ubx_problem_text((enum ubx_problem)p));
		} else {
			continue;
		}
		s->problems ^= (uint16_t)(1u << p);
	}
}

static void log_pulse(struct sensors *s)
{
	bool used;
	const char *pulse = receiver_pulse(s->receiver, &used);

	if (used && !s->pulse_used) {
		log_notice("receiver: time by the pulse of %s", s->config->gnss_pps);
	} else if (!used && s->pulse_used) {
		log_warning("receiver: pulse of %s lost: %s: time by its messages, to some 0.1 s",
			    s->config->gnss_pps, *pulse != '\0' ? pulse : "no such device");
	}
	s->pulse_used = used;
}

static void check_receiver(struct sensors *s, uint64_t now_ns)
{
	enum receiver_state state;

	if (s->receiver == NULL) {
		return;
	}
	state = receiver_state(s->receiver);
	s->seen_receiver |= is_in_use(state);
	if (s->pty == NULL && !s->seen_receiver && may_simulate(s) &&
	    (state == RECEIVER_NO_PORT ||
	     (state == RECEIVER_PROBING && now_ns >= s->probe_until_ns))) {
		simulate_receiver(s, now_ns, receiver_reason(s->receiver));
		return;
	}
	log_receiver(s, state);
	if (is_in_use(state)) {
		log_problems(s, now_ns);
		log_pulse(s);
	}
}

/* A date that only the receiver is certain of, such as one 1024 weeks off. */
static void check_doubt(struct sensors *s, const struct gnss_fix *fix)
{
	char date[CIVIL_TEXT_SIZE];

	if (fix->time_doubt == GNSS_TIME_IMPLAUSIBLE && !s->implausible) {
		s->implausible = true;
		log_warning("receiver: reports %.10s, before [gnss] not_before or 1024 weeks "
			    "and more after it: its time is not used",
			    civil_text(fix->utc_us / 1000000, date));
	} else if (fix->time_known && s->implausible) {
		s->implausible = false;
		log_notice("receiver: its date is plausible again");
	}
}

int sensors_read_fix(struct sensors *s, const struct gnss_fix **fix)
{
	int n;

	*fix = NULL;
	if (s->receiver == NULL) {
		return 0;
	}
	n = receiver_process(s->receiver);
	if (n < 0) {
		log_error("receiver: %s", strerror(-n));
		n = 0;
	}
	*fix = receiver_fix(s->receiver);
	if (*fix != NULL && n > 0) {
		check_doubt(s, *fix);
	}
	return *fix != NULL ? n : 0;
}

uint32_t sensors_receiver_errors(struct sensors *s)
{
	struct receiver_counters c;
	uint64_t now, before = s->errors;

	if (s->receiver == NULL) {
		return 0;
	}
	receiver_counters(s->receiver, &c);
	now = (uint64_t)c.checksum_errors + c.naks + c.timeouts + c.epochs_missed;
	s->errors = now;
	return now > before ? (uint32_t)(now - before) : 0;
}

/* --- both ------------------------------------------------------------------- */

struct sensors *sensors_open(const struct node_config *config, struct sensor_list *list,
			     const struct ubx_assist *known, uint64_t now_ns, char *err,
			     size_t err_size)
{
	struct sensors *s = calloc(1, sizeof(*s));

	if (s == NULL || (s->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0) {
		snprintf(err, err_size, "sensors: %s", strerror(errno));
		free(s);
		return NULL;
	}
	s->config = config;
	s->list = list;
	s->seen_sensor = list->n > 0;
	start_bus(s, now_ns);
	if (strcmp(config->gnss_port, "simulated") == 0) {
		simulate_receiver(s, now_ns, "as configured");
	} else if (strcmp(config->gnss_port, "none") != 0) {
		open_receiver(s, config->gnss_port, now_ns);
	}
	if (known != NULL && s->receiver != NULL && s->pty == NULL) { /* a simulated one has its own
									 place */
		receiver_assist(s->receiver, known);
	}
	return s;
}

void sensors_close(struct sensors *s)
{
	if (s == NULL) {
		return;
	}
	thermometers_close(s->thermometers);
	free_sims(s);
	receiver_close(s->receiver);
	ublox7_pty_stop(s->pty);
	close(s->epoll);
	free(s);
}

int sensors_fd(const struct sensors *s)
{
	return s->epoll;
}

void sensors_check(struct sensors *s, uint64_t now_ns)
{
	if (s->thermometers == NULL && now_ns >= s->bus_retry_ns) {
		open_bus(s, now_ns);
	}
	check_receiver(s, now_ns);
}

uint64_t sensors_deadline_ns(const struct sensors *s)
{
	uint64_t bus = s->thermometers == NULL ? s->bus_retry_ns : UINT64_MAX;
	bool probing = s->receiver != NULL && s->pty == NULL && !s->seen_receiver &&
		       may_simulate(s) && receiver_state(s->receiver) == RECEIVER_PROBING;

	return probing && s->probe_until_ns < bus ? s->probe_until_ns : bus;
}

static void append_note(char *note, size_t size, size_t *used, const char *text)
{
	if (*used < size) {
		*used += (size_t)snprintf(note + *used, size - *used, "%s%s", *used > 0 ? "; " : "",
					  text);
	}
}

/* What happened since the last note to a receiver that is in use. */
static void note_events(struct sensors *s, char *note, size_t size, size_t *used)
{
	struct receiver_events events;
	char text[160];

	receiver_events(s->receiver, &events);
	if (events.restarts != s->restarts_noted && s->seen_receiver) {
		snprintf(text, sizeof(text), "receiver began again: %s", events.restart);
		append_note(note, size, used, text);
	}
	if (events.notices != s->notices_noted) {
		snprintf(text, sizeof(text), "receiver reports \"%s\"", events.notice);
		append_note(note, size, used, text);
	}
	s->restarts_noted = events.restarts;
	s->notices_noted = events.notices;
}

void sensors_note(struct sensors *s, char *note, size_t size)
{
	const char *bus = is_simulated(s) ? "simulated sensors" : s->bus_reason;
	bool real = s->pty == NULL && s->receiver != NULL;
	size_t used = (size_t)snprintf(note, size, "%s", bus);

	if (s->pty != NULL) {
		append_note(note, size, &used, "simulated receiver");
	} else if (real && !is_in_use(receiver_state(s->receiver))) {
		append_note(note, size, &used, receiver_reason(s->receiver));
	} else if (real) {
		note_events(s, note, size, &used);
	}
	for (unsigned p = 0; real && p < UBX_PROBLEM_COUNT; p++) {
		if ((s->problems >> p & 1) != 0) {
			append_note(note, size, &used, ubx_problem_text((enum ubx_problem)p));
		}
	}
}

const char *sensors_bus_name(const struct sensors *s)
{
	if (is_simulated(s)) {
		return "simulated";
	}
	return s->thermometers == NULL		? "none"
	       : s->used == THERMOMETERS_KERNEL ? "kernel"
						: "userspace";
}

const char *sensors_bus_reason(const struct sensors *s)
{
	return s->bus_reason;
}

const char *sensors_receiver_name(const struct sensors *s)
{
	return s->pty != NULL ? "simulated" : s->receiver != NULL ? s->config->gnss_port : "none";
}

const char *sensors_receiver_state(const struct sensors *s)
{
	static const char *const names[] = {
		[RECEIVER_NO_PORT] = "no-port",
		[RECEIVER_PROBING] = "probing",
		[RECEIVER_CONFIGURING] = "configuring",
		[RECEIVER_LIMITED] = "limited",
		[RECEIVER_READY] = "ready",
	};

	return s->receiver != NULL ? names[receiver_state(s->receiver)] : "none";
}

const struct ubx_health *sensors_receiver_health(const struct sensors *s)
{
	return s->receiver != NULL ? receiver_health(s->receiver) : NULL;
}

const char *sensors_receiver_reason(const struct sensors *s)
{
	return s->receiver != NULL ? receiver_reason(s->receiver) : "";
}

const char *sensors_receiver_identity(const struct sensors *s)
{
	return s->receiver != NULL ? receiver_identity(s->receiver) : "";
}

const char *sensors_receiver_pulse(const struct sensors *s)
{
	bool used;

	return s->receiver != NULL ? receiver_pulse(s->receiver, &used) : "";
}

bool sensors_receiver_events(const struct sensors *s, struct receiver_events *events)
{
	if (s->receiver != NULL) {
		receiver_events(s->receiver, events);
	}
	return s->receiver != NULL;
}

bool sensors_poll_satellites(struct sensors *s)
{
	return s->receiver != NULL && receiver_poll_satellites(s->receiver);
}

bool sensors_has_satellites(const struct sensors *s)
{
	return s->receiver != NULL && receiver_has_satellites(s->receiver);
}
