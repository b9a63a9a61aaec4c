// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* access(), flock(), getrandom(), O_CLOEXEC */
#include "outbox_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "outbox_salvage.h"

#define APPLICATION_ID 0x67744f78 /* "gtOx", at byte 68 of the file */
#define SCHEMA_VERSION 1 /* user_version: raise it when an older version cannot use the file */
#define SETS_ASIDE_MAX 1000
/*
 * A reading of some 600 bytes has a page for itself: with SQLite's 4096 a put and its confirmation
 * write twice as much to the card (test_outbox_syncs).
 */
#define PAGE_SIZE 1024
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define REPACK_BYTES 4000000 /* a file of other pages up to here is changed at once */

/* One row in outbox: next_seq holds where no reading with a higher number is left. */
static const char schema[] =
	"CREATE TABLE outbox (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL,"
	" next_seq INTEGER NOT NULL, boot INTEGER NOT NULL, clean INTEGER NOT NULL, lazy INTEGER NOT NULL);"
	"CREATE TABLE reading (seq INTEGER PRIMARY KEY, boot INTEGER NOT NULL, boot_ns INTEGER NOT NULL,"
	" utc_us INTEGER, time_source INTEGER NOT NULL, time_acc_ns INTEGER, crc INTEGER NOT NULL, body BLOB NOT NULL);"
	"CREATE INDEX undated ON reading (boot) WHERE time_source = 0;"
	"CREATE TABLE refused (seq INTEGER PRIMARY KEY, boot INTEGER NOT NULL, boot_ns INTEGER NOT NULL,"
	" utc_us INTEGER, time_source INTEGER NOT NULL, time_acc_ns INTEGER, crc INTEGER NOT NULL, body BLOB NOT NULL,"
	" why TEXT NOT NULL);"
	"CREATE TABLE gap (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, reason INTEGER NOT NULL);";

/*
 * Added later, where they are missing. The node's sensors, as it writes them; which readings the
 * server has: a program before it sends these again, which does no harm.
 */
static const char added[] =
	"CREATE TABLE IF NOT EXISTS sensors (one INTEGER PRIMARY KEY CHECK (one = 1), list TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS kept (first INTEGER PRIMARY KEY, last INTEGER NOT NULL)";

/* No row, or an error, unless every table has the columns of this version and there is an epoch. */
static const char every_column[] =
	"SELECT epoch FROM outbox WHERE epoch <> 0 AND next_seq > 0 AND boot + clean + lazy IS NOT NULL"
	" AND NOT EXISTS (SELECT 1 FROM reading WHERE seq <= 0 AND boot + boot_ns + utc_us + time_source + time_acc_ns"
	"  + crc + length(body))"
	" AND NOT EXISTS (SELECT 1 FROM refused WHERE seq <= 0 AND boot + boot_ns + utc_us + time_source + time_acc_ns"
	"  + crc + length(body) + length(why))"
	" AND NOT EXISTS (SELECT 1 FROM gap WHERE first <= 0 AND last + reason)"
	" AND NOT EXISTS (SELECT 1 FROM sensors WHERE one <> 1 AND length(list))"
	" AND NOT EXISTS (SELECT 1 FROM kept WHERE first <= 0 AND last)";

int outbox_file_error(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_CANTOPEN:
		return -ENOENT;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	default:
		return rc == SQLITE_IOERR_SHORT_READ ? -EUCLEAN : -EIO;
	}
}

int outbox_file_exec(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int outbox_file_sync(sqlite3 *db)
{
	sqlite3_file *wal = NULL;
	int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);

	if (rc != SQLITE_OK || wal == NULL || wal->pMethods == NULL) {
		return rc;
	}
	return wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL);
}

static int one_number(sqlite3 *db, const char *sql, int64_t *value)
{
	sqlite3_stmt *statement;
	int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (rc == SQLITE_OK) {
		rc = sqlite3_step(statement);
		if (rc == SQLITE_ROW) {
			*value = sqlite3_column_int64(statement, 0);
			rc = SQLITE_OK;
		} else if (rc == SQLITE_DONE) {
			rc = SQLITE_NOTFOUND;
		}
		sqlite3_finalize(statement);
	}
	return rc;
}

/* Whole-file check: the structure of every page. SQLITE_CORRUPT with the first finding in err. */
static int check_pages(sqlite3 *db, char *err, size_t err_size)
{
	sqlite3_stmt *statement;
	int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);

	if (rc != SQLITE_OK) {
		return rc;
	}
	rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW) {
		const char *finding = (const char *)sqlite3_column_text(statement, 0);

		rc = SQLITE_OK;
		if (finding == NULL || strcmp(finding, "ok") != 0) {
			snprintf(err, err_size, "%.200s", finding != NULL ? finding : "unreadable");
			rc = SQLITE_CORRUPT;
		}
	}
	sqlite3_finalize(statement);
	return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

int outbox_file_page_size(sqlite3 *db)
{
	int64_t size = 0;

	return one_number(db, "PRAGMA page_size", &size) == SQLITE_OK && size > 0 ? (int)size
										  : PAGE_SIZE;
}

