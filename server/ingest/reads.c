// SPDX-License-Identifier: BSD-2-Clause
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "reads.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/coap/blockwise.h"
#include "server/store/device_json.h"
#include "server/store/gaps_report.h"
#include "userspace/reading/senml.h"

#define WAITING_MAX 256 /* jobs; a client that reads much waits, nodes that write do not */
#define READINGS_MAX 20000 /* in one answer: 60 MB while it is made */

struct reads {
	struct store *store;
	struct worker *worker;
};

static int64_t utc_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct collected {
	const struct read_fields *fields;
	struct reading *readings;
	size_t n, size;
};

static void select_fields(struct reading *r, const struct read_fields *fields)
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
static int encode(struct read_job *job, const struct collected *c)
{
	size_t size = 1024 + c->n * 1024;
	int rc;

	if (c->n == 0) { /* RFC 8428 3 knows no empty pack; nothing says "none" better */
		const char *none = job->format == SENML_JSON ? "[]" : "\x80";

		if (job->kind != READ_ONE) {
			job->body = strdup(none);
			job->body_size = strlen(none);
		}
		return job->kind == READ_ONE || job->body != NULL ? 0 : -ENOMEM;
	}
	for (;;) {
		uint8_t *body = malloc(size);

		if (body == NULL) {
			return -ENOMEM;
		}
		rc = senml_encode((enum senml_format)job->format, c->readings, c->n, body, size,
				  NULL);
		if (rc >= 0) {
			job->body = body;
			job->body_size = (size_t)rc;
			return (int)c->n;
		}
		free(body);
		if (rc != -ENOSPC || size > c->n * SENML_READING_MAX) {
			return rc;
		}
		size *= 2;
	}
}

/* --- what an operator says of a device ------------------------------------ */

static int take_device(void *arg, const struct store_device *d)
{
	*(char **)arg = device_json_encode(d);
	return *(char **)arg != NULL ? 1 : -ENOMEM;
}

static int set_device(struct store *store, struct read_job *job)
{
	char *now = NULL;
	int rc = store_get_device(store, job->device, take_device, &now);
	bool differs = now == NULL || (job->if_match != UINT64_MAX &&
				       job->if_match != blockwise_etag(now, strlen(now)));

	if (rc >= 0 && ((job->if_match != 0 && differs) || (job->if_none_match && now != NULL))) {
		rc = -EEXIST;
	}
	free(now);
	rc = rc < 0 ? rc : store_put_device(store, job->device, job->set, utc_now_us());
	return rc < 0 ? rc : 1;
}

static int expire(struct store *store, struct read_job *job)
{
	int rc;

	if (job->kind == READ_FORGET) {
		job->expiry.device = job->device;
	}
	rc = store_expire(store, &job->expiry, utc_now_us());
	if (rc >= 0 && job->kind == READ_FORGET && job->expiry.done) {
		rc = store_forget_device(store, job->device);
		return rc < 0 ? rc : 1;
	}
	return rc;
}

static int do_job(struct store *store, struct read_job *job)
{
	struct collected c = { .fields = &job->fields };
	char *text = NULL;
	int rc = store_connect(store);

	if (rc < 0) {
		return STORE_DOWN;
	}
	switch (job->kind) {
	case READ_NEWEST:
		rc = store_newest(store, job->device[0] != '\0' ? job->device : NULL, collect, &c);
		break;
	case READ_TRACK:
		job->track.device = job->device;
		rc = store_track(store, &job->track, collect, &c);
		break;
	case READ_ONE:
		rc = store_one(store, job->device, job->epoch, job->seq, collect, &c);
		break;
	case READ_GAPS:
		rc = gaps_report(store, job->device, &text);
		job->body = text;
		job->body_size = text != NULL ? strlen(text) : 0;
		return rc;
	case READ_REMOVE:
		return store_remove(store, job->device, job->epoch, job->seq, utc_now_us());
	case READ_DEVICE:
		rc = store_get_device(store, job->device, take_device, &text);
		job->body = text;
		job->body_size = text != NULL ? strlen(text) : 0;
		return rc;
	case READ_SET_DEVICE:
		return set_device(store, job);
	case READ_FORGET:
	case READ_EXPIRE:
		return expire(store, job);
	}
	if (rc >= 0) {
		rc = encode(job, &c);
	}
	free(c.readings);
	return rc;
}

static void work(void *arg, struct job *jobs)
{
	struct reads *r = arg;

	for (struct job *next; jobs != NULL; jobs = next) {
		struct read_job *job = (struct read_job *)jobs;

		next = jobs->next;
		job->result = do_job(r->store, job);
		/* Lost while idle, or in another writer's way: once more, on a new connection if
		 * need be. */
		if (job->result == STORE_DOWN || job->result == STORE_BUSY) {
			job->result = do_job(r->store, job);
		}
		if (job->result < 0) {
			snprintf(job->why, sizeof(job->why), "%s", store_error(r->store));
		}
		worker_finish(r->worker, jobs);
	}
}

struct reads *reads_start(struct store *store)
{
	struct reads *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		return NULL;
	}
	r->store = store;
	r->worker = worker_start(&(struct worker_config){
		.name = "reads",
		.limit = WAITING_MAX,
		.work = work,
		.arg = r,
	});
	if (r->worker == NULL) {
		int why = errno;

		free(r);
		errno = why;
		return NULL;
	}
	return r;
}

int reads_submit(struct reads *r, struct read_job *job)
{
	return worker_submit(r->worker, &job->job, 1);
}

int reads_fd(const struct reads *r)
{
	return worker_fd(r->worker);
}

void reads_collect(struct reads *r)
{
	worker_collect(r->worker);
}

void reads_stop(struct reads *r)
{
	if (r != NULL) {
		worker_stop(r->worker);
		free(r);
	}
}
