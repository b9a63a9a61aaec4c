// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* nanosleep */
#include "ingest.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "streams.h"
#include "time/now.h"
#include "userspace/daemon/log.h"

#define RETRY_FIRST_MS 100 /* after a failed connect, doubling */
#define RETRY_LAST_MS 5000
#define BUSY_TIMEOUT_MS 10000 /* of conflicts with other writers */
#define CLOCK_AGREES_US                                                           \
	INT64_C(600000000) /* how late a reading may come that confirms the clock \
			    */
#define CHECKPOINT_EVERY 1024 /* numbers that a start may have to read per stream */

struct ingest {
	struct ingest_config config;
	struct store *store;
	struct job_thread *thread;
	struct streams streams;
	struct row *rows; /* config.batch of them, and the items made of them */
	struct store_item *items;
	size_t conflicts; /* of the newest commit */

	bool down_logged;
	uint64_t retry_at_ms;
	unsigned retry_ms;

	pthread_mutex_t lock; /* of counts */
	struct ingest_counts counts;
};

/* A reading of the batch under way. */
struct row {
	const struct reading *reading;
	int64_t received_us;
	struct stream *stream;
	bool known; /* its number was there before */
};

/* --- connection ----------------------------------------------------------- */

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
	streams_free(&in->streams); /* it may be another database by now */
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

static void note_outcome(struct ingest *in, int rc)
{
	if (rc == STORE_DOWN && !in->down_logged) {
		log_error("store: %s; nodes keep their readings until it is up again",
			  store_error(in->store));
		in->down_logged = true;
	} else if (rc >= 0 && in->down_logged) {
		log_notice("store: up again, readings are stored");
		in->down_logged = false;
	}
	pthread_mutex_lock(&in->lock);
	in->counts.down = rc == STORE_DOWN;
	pthread_mutex_unlock(&in->lock);
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

/* The stream, known to the store. */
static int find_stream(struct ingest *in, const char *device, uint64_t epoch, int64_t now_us,
		       struct stream **out)
{
	struct stream *stream = streams_find(&in->streams, device, epoch);
	int rc;

	if (stream == NULL) {
		stream = streams_add(&in->streams, device, epoch);
	}
	if (stream == NULL) {
		return STORE_DOWN;
	}
	if (stream->id == 0) {
		rc = load_gaps(in, stream, now_us);
		if (rc < 0) {
			return rc;
		}
		stream->saved = stream->gaps.complete;
	}
	*out = stream;
	return 0;
}

static int find_streams(struct ingest *in, struct row *rows, size_t n)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < n; i++) {
		rc = find_stream(in, rows[i].reading->device, rows[i].reading->epoch,
				 rows[i].received_us, &rows[i].stream);
	}
	return rc;
}

static int by_key(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->stream->id != y->stream->id) {
		return x->stream->id < y->stream->id ? -1 : 1;
	}
	return x->reading->seq < y->reading->seq ? -1 : x->reading->seq > y->reading->seq;
}

static int try_commit(struct ingest *in, const struct ingest_gaps *none, size_t n)
{
	int rc = find_streams(in, in->rows, n);

	(void)none;
	if (rc < 0) {
		return rc;
	}
	/* By key: two writers that insert in one order cannot deadlock. */
	qsort(in->rows, n, sizeof(in->rows[0]), by_key);
	for (size_t i = 0; i < n; i++) {
		in->items[i] = (struct store_item){
			.stream = in->rows[i].stream->id,
			.reading = in->rows[i].reading,
			.received_us = in->rows[i].received_us,
			.after = in->rows[i].stream->newest,
		};
	}
	return store_commit(in->store, in->items, n);
}

