// SPDX-License-Identifier: BSD-2-Clause
/*
 * fuzz_legacy: any bytes as the older program's record; see fuzz_senml.h for libFuzzer.
 *
 * A record that is taken goes on as SenML; one with all fields can be written and read again.
 */
#include "tests/fuzz/fuzz_senml.h"
#include "userspace/reading/legacy_reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char pack[SENML_READING_MAX];
	struct legacy_record record, again;
	struct legacy_error err;
	struct reading r;
	char text[LEGACY_TEXT_MAX];
	int n;

	if (legacy_text_parse((const char *)data, size, &record, &err) != 0) {
		fuzz_expect(err.field != NULL && err.expected != NULL && err.byte <= size);
		return 0;
	}
	legacy_to_reading(&record, INT64_C(1795459200000000), &r);
	n = senml_encode(SENML_CBOR, &r, 1, pack, sizeof(pack), NULL);
	fuzz_expect(n > 0);
	fuzz_senml(SENML_CBOR, (const uint8_t *)pack, (size_t)n);
	if (record.form != LEGACY_RECORD) {
		return 0;
	}
	n = legacy_text_format(&record, text, sizeof(text));
	fuzz_expect(n > 0);
	fuzz_expect(legacy_text_parse(text, (size_t)n, &again, &err) == 0);
	fuzz_expect(again.mac == record.mac && again.time_us == record.time_us &&
		    again.temp_known == record.temp_known && again.temp_mc == record.temp_mc &&
		    strcmp(again.sensor, record.sensor) == 0);
	fuzz_expect(record.gps != LEGACY_GPS_POSITION ||
		    (again.gps == LEGACY_GPS_POSITION && again.lat_e7 == record.lat_e7 &&
		     again.lon_e7 == record.lon_e7));
	return 0;
}
