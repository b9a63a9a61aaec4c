// SPDX-License-Identifier: BSD-2-Clause
/* Replays the kept fuzz inputs of the SenML and legacy decoders: each must pass its target. */
#define _GNU_SOURCE	/* scandir() */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LLVMFuzzerTestOneInput fuzz_senml_cbor
#include "tests/fuzz/fuzz_senml_cbor.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_senml_json
#include "tests/fuzz/fuzz_senml_json.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_legacy
#include "tests/fuzz/fuzz_legacy.c"
#undef LLVMFuzzerTestOneInput

static void replay(const char *folder, int (*target)(const uint8_t *, size_t))
{
	struct dirent **names;
	int n = scandir(folder, &names, NULL, alphasort), played = 0;

	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (names[i]->d_name[0] != '.') {
			FILE *f = fopen(path, "rb");
			uint8_t *data = malloc(65536), *exact;
			size_t size;

			assert_true(f != NULL && data != NULL);
			size = fread(data, 1, 65536, f);
			fclose(f);
			/* A copy of just that size: a read past it is the sanitizer's. */
			exact = malloc(size + (size == 0));
			assert_non_null(exact);
			memcpy(exact, data, size);
			target(exact, size);
			free(exact);
			free(data);
			played++;
		}
		free(names[i]);
	}
	free(names);
	assert_true(played > 0);
}

static void kept_cbor_inputs_pass(void **state)
{
	(void)state;
	replay("tests/fuzz/corpus/senml_cbor", fuzz_senml_cbor);
}

static void kept_json_inputs_pass(void **state)
{
	(void)state;
	replay("tests/fuzz/corpus/senml_json", fuzz_senml_json);
}

static void kept_legacy_inputs_pass(void **state)
{
	(void)state;
	replay("tests/fuzz/corpus/legacy", fuzz_legacy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_cbor_inputs_pass),
		cmocka_unit_test(kept_json_inputs_pass),
		cmocka_unit_test(kept_legacy_inputs_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
