// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* eventfd, pthread_setname_np */
#include "job_thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct list {
	struct job *first, **end;
};

struct job_thread {
	struct job_thread_config config;
	pthread_t thread;
	int fd;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t arrived;
	struct list queued, finished;
	size_t weight;
	bool stopping;
};

static void list_init(struct list *l)
{
	l->first = NULL;
	l->end = &l->first;
}

static void list_append(struct list *l, struct job *job)
{
	job->next = NULL;
	*l->end = job;
	l->end = &job->next;
}

static struct job *list_take(struct list *l)
{
	struct job *first = l->first;

	list_init(l);
	return first;
}

static void *run(void *arg)
{
	struct job_thread *t = arg;
	bool stopping = false;

	while (!stopping) {
		struct job *jobs;

		pthread_mutex_lock(&t->lock);
		while (t->queued.first == NULL && !t->stopping) {
			pthread_cond_wait(&t->arrived, &t->lock);
		}
		jobs = list_take(&t->queued);
		stopping = jobs == NULL; /* stop was requested, and the queue is empty */
		pthread_mutex_unlock(&t->lock);
		if (jobs != NULL) {
			t->config.work(t->config.arg, jobs);
		}
	}
	return NULL;
}

struct job_thread *job_thread_start(const struct job_thread_config *config)
{
	struct job_thread *t = calloc(1, sizeof(*t));
	sigset_t all, before;
	int rc;

	if (t == NULL) {
		return NULL;
	}
	t->config = *config;
	list_init(&t->queued);
	list_init(&t->finished);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->arrived, NULL);
	t->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->fd < 0) {
		free(t);
		return NULL;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&t->thread, NULL, run, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		close(t->fd);
		free(t);
		errno = rc;
		return NULL;
	}
	pthread_setname_np(t->thread, config->name);
	return t;
}

int job_thread_submit(struct job_thread *t, struct job *job, size_t weight)
{
	int rc = -EAGAIN;

	pthread_mutex_lock(&t->lock);
	if (!t->stopping && (t->weight == 0 || t->weight + weight <= t->config.limit)) {
		t->weight += weight;
		job->weight = weight;
		list_append(&t->queued, job);
		pthread_cond_signal(&t->arrived);
		rc = 0;
	}
	pthread_mutex_unlock(&t->lock);
	return rc;
}

void job_thread_finish(struct job_thread *t, struct job *job)
{
	bool first;

	pthread_mutex_lock(&t->lock);
	first = t->finished.first == NULL;
	list_append(&t->finished, job);
	t->weight -= job->weight;
	pthread_mutex_unlock(&t->lock);
	if (first) {
		/* Cannot fail: the counter is far from its limit. */
		(void)!write(t->fd, &(uint64_t){ 1 }, sizeof(uint64_t));
	}
}

size_t job_thread_weight(struct job_thread *t)
{
	size_t weight;

	pthread_mutex_lock(&t->lock);
	weight = t->weight;
	pthread_mutex_unlock(&t->lock);
	return weight;
}

int job_thread_fd(const struct job_thread *t)
{
	return t->fd;
}

void job_thread_collect(struct job_thread *t)
{
	uint64_t count;
	struct job *jobs, *next;

	(void)!read(t->fd, &count, sizeof(count)); /* before the list is taken: no wake-up is lost
						    */
	pthread_mutex_lock(&t->lock);
	jobs = list_take(&t->finished);
	pthread_mutex_unlock(&t->lock);
	for (; jobs != NULL; jobs = next) {
		next = jobs->next;
		jobs->done(jobs);
	}
}

void job_thread_stop(struct job_thread *t)
{
	if (t == NULL) {
		return;
	}
	pthread_mutex_lock(&t->lock);
	t->stopping = true;
	pthread_cond_signal(&t->arrived);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	job_thread_collect(t);
	close(t->fd);
	free(t);
}
