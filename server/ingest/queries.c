// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* strdup, EPOLL_CLOEXEC */
#include "queries.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "server/store/device_json.h"
#include "server/store/gaps_report.h"
#include "server/store/hash.h"
#include "time/now.h"
#include "userspace/daemon/log.h"
#include "userspace/reading/senml.h"

#define LEASE_US INT64_C(7200000000) /* two runs of the retention */
#define WAITING_MAX 256 /* queries; heavy readers wait, nodes that write do not */
#define SHORT_READINGS 100 /* the default of ?limit= */
#define READINGS_MAX 20000 /* in one answer: 60 MB while it is made */

struct lane {
	struct store *store; /* NULL: not in use */
	struct job_thread *thread;
};

struct queries {
	struct lane long_ones, short_ones;
	int epoll_fd; /* of both threads */
	bool stopping;
};

struct collected {
	const struct query_fields *fields;
	struct reading *readings;
	size_t n, size;
};

static void select_fields(struct reading *r, const struct query_fields *fields)
{
	r->known &= fields->scalars;
	if (!fields->temperatures) {
		r->n_temperatures = 0;
	}
	if (!fields->host) {
		r->host[0] = '\0';
	}
	if (!fields->version) {
		r->version[0] = '\0';
	}
	if (!fields->note) {
		r->note[0] = '\0';
	}
}

static int collect(void *arg, const struct reading *r, int64_t received_us)
{
	struct collected *c = arg;

	(void)received_us;
	if (c->n == READINGS_MAX) {
		return -E2BIG;
	}
	if (c->n == c->size) {
		size_t size = c->size * 2 + 8;
		struct reading *grown = realloc(c->readings, size * sizeof(*grown));

		if (grown == NULL) {
			return -ENOMEM;
		}
		c->readings = grown;
		c->size = size;
	}
	c->readings[c->n] = *r;
	if (c->fields->some) {
		select_fields(&c->readings[c->n], c->fields);
	}
	c->n++;
	return 0;
}

/* The pack, in a buffer that is made larger until it fits; no body for no readings. */
static int encode(struct query *q, const struct collected *c)
{
	size_t size = 1024 + c->n * 1024;
	int rc;

	if (c->n == 0) { /* RFC 8428 3 has no empty pack, but this is the only way to say "none" */
		const char *none = q->format == SENML_JSON ? "[]" : "\x80";

		if (q->kind != QUERY_ONE) {
			q->body = strdup(none);
			q->body_size = strlen(none);
		}
		return q->kind == QUERY_ONE || q->body != NULL ? 0 : -ENOMEM;
	}
	for (;;) {
		uint8_t *body = malloc(size);

		if (body == NULL) {
			return -ENOMEM;
		}
		rc = senml_encode((enum senml_format)q->format, c->readings, c->n, body, size,
				  NULL);
		if (rc >= 0) {
			uint8_t *fitting = realloc(body, (size_t)rc); /* it may be kept */

			q->body = fitting != NULL ? fitting : body;
			q->body_size = (size_t)rc;
			return (int)c->n;
		}
		free(body);
		if (rc != -ENOSPC || size > c->n * SENML_READING_MAX) {
			return rc;
		}
		size *= 2;
	}
}

/* --- settings and removals ------------------------------------------------ */

static int on_device(void *arg, const struct store_device *d)
{
	*(char **)arg = device_json_encode(d);
	return *(char **)arg != NULL ? 1 : -ENOMEM;
}

static int set_device(struct store *store, struct query *q)
{
	char *now = NULL;
	int rc = store_get_device(store, q->device, on_device, &now);
	bool differs = now == NULL ||
		       (q->if_match != UINT64_MAX && q->if_match != hash_etag(now, strlen(now)));

	if (rc >= 0 && ((q->if_match != 0 && differs) || (q->if_none_match && now != NULL))) {
		rc = -EEXIST;
	}
	free(now);
	rc = rc < 0 ? rc : store_put_device(store, q->device, q->settings, now_utc_us());
	return rc < 0 ? rc : 1;
}

static int expire(struct store *store, struct query *q)
{
	int rc;

	if (q->kind == QUERY_FORGET) {
		q->expiry.device = q->device;
	}
	if (q->kind == QUERY_EXPIRE && q->expiry.stream == 0) {
		int64_t now_us = now_utc_us();

		rc = store_lease(store, "retention", q->owner, now_us, now_us + LEASE_US);
		if (rc <= 0) { /* another server does it */
			q->expiry.done = true;
			return rc;
		}
	}
	rc = store_expire(store, &q->expiry, now_utc_us());
	if (rc >= 0 && q->kind == QUERY_FORGET && q->expiry.done) {
		rc = store_forget_device(store, q->device);
		return rc < 0 ? rc : 1;
	}
	return rc;
}

static int read_marks(struct store *store, struct query *q)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < q->n_marks; i++) {
		struct query_mark *m = &q->marks[i];

		rc = store_mark(store, m->device[0] != '\0' ? m->device : NULL, &m->mark);
	}
	return rc;
}

/* --- each kind ------------------------------------------------------------ */

