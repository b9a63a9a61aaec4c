/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * worker: a thread that does for the event loop what may block, and hands it back.
 *
 * Jobs go in through a bounded queue and come back, finished, through a descriptor that the
 * loop polls. The thread takes all that has arrived while it was busy at once: what a writer
 * commits together is clocked by its own commits, with no timer.
 *
 * Ownership: a job belongs to the worker from worker_submit() until its done() runs, which frees
 * it. Threads: work() runs on the worker's thread, everything else on the loop's.
 */
#ifndef WORKER_H
#define WORKER_H

#include <stddef.h>

struct job {
	struct job *next;
	size_t weight; /* set by worker_submit() */
	void (*done)(struct job *job);
};

struct worker;

struct worker_config {
	const char *name; /* of the thread, at most 15 bytes */
	size_t limit; /* sum of weights that are queued or in work */
	/* Takes a chain of jobs, oldest first, and passes each to worker_finish(). */
	void (*work)(void *arg, struct job *jobs);
	void *arg;
};

/* NULL with errno. Signals are blocked in the thread. */
struct worker *worker_start(const struct worker_config *config);
/* 0; -EAGAIN when the limit is reached, or it is about to stop: the job is still the caller's. */
int worker_submit(struct worker *w, struct job *job, size_t weight);
void worker_finish(struct worker *w, struct job *job);

size_t worker_weight(struct worker *w); /* of what is queued or in work */
int worker_fd(const struct worker *w); /* readable when finished jobs wait */
void worker_collect(struct worker *w); /* runs done() of each */

/* Does what is queued, ends the thread, collects, frees. Accepts NULL. */
void worker_stop(struct worker *w);

#endif
