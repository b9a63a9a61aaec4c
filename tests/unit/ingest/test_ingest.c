// SPDX-License-Identifier: BSD-2-Clause
/* ingest on real stores: what is answered is on disk, whatever happens to the store meanwhile. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/ingest/ingest.h"
#include "tests/unit/store/private_mariadbd.h"
#include "userspace/daemon/log.h"

#define DEVICE "urn:dev:mac:0000000000000001"
#define T0 INT64_C(1700000000000000)

static struct private_mariadbd mariadbd;
static char dir[64];

struct bed {
	char path[100];
	struct store_config config;
	struct store *store;
	struct ingest *in;
	unsigned out; /* jobs not yet answered */
	uint64_t shown; /* calls of `stored` */
	bool shared; /* others write, too */

	struct ingest_job last; /* as it was answered; acks in `ack` */
	struct reading_ack ack[8];
	unsigned done, down, refused;
	uint8_t *acked; /* by seq, of epoch 1; NULL: not kept */
};

static struct bed bed;

/* --- jobs ----------------------------------------------------------------- */

static void done(struct job *job)
{
	struct ingest_job *j = (struct ingest_job *)job;

	bed.last = *j;
	bed.out--;
	if (j->result >= 0) {
		bed.done++;
		assert_true(j->n_acks >= 1 && j->n_acks <= 8);
		memcpy(bed.ack, j->acks, j->n_acks * sizeof(bed.ack[0]));
		for (size_t i = 0; i < j->n && bed.acked != NULL; i++) {
			bed.acked[j->readings[i].seq] = 1;
		}
	} else if (j->result == STORE_REFUSED) {
		bed.refused++;
	} else {
		bed.down++;
	}
	free(j->acks);
	free(j->readings);
	free(j);
}

static struct ingest_job *job_of(uint64_t epoch, uint64_t first, size_t n)
{
	struct ingest_job *j = calloc(1, sizeof(*j));

	j->job.done = done;
	j->n = n;
	j->readings = calloc(n, sizeof(*j->readings));
	j->acks = calloc(n, sizeof(*j->acks));
	j->received_us = T0;
	for (size_t i = 0; i < n; i++) {
		struct reading *r = &j->readings[i];

		reading_init(r);
		strcpy(r->device, DEVICE);
		r->epoch = epoch;
		r->seq = first + i;
		r->time_source = READING_TIME_HOST;
		r->utc_us = T0 + (int64_t)(first + i) * 1000000;
	}
	return j;
}

static int submit(struct ingest_job *j)
{
	int rc = ingest_submit(bed.in, j);

	if (rc == 0) {
		bed.out++;
	} else {
		free(j->acks);
		free(j->readings);
		free(j);
	}
	return rc;
}

static void wait_for_answers(void)
{
	while (bed.out > 0) {
		struct pollfd fd = { .fd = ingest_fd(bed.in), .events = POLLIN };

		assert_int_equal(poll(&fd, 1, 60000), 1);
		ingest_collect(bed.in);
	}
}

static void shown(void *arg, const struct reading *r)
{
	(void)arg;
	(void)r;
	bed.shown++;
}

static void start(size_t queue, size_t batch)
{
	bed.store = store_new(&bed.config);
	bed.in = ingest_start(bed.store, &(struct ingest_config){ .queue = queue,
								  .batch = batch,
								  .shared = bed.shared,
								  .stored = shown });
	assert_non_null(bed.in);
}

static void stop(void)
{
	ingest_stop(bed.in);
	store_free(bed.store);
	bed.in = NULL;
	bed.store = NULL;
}

/* --- beds ----------------------------------------------------------------- */

static int make_sqlite(void **state)
{
	static unsigned number;

	(void)state;
	memset(&bed, 0, sizeof(bed));
	snprintf(bed.path, sizeof(bed.path), "%s/%u.db", dir, number++);
	bed.config = (struct store_config){ .kind = STORE_SQLITE, .path = bed.path };
	return 0;
}

static int make_mariadb(void **state)
{
	(void)state;
	memset(&bed, 0, sizeof(bed));
	bed.config = (struct store_config){
		.kind = STORE_MARIADB,
		.socket = mariadbd.socket,
		.user = "root",
		.database = "geotherm",
	};
	return mariadbd.pid == 0 ? 0
	       : private_mariadbd_sql(&mariadbd, "DROP DATABASE IF EXISTS geotherm") &&
			       private_mariadbd_sql(&mariadbd, "CREATE DATABASE geotherm")
		       ? 0
		       : -1;
}

