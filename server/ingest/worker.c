// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* eventfd, pthread_setname_np */
#include "worker.h"

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

struct worker {
	struct worker_config config;
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
	struct worker *w = arg;
	bool stopping = false;

	while (!stopping) {
		struct job *jobs;

		pthread_mutex_lock(&w->lock);
		while (w->queued.first == NULL && !w->stopping) {
			pthread_cond_wait(&w->arrived, &w->lock);
		}
		jobs = list_take(&w->queued);
		stopping = jobs == NULL; /* asked to stop, and nothing is left to do */
		pthread_mutex_unlock(&w->lock);
		if (jobs != NULL) {
			w->config.work(w->config.arg, jobs);
		}
	}
	return NULL;
}

struct worker *worker_start(const struct worker_config *config)
{
	struct worker *w = calloc(1, sizeof(*w));
	sigset_t all, before;
	int rc;

	if (w == NULL) {
		return NULL;
	}
	w->config = *config;
	list_init(&w->queued);
	list_init(&w->finished);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->arrived, NULL);
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0) {
		free(w);
		return NULL;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		close(w->fd);
		free(w);
		errno = rc;
		return NULL;
	}
	pthread_setname_np(w->thread, config->name);
	return w;
}

int worker_submit(struct worker *w, struct job *job, size_t weight)
{
	int rc = -EAGAIN;

	pthread_mutex_lock(&w->lock);
	if (!w->stopping && (w->weight == 0 || w->weight + weight <= w->config.limit)) {
		w->weight += weight;
		job->weight = weight;
		list_append(&w->queued, job);
		pthread_cond_signal(&w->arrived);
		rc = 0;
	}
	pthread_mutex_unlock(&w->lock);
	return rc;
}

void worker_finish(struct worker *w, struct job *job)
{
	bool first;

	pthread_mutex_lock(&w->lock);
	first = w->finished.first == NULL;
	list_append(&w->finished, job);
	w->weight -= job->weight;
	pthread_mutex_unlock(&w->lock);
	if (first) {
		/* Cannot fail: the counter is far from its limit. */
		(void)!write(w->fd, &(uint64_t){ 1 }, sizeof(uint64_t));
	}
}

size_t worker_weight(struct worker *w)
{
	size_t weight;

	pthread_mutex_lock(&w->lock);
	weight = w->weight;
	pthread_mutex_unlock(&w->lock);
	return weight;
}

int worker_fd(const struct worker *w)
{
	return w->fd;
}

void worker_collect(struct worker *w)
{
	uint64_t count;
	struct job *jobs, *next;

	(void)!read(w->fd, &count, sizeof(count)); /* before the list is taken: no wake-up is lost
						    */
	pthread_mutex_lock(&w->lock);
	jobs = list_take(&w->finished);
	pthread_mutex_unlock(&w->lock);
	for (; jobs != NULL; jobs = next) {
		next = jobs->next;
		jobs->done(jobs);
	}
}

void worker_stop(struct worker *w)
{
	if (w == NULL) {
		return;
	}
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->arrived);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	worker_collect(w);
	close(w->fd);
	free(w);
}
