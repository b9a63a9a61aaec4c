// SPDX-License-Identifier: BSD-2-Clause
#include "outbox_wal.h"

#include <errno.h>

#include "outbox_file.h"
#include "outbox_flush.h"

/*
 * The WAL is copied into the database at 1 MB: while it grows each sync costs the file system a
 * commit of its own, so that a short one is cheaper, and more copying did not show. Where syncs are
 * to be rare at 48 MB, since that costs one more sync, and writes a page once however often the WAL
 * has it; in a small outbox at an eighth of max_bytes. While the WAL is twice as long nothing is
 * sent, so that confirming waits for the copying; at three times nothing is put. The database has
 * the rest.
 */
#define CHECKPOINT_EACH 1000000
#define CHECKPOINT_INTERVAL 48000000
#define CHECKPOINT_SHARE 8
#define WAL_SEND 2
#define WAL_PUT 3

uint64_t outbox_wal_bytes(uint64_t max_bytes)
{
	return WAL_PUT * (max_bytes / CHECKPOINT_SHARE);
}

static void request_flush(struct outbox_wal *w)
{
	outbox_flush_request(w->flush, w->seq, w->pages);
	w->unsynced = 0;
}

/* One at a time: the next is requested when it is done. */
static void request_checkpoint(struct outbox_wal *w)
{
	struct outbox_flush_state state;

	outbox_flush_done(w->flush, &state);
	if (!state.busy) {
		request_flush(w);
	}
}

/* Is it shorter than `times` the length at which it is copied? If not, copying is requested. */
static bool is_shorter(struct outbox_wal *w, unsigned times)
{
	if (w->flush == NULL || w->pages < times * w->checkpoint_pages) {
		return true;
	}
	request_checkpoint(w);
	return false;
}

bool outbox_wal_may_send(struct outbox_wal *w)
{
	return is_shorter(w, WAL_SEND);
}

bool outbox_wal_may_put(struct outbox_wal *w)
{
	return is_shorter(w, WAL_PUT);
}

/* With an interval its next sync will do, unless sending waits for it. */
void outbox_wal_on_commit(struct outbox_wal *w)
{
	is_shorter(w, w->sync_ms == 0 ? 1 : WAL_SEND);
}

static int count_pages(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct outbox_wal *w = arg;

	(void)db;
	(void)name;
	w->pages = (unsigned)pages;
	return SQLITE_OK;
}

/* What the last process put may be in the kernel only: it is synced before it is sent. */
int outbox_wal_start(struct outbox_wal *w, struct outbox_sql *sql,
		     const struct outbox_config *config, uint64_t seq)
{
	uint64_t checkpoint = config->sync_ms == 0 ? CHECKPOINT_EACH : CHECKPOINT_INTERVAL;
	uint64_t share = config->max_bytes / CHECKPOINT_SHARE;
	uint64_t page = (uint64_t)outbox_file_page_size(sql->db);

	*w = (struct outbox_wal){
		.sql = sql,
		.sync_ms = config->sync_ms,
		.checkpoint_pages = (unsigned)((checkpoint < share ? checkpoint : share) / page),
		.seq = seq,
		.durable = INT64_MAX,
	};
	if (!config->flush_thread) {
		return 0;
	}
	w->flush = outbox_flush_start(config->path, w->checkpoint_pages, sql->reason,
				      sizeof(sql->reason));
	if (w->flush == NULL) {
		return -EIO;
	}
	/* In place of SQLite's own, which would checkpoint in the call. */
	sqlite3_wal_hook(sql->db, count_pages, w);
	if (w->sync_ms == 0) {
		w->durable = 0;
		request_flush(w);
	}
	return 0;
}

void outbox_wal_stop(struct outbox_wal *w)
{
	outbox_flush_stop(w->flush);
	w->flush = NULL;
}

int outbox_wal_on_put(struct outbox_wal *w, uint64_t seq, uint64_t boot_ns)
{
	w->seq = seq;
	if (w->sync_ms == 0 && w->flush == NULL) {
		return 0; /* the commit was synced */
	}
	w->unsynced_ns = w->unsynced == 0 ? boot_ns : w->unsynced_ns;
	w->unsynced++;
	if (w->sync_ms == 0 || w->unsynced >= OUTBOX_UNSYNCED_MAX) {
		return outbox_wal_sync(w);
	}
	outbox_wal_on_commit(w);
	return 0;
}

uint64_t outbox_wal_sync_due_ns(const struct outbox_wal *w)
{
	return w->unsynced == 0 ? 0 : w->unsynced_ns + (uint64_t)w->sync_ms * 1000000;
}

int outbox_wal_sync(struct outbox_wal *w)
{
	int rc;

	if (w->unsynced == 0) {
		return 0;
	}
	if (w->flush != NULL) {
		request_flush(w);
		return 0;
	}
	rc = outbox_file_sync(w->sql->db);
	if (rc != SQLITE_OK) {
		return outbox_sql_fail(w->sql, rc);
	}
	w->syncs++;
	w->unsynced = 0;
	return 0;
}

int outbox_wal_fd(const struct outbox_wal *w)
{
	return w->flush != NULL ? outbox_flush_fd(w->flush) : -1;
}

int outbox_wal_on_sync(struct outbox_wal *w)
{
	struct outbox_flush_state state;

	if (w->flush == NULL) {
		return 0;
	}
	outbox_flush_done(w->flush, &state);
	if (w->sync_ms == 0) {
		w->durable = state.seq;
	}
	if (!state.busy && state.copied_pages >= w->pages) {
		w->pages = 0; /* the next commit begins the WAL again */
	} else if (!state.busy && state.copied_pages > 0 && w->pages >= w->checkpoint_pages) {
		request_flush(w); /* for what came meanwhile */
	}
	return state.error;
}

uint64_t outbox_wal_syncs(const struct outbox_wal *w)
{
	return w->syncs + (w->flush != NULL ? outbox_flush_syncs(w->flush) : 0);
}
