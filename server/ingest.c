// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE	/* clock_gettime, nanosleep */
#include "ingest.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "streams.h"
#include "userspace/daemon/log.h"

#define RETRY_FIRST_MS 100	/* after a failed connect, doubling */
#define RETRY_LAST_MS 5000
#define BUSY_PATIENCE_MS 10000	/* with other writers that are in the way */
#define CHECKPOINT_EVERY 1024	/* numbers that a start may have to look at per stream */

struct ingest {
	struct ingest_config config;
	struct store *store;
	struct worker *worker;
	struct streams streams;
	struct row *rows;	/* config.batch of them, and the items made of them */
	struct store_item *items;

	bool told;		/* that the store is down */
	uint64_t retry_at_ms;
	unsigned retry_ms;

	pthread_mutex_t lock;	/* of counts */
	struct ingest_counts counts;
};

/* A reading of the batch under way. */
struct row {
	const struct reading *reading;
	int64_t received_us;
	struct stream *stream;
	bool known;		/* its number was there before */
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- the store's ups and downs -------------------------------------------- */

static int connect_store(struct ingest *in)
{
	int rc;

	if (store_connected(in->store)) {
		return 0;
	}
	if (in->retry_ms > 0 && now_ms() < in->retry_at_ms) {
		return STORE_DOWN;
	}
	rc = store_connect(in->store);
	if (rc < 0) {
		in->retry_ms = in->retry_ms == 0 ? RETRY_FIRST_MS : in->retry_ms * 2;
		if (in->retry_ms > RETRY_LAST_MS) {
			in->retry_ms = RETRY_LAST_MS;
		}
		in->retry_at_ms = now_ms() + in->retry_ms;
		return STORE_DOWN;
	}
	in->retry_ms = 0;
	return 0;
}

static void tell(struct ingest *in, int rc)
{
	if (rc == STORE_DOWN && !in->told) {
		log_error("store: %s; nodes keep their readings until it is back", store_error(in->store));
		in->told = true;
	} else if (rc >= 0 && in->told) {
		log_notice("store: back, readings are stored again");
		in->told = false;
	}
}

/* --- one batch ------------------------------------------------------------ */

static int load_gaps(struct ingest *in, struct stream *stream, int64_t now_us)
{
	bool counted = stream->epoch != READING_EPOCH_LEGACY;
	int rc = store_stream(in->store, stream->device, stream->epoch, now_us, &stream->id,
			      counted ? &stream->gaps : NULL);

	if (rc < 0) {
		stream->id = 0;
		return rc;
	}
	return 0;
}

static int find_streams(struct ingest *in, struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct reading *r = rows[i].reading;
		struct stream *stream = streams_find(&in->streams, r->device, r->epoch);
		int rc;

		if (stream == NULL) {
			stream = streams_add(&in->streams, r->device, r->epoch);
		}
		if (stream == NULL) {
			return STORE_DOWN;
		}
		if (stream->id == 0) {
			rc = load_gaps(in, stream, rows[i].received_us);
			if (rc < 0) {
				return rc;
			}
			stream->saved = stream->gaps.complete;
		}
		rows[i].stream = stream;
	}
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->stream->id != y->stream->id) {
		return x->stream->id < y->stream->id ? -1 : 1;
	}
	return x->reading->seq < y->reading->seq ? -1 : x->reading->seq > y->reading->seq;
}

static int try_commit(struct ingest *in, size_t n)
{
	int rc = connect_store(in);

	if (rc >= 0) {
		rc = find_streams(in, in->rows, n);
	}
	if (rc < 0) {
		return rc;
	}
	/* By key: two writers that insert in one order cannot deadlock. */
	qsort(in->rows, n, sizeof(in->rows[0]), by_key);
	for (size_t i = 0; i < n; i++) {
		in->items[i] = (struct store_item){
			.stream = in->rows[i].stream->id, .reading = in->rows[i].reading,
			.received_us = in->rows[i].received_us,
		};
	}
	return store_commit(in->store, in->items, n);
}

