// SPDX-License-Identifier: BSD-2-Clause
/* fuzz_gap_list: any bytes as a node's list of gaps; see fuzz_senml.h for libFuzzer. What is taken
 * can be written and read again. */
#include "tests/fuzz/fuzz_senml.h"
#include "userspace/reading/gap_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gap_list list, again;
	char err[160] = "", text[GAP_LIST_JSON_MAX];
	int n;

	if (gap_list_decode(data, size, &list, err, sizeof(err)) != 0) {
		fuzz_expect(err[0] != '\0');
		return 0;
	}
	n = gap_list_encode(&list, text, sizeof(text));
	fuzz_expect(n > 0);
	fuzz_expect(gap_list_decode(text, (size_t)n, &again, err, sizeof(err)) == 0);
	fuzz_expect(memcmp(&list, &again, sizeof(list)) == 0);
	return 0;
}
