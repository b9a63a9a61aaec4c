// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* epoll_create1() */
#include "parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "ubx/receiver.h"
#include "userspace/daemon/log.h"
#include "userspace/reading/hex.h"
#include "userspace/sim/ublox7_pty.h"
#include "userspace/sim/w1_sim_line.h"

#define NS_PER_S UINT64_C(1000000000)

/* How often a part that is missing is looked for. */
#define RETRY_NS (60 * NS_PER_S)
/*
 * A receiver that says nothing at any rate for so long is taken as absent; a u-blox 7 is found in
 * under 3 s.
 */
#define PROBE_NS (10 * NS_PER_S)

#define SIMULATED_SEED 1 /* the same world at each start */

struct parts {
	const struct node_config *config;
	int epoll;

	struct thermometers *thermometers;
	struct w1_sim *sim;
	struct w1_line line; /* of sim */
	bool measuring; /* a cycle runs */
	bool seen_sensor; /* a real one */
	enum thermometers_bus used;
	uint64_t bus_retry_ns; /* while thermometers is NULL */
	uint64_t sim_ns; /* the simulated world is as old as this */
	char bus_reason[200];

	struct receiver *receiver;
	struct ublox7_pty *pty;
	bool seen_receiver;
	enum receiver_state told; /* what the log knows */
	uint64_t probe_until_ns;
	uint64_t errors; /* already reported */
};

static bool may_simulate(const struct parts *p)
{
	return p->config->simulate == NODE_SIMULATE_IF_ABSENT;
}

static void watch(const struct parts *p, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
		log_error("epoll: %s", strerror(errno));
	}
}

/* --- thermometers --------------------------------------------------------- */

static void keep_bus_reason(struct parts *p, const char *reason)
{
	if (strcmp(p->bus_reason, reason) != 0) {
		snprintf(p->bus_reason, sizeof(p->bus_reason), "%s", reason);
		if (reason[0] != '\0') {
			log_warning("1-Wire: %s", reason);
		} else {
			log_notice("1-Wire: all is well again");
		}
	}
}

static void open_bus(struct parts *p, uint64_t now_ns)
{
	static const enum thermometers_bus buses[] = {
		[NODE_W1_AUTO] = THERMOMETERS_AUTO,
		[NODE_W1_USERSPACE] = THERMOMETERS_USERSPACE,
		[NODE_W1_KERNEL] = THERMOMETERS_KERNEL,
		[NODE_W1_SIMULATED] = THERMOMETERS_USERSPACE,
	};
	const struct node_config *c = p->config;
	struct thermometers_config config = {
		.bus = buses[c->w1_bus],
		.chip = c->w1_chip,
		.gpio = c->w1_gpio,
		.search_every_cycles = c->w1_search_every,
		.resolutions = c->w1_resolutions,
	};
	char err[sizeof(p->bus_reason)];

	if (p->sim != NULL) {
		p->line = w1_sim_line(p->sim);
		config.line = &p->line;
	}
	p->thermometers = thermometers_open(&config, err, sizeof(err));
	if (p->thermometers != NULL) {
		watch(p, thermometers_fd(p->thermometers));
		p->bus_reason[0] = '\0';
		if (config.line == NULL && *thermometers_missing_rights(p->thermometers) != '\0') {
			log_notice("1-Wire: running without %s: more slots are repeated",
				   thermometers_missing_rights(p->thermometers));
		}
		return;
	}
	keep_bus_reason(p, err);
	p->bus_retry_ns = now_ns + RETRY_NS;
}

static void simulate_bus(struct parts *p, uint64_t now_ns, const char *why)
{
	thermometers_close(p->thermometers);
	p->thermometers = NULL;
	p->measuring = false;
	p->sim = w1_sim_new_demo(SIMULATED_SEED);
	if (p->sim == NULL) {
		keep_bus_reason(p, "out of memory for simulated sensors");
		p->bus_retry_ns = now_ns + RETRY_NS;
		return;
	}
	p->sim_ns = now_ns;
	log_notice("1-Wire: %s: simulated sensors are used", why);
	open_bus(p, now_ns);
}

static void start_bus(struct parts *p, uint64_t now_ns)
{
	if (p->config->w1_bus == NODE_W1_NONE) {
		p->bus_retry_ns = UINT64_MAX;
		return;
	}
	if (p->config->w1_bus == NODE_W1_SIMULATED) {
		simulate_bus(p, now_ns, "as configured");
		return;
	}
	open_bus(p, now_ns);
	if (p->thermometers == NULL && may_simulate(p)) {
		simulate_bus(p, now_ns, "no bus was found");
	}
}

