// SPDX-License-Identifier: BSD-2-Clause
/* ingest on real stores: what is answered is on disk, whatever happens to the store meanwhile. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/ingest/ingest_bed.h"

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
	struct store *s = store_new(&ingest_bed.config);
	uint64_t acked = 0;

	assert_int_equal(store_connect(s), 0);
	assert_int_equal(store_ranges(s, DEVICE, 0, add_present, present), 0);
	for (uint64_t seq = 1; seq <= last; seq++) {
		assert_true(present[seq] >= ingest_bed.acked[seq]);
		acked += ingest_bed.acked[seq];
	}
	assert_true(acked > 0);
	store_free(s);
	free(present);
}

/* --- SQLite --------------------------------------------------------------- */

static void an_answer_says_how_far_the_stream_is_complete(void **state)
{
	(void)state;
	ingest_bed_start(100, 100);
	ingest_bed_submit(ingest_bed_job(1, 1, 3));
	ingest_bed_wait();
	assert_int_equal(ingest_bed.last.result, 3);
	assert_int_equal(ingest_bed.last.n_acks, 1);
	assert_string_equal(ingest_bed.ack[0].device, DEVICE);
	assert_int_equal(ingest_bed.ack[0].epoch, 1);
	assert_int_equal(ingest_bed.ack[0].complete, 3);
	ingest_bed_submit(ingest_bed_job(1, 5, 2));
	ingest_bed_wait();
	assert_int_equal(ingest_bed.ack[0].complete, 3);
	ingest_bed_submit(ingest_bed_job(1, 4, 1));
	ingest_bed_wait();
	assert_int_equal(ingest_bed.ack[0].complete, 6);
	/* And goes on from there after a restart. */
	ingest_bed_stop();
	ingest_bed_start(100, 100);
	ingest_bed_submit(ingest_bed_job(1, 7, 1));
	ingest_bed_wait();
	assert_int_equal(ingest_bed.ack[0].complete, 7);
}

/* As another server on the same database stores them. */
static void store_elsewhere(uint64_t first, uint64_t last)
{
	struct store *s = store_new(&ingest_bed.config);
	struct ingest_job *j = ingest_bed_job(1, first, last - first + 1);
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
	struct store *s = store_new(&ingest_bed.config);
	uint64_t stream;

	assert_int_equal(store_connect(s), 0);
	assert_int_equal(store_stream(s, DEVICE, 1, T0, &stream, NULL), 0);
	assert_int_equal(store_explain(s, stream, &hole, 1, T0), 0);
	store_free(s);
}

static uint64_t complete_after(uint64_t first, size_t n)
{
	ingest_bed_submit(ingest_bed_job(1, first, n));
	ingest_bed_wait();
	return ingest_bed.ack[0].complete;
}

static void a_client_that_comes_back_is_told_what_other_servers_have_stored_meanwhile(void **state)
{
	(void)state;
	ingest_bed.shared = true;
	ingest_bed_start(100, 100);
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
	struct ingest_job *j = ingest_bed_job(1, 1, 4);

	(void)state;
	ingest_bed_start(100, 100);
	j->readings[2].epoch = 2;
	j->readings[2].seq = 1;
	ingest_bed_submit(j);
	ingest_bed_wait();
	assert_int_equal(ingest_bed.last.n_acks, 2);
	assert_int_equal(ingest_bed.ack[0].complete, 2);
	assert_int_equal(ingest_bed.ack[1].epoch, 2);
	assert_int_equal(ingest_bed.ack[1].complete, 1);
}

static void what_is_sent_again_is_stored_and_shown_once(void **state)
{
	struct ingest_counts counts;
	struct ingest_job *j;

	(void)state;
	ingest_bed_start(100, 100);
	ingest_bed_submit(ingest_bed_job(1, 1, 10));
	ingest_bed_wait();
	ingest_bed_submit(ingest_bed_job(1, 1, 10));
	ingest_bed_wait();
	assert_int_equal(ingest_bed.last.result, 0);
	assert_int_equal(ingest_bed.ack[0].complete, 10);
	j = ingest_bed_job(1, 10, 2);
	j->readings[0].utc_us++;
	ingest_bed_submit(j);
	ingest_bed_wait();
	counts = ingest_counts(ingest_bed.in);
	assert_int_equal(counts.readings, 22);
	assert_int_equal(counts.stored, 11);
	assert_int_equal(counts.duplicates, 10);
	assert_int_equal(counts.conflicts, 1);
	ingest_bed_stop();
	assert_int_equal(ingest_bed.shown, 11);
}

