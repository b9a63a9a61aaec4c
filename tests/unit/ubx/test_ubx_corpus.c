// SPDX-License-Identifier: BSD-2-Clause
/* The kept corpus of the fuzzer, and pieces of recordings in random times, through the fuzz target.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz_ubx.c"
#include "ubx_files.h"

static void the_kept_corpus_breaks_nothing(void **state)
{
	static const char folder[] = "tests/fuzz/corpus/ubx";
	static uint8_t data[65536];
	DIR *d = opendir(folder);
	const struct dirent *e;
	unsigned n = 0;

	(void)state;
	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		char path[400];
		FILE *f;

		if (e->d_name[0] == '.') {
			continue;
		}
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		f = fopen(path, "rb");
		assert_non_null(f);
		LLVMFuzzerTestOneInput(data, fread(data, 1, sizeof(data), f));
		fclose(f);
		n++;
	}
	closedir(d);
	assert_true(n >= 20);
	print_message("%u inputs of the corpus replayed\n", n);
}

static void recordings_in_random_pieces_and_times_break_nothing(void **state)
{
	static struct ubx_file file;
	static uint8_t script[sizeof(file.bytes) * 3];
	uint64_t seed = 11;

	(void)state;
	for (unsigned round = 0; round < 10; round++) {
		for (size_t i = 0; i < UBX_FILE_COUNT; i++) {
			size_t len = 0;

			ubx_file_read(&file, ubx_file_names[i]);
			for (size_t at = 0; at < file.len;) {
				uint8_t n = (uint8_t)(1 + ubx_random(&seed) % 255);

				if (n > file.len - at) {
					n = (uint8_t)(file.len - at);
				}
				script[len++] = n;
				script[len++] =
					(uint8_t)(ubx_random(&seed) % 4 ? 0 : ubx_random(&seed));
				memcpy(script + len, file.bytes + at, n);
				if (ubx_random(&seed) % 8 == 0) {
					script[len + ubx_random(&seed) % n] ^=
						(uint8_t)(1u << ubx_random(&seed) % 8);
				}
				len += n;
				at += n;
			}
			LLVMFuzzerTestOneInput(script, len);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kept_corpus_breaks_nothing),
		cmocka_unit_test(recordings_in_random_pieces_and_times_break_nothing),
	};

	return cmocka_run_group_tests_name("ubx_corpus", tests, NULL, NULL);
}