static int clear(void **state)
{
	(void)state;
	stop();
	free(bed.acked);
	return 0;
}

static void need_mariadb(void)
{
	if (mariadbd.pid == 0) {
		print_message("skipped: %s\n", mariadbd.why);
		skip();
	}
}

static int add_present(void *arg, uint64_t epoch, struct gaps_range range, const char *cause)
{
	uint8_t *present = arg;

	(void)epoch;
	(void)cause;
	memset(present + range.first, 1, range.last - range.first + 1);
	return 0;
}

/* Through a connection of its own: what is really on disk. */
static void expect_acked_in_store(uint64_t last)
{
	uint8_t *present = calloc(last + 1, 1);
	struct store *s = store_new(&bed.config);
	uint64_t acked = 0;

	assert_int_equal(store_connect(s), 0);
	assert_int_equal(store_ranges(s, DEVICE, 0, add_present, present), 0);
	for (uint64_t seq = 1; seq <= last; seq++) {
		assert_true(present[seq] >= bed.acked[seq]);
		acked += bed.acked[seq];
	}
	assert_true(acked > 0);
	store_free(s);
	free(present);
}

/* --- SQLite --------------------------------------------------------------- */

static void an_answer_says_how_far_the_stream_is_complete(void **state)
{
	(void)state;
	start(100, 100);
	submit(job_of(1, 1, 3));
	wait_for_answers();
	assert_int_equal(bed.last.result, 3);
	assert_int_equal(bed.last.n_acks, 1);
	assert_string_equal(bed.ack[0].device, DEVICE);
	assert_int_equal(bed.ack[0].epoch, 1);
	assert_int_equal(bed.ack[0].complete, 3);
	submit(job_of(1, 5, 2));
	wait_for_answers();
	assert_int_equal(bed.ack[0].complete, 3);
	submit(job_of(1, 4, 1));
	wait_for_answers();
	assert_int_equal(bed.ack[0].complete, 6);
	/* And goes on from there after a restart. */
	stop();
	start(100, 100);
	submit(job_of(1, 7, 1));
	wait_for_answers();
	assert_int_equal(bed.ack[0].complete, 7);
}

/* As another server on the same database stores them. */
static void store_elsewhere(uint64_t first, uint64_t last)
{
	struct store *s = store_new(&bed.config);
	struct ingest_job *j = job_of(1, first, last - first + 1);
	uint64_t stream;

	assert_int_equal(store_connect(s), 0);
	assert_int_equal(store_stream(s, DEVICE, 1, T0, &stream, NULL), 0);
	for (size_t i = 0; i < j->n; i++) {
		struct store_item item = { .stream = stream,
					   .reading = &j->readings[i],
					   .received_us = T0 };

		assert_int_equal(store_commit(s, &item, 1), 1);
	}
	store_free(s);
	free(j->acks);
	free(j->readings);
	free(j);
}

static void explain_elsewhere(uint64_t first, uint64_t last)
{
	const struct store_hole hole = { { first, last }, "dropped by policy" };
	struct store *s = store_new(&bed.config);
	uint64_t stream;

	assert_int_equal(store_connect(s), 0);
	assert_int_equal(store_stream(s, DEVICE, 1, T0, &stream, NULL), 0);
	assert_int_equal(store_explain(s, stream, &hole, 1, T0), 0);
	store_free(s);
}

static uint64_t complete_after(uint64_t first, size_t n)
{
	submit(job_of(1, first, n));
	wait_for_answers();
	return bed.ack[0].complete;
}

