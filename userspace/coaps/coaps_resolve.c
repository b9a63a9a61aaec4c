// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* eventfd(), getaddrinfo() */
#include "coaps_resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Shared by the caller and the thread; the last owner frees it. */
struct coaps_resolve {
	pthread_mutex_t lock; /* for owners and done */
	unsigned owners;
	bool done;
	int fd;
	char host[256], port[8];
	struct coaps_addresses found;
};

static void let_go(struct coaps_resolve *r)
{
	unsigned left;

	pthread_mutex_lock(&r->lock);
	left = --r->owners;
	pthread_mutex_unlock(&r->lock);
	if (left == 0) {
		pthread_mutex_destroy(&r->lock);
		close(r->fd);
		free(r);
	}
}

/* Returns getaddrinfo()'s code. */
static int look_up(struct coaps_resolve *r, int flags)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM,
					.ai_flags = AI_NUMERICSERV | flags };
	struct addrinfo *list, *at;
	int code = getaddrinfo(r->host, r->port, &hints, &list);

	if (code != 0) {
		snprintf(r->found.why_none, sizeof r->found.why_none, "%s",
			 code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
		return code;
	}
	for (at = list; at != NULL && r->found.n < COAPS_ADDRESSES_MAX; at = at->ai_next) {
		coap_address_t *address = &r->found.address[r->found.n];

		if ((at->ai_family == AF_INET || at->ai_family == AF_INET6) &&
		    at->ai_addrlen <= sizeof address->addr) {
			coap_address_init(address);
			memcpy(&address->addr, at->ai_addr, at->ai_addrlen);
			address->size = at->ai_addrlen;
			r->found.n++;
		}
	}
	freeaddrinfo(list);
	return 0;
}

static void finish(struct coaps_resolve *r)
{
	pthread_mutex_lock(&r->lock);
	r->done = true;
	pthread_mutex_unlock(&r->lock);
	eventfd_write(r->fd, 1);
}

static void *run(void *arg)
{
	look_up(arg, AI_ADDRCONFIG);
	finish(arg);
	let_go(arg);
	return NULL;
}

static int start_thread(struct coaps_resolve *r)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;
	int rc;

	r->owners++; /* before there is another thread */
	sigfillset(&all); /* the main thread handles signals */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &attributes, run, r);
	pthread_attr_destroy(&attributes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		r->owners--; /* there is none */
	}
	return rc;
}

struct coaps_resolve *coaps_resolve_start(const char *host, uint16_t port)
{
	struct coaps_resolve *r = calloc(1, sizeof *r);
	int rc;

	if (r == NULL) {
		return NULL;
	}
	r->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (r->fd < 0) {
		free(r);
		return NULL;
	}
	pthread_mutex_init(&r->lock, NULL);
	r->owners = 1;
	snprintf(r->host, sizeof r->host, "%s", host);
	snprintf(r->port, sizeof r->port, "%u", port);
	if (look_up(r, AI_NUMERICHOST) == 0) {
		finish(r);
		return r;
	}
	rc = start_thread(r);
	if (rc != 0) {
		let_go(r);
		errno = rc;
		return NULL;
	}
	return r;
}

int coaps_resolve_fd(const struct coaps_resolve *r)
{
	return r->fd;
}

int coaps_resolve_take(struct coaps_resolve *r, struct coaps_addresses *found)
{
	bool done;

	pthread_mutex_lock(&r->lock);
	done = r->done;
	pthread_mutex_unlock(&r->lock);
	if (done) {
		*found = r->found;
	}
	return done;
}

void coaps_resolve_free(struct coaps_resolve *r)
{
	if (r != NULL) {
		let_go(r);
	}
}
