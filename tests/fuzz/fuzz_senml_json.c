// SPDX-License-Identifier: BSD-2-Clause
/* SenML in JSON: see fuzz_senml.h. */
#include "tests/fuzz/fuzz_senml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_senml(SENML_JSON, data, size);
	return 0;
}
