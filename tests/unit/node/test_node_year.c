// SPDX-License-Identifier: BSD-2-Clause
/*
 * A year of a node in virtual time: clock, outbox and uplink plan together, against a server that
 * is a list of numbers. Power cuts, reboots, a receiver that comes and goes, an NTP server that is
 * an hour wrong at times, outages of hours to weeks, a certificate that expires before somebody
 * renews it, a full outbox, readings that the server refuses.
 *
 * At every reboot and at the end: each seq that was ever given is at the server, waiting, in a gap,
 * or known to the server as a gap; none is at the server with another content; each dated reading's
 * true time is within its uncertainty, unless NTP lied.
 *
 * GEOTHERM_YEAR_PERIOD_S is the time between two readings (default 1800).
 */
#define _GNU_SOURCE /* mkdtemp() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "userspace/node/clock.h"
#include "peek_readings.h"
#include "userspace/node/outbox.h"
#include "userspace/node/uplink_plan.h"

static const struct outbox_range none;

#define S UINT64_C(1000000000)
#define HOUR (3600 * S)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)
#define T0 (INT64_C(20800) * 86400 * 1000000)
#define SEQS 1000000
#define LIE_US INT64_C(3600000000)
#define MAX_ROWS 1500
#define BATCH 32

struct world {
	uint64_t now, boot_at; /* true time since the start, ns; when this boot began */
	uint64_t boot; /* its id */
	uint64_t gnss_from, server_from, ntp_from; /* when each changes next */
	bool gnss, server, ntp, ntp_lies;
	uint64_t certificate_ends, certificate_renewed; /* between them no session can be made */
	struct clock clock;
	struct outbox *o;
	struct uplink_plan plan;
	char path[96], err[600];
	unsigned boots, outages, cuts, steps, undated, dated, refused, lied, expiries, gaps_told;
	uint64_t epoch, given;
};

static struct world w;
/* What the server has: the boot_ns of the reading, as its content's mark; 0: nothing. */
static uint64_t stored[SEQS];
/* What it knows will never come. */
static uint8_t given_up[SEQS];
static uint64_t put_boot_ns[SEQS], true_ns[SEQS];
static struct reading pack[BATCH];

static uint64_t random_state = 20261123;