static void a_client_that_comes_back_is_told_what_other_servers_have_stored_meanwhile(void **state)
{
	(void)state;
	bed.shared = true;
	start(100, 100);
	assert_int_equal(complete_after(1, 3), 3);
	store_elsewhere(4, 6);
	assert_int_equal(complete_after(7, 1), 7);
	store_elsewhere(8, 9);
	assert_int_equal(complete_after(7, 1), 9); /* sent again: what it was told there does not
						      shrink */
	explain_elsewhere(10, 11);
	store_elsewhere(12, 12);
	assert_int_equal(complete_after(14, 2), 12);
	store_elsewhere(13, 13);
	assert_int_equal(complete_after(17, 1), 15);
	assert_int_equal(complete_after(16, 1), 17);
	/* Above more holes than are kept in memory. */
	for (uint64_t seq = 20; seq < 20 + 4 * GAPS_RANGES; seq += 2) {
		store_elsewhere(seq, seq);
		assert_int_equal(complete_after(18, 1), 18);
	}
	for (uint64_t seq = 19; seq < 19 + 4 * GAPS_RANGES; seq += 2) {
		store_elsewhere(seq, seq);
	}
	assert_int_equal(complete_after(1, 1), 19 + 4 * GAPS_RANGES - 1);
}

static void a_job_of_two_streams_is_acknowledged_for_both(void **state)
{
	struct ingest_job *j = job_of(1, 1, 4);

	(void)state;
	start(100, 100);
	j->readings[2].epoch = 2;
	j->readings[2].seq = 1;
	submit(j);
	wait_for_answers();
	assert_int_equal(bed.last.n_acks, 2);
	assert_int_equal(bed.ack[0].complete, 2);
	assert_int_equal(bed.ack[1].epoch, 2);
	assert_int_equal(bed.ack[1].complete, 1);
}

static void what_is_sent_again_is_stored_and_shown_once(void **state)
{
	struct ingest_counts counts;
	struct ingest_job *j;

	(void)state;
	start(100, 100);
	submit(job_of(1, 1, 10));
	wait_for_answers();
	submit(job_of(1, 1, 10));
	wait_for_answers();
	assert_int_equal(bed.last.result, 0);
	assert_int_equal(bed.ack[0].complete, 10);
	j = job_of(1, 10, 2);
	j->readings[0].utc_us++;
	submit(j);
	wait_for_answers();
	counts = ingest_counts(bed.in);
	assert_int_equal(counts.readings, 22);
	assert_int_equal(counts.stored, 11);
	assert_int_equal(counts.duplicates, 10);
	assert_int_equal(counts.conflicts, 1);
	stop();
	assert_int_equal(bed.shown, 11);
}