static void what_waits_for_a_commit_is_the_next_batch_and_the_queue_is_bounded(void **state)
{
	struct ingest_counts before;
	sqlite3 *other;

	(void)state;
	ingest_bed_start(50, 40);
	ingest_bed_submit(ingest_bed_job(1, 1, 1));
	ingest_bed_wait();
	before = ingest_counts(ingest_bed.in);
	/* Someone else holds the database: the writer waits, the queue fills. */
	assert_int_equal(sqlite3_open(ingest_bed.path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	for (uint64_t seq = 2; seq <= 51; seq++) {
		assert_int_equal(ingest_bed_submit(ingest_bed_job(1, seq, 1)), 0);
	}
	assert_int_equal(ingest_bed_submit(ingest_bed_job(1, 52, 1)), -EAGAIN);
	assert_int_equal(ingest_bed_submit(ingest_bed_job(1, 52, 41)), -EMSGSIZE);
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	ingest_bed_wait();
	assert_int_equal(ingest_bed.done, 51);
	assert_int_equal(ingest_bed.ack[0].complete, 51);
	/* Whatever the writer had begun with, the rest came in at most two batches of 40. */
	assert_true(ingest_counts(ingest_bed.in).batches - before.batches <= 4);
	assert_int_equal(ingest_bed_submit(ingest_bed_job(1, 52, 1)), 0);
	ingest_bed_wait();
}

static void stopping_answers_all_that_is_queued(void **state)
{
	(void)state;
	ingest_bed.acked = calloc(201, 1);
	ingest_bed_start(200, 10);
	for (uint64_t seq = 1; seq <= 200; seq++) {
		assert_int_equal(ingest_bed_submit(ingest_bed_job(1, seq, 1)), 0);
	}
	ingest_bed_stop();
	assert_int_equal(ingest_bed.out, 0);
	assert_int_equal(ingest_bed.done, 200);
	expect_acked_in_store(200);
}

static void more_holes_than_are_kept_in_memory_still_close(void **state)
{
	(void)state;
	ingest_bed_start(1000, 1000);
	for (uint64_t seq = 2; seq <= 80; seq += 2) {
		ingest_bed_submit(ingest_bed_job(1, seq, 1));
	}
	ingest_bed_wait();
	assert_int_equal(ingest_bed.ack[0].complete, 0);
	for (uint64_t seq = 1; seq <= 79; seq += 2) {
		ingest_bed_submit(ingest_bed_job(1, seq, 1));
		ingest_bed_wait();
		assert_int_equal(ingest_bed.ack[0].complete, seq + 1);
	}
}

/* A writer process, killed while it commits: what it said to be stored is there. */
static void streams_in_memory_are_bounded_and_one_that_was_forgotten_is_as_complete_as_before(
	void **state)
{
	(void)state;
	ingest_bed_start(1000, 100);
	for (uint64_t epoch = 1; epoch <= INGEST_STREAMS_MAX + 1000; epoch++) {
		while (ingest_bed_submit(ingest_bed_job(epoch, 1, 1)) == -EAGAIN) {
			ingest_bed_wait();
		}
	}
	ingest_bed_wait();
	assert_in_range(ingest_counts(ingest_bed.in).streams, 1, INGEST_STREAMS_MAX + 100);
	assert_int_equal(ingest_bed_submit(ingest_bed_job(1, 2, 1)), 0);
	ingest_bed_wait();
	assert_int_equal(ingest_bed.ack[0].complete, 2);
	ingest_bed_stop();
}

static void killing_the_server_loses_nothing_that_was_answered(void **state)
{
	enum { LAST = 100000 };
	int answers[2];
	uint64_t seq, complete = 0;

	(void)state;
	ingest_bed.acked = calloc(LAST + 1, 1);
	for (unsigned round = 0; round < 3; round++) {
		uint64_t begin = complete + 1, until = complete + 200;
		pid_t pid;

		assert_int_equal(pipe(answers), 0);
		pid = fork();
		if (pid == 0) {
			close(answers[0]);
			ingest_bed.acked = NULL;
			ingest_bed_start(100, 20);
			for (seq = begin; seq < LAST; seq += 5) {
				ingest_bed_submit(ingest_bed_job(1, seq, 5));
				if (seq % 4 == 0) {
					ingest_bed_wait();
					(void)!write(answers[1], &ingest_bed.ack[0].complete,
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
		memset(ingest_bed.acked + 1, 1, complete);
		expect_acked_in_store(LAST);
	}
}

/* --- MariaDB -------------------------------------------------------------- */

static void a_poisonous_job_is_refused_and_its_neighbours_are_stored(void **state)
{
	struct ingest_job *poison = ingest_bed_job(1, 3, 2);

	(void)state;
	ingest_bed_need_mariadb();
	ingest_bed_start(100, 100);
	strcpy(poison->readings[1].host, "\xff\xff");
	ingest_bed_submit(ingest_bed_job(1, 1, 2));
	ingest_bed_submit(poison);
	ingest_bed_submit(ingest_bed_job(1, 5, 2));
	ingest_bed_wait();
	assert_int_equal(ingest_bed.refused, 1);
	assert_int_equal(ingest_bed.done, 2);
	ingest_bed_submit(ingest_bed_job(1, 3, 2));
	ingest_bed_wait();
	assert_int_equal(ingest_bed.ack[0].complete, 6);
}

static void while_the_database_is_down_jobs_come_back_and_later_are_stored(void **state)
{
	(void)state;
	ingest_bed_need_mariadb();
	ingest_bed_start(100, 100);
	ingest_bed_submit(ingest_bed_job(1, 1, 2));
	ingest_bed_wait();
	assert_int_equal(ingest_bed.ack[0].complete, 2);
	private_mariadbd_end(&ingest_bed_mariadbd, SIGTERM);
	for (unsigned i = 0; i < 3; i++) {
		ingest_bed_submit(ingest_bed_job(1, 3, 2));
		ingest_bed_wait();
		assert_int_equal(ingest_bed.last.result, STORE_DOWN);
	}
	assert_true(private_mariadbd_run(&ingest_bed_mariadbd));
	while (ingest_bed.done < 2) { /* the node tries again; the back-off ends by itself */
		ingest_bed_submit(ingest_bed_job(1, 3, 2));
		ingest_bed_wait();
	}
	assert_int_equal(ingest_bed.ack[0].complete, 4);
}

static void killing_the_database_in_mid_commit_loses_nothing_that_was_answered(void **state)
{
	enum { LAST = 3000, KILLS = 3 };
	uint64_t seq = 1;
	unsigned kills = 0, answered_before = 0;
	char line[80];

	(void)state;
	ingest_bed_need_mariadb();
	ingest_bed.acked = calloc(LAST + 1, 1);
	ingest_bed_start(60, 30);
	/* A node with an outbox: what is not acknowledged goes out again. */
	for (unsigned again = 1; again;) {
		again = 0;
		for (seq = 1; seq <= LAST - 2; seq += 3) {
			struct pollfd fd = { .fd = ingest_fd(ingest_bed.in), .events = POLLIN };

			if (ingest_bed.acked[seq]) {
				continue;
			}
			again = 1;
			while (ingest_bed_submit(ingest_bed_job(1, seq, 3)) != 0) {
				assert_int_equal(poll(&fd, 1, 60000), 1);
				ingest_collect(ingest_bed.in);
			}
			if (kills < KILLS && ingest_bed.done > answered_before + 100 &&
			    ingest_bed.out > 10) {
				private_mariadbd_end(&ingest_bed_mariadbd, SIGKILL);
				ingest_bed_wait();
				assert_true(private_mariadbd_run(&ingest_bed_mariadbd));
				answered_before = ingest_bed.done;
				kills++;
			}
		}
		ingest_bed_wait();
	}
	assert_int_equal(kills, KILLS);
	assert_true(ingest_bed.down > 0);
	ingest_bed_stop();
	expect_acked_in_store(LAST);
	snprintf(line, sizeof(line), "%u jobs answered, %u sent back", ingest_bed.done,
		 ingest_bed.down);
	print_message("%s\n", line);
}

int main(void)
{
	const struct CMUnitTest sqlite[] = {
		cmocka_unit_test_setup_teardown(an_answer_says_how_far_the_stream_is_complete,
						ingest_bed_make_sqlite, ingest_bed_clear),
		cmocka_unit_test_setup_teardown(
			a_client_that_comes_back_is_told_what_other_servers_have_stored_meanwhile,
			ingest_bed_make_sqlite, ingest_bed_clear),
		cmocka_unit_test_setup_teardown(a_job_of_two_streams_is_acknowledged_for_both,
						ingest_bed_make_sqlite, ingest_bed_clear),
		cmocka_unit_test_setup_teardown(what_is_sent_again_is_stored_and_shown_once,
						ingest_bed_make_sqlite, ingest_bed_clear),
		cmocka_unit_test_setup_teardown(
			what_waits_for_a_commit_is_the_next_batch_and_the_queue_is_bounded,
			ingest_bed_make_sqlite, ingest_bed_clear),
		cmocka_unit_test_setup_teardown(stopping_answers_all_that_is_queued,
						ingest_bed_make_sqlite, ingest_bed_clear),
		cmocka_unit_test_setup_teardown(more_holes_than_are_kept_in_memory_still_close,
						ingest_bed_make_sqlite, ingest_bed_clear),
		cmocka_unit_test_setup_teardown(
			streams_in_memory_are_bounded_and_one_that_was_forgotten_is_as_complete_as_before,
			ingest_bed_make_sqlite, ingest_bed_clear),
		cmocka_unit_test_setup_teardown(killing_the_server_loses_nothing_that_was_answered,
						ingest_bed_make_sqlite, ingest_bed_clear),
	};
	const struct CMUnitTest mariadb[] = {
		cmocka_unit_test_setup_teardown(
			a_poisonous_job_is_refused_and_its_neighbours_are_stored,
			ingest_bed_make_mariadb, ingest_bed_clear),
		cmocka_unit_test_setup_teardown(
			while_the_database_is_down_jobs_come_back_and_later_are_stored,
			ingest_bed_make_mariadb, ingest_bed_clear),
		cmocka_unit_test_setup_teardown(
			killing_the_database_in_mid_commit_loses_nothing_that_was_answered,
			ingest_bed_make_mariadb, ingest_bed_clear),
	};

	return ingest_bed_run_tests(sqlite, sizeof(sqlite) / sizeof(sqlite[0]), mariadb,
				    sizeof(mariadb) / sizeof(mariadb[0]));
}
