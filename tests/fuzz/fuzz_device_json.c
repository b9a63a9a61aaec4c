// SPDX-License-Identifier: BSD-2-Clause
/* fuzz_device_json: any bytes as what an operator says of a device; see fuzz_senml.h for libFuzzer.
 * What is taken comes back the same. */
#include "server/store/device_json.h"
#include "tests/fuzz/fuzz_senml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_device device, again;
	char err[160] = "", *text;

	if (device_json_decode(data, size, &device, err, sizeof(err)) != 0) {
		fuzz_expect(err[0] != '\0');
		return 0;
	}
	text = device_json_encode(&device);
	fuzz_expect(text != NULL);
	fuzz_expect(device_json_decode(text, strlen(text), &again, err, sizeof(err)) == 0);
	fuzz_expect(memcmp(&device, &again, sizeof(device)) == 0);
	free(text);
	return 0;
}
