// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* signalfd(), epoll_create1(), strsignal() */
#include "node.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "clock_log.h"
#include "control.h"
#include "last_fix.h"
#include "last_run.h"
#include "node_check.h"
#include "node_report.h"
#include "node_state.h"
#include "sensor_store.h"
#include "system_facts.h"
#include "time/now.h"
#include "userspace/daemon/log.h"
#include "userspace/daemon/notify.h"
#include "userspace/daemon/reload_request.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

/* Period of the check whether NTP has set the kernel's clock */
#define NTP_NS (16 * NS_PER_S)
/* Without a reading for this long, and a period on top, the watchdog is not fed any more. */
#define STALLED_NS (30 * NS_PER_S)
/* Earlier readings dated in one turn of the loop: some 25 ms of a Pi 3 */
#define DATE_STEP 500
/* Retry of a dating that could not be written */
#define DATE_RETRY_NS (10 * NS_PER_S)
/* When each sensor was last seen, to the card */
#define SAVE_SENSORS_NS (24 * 3600 * NS_PER_S)
/* Minimum between two status files */
#define STATUS_NS (500 * NS_PER_MS)

/* --- errors ----------------------------------------------------------------- */

static void report_error(struct node *n, const char *text)
{
	snprintf(n->last_error, sizeof(n->last_error), "%s", text);
	n->last_error_ns = now_boot_ns();
	log_error("%s", n->last_error);
}

