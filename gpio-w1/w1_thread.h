/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * w1_thread: a thread that is rarely delayed: SCHED_FIFO, its stack and all code in memory before
 * it runs, everything that is touched locked, off CPU 0 (which takes all peripherals' interrupts on
 * a Pi 3).
 *
 * Each of these needs a right that the program may not have. The thread then runs without it: more
 * slots are violated and repeated, nothing else changes. `missing_rights` names them for the log.
 */
#ifndef W1_THREAD_H
#define W1_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct w1_thread {
	pthread_t thread;
	void *stack; /* ours, so that it can be prefaulted and locked */
	char missing_rights[240]; /* "" none; else each with the setting that grants it */
};

/* realtime: try for the above; else an ordinary thread. 0 or -errno. */
int w1_thread_start(struct w1_thread *t, bool realtime, void *(*run)(void *arg), void *arg);

/* Brings the thread's data into memory, before it runs: a page fault in a slot violates it. */
void w1_thread_populate(void *data, size_t size);

/* Waits until run() has returned, and frees the stack. */
void w1_thread_join(struct w1_thread *t);

#endif