int64_t outbox_file_epoch(void)
{
	int64_t epoch = 0;

	while (epoch == 0) {
		if (getrandom(&epoch, sizeof(epoch), 0) != sizeof(epoch)) {
			epoch = 0;
		}
	}
	return epoch;
}

static int make_tables(sqlite3 *db)
{
	char sql[sizeof(schema) + sizeof(added) + 300];

	snprintf(sql, sizeof(sql),
		 "BEGIN IMMEDIATE; PRAGMA application_id = %d; PRAGMA user_version = %d; %s %s;"
		 "INSERT INTO outbox VALUES (1, %" PRId64 ", 1, 0, 1, 0); COMMIT;",
		 APPLICATION_ID, SCHEMA_VERSION, schema, added, outbox_file_epoch());
	return outbox_file_exec(db, sql);
}

enum content { EMPTY, OUTBOX, NEWER, FOREIGN };

/* By its header and its tables: SQLITE_OK, or why it cannot be read. */
static int classify(sqlite3 *db, enum content *content, int64_t *version)
{
	int64_t id = 0, tables = 0;
	int rc = one_number(db, "PRAGMA application_id", &id);

	rc = rc == SQLITE_OK ? one_number(db, "PRAGMA user_version", version) : rc;
	rc = rc == SQLITE_OK ? one_number(db, "SELECT count(*) FROM sqlite_master", &tables) : rc;
	if (tables == 0 && id == 0 && *version == 0) {
		*content = EMPTY;
	} else if (id != APPLICATION_ID || *version < SCHEMA_VERSION) {
		*content = FOREIGN;
	} else {
		*content = *version == SCHEMA_VERSION ? OUTBOX : NEWER;
	}
	return rc;
}

/* All pages if it was not closed cleanly; otherwise only its columns. */
static int check_outbox(sqlite3 *db, char *err, size_t err_size)
{
	int64_t value = 0;
	int rc = one_number(db, "SELECT clean FROM outbox", &value);

	if (rc != SQLITE_OK || value == 0) {
		rc = check_pages(db, err, err_size);
	}
	rc = rc == SQLITE_OK ? outbox_file_exec(db, added) : rc;
	rc = rc == SQLITE_OK ? one_number(db, every_column, &value) : rc;
	return rc == SQLITE_ERROR || rc == SQLITE_NOTFOUND ? SQLITE_CORRUPT : rc;
}

/*
 * Makes an empty file an outbox, and checks any other. 0, an error of outbox_open(), or -EUCLEAN
 * with err, which has no path.
 */
static int examine(sqlite3 *db, char *err, size_t err_size)
{
	enum content content;
	int64_t version = 0;
	int rc = classify(db, &content, &version);

	err[0] = '\0';
	if (rc == SQLITE_OK) {
		switch (content) {
		case EMPTY:
			rc = make_tables(db);
			break;
		case OUTBOX:
			rc = check_outbox(db, err, err_size);
			break;
		case NEWER:
			snprintf(
				err, err_size,
				"it was written by a newer version of this program (schema %" PRId64
				", this one has %d): install that version, or name another file",
				version, SCHEMA_VERSION);
			return OUTBOX_E_NEWER;
		case FOREIGN: /* or a damaged header */
			rc = check_pages(db, err, err_size);
			if (rc == SQLITE_OK) {
				snprintf(err, err_size,
					 "it is a database, but not an outbox: name another file");
				return OUTBOX_E_FOREIGN;
			}
			break;
		}
	}
	if (rc != SQLITE_OK && err[0] == '\0') {
		snprintf(err, err_size, "%s", sqlite3_errmsg(db));
	}
	return outbox_file_error(rc);
}

/* Moves path and its WAL to the first free "path.damaged-N". */
static int set_aside(const char *path, char *name, size_t size)
{
	char from_wal[PATH_MAX], to_wal[PATH_MAX];

	for (int n = 1; n <= SETS_ASIDE_MAX; n++) {
		if ((size_t)snprintf(name, size, "%s.damaged-%d", path, n) >= size ||
		    (size_t)snprintf(to_wal, sizeof(to_wal), "%s-wal", name) >= sizeof(to_wal) ||
		    (size_t)snprintf(from_wal, sizeof(from_wal), "%s-wal", path) >=
			    sizeof(from_wal)) {
			return -ENAMETOOLONG;
		}
		if (access(name, F_OK) == 0 || access(to_wal, F_OK) == 0) {
			continue;
		}
		/*
		 * The database first: if the power fails in between, SQLite drops the WAL of no
		 * database.
		 */
		if (rename(path, name) != 0) {
			return -errno;
		}
		return rename(from_wal, to_wal) != 0 && errno != ENOENT ? -errno : 0;
	}
	return -EEXIST;
}

/*
 * Brings what a kill left in the WAL into the database, so that the disk has room for more; a file
 * of an older version gets our pages. Neither is needed: errors are ignored.
 */