static int watch(struct node *n, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(n->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int open_outbox(struct node *n, bool damaged)
{
	const struct outbox_config config = {
		.path = n->config->outbox_path,
		.max_rows = n->config->outbox_max_rows,
		.max_bytes = n->config->outbox_max_mb * UINT64_C(1000000),
		.sync_ms = n->config->outbox_sync_ms,
		.flush_thread = true,
		.keep_us = n->config->outbox_keep_ms * INT64_C(1000),
		.max_memory = n->config->outbox_max_memory,
		.damaged = damaged,
		.boot = n->boot,
	};
	struct outbox_stats stats;
	char err[1024];
	int rc = outbox_open(&n->outbox, &config, err, sizeof(err));

	if (rc != 0) {
		report_error(n, err);
	}
	if (rc < 0) {
		return rc;
	}
	outbox_stats(n->outbox, &stats);
	n->lost = stats.refused; /* by an earlier process: not reported again */
	return watch(n, outbox_fd(n->outbox));
}

/*
 * Logs once that the outbox cannot be written, and once that it can again. A damaged one is set
 * aside, and a new one opened.
 */
static int outbox_result(struct node *n, int rc)
{
	char text[sizeof(n->last_error)];

	if (rc == -EUCLEAN) {
		outbox_close(n->outbox);
		n->list.changed = true; /* the new one gets it */
		return open_outbox(n, true);
	}
	if ((rc < 0 || rc == OUTBOX_UNPROTECTED) && !n->outbox_failed) {
		n->outbox_failed = true;
		snprintf(
			text, sizeof(text), "outbox %s: write failed: %s: %s",
			n->config->outbox_path, outbox_reason(n->outbox),
			n->config->outbox_max_memory > 0
				? "new readings are sent from memory, and lost if the node stops before"
				: "new readings are lost, their numbers are recorded");
		report_error(n, text);
	} else if (rc == 0 && n->outbox_failed) {
		n->outbox_failed = false;
		log_notice("outbox %s: readings are written again", n->config->outbox_path);
	}
	return 0;
}

/* Logs once that the flush thread failed, and once that its syncs succeed again. */
static void check_sync(struct node *n)
{
	char text[sizeof(n->last_error)];
	int rc = outbox_on_sync(n->outbox);

	if (rc < 0 && !n->sync_failed) {
		snprintf(text, sizeof(text),
			 "outbox %s: sync failed: %s: a power cut would lose the newest readings",
			 n->config->outbox_path, strerror(-rc));
		report_error(n, text);
	} else if (rc == 0 && n->sync_failed) {
		log_notice("outbox %s: syncs succeed again", n->config->outbox_path);
	}
	n->sync_failed = rc < 0;
}

static int64_t utc_s(const struct node *n, uint64_t now_ns)
{
	struct clock_stamp now = clock_at(&n->clock, now_ns);

	return now.source != READING_TIME_NONE ? now.utc_us / 1000000 : node_check_utc_s(n->config);
}

/* --- time ------------------------------------------------------------------- */

static void feed_clock(struct node *n, const struct clock_stamp *stamp)
{
	int event = clock_log_feed(&n->clock, stamp, &n->time_rejected);

	if (event == CLOCK_FIRST) {
		n->date_due_ns = stamp->boot_ns;
	}
	if (event == CLOCK_FIRST || event == CLOCK_STEPPED) {
		node_uplink_set_utc(&n->uplink, utc_s(n, stamp->boot_ns), stamp->boot_ns);
	}
}

static void check_ntp(struct node *n, uint64_t now_ns)
{
	struct clock_stamp stamp;

	if (now_ns < n->ntp_due_ns) {
		return;
	}
	n->ntp_due_ns = now_ns + NTP_NS;
	if (system_facts_ntp(&stamp)) {
		feed_clock(n, &stamp);
	}
}

/* Dates some of the readings made before the time was known, until none is left. */
static int date_readings(struct node *n, uint64_t now_ns)
{
	int dated;

	if (n->date_due_ns == 0 || now_ns < n->date_due_ns) {
		return 0;
	}
	dated = outbox_date(n->outbox, &n->clock.best, DATE_STEP);
	if (dated > 0) {
		log_notice("clock: %d earlier readings dated", dated);
	}
	if (dated < 0) {
		n->date_due_ns = now_ns + DATE_RETRY_NS;
	} else if (dated < DATE_STEP) {
		n->date_due_ns = 0;
	}
	return outbox_result(n, dated < 0 ? dated : 0);
}

/* --- one turn of the loop ------------------------------------------------------ */

static int save_sensors(struct node *n, uint64_t now_ns)
{
	int rc;

	if (!n->list.changed && now_ns < n->sensors_saved_ns + SAVE_SENSORS_NS) {
		return 0;
	}
	rc = sensor_store_save(n->outbox, n->config->outbox_path, &n->list);
	n->sensors_saved_ns = rc == 0 ? now_ns : n->sensors_saved_ns;
	return rc < 0 ? outbox_result(n, rc) : 0;
}

static void measure(struct node *n, uint64_t now_ns)
{
	struct clock_stamp now = clock_at(&n->clock, now_ns);
	struct thermometers_result result;
	struct clock_stamp stamp;
	const struct gnss_fix *fix;

	if (sensors_read_result(n->sensors, &result, now_ns,
				now.source != READING_TIME_NONE ? now.utc_us : 0) > 0) {
		sampler_accept_result(&n->sampler, &result);
	}
	if (sensors_read_fix(n->sensors, &fix) > 0) {
		sampler_accept_fix(&n->sampler, fix);
		if (clock_stamp_of_fix(fix, &stamp)) {
			feed_clock(n, &stamp);
		}
	} else if (fix == NULL) {
		sampler_accept_fix(&n->sampler, NULL);
	}
	sensors_check(n->sensors, now_ns);
	n->sampler.has_bus = sensors_has_bus(n->sensors);
	n->sampler.running = sensors_is_measuring(n->sensors); /* a cycle has no result when its bus
							      is replaced */
	if (sampler_wants_cycle(&n->sampler, now_ns) &&
	    sensors_start_cycle(n->sensors, now_ns) == 0) {
		sampler_cycle_started(&n->sampler, now_ns);
	}
}

static int make_reading(struct node *n, uint64_t now_ns)
{
	struct reading *r = &n->last;
	struct uplink_stats uplink;
	int rc, result;

	sampler_make(&n->sampler, &n->clock, now_ns, r);
	memcpy(r->device, n->device, sizeof(r->device));
	system_facts_fill("", r);
	sensors_note(n->sensors, r->note, sizeof(r->note));
	if (n->last_run[0] != '\0') {
		last_run_note(n->last_run, r->note, sizeof(r->note));
		reading_scalar_put(r, READING_START, n->start);
		n->last_run[0] = '\0';
	}
	reading_scalar_put(r, READING_UBX_ERRORS, sensors_receiver_errors(n->sensors));
	node_uplink_stats(&n->uplink, &uplink);
	reading_scalar_put(r, READING_UPLINK_FAILURES,
			   (int64_t)(uplink.failures - n->failures_reported));
	n->failures_reported = uplink.failures;
	n->last_reading_ns = now_ns;
	n->has_last = true;
	n->status_due = true;
	rc = outbox_put(n->outbox, r);
	result = outbox_result(n, rc);
	if (rc == -EUCLEAN && result == 0) { /* into the new one */
		result = outbox_result(n, outbox_put(n->outbox, r));
	}
	return result;
}

/* One that was opened now. */
static void use_uplink(struct node *n)
{
	if (n->uplink.uplink != NULL && watch(n, uplink_fd(n->uplink.uplink)) != 0) {
		log_error("event loop: %s", strerror(errno));
		node_uplink_close(&n->uplink); /* and again later */
	}
	n->failures_reported = n->uplink_reported = 0;
	n->status_due = true;
}

static int send_readings(struct node *n, uint64_t now_ns)
{
	struct uplink_stats stats;
	struct clock_stamp stamp;
	int rc;

	if (node_uplink_check(&n->uplink, utc_s(n, now_ns), now_ns)) {
		use_uplink(n);
	}
	if (n->uplink.uplink == NULL) {
		return 0;
	}
	rc = uplink_process(n->uplink.uplink, n->outbox, clock_wants_any(&n->clock, now_ns), now_ns,
			    &stamp);
	if (rc == 1) {
		feed_clock(n, &stamp);
		rc = date_readings(n, now_boot_ns());
		rc = rc == 0 ? uplink_process(n->uplink.uplink, n->outbox, false, now_ns, &stamp)
			     : rc;
	}
	uplink_stats(n->uplink.uplink, &stats);
	n->status_due |= n->uplink_reported != stats.sent + stats.failures;
	n->uplink_reported = stats.sent + stats.failures;
	return rc < 0 ? outbox_result(n, rc) : 0;
}

static void feed_watchdog(struct node *n, uint64_t now_ns)
{
	uint64_t allowed_ns = n->config->period_ms * NS_PER_MS + STALLED_NS;

	if (n->watchdog_ns == 0 || now_ns < n->watchdog_due_ns) {
		return;
	}
	n->watchdog_due_ns = now_ns + n->watchdog_ns;
	if (now_ns <= n->last_reading_ns + allowed_ns) {
		notify_send("WATCHDOG=1");
	}
}

/* All that is due: 0, or an error that stops the node. */
static int turn(struct node *n)
{
	uint64_t now_ns = now_boot_ns(), sync_ns;
	int rc;

	check_ntp(n, now_ns);
	measure(n, now_ns);
	rc = save_sensors(n, now_ns);
	rc = rc == 0 ? date_readings(n, now_ns) : rc;
	if (rc == 0 && sampler_is_ready(&n->sampler, now_ns)) {
		rc = make_reading(n, now_ns);
	}
	if (rc == 0) {
		check_sync(n);
		rc = send_readings(n, now_ns);
	}
	sync_ns = rc == 0 ? outbox_sync_due_ns(n->outbox) : 0;
	if (sync_ns != 0 && now_ns >= sync_ns) {
		rc = outbox_result(n, outbox_sync(n->outbox));
	}
	if (rc != 0) { /* the outbox was set aside, and no new one could be opened */
		return rc;
	}
	node_report_answer(n, now_ns);
	if (n->status_due && now_ns >= n->status_ns + STATUS_NS) {
		node_report_status(n, now_ns);
	}
	feed_watchdog(n, now_ns);
	return rc;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* For epoll, in ms, rounded up. */
static int next_timeout_ms(const struct node *n)
{
	uint64_t now_ns = now_boot_ns(), at, sync_ns = outbox_sync_due_ns(n->outbox);

	at = earlier(sampler_deadline_ns(&n->sampler, now_ns), n->ntp_due_ns);
	at = earlier(at, sensors_deadline_ns(n->sensors));
	at = earlier(at, n->uplink.due_ns);
	at = earlier(at, n->uplink.uplink != NULL ? uplink_deadline_ns(n->uplink.uplink, now_ns)
						  : UINT64_MAX);
	at = earlier(at, sync_ns != 0 ? sync_ns : UINT64_MAX);
	at = earlier(at, n->date_due_ns != 0 ? n->date_due_ns : UINT64_MAX);
	at = earlier(at, n->waiting.length != 0 ? n->waiting_due_ns : UINT64_MAX);
	at = earlier(at, n->status_due ? n->status_ns + STATUS_NS : UINT64_MAX);
	at = earlier(at, n->watchdog_ns != 0 ? n->watchdog_due_ns : UINT64_MAX);
	return at <= now_ns ? 0 : (int)((at - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

/* --- start and end -------------------------------------------------------------- */

static int open_loop(struct node *n)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	n->epoll = epoll_create1(EPOLL_CLOEXEC);
	n->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (n->epoll < 0 || n->signals < 0 || watch(n, n->signals) != 0) {
		log_error("event loop: %s", strerror(errno));
		return NODE_RUNTIME;
	}
	return NODE_OK;
}

int node_exit_of(int error)
{
	switch (error) {
	case 0:
		return NODE_OK;
	case -EKEYREJECTED:
		return NODE_CREDENTIAL;
	case -EINVAL:
		return NODE_CONFIG;
	default:
		return NODE_RUNTIME;
	}
}

static int start_uplink(struct node *n)
{
	uint64_t now_ns = now_boot_ns();

	if (node_uplink_open(&n->uplink, n->config, n->device, utc_s(n, now_ns), now_ns) != 0) {
		return NODE_CONFIG;
	}
	use_uplink(n);
	return NODE_OK;
}

static int start_control(struct node *n)
{
	n->control = control_open(n->config->status);
	if (n->control < 0 || watch(n, n->control) != 0) {
		log_warning(
			"socket %s.socket: %s: geotherm status shows the file, geotherm sensor cannot change the list",
			n->config->status,
			n->control == -EADDRINUSE ? "another process answers there"
						  : strerror(n->control < 0 ? -n->control : errno));
	}
	return NODE_OK;
}

/* --- reload -------------------------------------------------------------------- */

/* The new configuration, if it needs no restart and its credentials are good; else err. */
static bool load_again(struct node *n, struct node_config *fresh, char *err, size_t err_size)
{
	const struct config_key *key = NULL;
	bool same = true;

	if (node_config_load(fresh, n->source, err, err_size) != 0) {
		return false;
	}
	while ((key = config_next_change(&node_config_table, n->config, fresh, key)) != NULL) {
		/* the default device may be written down */
		bool live = key->offset == offsetof(struct node_config, device)
				    ? fresh->device == NULL || strcmp(fresh->device, n->device) == 0
				    : key->live;
		size_t used = strlen(err);

		if (!live) {
			snprintf(err + used, err_size - used, "%s [%s] %s",
				 same ? "restart the node to apply" : ",", key->section, key->key);
			same = false;
		}
	}
	if (!same ||
	    node_check_server(fresh, n->device, utc_s(n, now_boot_ns()), err, err_size) != 0) {
		node_config_free(fresh);
		return false;
	}
	return true;
}

/* Loads the configuration again and applies it. False with err: the old one stays in use. */
static bool apply_again(struct node *n, char *err, size_t err_size)
{
	struct node_config fresh, old = *n->config;

	if (!load_again(n, &fresh, err, err_size)) {
		return false;
	}
	/* *config is borrowed by others, so it is changed in place; what is in flight is sent
	 * again. */
	node_uplink_close(&n->uplink);
	*n->config = fresh;
	if (start_uplink(n) != NODE_OK) { /* load_again() has checked it: files that change now */
		snprintf(err, err_size, "[server] cannot be used any more");
		node_config_free(n->config);
		*n->config = old;
		start_uplink(n);
		return false;
	}
	if (strcmp(old.status, n->config->status) != 0) {
		control_close(n->control, old.status);
		start_control(n);
	}
	node_config_free(&old);
	log_set_level(n->config->log_level);
	sampler_set_period(&n->sampler, n->config->period_ms, now_boot_ns());
	return true;
}

static void reload(struct node *n, const struct signalfd_siginfo *signal)
{
	char err[sizeof(n->reload_refused)] = "";
	bool applied;

	notify_send("RELOADING=1");
	applied = apply_again(n, err, sizeof(err));
	if (applied) {
		log_notice("reload: new configuration applied");
	} else {
		log_error("reload: %s", err);
		log_warning("reload: keeping the old configuration");
	}
	snprintf(n->reload_refused, sizeof(n->reload_refused), "%s", applied ? "" : err);
	n->reload_ns = now_boot_ns();
	node_report_status(n, n->reload_ns);
	notify_send("READY=1");
	reload_request_answer(signal, applied);
}

/* --- the loop -------------------------------------------------------------------- */

static int run(struct node *n)
{
	struct epoll_event events[4];
	struct signalfd_siginfo signal;
	int rc = 0;

	while (rc == 0) {
		int ready = epoll_wait(n->epoll, events, 4, next_timeout_ms(n));

		if (ready < 0 && errno != EINTR) {
			rc = -errno;
			log_error("epoll: %s", strerror(errno));
			return rc;
		}
		if (read(n->signals, &signal, sizeof(signal)) == sizeof(signal)) {
			if (signal.ssi_signo != SIGHUP) {
				log_notice("received %s, shutting down",
					   strsignal((int)signal.ssi_signo));
				return 0;
			}
			reload(n, &signal);
		}
		rc = turn(n);
	}
	return rc;
}

/* --- start and stop --------------------------------------------------------------- */

static int start_node(struct node *n)
{
	n->boot = system_facts_boot("");
	n->started_ns = now_boot_ns();
	n->last_reading_ns = n->started_ns;
	snprintf(n->last_fix_path, sizeof(n->last_fix_path), "%s.fix", n->config->status);
	clock_init(&n->clock, n->config->not_before_us);
	sampler_init(&n->sampler, n->config->period_ms, n->config->gnss_rate_ms, n->started_ns);
	return node_check_device(n->config, n->device) == 0 ? NODE_OK : NODE_CONFIG;
}

static int start_outbox(struct node *n)
{
	int64_t written_us = last_run_written_us(n->config->outbox_path);
	struct outbox_stats stats;

	if (open_outbox(n, false) != 0) {
		return NODE_OUTBOX;
	}
	outbox_stats(n->outbox, &stats);
	sensor_store_load(n->outbox, n->config->outbox_path, &n->list);
	if (n->config->w1_sensors.n > 0) {
		sensor_list_fix(&n->list, n->config->w1_sensors.rom, n->config->w1_sensors.n);
	}
	n->sensors_saved_ns = n->started_ns;
	n->start = stats.start;
	last_run_describe(n->start, clock_accepts(&n->clock, written_us) ? written_us : 0,
			  n->last_run, sizeof(n->last_run));
	return NODE_OK;
}

static int start_sensors(struct node *n)
{
	struct ubx_assist assist;
	bool known = last_fix_read(n->last_fix_path, n->boot, n->started_ns, &assist) == 1;
	char err[512];

	n->sensors = sensors_open(n->config, &n->list, known ? &assist : NULL, n->started_ns, err,
				  sizeof(err));
	if (n->sensors == NULL || watch(n, sensors_fd(n->sensors)) != 0) {
		log_error("%s", n->sensors == NULL ? err : strerror(errno));
		return NODE_RUNTIME;
	}
	return NODE_OK;
}

static void stop(struct node *n)
{
	control_close(n->control, n->config->status);
	if (n->sensors != NULL) {
		sensor_store_save(n->outbox, n->config->outbox_path, &n->list);
	}
	sensors_close(n->sensors);
	node_uplink_close(&n->uplink);
	outbox_close(n->outbox);
	close(n->signals);
	close(n->epoll);
}

int node_run(struct node_config *config, const struct config_source *source)
{
	/* The uplink before the outbox: [server] is the commonest mistake. */
	static int (*const start[])(struct node *) = { open_loop,    start_node,    start_uplink,
						       start_outbox, start_sensors, start_control };
	static struct node node; /* large: a reading, a result */
	struct node *n = &node;
	int code = NODE_OK;

	n->config = config;
	n->source = source;
	n->control = -1;
	for (size_t i = 0; i < sizeof(start) / sizeof(start[0]) && code == NODE_OK; i++) {
		code = start[i](n);
	}
	if (code == NODE_OK) {
		n->watchdog_ns = notify_watchdog_us() * 1000;
		log_notice("%s started: device %s, a reading every %u ms to %s", GEOTHERM_VERSION,
			   n->device, config->period_ms,
			   config->server_uri != NULL ? config->server_uri : "the outbox only");
		notify_send("READY=1");
		code = run(n) == 0 ? NODE_OK : NODE_RUNTIME;
		notify_send("STOPPING=1");
	}
	stop(n);
	return code;
}