bool parts_has_bus(const struct parts *p)
{
	return p->thermometers != NULL;
}

bool parts_is_measuring(const struct parts *p)
{
	return p->measuring;
}

int parts_start_cycle(struct parts *p, uint64_t now_ns)
{
	int rc;

	if (p->sim != NULL && now_ns > p->sim_ns) { /* its world goes on while nobody looks */
		w1_sim_advance(p->sim, now_ns - p->sim_ns);
		p->sim_ns = now_ns;
	}
	rc = thermometers_start(p->thermometers);
	p->measuring |= rc == 0;
	return rc;
}

int parts_take_result(struct parts *p, struct thermometers_result *result, uint64_t now_ns)
{
	if (p->thermometers == NULL || thermometers_take(p->thermometers, result) <= 0) {
		return 0;
	}
	p->measuring = false;
	p->used = result->used;
	if (p->sim == NULL && result->n > 0) {
		p->seen_sensor = true;
	}
	if (p->sim == NULL && !p->seen_sensor && may_simulate(p)) {
		simulate_bus(p, now_ns,
			     result->reason[0] != '\0' ? result->reason : "no sensor answered");
		return 0;
	}
	keep_bus_reason(p, result->reason[0] != '\0' ? result->reason
			   : result->n == 0	     ? "no sensor answers"
						     : "");
	return 1;
}

/* --- receiver --------------------------------------------------------------- */

static void open_receiver(struct parts *p, const char *port, uint64_t now_ns)
{
	const struct node_config *c = p->config;
	const struct receiver_config config = {
		.port = port,
		.baud = c->gnss_baud,
		.rate_ms = c->gnss_rate_ms,
		.dyn_model = c->gnss_dyn_model,
		.max_hacc_mm = c->gnss_max_hacc_m * 1000,
		.build_utc_us = c->not_before_us,
	};
	char err[200];

	p->receiver = receiver_open(&config, err, sizeof(err));
	if (p->receiver == NULL) {
		log_error("receiver: %s", err);
		return;
	}
	watch(p, receiver_fd(p->receiver));
	p->probe_until_ns = now_ns + PROBE_NS;
	p->told = RECEIVER_PROBING;
	log_notice("receiver: is looked for on %s", port);
}

static void simulate_receiver(struct parts *p, uint64_t now_ns, const char *why)
{
	struct ublox7_config config;
	char err[200];

	log_notice("receiver: %s: a simulated one is used", why);
	receiver_close(p->receiver); /* why may be its own words */
	p->receiver = NULL;
	ublox7_config_default(&config);
	config.seed = SIMULATED_SEED;
	p->pty = ublox7_pty_start(&config, err, sizeof(err));
	if (p->pty == NULL) {
		log_error("receiver: cannot be simulated: %s", err);
		return;
	}
	open_receiver(p, ublox7_pty_path(p->pty), now_ns);
}

static void check_receiver(struct parts *p, uint64_t now_ns)
{
	enum receiver_state state;

	if (p->receiver == NULL) {
		return;
	}
	state = receiver_state(p->receiver);
	p->seen_receiver |= state == RECEIVER_READY;
	if (p->pty == NULL && !p->seen_receiver && may_simulate(p) &&
	    (state == RECEIVER_NO_PORT ||
	     (state == RECEIVER_PROBING && now_ns >= p->probe_until_ns))) {
		simulate_receiver(p, now_ns, receiver_reason(p->receiver));
		return;
	}
	if (state == p->told) {
		return;
	}
	p->told = state;
	switch (state) {
	case RECEIVER_READY:
		log_notice("receiver on %s: ready, %s", parts_receiver_name(p),
			   receiver_identity(p->receiver));
		break;
	case RECEIVER_CONFIGURING:
		log_debug("receiver: %s", receiver_reason(p->receiver));
		break;
	case RECEIVER_NO_PORT:
	case RECEIVER_PROBING:
		log_warning("receiver: %s", receiver_reason(p->receiver));
		break;
	}
}

