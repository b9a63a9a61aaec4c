// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* eventfd() */
#include "outbox_flush.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "outbox_file.h"

struct outbox_flush {
	pthread_t thread;
	pthread_mutex_t lock; /* protects all below except db and fd */
	pthread_cond_t wanted;
	uint64_t request, syncs;
	unsigned wal_pages, checkpoint_pages;
	bool requested, stop;
	struct outbox_flush_state state;
	sqlite3 *db; /* the thread's */
	int fd;
};

/* Syncs the WAL; a checkpoint includes that. *copied: pages of it, if all were copied. */
static int flush(struct outbox_flush *f, bool checkpoint, unsigned *copied)
{
	int rc, all = -1, done = -1;

	*copied = 0;
	if (!checkpoint) {
		return outbox_file_error(outbox_file_sync(f->db));
	}
	rc = sqlite3_wal_checkpoint_v2(f->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &all, &done);
	*copied = rc == SQLITE_OK && all == done && all > 0 ? (unsigned)all : 0;
	/* A reader of the file only delays the copying. */
	return (rc & 0xff) == SQLITE_BUSY ? outbox_file_error(outbox_file_sync(f->db))
					  : outbox_file_error(rc);
}

static void *run(void *arg)
{
	struct outbox_flush *f = arg;

	pthread_mutex_lock(&f->lock);
	while (!f->stop) {
		struct outbox_flush_state *state = &f->state;
		uint64_t seq = f->request;
		unsigned copied;
		bool checkpoint = f->wal_pages >= f->checkpoint_pages;
		int rc;

		if (!f->requested) {
			state->busy = false;
			pthread_cond_wait(&f->wanted, &f->lock);
			continue;
		}
		f->requested = false;
		pthread_mutex_unlock(&f->lock);
		rc = flush(f, checkpoint, &copied);
		pthread_mutex_lock(&f->lock);
		f->syncs++;
		state->error = rc;
		state->seq = rc == 0 ? seq : state->seq;
		state->copied_pages = copied;
		state->busy = f->requested;
		eventfd_write(f->fd, 1);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

struct outbox_flush *outbox_flush_start(const char *path, unsigned checkpoint_pages, char *err,
					size_t err_size)
{
	struct outbox_flush *f = calloc(1, sizeof(*f));
	sigset_t all, before;
	int rc;

	if (f == NULL) {
		snprintf(err, err_size, "out of memory");
		return NULL;
	}
	f->checkpoint_pages = checkpoint_pages;
	f->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	rc = f->fd < 0 ? SQLITE_NOMEM
		       : sqlite3_open_v2(path, &f->db,
					 SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
						 SQLITE_OPEN_EXRESCODE,
					 NULL);
	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(f->db, OUTBOX_FILE_BUSY_MS);
	}
	if (rc == SQLITE_OK) { /* a read opens the WAL, which is then synced */
		rc = outbox_file_exec(f->db, "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -64;"
					     "SELECT epoch FROM outbox;");
	}
	if (rc != SQLITE_OK) {
		snprintf(err, err_size, "%s",
			 f->db != NULL ? sqlite3_errmsg(f->db) : strerror(errno));
		goto fail;
	}
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->wanted, NULL);
	sigfillset(&all); /* the main thread handles signals */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&f->thread, NULL, run, f);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0) {
		return f;
	}
	snprintf(err, err_size, "no thread: %s", strerror(rc));
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->wanted);
fail:
	sqlite3_close(f->db);
	if (f->fd >= 0) {
		close(f->fd);
	}
	free(f);
	return NULL;
}

void outbox_flush_stop(struct outbox_flush *f)
{
	if (f == NULL) {
		return;
	}
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_signal(&f->wanted);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->wanted);
	sqlite3_close(f->db);
	close(f->fd);
	free(f);
}

void outbox_flush_request(struct outbox_flush *f, uint64_t seq, unsigned wal_pages)
{
	pthread_mutex_lock(&f->lock);
	f->request = seq;
	f->wal_pages = wal_pages;
	f->requested = true;
	f->state.busy = true;
	pthread_cond_signal(&f->wanted);
	pthread_mutex_unlock(&f->lock);
}

void outbox_flush_done(struct outbox_flush *f, struct outbox_flush_state *state)
{
	eventfd_t events;

	eventfd_read(f->fd, &events);
	pthread_mutex_lock(&f->lock);
	*state = f->state;
	pthread_mutex_unlock(&f->lock);
}

int outbox_flush_fd(const struct outbox_flush *f)
{
	return f->fd;
}

uint64_t outbox_flush_syncs(struct outbox_flush *f)
{
	uint64_t syncs;

	pthread_mutex_lock(&f->lock);
	syncs = f->syncs;
	pthread_mutex_unlock(&f->lock);
	return syncs;
}