static void what_waits_for_a_commit_is_the_next_batch_and_the_queue_is_bounded(void **state)
{
	struct ingest_counts before;
	sqlite3 *other;

	(void)state;
	start(50, 40);
	submit(job_of(1, 1, 1));
	wait_for_answers();
	before = ingest_counts(bed.in);
	/* Someone else holds the database: the writer waits, the queue fills. */
	assert_int_equal(sqlite3_open(bed.path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	for (uint64_t seq = 2; seq <= 51; seq++) {
		assert_int_equal(submit(job_of(1, seq, 1)), 0);
	}
	assert_int_equal(submit(job_of(1, 52, 1)), -EAGAIN);
	assert_int_equal(submit(job_of(1, 52, 41)), -EMSGSIZE);
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	wait_for_answers();
	assert_int_equal(bed.done, 51);
	assert_int_equal(bed.ack[0].complete, 51);
	/* Whatever the writer had begun with, the rest came in at most two batches of 40. */
	assert_true(ingest_counts(bed.in).batches - before.batches <= 4);
	assert_int_equal(submit(job_of(1, 52, 1)), 0);
	wait_for_answers();
}

static void stopping_answers_all_that_is_queued(void **state)
{
	(void)state;
	bed.acked = calloc(201, 1);
	start(200, 10);
	for (uint64_t seq = 1; seq <= 200; seq++) {
		assert_int_equal(submit(job_of(1, seq, 1)), 0);
	}
	stop();
	assert_int_equal(bed.out, 0);
	assert_int_equal(bed.done, 200);
	expect_acked_in_store(200);
}

static void more_holes_than_are_kept_in_memory_still_close(void **state)
{
	(void)state;
	start(1000, 1000);
	for (uint64_t seq = 2; seq <= 80; seq += 2) {
		submit(job_of(1, seq, 1));
	}
	wait_for_answers();
	assert_int_equal(bed.ack[0].complete, 0);
	for (uint64_t seq = 1; seq <= 79; seq += 2) {
		submit(job_of(1, seq, 1));
		wait_for_answers();
		assert_int_equal(bed.ack[0].complete, seq + 1);
	}
}

/* A writer process, killed while it commits: what it said to be stored is there. */
static void streams_in_memory_are_bounded_and_one_that_was_forgotten_is_as_complete_as_before(
	void **state)
{
	(void)state;
	start(1000, 100);
	for (uint64_t epoch = 1; epoch <= INGEST_STREAMS_MAX + 1000; epoch++) {
		while (submit(job_of(epoch, 1, 1)) == -EAGAIN) {
			wait_for_answers();
		}
	}
	wait_for_answers();
	assert_in_range(ingest_counts(bed.in).streams, 1, INGEST_STREAMS_MAX + 100);
	assert_int_equal(submit(job_of(1, 2, 1)), 0);
	wait_for_answers();
	assert_int_equal(bed.ack[0].complete, 2);
	stop();
}

static void killing_the_server_loses_nothing_that_was_answered(void **state)
{
	enum { LAST = 100000 };
	int answers[2];
	uint64_t seq, complete = 0;

	(void)state;
	bed.acked = calloc(LAST + 1, 1);
	for (unsigned round = 0; round < 3; round++) {
		uint64_t begin = complete + 1, until = complete + 200;
		pid_t pid;

		assert_int_equal(pipe(answers), 0);
		pid = fork();
		if (pid == 0) {
			close(answers[0]);
			bed.acked = NULL;
			start(100, 20);
			for (seq = begin; seq < LAST; seq += 5) {
				submit(job_of(1, seq, 5));
				if (seq % 4 == 0) {
					wait_for_answers();
					(void)!write(answers[1], &bed.ack[0].complete,
						     sizeof(uint64_t));
				}
			}
			_exit(0);
		}
		close(answers[1]);
		while (complete < until &&
		       read(answers[0], &complete, sizeof(complete)) == sizeof(complete)) {
		}
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		while (read(answers[0], &complete, sizeof(complete)) == sizeof(complete)) {
		}
		close(answers[0]);
		assert_true(complete >= until);
		memset(bed.acked + 1, 1, complete);
		expect_acked_in_store(LAST);
	}
}

/* --- MariaDB -------------------------------------------------------------- */

static void a_poisonous_job_is_refused_and_its_neighbours_are_stored(void **state)
{
	struct ingest_job *poison = job_of(1, 3, 2);

	(void)state;
	need_mariadb();
	start(100, 100);
	strcpy(poison->readings[1].host, "\xff\xff");
	submit(job_of(1, 1, 2));
	submit(poison);
	submit(job_of(1, 5, 2));
	wait_for_answers();
	assert_int_equal(bed.refused, 1);
	assert_int_equal(bed.done, 2);
	submit(job_of(1, 3, 2));
	wait_for_answers();
	assert_int_equal(bed.ack[0].complete, 6);
}

static void while_the_database_is_down_jobs_come_back_and_later_are_stored(void **state)
{
	(void)state;
	need_mariadb();
	start(100, 100);
	submit(job_of(1, 1, 2));
	wait_for_answers();
	assert_int_equal(bed.ack[0].complete, 2);
	private_mariadbd_end(&mariadbd, SIGTERM);
	for (unsigned i = 0; i < 3; i++) {
		submit(job_of(1, 3, 2));
		wait_for_answers();
		assert_int_equal(bed.last.result, STORE_DOWN);
	}
	assert_true(private_mariadbd_run(&mariadbd));
	while (bed.done < 2) { /* the node tries again; the back-off ends by itself */
		submit(job_of(1, 3, 2));
		wait_for_answers();
	}
	assert_int_equal(bed.ack[0].complete, 4);
}

static void killing_the_database_in_mid_commit_loses_nothing_that_was_answered(void **state)
{
	enum { LAST = 3000, KILLS = 3 };
	uint64_t seq = 1;
	unsigned kills = 0, answered_before = 0;
	char line[80];

	(void)state;
	need_mariadb();
	bed.acked = calloc(LAST + 1, 1);
	start(60, 30);
	/* A node with an outbox: what is not acknowledged goes out again. */
	for (unsigned again = 1; again;) {
		again = 0;
		for (seq = 1; seq <= LAST - 2; seq += 3) {
			struct pollfd fd = { .fd = ingest_fd(bed.in), .events = POLLIN };

			if (bed.acked[seq]) {
				continue;
			}
			again = 1;
			while (submit(job_of(1, seq, 3)) != 0) {
				assert_int_equal(poll(&fd, 1, 60000), 1);
				ingest_collect(bed.in);
			}
			if (kills < KILLS && bed.done > answered_before + 100 && bed.out > 10) {
				private_mariadbd_end(&mariadbd, SIGKILL);
				wait_for_answers();
				assert_true(private_mariadbd_run(&mariadbd));
				answered_before = bed.done;
				kills++;
			}
		}
		wait_for_answers();
	}
	assert_int_equal(kills, KILLS);
	assert_true(bed.down > 0);
	stop();
	expect_acked_in_store(LAST);
	snprintf(line, sizeof(line), "%u jobs answered, %u sent back", bed.done, bed.down);
	print_message("%s\n", line);
}

/* --- a restored backup ------------------------------------------------------ */

static void post_for(const char *device, uint64_t first, size_t n)
{
	struct ingest_job *j = job_of(1, first, n);

	for (size_t i = 0; i < n; i++) {
		strcpy(j->readings[i].device, device);
		j->readings[i].temperatures[0].retries = (uint8_t)device[8]; /* its own content */
		j->readings[i].n_temperatures = 1;
	}
	submit(j);
	wait_for_answers();
	assert_true(bed.last.result >= 0);
	assert_null(bed.last.conflict);
}

static int is_own(void *arg, const struct reading *r, int64_t received_us)
{
	(void)received_us;
	*(bool *)arg = r->temperatures[0].retries == (uint8_t)r->device[8];
	return 0;
}

static bool is_stored(struct store *s, const char *device, uint64_t seq)
{
	bool own = false;

	assert_int_equal(store_one(s, device, 1, seq, is_own, &own), 0);
	return own;
}

static void restore_and_expect(void (*dump)(void), void (*restore)(void))
{
	struct store *s;

	start(100, 100);
	post_for("urn:dev:aa", 1, 5);
	dump();
	post_for("urn:dev:bb", 1, 3);
	post_for("urn:dev:aa", 6, 3);
	restore();
	post_for("urn:dev:cc", 1, 2);
	assert_int_equal(bed.ack[0].complete, 2);
	post_for("urn:dev:bb", 4, 2);
	assert_int_equal(bed.ack[0].complete, 0);
	post_for("urn:dev:aa", 9, 1);
	assert_int_equal(bed.ack[0].complete, 5);
	s = store_new(&bed.config);
	assert_int_equal(store_connect(s), 0);
	assert_true(is_stored(s, "urn:dev:cc", 1) && is_stored(s, "urn:dev:cc", 2));
	assert_true(is_stored(s, "urn:dev:bb", 4) && is_stored(s, "urn:dev:bb", 5));
	assert_false(is_stored(s, "urn:dev:bb", 1));
	assert_true(is_stored(s, "urn:dev:aa", 5) && is_stored(s, "urn:dev:aa", 9));
	store_free(s);
}

static void copy_sqlite(const char *from, const char *to)
{
	sqlite3 *source, *target;
	sqlite3_backup *backup;

	assert_int_equal(sqlite3_open(from, &source), SQLITE_OK);
	assert_int_equal(sqlite3_open(to, &target), SQLITE_OK);
	backup = sqlite3_backup_init(target, "main", source, "main");
	assert_int_equal(sqlite3_backup_step(backup, -1), SQLITE_DONE);
	assert_int_equal(sqlite3_backup_finish(backup), SQLITE_OK);
	sqlite3_close(source);
	sqlite3_close(target);
}

static const char *dump_path(void)
{
	static char path[120];

	snprintf(path, sizeof(path), "%s/dump", dir);
	return path;
}

static void dump_sqlite(void)
{
	unlink(dump_path());
	copy_sqlite(bed.path, dump_path());
}

static void restore_sqlite(void)
{
	copy_sqlite(dump_path(), bed.path);
}

static void replace_sqlite(void)
{
	char wal[110];

	snprintf(wal, sizeof(wal), "%s-wal", bed.path);
	unlink(wal);
	snprintf(wal, sizeof(wal), "%s-shm", bed.path);
	unlink(wal);
	assert_int_equal(rename(dump_path(), bed.path), 0);
}

static void run_shell(const char *tool, const char *direction)
{
	char command[400];

	snprintf(command, sizeof(command), "%s --no-defaults -uroot -S %s geotherm %s %s", tool,
		 mariadbd.socket, direction, dump_path());
	assert_int_equal(system(command), 0);
}

static void dump_mariadb(void)
{
	run_shell("mariadb-dump", ">");
}

static void restore_mariadb(void)
{
	run_shell("mariadb", "<");
}

static void a_backup_restored_under_a_running_server_mixes_no_devices(void **state)
{
	(void)state;
	restore_and_expect(dump_sqlite, restore_sqlite);
}

static void a_file_replaced_under_a_running_server_is_the_one_that_is_written(void **state)
{
	(void)state;
	restore_and_expect(dump_sqlite, replace_sqlite);
}

static void a_dump_restored_under_a_running_server_mixes_no_devices(void **state)
{
	(void)state;
	need_mariadb();
	restore_and_expect(dump_mariadb, restore_mariadb);
}

int main(void)
{
	const char *base = getenv("TMPDIR");
	int failed;
	const struct CMUnitTest sqlite[] = {
		cmocka_unit_test_setup_teardown(an_answer_says_how_far_the_stream_is_complete,
						make_sqlite, clear),
		cmocka_unit_test_setup_teardown(
			a_client_that_comes_back_is_told_what_other_servers_have_stored_meanwhile,
			make_sqlite, clear),
		cmocka_unit_test_setup_teardown(a_job_of_two_streams_is_acknowledged_for_both,
						make_sqlite, clear),
		cmocka_unit_test_setup_teardown(what_is_sent_again_is_stored_and_shown_once,
						make_sqlite, clear),
		cmocka_unit_test_setup_teardown(
			what_waits_for_a_commit_is_the_next_batch_and_the_queue_is_bounded,
			make_sqlite, clear),
		cmocka_unit_test_setup_teardown(
			a_backup_restored_under_a_running_server_mixes_no_devices, make_sqlite,
			clear),
		cmocka_unit_test_setup_teardown(
			a_file_replaced_under_a_running_server_is_the_one_that_is_written,
			make_sqlite, clear),
		cmocka_unit_test_setup_teardown(stopping_answers_all_that_is_queued, make_sqlite,
						clear),
		cmocka_unit_test_setup_teardown(more_holes_than_are_kept_in_memory_still_close,
						make_sqlite, clear),
		cmocka_unit_test_setup_teardown(
			streams_in_memory_are_bounded_and_one_that_was_forgotten_is_as_complete_as_before,
			make_sqlite, clear),
		cmocka_unit_test_setup_teardown(killing_the_server_loses_nothing_that_was_answered,
						make_sqlite, clear),
	};
	const struct CMUnitTest mariadb[] = {
		cmocka_unit_test_setup_teardown(
			a_dump_restored_under_a_running_server_mixes_no_devices, make_mariadb,
			clear),
		cmocka_unit_test_setup_teardown(
			a_poisonous_job_is_refused_and_its_neighbours_are_stored, make_mariadb,
			clear),
		cmocka_unit_test_setup_teardown(
			while_the_database_is_down_jobs_come_back_and_later_are_stored,
			make_mariadb, clear),
		cmocka_unit_test_setup_teardown(
			killing_the_database_in_mid_commit_loses_nothing_that_was_answered,
			make_mariadb, clear),
	};

	log_init("test_ingest", LOG_LEVEL_ERROR);
	snprintf(dir, sizeof(dir), "%s/ingest-XXXXXX",
		 base != NULL && strlen(base) < 40 ? base : "/tmp");
	if (mkdtemp(dir) == NULL) {
		perror(dir);
		return 1;
	}
	failed = cmocka_run_group_tests_name("ingest_sqlite", sqlite, NULL, NULL);
	private_mariadbd_start(&mariadbd);
	failed += cmocka_run_group_tests_name("ingest_mariadb", mariadb, NULL, NULL);
	private_mariadbd_remove(&mariadbd);
	if (failed == 0) {
		execlp("rm", "rm", "-rf", dir, NULL);
	}
	return failed;
}