static uint64_t draw(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

static uint64_t boot_ns(void)
{
	return w.now - w.boot_at + S;
}

static int64_t true_utc_us(uint64_t at)
{
	return T0 + (int64_t)(at / 1000);
}

static void feed(enum reading_time_source source, int64_t wrong_us, uint64_t acc_ns)
{
	const struct clock_stamp stamp = {
		.boot_ns = boot_ns(),
		.utc_us = true_utc_us(w.now) + wrong_us,
		.source = source,
		.acc_ns = acc_ns,
	};

	switch (clock_feed(&w.clock, &stamp)) {
	case CLOCK_FIRST:
		assert_true(outbox_date(w.o, &stamp, INT_MAX) >= 0);
		break;
	case CLOCK_STEPPED:
		w.steps++;
		break;
	default:
		break;
	}
}

static void open_outbox(unsigned sync_ms)
{
	const struct outbox_config config = {
		.path = w.path,
		.max_rows = MAX_ROWS,
		.max_bytes = 100000000,
		.sync_ms = sync_ms,
		.boot = w.boot,
	};
	struct outbox_stats stats;

	assert_int_equal(outbox_open(&w.o, &config, w.err, sizeof(w.err)), 0);
	outbox_stats(w.o, &stats);
	assert_true(w.epoch == 0 || w.epoch == stats.epoch);
	assert_true(stats.next_seq > w.given);
	w.epoch = stats.epoch;
}

/* Every seq that was given or skipped is in exactly one place that can be told. */
static void assert_all_accounted_for(void)
{
	static uint8_t waiting[SEQS];
	static struct reading readings[MAX_ROWS];
	struct outbox_stats stats;
	struct outbox_gap gap;
	uint64_t from = 1;
	int n = peek_readings(w.o, OUTBOX_OLDEST_FIRST, none, readings, MAX_ROWS);

	outbox_stats(w.o, &stats);
	assert_int_equal(n, stats.rows - stats.refused);
	assert_true(stats.rows <= MAX_ROWS);
	memset(waiting, 0, sizeof(waiting));
	for (int i = 0; i < n; i++) {
		assert_true(readings[i].boot_ns == put_boot_ns[readings[i].seq]);
		waiting[readings[i].seq] = 1;
	}
	while (outbox_gaps(w.o, from, &gap, 1) == 1) {
		for (uint64_t seq = gap.first; seq <= gap.last; seq++) {
			assert_int_equal(waiting[seq], 0);
			waiting[seq] = 2;
		}
		from = gap.last + 1;
	}
	for (uint64_t seq = 1; seq < stats.next_seq; seq++) {
		if (waiting[seq] == 0 && stored[seq] == 0 && given_up[seq] == 0) {
			fail_msg("day %llu: %llu is nowhere", (unsigned long long)(w.now / DAY),
				 (unsigned long long)seq);
		}
	}
}

/* The server takes a reading: once, and whatever comes again must be the same. */
static void store(const struct reading *r)
{
	assert_in_range(r->seq, 1, SEQS - 1);
	assert_true(stored[r->seq] == 0 || stored[r->seq] == r->boot_ns);
	assert_true(r->boot_ns == put_boot_ns[r->seq]);
	stored[r->seq] = r->boot_ns;
	if (r->time_source == READING_TIME_NONE) {
		w.undated++;
	} else {
		int64_t wrong_us = r->utc_us - true_utc_us(true_ns[r->seq]);

		w.dated++;
		if (r->time_source == READING_TIME_NTP && llabs(wrong_us) > LIE_US / 2) {
			wrong_us -= LIE_US;
			w.lied++;
		}
		if ((uint64_t)llabs(wrong_us) > r->time_acc_ns / 1000 + 1) {
			fail_msg("%llu is dated %lld us wrong, by %s", (unsigned long long)r->seq,
				 (long long)wrong_us, reading_time_source_name(r->time_source));
		}
	}
}

/* The server takes note of gaps; at times its answer is lost. */
static void tell_gaps(void)
{
	struct outbox_gap gaps[4];
	int n = outbox_gaps(w.o, 1, gaps, 4);

	for (int i = 0; i < n; i++) {
		for (uint64_t seq = gaps[i].first; seq <= gaps[i].last; seq++) {
			given_up[seq] = 1;
		}
	}
	for (int i = 0; i < n && draw(20) != 0; i++) {
		assert_int_equal(outbox_confirm_gap(w.o, w.epoch, &gaps[i]), 1);
		w.gaps_told++;
	}
}

/* What the node sends until it may not or has nothing. */
static void send_all(void)
{
	while (uplink_plan_may_send(&w.plan, 0, boot_ns())) {
		int n = peek_readings(w.o, draw(2) ? OUTBOX_OLDEST_FIRST : OUTBOX_NEWEST_FIRST,
				      none, pack, w.plan.limit);
		struct uplink_attempt ask;
		uint64_t first, last;
		unsigned code = UPLINK_CODE(2, 4);

		assert_true(n >= 0);
		if (n == 0) {
			return;
		}
		ask = uplink_plan_sent(&w.plan, (unsigned)n, boot_ns());
		if (!w.server || (w.now >= w.certificate_ends && w.now < w.certificate_renewed)) {
			uplink_plan_no_answer(&w.plan, ask, boot_ns());
			return;
		}
		tell_gaps();
		first = pack[0].seq < pack[n - 1].seq ? pack[0].seq : pack[n - 1].seq;
		last = pack[0].seq < pack[n - 1].seq ? pack[n - 1].seq : pack[0].seq;
		for (int i = 0; i < n; i++) {
			code = pack[i].seq % 1009 == 0 ? UPLINK_CODE(4, 0) : code;
		}
		if (code == UPLINK_CODE(2, 4) && draw(50) == 0) {
			code = UPLINK_CODE(5, 3);
		}
		if (code == UPLINK_CODE(2, 4)) {
			for (int i = 0; i < n; i++) {
				store(&pack[i]);
			}
			if (draw(20) == 0) { /* stored, but the answer is lost */
				uplink_plan_no_answer(&w.plan, ask, boot_ns());
				return;
			}
		}
		switch (uplink_plan_answer(&w.plan, ask, code, 5, boot_ns())) {
		case UPLINK_CONFIRM:
			assert_int_equal(outbox_confirm(w.o, w.epoch, first, last), n);
			break;
		case UPLINK_REFUSE:
			assert_int_equal(outbox_refuse(w.o, w.epoch, first, "4.00 poison"), 0);
			w.refused++;
			break;
		case UPLINK_RENUMBER:
		case UPLINK_HALVE:
		case UPLINK_KEEP:
			break;
		}
	}
}

static void start_plan(void)
{
	uplink_plan_init(&w.plan, &(const struct uplink_plan_config){ .batch = BATCH,
								      .window = 1,
								      .servers = 1,
								      .backoff_max_ms = 60000,
								      .seed = w.boot });
}

static void reboot(void)
{
	unsigned sync_ms = draw(2) ? 0 : 600000;

	assert_all_accounted_for();
	outbox_close(w.o);
	w.boots++;
	w.boot++;
	w.now += S * (10 + draw(3600));
	w.boot_at = w.now;
	clock_init(&w.clock, T0);
	start_plan();
	open_outbox(sync_ms);
}

/* Receiver, server and NTP come and go, each at times of its own. */
static void next_weather(void)
{
	if (w.now >= w.gnss_from) {
		w.gnss = !w.gnss;
		w.gnss_from = w.now + (w.gnss ? HOUR + draw(5 * DAY) : HOUR / 60 + draw(5 * DAY));
	}
	if (w.now >= w.server_from) {
		w.server = !w.server;
		w.outages += !w.server;
		w.server_from = w.now + (w.server	 ? DAY + draw(20 * DAY)
					 : draw(10) == 0 ? draw(60 * DAY)
							 : draw(12 * HOUR));
	}
	if (w.now >= w.certificate_renewed) { /* for 90 days; somebody thinks of it too late */
		w.expiries += w.certificate_renewed != 0;
		w.certificate_ends = w.now + 90 * DAY;
		w.certificate_renewed = w.certificate_ends + draw(10 * DAY);
	}
	if (w.now >= w.ntp_from) {
		w.ntp = !w.ntp;
		w.ntp_lies = draw(8) == 0;
		w.ntp_from = w.now + HOUR + draw(10 * DAY);
	}
}

static void a_year_loses_nothing_doubles_nothing_and_dates_rightly(void **state)
{
	const char *text = getenv("GEOTHERM_YEAR_PERIOD_S");
	uint64_t period = (text != NULL ? (uint64_t)atoi(text) : 1800) * S, next_boot;
	/*
	 * In memory where there is such a folder: a year of disk syncs proves nothing here and
	 * takes a minute.
	 */
	char dir[64], command[96];
	unsigned at_server = 0;

	(void)state;
	snprintf(dir, sizeof(dir), "%s/geotherm-year-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(dir));
	snprintf(w.path, sizeof(w.path), "%s/outbox.db", dir);
	w.boot = 100;
	clock_init(&w.clock, T0);
	start_plan();
	open_outbox(600000);
	next_boot = draw(20 * DAY);
	while (w.now < YEAR) {
		struct clock_stamp at;
		struct reading r;

		w.now += period;
		next_weather();
		if (w.gnss) {
			feed(READING_TIME_GNSS, -(int64_t)draw(200000), 200000040);
		} else if (w.ntp) {
			feed(READING_TIME_NTP,
			     (w.ntp_lies ? LIE_US : 0) + (int64_t)draw(40000) - 20000, 20000000);
		} else if (w.server && w.clock.best.source == READING_TIME_NONE) {
			feed(READING_TIME_SERVER, (int64_t)draw(200000) - 100000, 100000000);
		}
		reading_init(&r);
		strcpy(r.device, "urn:dev:mac:0200c0fffe000001");
		at = clock_at(&w.clock, boot_ns());
		r.boot_ns = at.boot_ns;
		r.time_source = at.source;
		r.utc_us = at.source != READING_TIME_NONE ? at.utc_us : r.utc_us;
		r.time_acc_ns = at.source != READING_TIME_NONE ? at.acc_ns : r.time_acc_ns;
		assert_int_equal(outbox_put(w.o, &r), 0);
		assert_in_range(r.seq, w.given + 1, SEQS - 1);
		w.given = r.seq;
		put_boot_ns[r.seq] = r.boot_ns;
		true_ns[r.seq] = w.now;
		send_all();
		if (outbox_sync_due_ns(w.o) != 0 && boot_ns() >= outbox_sync_due_ns(w.o)) {
			assert_int_equal(outbox_sync(w.o), 0);
		}
		if (w.now >= next_boot) {
			reboot();
			next_boot = w.now + HOUR + draw(20 * DAY);
		}
	}
	assert_all_accounted_for();
	outbox_close(w.o);
	for (uint64_t seq = 1; seq <= w.given; seq++) {
		at_server += stored[seq] != 0;
	}
	assert_true(w.boots > 10 && w.outages > 5 && w.dated > 1000 && w.steps > 0 &&
		    w.expiries > 1 && w.gaps_told > 10);
	print_message(
		"    %llu readings, %u at the server (%u undated, %u dated by an NTP server that lied), %u boots, "
		"%u outages, %u expired certificates, %u clock steps, %u set aside, %u gaps told\n",
		(unsigned long long)w.given, at_server, w.undated, w.lied, w.boots, w.outages,
		w.expiries, w.steps, w.refused, w.gaps_told);
	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_year_loses_nothing_doubles_nothing_and_dates_rightly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
