// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a server decodes from the network, under bytes that nobody meant: each kept fuzz input, and
 * its mutations (corpus.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "corpus.h"

#define LLVMFuzzerTestOneInput fuzz_senml_cbor
#include "tests/fuzz/fuzz_senml_cbor.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_senml_json
#include "tests/fuzz/fuzz_senml_json.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_legacy
#include "tests/fuzz/fuzz_legacy.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_gap_list
#include "tests/fuzz/fuzz_gap_list.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_device_json
#include "tests/fuzz/fuzz_device_json.c"
#undef LLVMFuzzerTestOneInput

static void packs_in_cbor(void **state)
{
	(void)state;
	corpus_play("tests/fuzz/corpus/senml_cbor", fuzz_senml_cbor, 1);
}

static void packs_in_json(void **state)
{
	(void)state;
	corpus_play("tests/fuzz/corpus/senml_json", fuzz_senml_json, 1);
}

static void legacy_text(void **state)
{
	(void)state;
	corpus_play("tests/fuzz/corpus/legacy", fuzz_legacy, 1);
}

static void lists_of_gaps(void **state)
{
	(void)state;
	corpus_play("tests/fuzz/corpus/gap_list", fuzz_gap_list, 1);
}

static void what_is_said_of_a_device(void **state)
{
	(void)state;
	corpus_play("tests/fuzz/corpus/device_json", fuzz_device_json, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packs_in_cbor),
		cmocka_unit_test(packs_in_json),
		cmocka_unit_test(legacy_text),
		cmocka_unit_test(lists_of_gaps),
		cmocka_unit_test(what_is_said_of_a_device),
	};

	return cmocka_run_group_tests_name("routes_corpus", tests, NULL, NULL);
}