static int commit(struct ingest *in, size_t n)
{
	uint64_t until_ms = now_ms() + BUSY_PATIENCE_MS;
	int rc = try_commit(in, n);

	while (rc == STORE_BUSY && now_ms() < until_ms) {
		/* At random, so that two writers do not meet again. */
		nanosleep(&(struct timespec){ .tv_nsec = (1 + rand() % 32) * 1000000L }, NULL);
		rc = try_commit(in, n);
	}
	/* A connection that was lost while idle, or in the commit: the same batch again, once. */
	if (rc == STORE_DOWN && in->retry_ms == 0 && !store_connected(in->store)) {
		rc = try_commit(in, n);
	}
	return rc >= 0 || rc == STORE_REFUSED ? rc : STORE_DOWN;
}

static void log_batch(const struct row *rows, size_t n, int fresh)
{
	const struct row *first = &rows[0], *last = &rows[n - 1];

	if (first->stream == last->stream) {	/* sorted: then all are of one */
		log_info("stored device=%s epoch=%016" PRIx64 " seq=%" PRIu64 "-%" PRIu64 " rows=%zu new=%d",
			 first->stream->device, first->stream->epoch, first->reading->seq, last->reading->seq, n,
			 fresh);
	} else {
		log_info("stored rows=%zu new=%d of several streams", n, fresh);
	}
}

/* What follows a commit: gaps, counts, a word about conflicts. */
static void committed(struct ingest *in, size_t n, int fresh)
{
	size_t conflicts = 0;

	log_batch(in->rows, n, fresh);
	for (size_t i = 0; i < n; i++) {
		struct row *row = &in->rows[i];
		uint64_t seq = row->reading->seq;

		if (row->stream->epoch != READING_EPOCH_LEGACY) {
			row->known = gaps_has(&row->stream->gaps, seq);
			gaps_add(&row->stream->gaps, seq, seq);
		}
		if (in->items[i].conflict) {
			conflicts++;
			log_warning("duplicate with other content kept out: device=%s epoch=%016" PRIx64 " seq=%" PRIu64,
				    row->stream->device, row->stream->epoch, seq);
		} else if (!row->known && in->config.stored != NULL) {
			in->config.stored(in->config.arg, row->reading);
		}
	}
	for (size_t i = 0; i < n; i++) {
		struct stream *stream = in->rows[i].stream;

		/* A failure of either is no failure of the commit: both only look ahead. */
		if (gaps_stale(&stream->gaps)) {
			load_gaps(in, stream, in->rows[i].received_us);
		}
		if (stream->gaps.complete >= stream->saved + CHECKPOINT_EVERY &&
		    store_checkpoint(in->store, stream->id, stream->gaps.complete) == 0) {
			stream->saved = stream->gaps.complete;
		}
	}
	pthread_mutex_lock(&in->lock);
	in->counts.readings += n;
	in->counts.stored += (uint64_t)fresh;
	in->counts.duplicates += n - (size_t)fresh - conflicts;
	in->counts.conflicts += conflicts;
	in->counts.batches++;
	pthread_mutex_unlock(&in->lock);
}

static void acknowledge(struct ingest *in, struct ingest_job *job)
{
	job->n_acks = 0;
	for (size_t i = 0; i < job->n; i++) {
		const struct reading *r = &job->readings[i];
		size_t a = 0;

		while (a < job->n_acks && (job->acks[a].epoch != r->epoch ||
					   strcmp(job->acks[a].device, r->device) != 0)) {
			a++;
		}
		if (a == job->n_acks) {
			const struct stream *stream = streams_find(&in->streams, r->device, r->epoch);

			memcpy(job->acks[a].device, r->device, sizeof(r->device));
			job->acks[a].epoch = r->epoch;
			job->acks[a].complete = stream->gaps.complete;
			job->n_acks++;
		}
	}
}