/* Repeats until it succeeds, or cannot succeed now. */
static int persist(struct ingest *in,
		   int (*attempt)(struct ingest *in, const struct ingest_gaps *gaps, size_t n),
		   const struct ingest_gaps *gaps, size_t n)
{
	uint64_t until_ms = now_ms() + BUSY_TIMEOUT_MS;
	bool again;
	int rc;

	do {
		rc = connect_store(in);
		if (rc >= 0) {
			rc = attempt(in, gaps, n);
		}
		again = (rc == STORE_BUSY || rc == STORE_REPLACED) && now_ms() < until_ms;
		if (rc == STORE_REPLACED) {
			log_warning(
				"store: a stream is gone, or a reading that was stored: was a backup "
				"restored? Looking up all streams again");
			streams_free(&in->streams);
		} else if (again) { /* at random, so that two writers do not collide again */
			nanosleep(&(struct timespec){ .tv_nsec = (1 + rand() % 32) * 1000000L },
				  NULL);
		}
	} while (again);
	/* One retry after a connection that was lost while idle or in the commit. */
	if (rc == STORE_DOWN && in->retry_ms == 0 && !store_connected(in->store)) {
		rc = connect_store(in);
		rc = rc < 0 ? rc : attempt(in, gaps, n);
	}
	return rc >= 0 || rc == STORE_REFUSED ? rc : STORE_DOWN;
}

static void log_batch(const struct row *rows, size_t n, int fresh)
{
	const struct row *first = &rows[0], *last = &rows[n - 1];

	if (first->stream == last->stream) { /* sorted: then all are of one */
		log_debug("stored device=%s epoch=%016" PRIx64 " seq=%" PRIu64 "-%" PRIu64
			  " rows=%zu new=%d",
			  first->stream->device, first->stream->epoch, first->reading->seq,
			  last->reading->seq, n, fresh);
	} else {
		log_debug("stored rows=%zu new=%d of several streams", n, fresh);
	}
}

/*
 * Whether another server has stored the number after `complete`: a client that moves between
 * servers gets the acknowledgement of all. Where readings come in order and new, as a rule, the
 * store is not asked.
 */
static bool is_filled_elsewhere(struct ingest *in, const struct stream *stream, bool repeated)
{
	return in->config.shared && stream->epoch != READING_EPOCH_LEGACY &&
	       (stream->gaps.n > 0 || repeated) &&
	       store_is_accounted(in->store, stream->id, stream->gaps.complete + 1) > 0;
}

/* A failure here does not affect the commit. repeated: some readings were stored before. */
static void advance_complete(struct ingest *in, struct stream *stream, int64_t now_us,
			     bool repeated)
{
	bool is_due = stream->gaps.complete >= stream->saved + CHECKPOINT_EVERY;

	if (is_due || gaps_stale(&stream->gaps) || is_filled_elsewhere(in, stream, repeated)) {
		load_gaps(in, stream, now_us);
	}
	if (is_due && stream->id != 0 && /* by what the store has, not by what was acknowledged */
	    store_checkpoint(in->store, stream->id, stream->gaps.complete) == 0) {
		stream->saved = stream->gaps.complete;
	}
}

/* Does this machine's clock agree with one that knows? A backlog is no evidence against it. */
static bool is_clock_confirmed(const struct row *row)
{
	const struct reading *r = row->reading;
	int64_t late_us = row->received_us - r->utc_us;

	return (r->time_source == READING_TIME_GNSS || r->time_source == READING_TIME_NTP) &&
	       late_us < CLOCK_AGREES_US && late_us > -CLOCK_AGREES_US;
}

/* One line a stream: rows are sorted. */
static void log_conflicts(const struct ingest *in, size_t n)
{
	const struct row *first = NULL;
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		const struct row *row = &in->rows[i];

		if (in->items[i].conflict) {
			first = count++ == 0 ? row : first;
		}
		if (count > 0 && (i + 1 == n || in->rows[i + 1].stream != row->stream)) {
			log_warning(
				"device %s: %zu readings not stored, from epoch=%016" PRIx64
				" seq=%" PRIu64
				" on: others have their numbers (its outbox was restored, or copied to another node?)",
				row->stream->device, count, row->stream->epoch,
				first->reading->seq);
			count = 0;
		}
	}
}