int parts_take_fix(struct parts *p, const struct gnss_fix **fix)
{
	int n;

	*fix = NULL;
	if (p->receiver == NULL) {
		return 0;
	}
	n = receiver_process(p->receiver);
	if (n < 0) {
		log_error("receiver: %s", strerror(-n));
		n = 0;
	}
	*fix = receiver_fix(p->receiver);
	return *fix != NULL ? n : 0;
}

uint32_t parts_receiver_errors(struct parts *p)
{
	struct receiver_counters c;
	uint64_t now, before = p->errors;

	if (p->receiver == NULL) {
		return 0;
	}
	receiver_counters(p->receiver, &c);
	now = (uint64_t)c.checksum_errors + c.naks + c.timeouts + c.epochs_missed;
	p->errors = now;
	return now > before ? (uint32_t)(now - before) : 0;
}

/* --- both ------------------------------------------------------------------- */

struct parts *parts_open(const struct node_config *config, const struct ubx_assist *known,
			 uint64_t now_ns, char *err, size_t err_size)
{
	struct parts *p = calloc(1, sizeof(*p));

	if (p == NULL || (p->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0) {
		snprintf(err, err_size, "sensors: %s", strerror(errno));
		free(p);
		return NULL;
	}
	p->config = config;
	start_bus(p, now_ns);
	if (strcmp(config->gnss_port, "simulated") == 0) {
		simulate_receiver(p, now_ns, "as configured");
	} else if (strcmp(config->gnss_port, "none") != 0) {
		open_receiver(p, config->gnss_port, now_ns);
	}
	if (known != NULL && p->receiver != NULL && p->pty == NULL) { /* the simulated world has a
									 place of its own */
		receiver_assist(p->receiver, known);
	}
	return p;
}

void parts_close(struct parts *p)
{
	if (p == NULL) {
		return;
	}
	thermometers_close(p->thermometers);
	w1_sim_free(p->sim);
	receiver_close(p->receiver);
	ublox7_pty_stop(p->pty);
	close(p->epoll);
	free(p);
}

int parts_fd(const struct parts *p)
{
	return p->epoll;
}

void parts_check(struct parts *p, uint64_t now_ns)
{
	if (p->thermometers == NULL && now_ns >= p->bus_retry_ns) {
		open_bus(p, now_ns);
	}
	check_receiver(p, now_ns);
}

uint64_t parts_deadline_ns(const struct parts *p)
{
	uint64_t bus = p->thermometers == NULL ? p->bus_retry_ns : UINT64_MAX;
	bool probing = p->receiver != NULL && p->pty == NULL && !p->seen_receiver &&
		       may_simulate(p) && receiver_state(p->receiver) == RECEIVER_PROBING;

	return probing && p->probe_until_ns < bus ? p->probe_until_ns : bus;
}

void parts_note(const struct parts *p, char *note, size_t size)
{
	const char *bus = p->sim != NULL ? "simulated sensors" : p->bus_reason;
	const char *gnss = p->pty != NULL ? "simulated receiver" : "";
	bool silent = p->pty == NULL && p->receiver != NULL &&
		      receiver_state(p->receiver) != RECEIVER_READY;

	snprintf(note, size, "%s%s%s%s", bus,
		 bus[0] != '\0' && (gnss[0] != '\0' || silent) ? "; " : "", gnss,
		 silent ? receiver_reason(p->receiver) : "");
}

const char *parts_bus_name(const struct parts *p)
{
	if (p->sim != NULL) {
		return "simulated";
	}
	return p->thermometers == NULL		? "none"
	       : p->used == THERMOMETERS_KERNEL ? "kernel"
						: "userspace";
}

const char *parts_bus_reason(const struct parts *p)
{
	return p->bus_reason;
}

const char *parts_receiver_name(const struct parts *p)
{
	return p->pty != NULL ? "simulated" : p->receiver != NULL ? p->config->gnss_port : "none";
}

const char *parts_receiver_state(const struct parts *p)
{
	static const char *const names[] = {
		[RECEIVER_NO_PORT] = "no-port",
		[RECEIVER_PROBING] = "probing",
		[RECEIVER_CONFIGURING] = "configuring",
		[RECEIVER_READY] = "ready",
	};

	return p->receiver != NULL ? names[receiver_state(p->receiver)] : "none";
}

const char *parts_receiver_reason(const struct parts *p)
{
	return p->receiver != NULL ? receiver_reason(p->receiver) : "";
}

const char *parts_receiver_identity(const struct parts *p)
{
	return p->receiver != NULL ? receiver_identity(p->receiver) : "";
}