static void count_failure(struct ingest *in, int rc)
{
	pthread_mutex_lock(&in->lock);
	if (rc == STORE_REFUSED) {
		in->counts.refused++;
	} else {
		in->counts.failures++;
	}
	pthread_mutex_unlock(&in->lock);
}

/* Jobs first..end, end not included, as one commit. */
static int commit_jobs(struct ingest *in, struct job *first, const struct job *end)
{
	size_t n = 0;
	int rc;

	for (struct job *job = first; job != end; job = job->next) {
		const struct ingest_job *of = (struct ingest_job *)job;

		for (size_t i = 0; i < of->n; i++) {
			in->rows[n++] = (struct row){ .reading = &of->readings[i], .received_us = of->received_us };
		}
	}
	rc = commit(in, n);
	tell(in, rc);
	if (rc >= 0) {
		committed(in, n, rc);
	}
	return rc;
}

static void finish(struct ingest *in, struct job *job, int rc)
{
	struct ingest_job *done = (struct ingest_job *)job;

	done->result = rc;
	if (rc >= 0) {
		acknowledge(in, done);
	} else {
		snprintf(done->why, sizeof(done->why), "%s", store_error(in->store));
		count_failure(in, rc);
	}
	worker_finish(in->worker, job);
}

static size_t readings_of(const struct job *job)
{
	return ((const struct ingest_job *)job)->n;
}

static void work(void *arg, struct job *jobs)
{
	struct ingest *in = arg;

	while (jobs != NULL) {
		struct job *end = jobs, *next;
		size_t n = 0;
		int rc;

		do {
			n += readings_of(end);
			end = end->next;
		} while (end != NULL && n + readings_of(end) <= in->config.batch);
		rc = commit_jobs(in, jobs, end);
		for (bool alone = jobs->next == end; jobs != end; jobs = next) {
			next = jobs->next;
			/* One of the batch is poison: each goes alone, and only the poison is refused. */
			finish(in, jobs, rc == STORE_REFUSED && !alone ? commit_jobs(in, jobs, next) : rc);
		}
	}
}

/* --- the face ------------------------------------------------------------- */

static void ingest_free(struct ingest *in)
{
	streams_free(&in->streams);
	pthread_mutex_destroy(&in->lock);
	free(in->rows);
	free(in->items);
	free(in);
}

struct ingest *ingest_start(struct store *store, const struct ingest_config *config)
{
	struct ingest *in = calloc(1, sizeof(*in));

	if (in == NULL) {
		return NULL;
	}
	in->config = *config;
	in->store = store;
	in->told = !store_connected(store);	/* who opened it has said why */
	pthread_mutex_init(&in->lock, NULL);
	in->rows = calloc(config->batch, sizeof(*in->rows));
	in->items = calloc(config->batch, sizeof(*in->items));
	if (in->rows != NULL && in->items != NULL) {
		in->worker = worker_start(&(struct worker_config){
			.name = "store", .limit = config->queue, .work = work, .arg = in,
		});
	}
	if (in->worker == NULL) {
		int why = errno;

		ingest_free(in);
		errno = why;
		return NULL;
	}
	return in;
}

int ingest_submit(struct ingest *in, struct ingest_job *job)
{
	return job->n > in->config.batch ? -EMSGSIZE : worker_submit(in->worker, &job->job, job->n);
}

int ingest_fd(const struct ingest *in)
{
	return worker_fd(in->worker);
}

void ingest_collect(struct ingest *in)
{
	worker_collect(in->worker);
}

struct ingest_counts ingest_counts(struct ingest *in)
{
	struct ingest_counts counts;

	pthread_mutex_lock(&in->lock);
	counts = in->counts;
	pthread_mutex_unlock(&in->lock);
	return counts;
}

void ingest_stop(struct ingest *in)
{
	if (in != NULL) {
		worker_stop(in->worker);
		ingest_free(in);
	}
}