/* After a commit: gaps, counts, conflicts in the log. */
static void committed(struct ingest *in, size_t n, int fresh)
{
	size_t conflicts = 0;
	bool agrees = in->counts.clock_agrees;

	log_batch(in->rows, n, fresh);
	for (size_t i = 0; i < n; i++) {
		struct row *row = &in->rows[i];
		uint64_t seq = row->reading->seq;

		if (row->stream->epoch != READING_EPOCH_LEGACY) {
			row->known = gaps_is_accounted(&row->stream->gaps, seq);
			gaps_add(&row->stream->gaps, seq, seq);
			row->stream->newest = seq;
		}
		if (in->items[i].conflict) {
			conflicts++;
		} else if (!row->known && in->config.stored != NULL) {
			in->config.stored(in->config.arg, row->reading);
		}
	}
	for (size_t i = 0; i < n; i++) { /* sorted: each stream once */
		if (i + 1 == n || in->rows[i + 1].stream != in->rows[i].stream) {
			advance_complete(in, in->rows[i].stream, in->rows[i].received_us,
					 (size_t)fresh < n);
		}
	}
	in->conflicts = conflicts;
	for (size_t i = 0; i < n; i++) {
		agrees = agrees || is_clock_confirmed(&in->rows[i]);
	}
	if (conflicts > 0) {
		log_conflicts(in, n);
	}
	pthread_mutex_lock(&in->lock);
	in->counts.clock_agrees = agrees;
	in->counts.readings += n;
	in->counts.stored += (uint64_t)fresh;
	in->counts.duplicates += n - (size_t)fresh - conflicts;
	in->counts.conflicts += conflicts;
	in->counts.batches++;
	in->counts.streams = in->streams.n;
	pthread_mutex_unlock(&in->lock);
}

/* --- explained gaps ------------------------------------------------------- */

static int try_explain(struct ingest *in, const struct ingest_gaps *gaps, size_t n)
{
	int64_t now_us = now_utc_us();
	struct stream *stream;
	int rc;

	stream = streams_find(&in->streams, gaps->device, gaps->epoch);
	if (stream != NULL) {
		stream->id = 0; /* it is looked up again: nothing guards holes */
	}
	rc = find_stream(in, gaps->device, gaps->epoch, now_us, &stream);
	return rc < 0 ? rc : store_explain(in->store, stream->id, gaps->holes, n, now_us);
}

static int explain(struct ingest *in, const struct ingest_gaps *gaps)
{
	int rc = persist(in, try_explain, gaps, gaps->n);
	struct stream *stream = streams_find(&in->streams, gaps->device, gaps->epoch);

	note_outcome(in, rc);
	if (rc < 0) {
		return rc;
	}
	for (size_t i = 0; i < gaps->n; i++) {
		const struct store_hole *hole = &gaps->holes[i];

		gaps_add(&stream->gaps, hole->range.first, hole->range.last);
		log_notice("gap explained: device=%s epoch=%016" PRIx64 " seq=%" PRIu64 "-%" PRIu64
			   ": %s",
			   gaps->device, gaps->epoch, hole->range.first, hole->range.last,
			   hole->cause);
	}
	advance_complete(in, stream, now_utc_us(), true);
	pthread_mutex_lock(&in->lock);
	in->counts.gaps += gaps->n;
	pthread_mutex_unlock(&in->lock);
	return rc;
}

/* --- answers -------------------------------------------------------------- */

static void acknowledge_stream(struct ingest *in, struct ingest_job *job, const char *device,
			       uint64_t epoch)
{
	size_t a = 0;

	while (a < job->n_acks &&
	       (job->acks[a].epoch != epoch || strcmp(job->acks[a].device, device) != 0)) {
		a++;
	}
	if (a == job->n_acks) {
		const struct stream *stream = streams_find(&in->streams, device, epoch);

		memcpy(job->acks[a].device, device, strlen(device) + 1);
		job->acks[a].epoch = epoch;
		job->acks[a].complete = stream->gaps.complete;
		job->n_acks++;
	}
}