static void checkpoint_and_repack(sqlite3 *db)
{
	int64_t pages = 0, size = outbox_file_page_size(db);

	sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	if (size != PAGE_SIZE && one_number(db, "PRAGMA page_count", &pages) == SQLITE_OK &&
	    pages * size <= REPACK_BYTES) {
		outbox_file_exec(db, "PRAGMA journal_mode = DELETE;"
				     "PRAGMA page_size = " TEXT(PAGE_SIZE) "; VACUUM;");
		outbox_file_exec(db, "PRAGMA journal_mode = WAL");
	}
}

static int open_once(sqlite3 **db, const char *path, bool sync_each, char *why, size_t why_size)
{
	int rc = sqlite3_open_v2(path, db,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
					 SQLITE_OPEN_EXRESCODE,
				 NULL);

	if (rc == SQLITE_OK) {
		/* First: another reader may hold the file's lock, to recover its WAL. */
		sqlite3_busy_timeout(*db, OUTBOX_FILE_BUSY_MS);
		rc = outbox_file_exec(
			*db,
			"PRAGMA page_size = " TEXT(
				PAGE_SIZE) "; PRAGMA journal_mode = WAL;"
					   "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -1024;"
					   "PRAGMA trusted_schema = OFF;");
	}
	if (rc == SQLITE_OK) {
		/* FULL syncs the WAL at each commit, NORMAL only before a checkpoint. */
		rc = outbox_file_exec(*db, sync_each ? "PRAGMA synchronous = FULL"
						     : "PRAGMA synchronous = NORMAL");
	}
	if (rc == SQLITE_OK) {
		rc = examine(*db, why, why_size);
		if (rc == 0) {
			checkpoint_and_repack(*db);
		}
		return rc;
	}
	if (*db != NULL && sqlite3_system_errno(*db) != 0) {
		int error = sqlite3_system_errno(*db);

		snprintf(why, why_size, "%s (%s)", strerror(error), sqlite3_errmsg(*db));
		if (outbox_file_error(rc) != -EUCLEAN) {
			return -error;
		}
	} else {
		snprintf(why, why_size, "%s", *db != NULL ? sqlite3_errmsg(*db) : "out of memory");
	}
	return outbox_file_error(rc);
}

/* Takes PATH-lock. A lock of the kernel's: it goes when the process does, however it ends. */
static int lock_file(const char *path, int *fd, char *why, size_t why_size)
{
	char name[PATH_MAX];
	int error;

	if ((size_t)snprintf(name, sizeof(name), "%s-lock", path) >= sizeof(name)) {
		snprintf(why, why_size, "%s", strerror(ENAMETOOLONG));
		return -ENAMETOOLONG;
	}
	*fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*fd < 0) {
		error = errno;
		snprintf(why, why_size, "cannot write in its folder: %s", strerror(error));
		return -error;
	}
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0) {
		return 0;
	}
	error = errno;
	close(*fd);
	*fd = -1;
	if (error == EWOULDBLOCK) {
		snprintf(why, why_size, "another process has it open (another geotherm-node?)");
		return -EBUSY;
	}
	snprintf(why, why_size, "cannot be locked: %s", strerror(error));
	return -error;
}

void outbox_file_close(struct outbox_file *file)
{
	sqlite3_close(file->db);
	file->db = NULL;
	if (file->lock_fd >= 0) {
		close(file->lock_fd);
		file->lock_fd = -1;
	}
}

int outbox_file_open(struct outbox_file *file, const char *path, bool sync_each, bool damaged,
		     char *err, size_t err_size)
{
	char why[256], name[PATH_MAX];
	int rc;

	file->db = NULL;
	rc = lock_file(path, &file->lock_fd, why, sizeof(why));
	if (rc == 0 && damaged) {
		snprintf(why, sizeof(why), "damage met in use");
		rc = -EUCLEAN;
	} else if (rc == 0) {
		rc = open_once(&file->db, path, sync_each, why, sizeof(why));
	}
	if (rc == -EUCLEAN) {
		/* Closing must not write the WAL into a file that is kept as it was found. */
		if (file->db != NULL) {
			sqlite3_db_config(file->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		}
		sqlite3_close(file->db);
		file->db = NULL;
		rc = set_aside(path, name, sizeof(name));
		if (rc == 0) {
			char cause[sizeof(why)];

			memcpy(cause, why, sizeof(cause));
			rc = open_once(&file->db, path, sync_each, why, sizeof(why));
			if (rc == 0) {
				int n = outbox_salvage(file->db, name);
				char taken[64] = "a new epoch begins";

				if (n > 0) {
					snprintf(taken, sizeof(taken),
						 "%d readings in it are taken over", n);
				}
				snprintf(err, err_size,
					 "outbox %s: damaged (%s): set aside as %s, %s", path,
					 cause, name, taken);
				return 1;
			}
		} else {
			snprintf(why + strlen(why), sizeof(why) - strlen(why),
				 "; it is damaged and cannot be set aside: %s", strerror(-rc));
		}
	}
	if (rc < 0) {
		snprintf(err, err_size, "outbox %s: %s", path, why);
		outbox_file_close(file);
	}
	return rc;
}
