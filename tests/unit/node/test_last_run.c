// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "userspace/node/last_run.h"
#include "userspace/reading/reading.h"

static void each_end_has_its_text(void **state)
{
	static const struct {
		enum reading_start start;
		int64_t at_us;
		const char *text;
	} rows[] = {
		{ READING_START_NEW, 1795975331000000, "first reading of this outbox" },
		{ READING_START_STOP, 1795975331999999,
		  "start after a stop at 2026-11-29T18:02:11Z" },
		{ READING_START_CRASH, 1795975331000000,
		  "start after a crash at 2026-11-29T18:02:11Z" },
		{ READING_START_POWER, 0, "start after a power cut" },
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		last_run_describe(rows[i].start, rows[i].at_us, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
	}
}

static void a_note_is_kept_behind_it_and_cut_between_words(void **state)
{
	char note[sizeof((struct reading *)0)->note] = "";

	(void)state;
	last_run_note("start after a stop", note, sizeof(note));
	assert_string_equal(note, "start after a stop");
	strcpy(note, "simulated sensors");
	last_run_note("start after a stop", note, sizeof(note));
	assert_string_equal(note, "start after a stop; simulated sensors");
	strcpy(note,
	       "no thermometers: the kernel's driver holds the GPIO, and the receiver is silent");
	last_run_note("start after a power cut at 2026-11-29T18:02:11Z", note, sizeof(note));
	assert_string_equal(note,
			    "start after a power cut at 2026-11-29T18:02:11Z; no thermometers: the "
			    "kernel's driver holds the");
}

static void without_an_outbox_nothing_was_written(void **state)
{
	(void)state;
	assert_true(last_run_written_us("/nonexistent/outbox.db") == 0);
	assert_true(last_run_written_us("/proc/self/exe") > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_end_has_its_text),
		cmocka_unit_test(a_note_is_kept_behind_it_and_cut_between_words),
		cmocka_unit_test(without_an_outbox_nothing_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