static void acknowledge(struct ingest *in, struct ingest_job *job)
{
	job->n_acks = 0;
	if (job->gaps != NULL) {
		acknowledge_stream(in, job, job->gaps->device, job->gaps->epoch);
	}
	for (size_t i = 0; i < job->n; i++) {
		acknowledge_stream(in, job, job->readings[i].device, job->readings[i].epoch);
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
			in->rows[n++] = (struct row){ .reading = &of->readings[i],
						      .received_us = of->received_us };
		}
	}
	rc = persist(in, try_commit, NULL, n);
	note_outcome(in, rc);
	if (rc >= 0) {
		committed(in, n, rc);
	}
	return rc;
}

static void finish(struct ingest *in, struct job *job, int rc)
{
	struct ingest_job *done = (struct ingest_job *)job;

	done->result = rc;
	done->conflict = NULL;
	if (rc >= 0) {
		acknowledge(in, done);
		for (size_t i = 0, left = in->conflicts; left > 0 && done->n > 0; i++) {
			const struct reading *r = in->rows[i].reading;

			left -= in->items[i].conflict;
			if (in->items[i].conflict && r >= done->readings &&
			    r < done->readings + done->n) {
				done->conflict = r;
				break;
			}
		}
	} else {
		snprintf(done->why, sizeof(done->why), "%s", store_error(in->store));
		count_failure(in, rc);
	}
	job_thread_finish(in->thread, job);
}

/* Of a batch's room; gaps go alone. */
static size_t room_of(const struct ingest *in, const struct job *job)
{
	const struct ingest_job *of = (const struct ingest_job *)job;

	return of->gaps != NULL ? in->config.batch : of->n;
}

static void commit_all(void *arg, struct job *jobs)
{
	struct ingest *in = arg;

	while (jobs != NULL) {
		struct job *end = jobs, *next;
		size_t n = 0;
		int rc;

		if (in->streams.n > INGEST_STREAMS_MAX) { /* each is loaded again when it comes */
			streams_free(&in->streams);
		}
		do {
			n += room_of(in, end);
			end = end->next;
		} while (end != NULL && n + room_of(in, end) <= in->config.batch);
		rc = ((struct ingest_job *)jobs)->gaps != NULL
			     ? explain(in, ((struct ingest_job *)jobs)->gaps)
			     : commit_jobs(in, jobs, end);
		for (bool alone = jobs->next == end; jobs != end; jobs = next) {
			next = jobs->next;
			/* The database refuses one of the batch: each is committed alone, and only
			 * that one is refused. */
			finish(in, jobs,
			       rc == STORE_REFUSED && !alone ? commit_jobs(in, jobs, next) : rc);
		}
	}
}

/* --- interface ------------------------------------------------------------ */

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
	in->down_logged = !store_connected(store); /* its opener has logged the reason */
	in->counts.down = in->down_logged;
	pthread_mutex_init(&in->lock, NULL);
	in->rows = calloc(config->batch, sizeof(*in->rows));
	in->items = calloc(config->batch, sizeof(*in->items));
	if (in->rows != NULL && in->items != NULL) {
		in->thread = job_thread_start(&(struct job_thread_config){
			.name = "ingest",
			.limit = config->queue,
			.work = commit_all,
			.arg = in,
		});
	}
	if (in->thread == NULL) {
		int why = errno;

		ingest_free(in);
		errno = why;
		return NULL;
	}
	return in;
}

int ingest_submit(struct ingest *in, struct ingest_job *job)
{
	return job->n > in->config.batch
		       ? -EMSGSIZE
		       : job_thread_submit(in->thread, &job->job, job->n > 0 ? job->n : 1);
}

int ingest_fd(const struct ingest *in)
{
	return job_thread_fd(in->thread);
}

void ingest_collect(struct ingest *in)
{
	job_thread_collect(in->thread);
}

struct ingest_counts ingest_counts(struct ingest *in)
{
	struct ingest_counts counts;

	pthread_mutex_lock(&in->lock);
	counts = in->counts;
	pthread_mutex_unlock(&in->lock);
	return counts;
}

size_t ingest_queued(struct ingest *in)
{
	return job_thread_weight(in->thread);
}

void ingest_stop(struct ingest *in)
{
	if (in != NULL) {
		job_thread_stop(in->thread);
		ingest_free(in);
	}
}
