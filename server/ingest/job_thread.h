/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * job_thread: a thread that runs blocking jobs for the event loop.
 *
 * Jobs go in through a bounded queue and come back, finished, through a descriptor that the
 * loop polls. The thread takes all jobs that arrived while it was busy at once: what a writer
 * commits together is clocked by its own commits, with no timer.
 *
 * Ownership: a job belongs to the thread from job_thread_submit() until its done() runs, which
 * frees it. Threads: work() runs on the thread itself, everything else on the loop's.
 */
#ifndef JOB_THREAD_H
#define JOB_THREAD_H

#include <stddef.h>

struct job {
	struct job *next;
	size_t weight; /* set by job_thread_submit() */
	void (*done)(struct job *job);
};

struct job_thread;

struct job_thread_config {
	const char *name; /* of the thread, at most 15 bytes */
	size_t limit; /* sum of weights that are queued or in work */
	/* Takes a chain of jobs, oldest first, and passes each to job_thread_finish(). */
	void (*work)(void *arg, struct job *jobs);
	void *arg;
};

/* NULL with errno. Signals are blocked in the thread. */
struct job_thread *job_thread_start(const struct job_thread_config *config);
/* 0; -EAGAIN when the limit is reached, or it is about to stop: the job is still the caller's. */
int job_thread_submit(struct job_thread *t, struct job *job, size_t weight);
void job_thread_finish(struct job_thread *t, struct job *job);

size_t job_thread_weight(struct job_thread *t); /* of what is queued or in work */
int job_thread_fd(const struct job_thread *t); /* readable when finished jobs wait */
void job_thread_collect(struct job_thread *t); /* runs done() of each */

/* Does what is queued, ends the thread, collects, frees. Accepts NULL. */
void job_thread_stop(struct job_thread *t);

#endif