/* Readings, encoded. */
static int read_readings(struct store *store, struct query *q)
{
	struct collected c = { .fields = &q->fields };
	int rc;

	if (q->kind == QUERY_NEWEST) {
		rc = store_newest(store, q->device[0] != '\0' ? q->device : NULL, collect, &c);
	} else if (q->kind == QUERY_TRACK) {
		q->track.device = q->device;
		rc = store_track(store, &q->track, collect, &c);
	} else {
		rc = store_one(store, q->device, q->epoch, q->seq, collect, &c);
	}
	if (rc >= 0) {
		rc = encode(q, &c);
	}
	free(c.readings);
	return rc;
}

/* JSON that is made as text. */
static int read_text(struct store *store, struct query *q)
{
	char *text = NULL;
	uint64_t missing = 0;
	int rc = q->kind == QUERY_GAPS ? gaps_report(store, q->device, q->epoch, &text, &missing)
				       : store_get_device(store, q->device, on_device, &text);

	if (q->kind == QUERY_GAPS && q->epoch != 0 && missing > 0) {
		log_notice("device %s: %" PRIu64 " readings of epoch %016" PRIx64
			   " are missing: its node sends again what it still has",
			   q->device, missing, q->epoch);
	}
	q->body = text;
	q->body_size = text != NULL ? strlen(text) : 0;
	return rc;
}

static int run_query(struct store *store, struct query *q)
{
	if (store_connect(store) < 0) {
		return STORE_DOWN;
	}
	switch (q->kind) {
	case QUERY_NEWEST:
	case QUERY_TRACK:
	case QUERY_ONE:
		return read_readings(store, q);
	case QUERY_GAPS:
	case QUERY_DEVICE:
		return read_text(store, q);
	case QUERY_REMOVE:
		return store_remove(store, q->device, q->epoch, q->seq, now_utc_us());
	case QUERY_SET_DEVICE:
		return set_device(store, q);
	case QUERY_FORGET:
	case QUERY_EXPIRE:
		return expire(store, q);
	case QUERY_MARKS:
		return read_marks(store, q);
	}
	return -EINVAL;
}

static void run_queries(void *arg, struct job *jobs)
{
	struct lane *lane = arg;

	for (struct job *next; jobs != NULL; jobs = next) {
		struct query *q = (struct query *)jobs;

		next = jobs->next;
		q->result = run_query(lane->store, q);
		/* One retry after a connection lost while idle or a conflict with another writer.
		 */
		if (q->result == STORE_DOWN || q->result == STORE_BUSY) {
			q->result = run_query(lane->store, q);
		}
		if (q->result < 0) {
			snprintf(q->why, sizeof(q->why), "%s", store_error(lane->store));
		}
		job_thread_finish(lane->thread, jobs);
	}
}

static bool start_lane(struct queries *q, struct lane *lane, struct store *store, const char *name)
{
	struct epoll_event event = { .events = EPOLLIN };

	lane->store = store;
	lane->thread = job_thread_start(&(struct job_thread_config){
		.name = name,
		.limit = WAITING_MAX,
		.work = run_queries,
		.arg = lane,
	});
	return lane->thread != NULL &&
	       epoll_ctl(q->epoll_fd, EPOLL_CTL_ADD, job_thread_fd(lane->thread), &event) == 0;
}

struct queries *queries_start(struct store *store, struct store *for_short_ones)
{
	struct queries *q = calloc(1, sizeof(*q));
	int why;

	if (q == NULL) {
		return NULL;
	}
	q->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (q->epoll_fd < 0 || !start_lane(q, &q->long_ones, store, "queries") ||
	    (for_short_ones != NULL &&
	     !start_lane(q, &q->short_ones, for_short_ones, "short queries"))) {
		why = errno;
		queries_stop(q);
		errno = why;
		return NULL;
	}
	return q;
}

static bool is_short(const struct query *query)
{
	switch (query->kind) {
	case QUERY_NEWEST:
		return query->device[0] != '\0';
	case QUERY_TRACK:
		return query->track.limit <= SHORT_READINGS;
	case QUERY_ONE:
	case QUERY_DEVICE:
	case QUERY_MARKS:
		return true;
	default:
		return false;
	}
}

int queries_submit(struct queries *q, struct query *query)
{
	struct lane *lane = q->short_ones.thread != NULL && is_short(query) ? &q->short_ones
									    : &q->long_ones;

	return q->stopping ? -EAGAIN : job_thread_submit(lane->thread, &query->job, 1);
}

int queries_fd(const struct queries *q)
{
	return q->epoll_fd;
}

void queries_collect(struct queries *q)
{
	job_thread_collect(q->long_ones.thread);
	if (q->short_ones.thread != NULL) {
		job_thread_collect(q->short_ones.thread);
	}
}

void queries_stop(struct queries *q)
{
	if (q == NULL) {
		return;
	}
	q->stopping = true; /* the end of a query may submit the next one, to the other thread */
	job_thread_stop(q->short_ones.thread);
	job_thread_stop(q->long_ones.thread);
	if (q->epoll_fd >= 0) {
		close(q->epoll_fd);
	}
	free(q);
}
