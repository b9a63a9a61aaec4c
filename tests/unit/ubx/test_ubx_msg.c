// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ubx/ubx_frame.h"
#include "ubx/ubx_msg.h"
#include "ubx_files.h"

static void each_row_lies_inside_its_message(void **state)
{
	(void)state;
	for (unsigned i = 0; i < UBX_FIELD_COUNT; i++) {
		const struct ubx_field_row *f = &ubx_fields[i];
		const struct ubx_message_row *m = &ubx_messages[f->message];
		unsigned end = f->offset + f->size;

		assert_non_null(f->name);
		assert_true(f->is_text || f->size == 1 || f->size == 2 || f->size == 4);
		assert_true(f->bits == 0 || f->lo + f->bits <= 8 * f->size);
		if (f->offset >= m->len) {
			assert_true(end <= (unsigned)m->len + m->group);
		} else {
			assert_true(end <= m->len);
		}
	}
}

static void rows_of_a_message_do_not_overlap(void **state)
{
	(void)state;
	for (unsigned i = 0; i < UBX_FIELD_COUNT; i++) {
		for (unsigned k = i + 1;
		     k < UBX_FIELD_COUNT && ubx_fields[k].message == ubx_fields[i].message; k++) {
			uint8_t a[1024] = { 0 }, b[1024] = { 0 };

			/* CFG-NAV5 has its mask twice: bit by bit, and as a whole for writing. */
			if (i == UBX_CFG_NAV5_applyAll || k == UBX_CFG_NAV5_applyAll ||
			    ubx_fields[i].is_text || ubx_fields[k].is_text) {
				continue;
			}
			ubx_msg_put(a, (enum ubx_field)i, 0, -1);
			ubx_msg_put(b, (enum ubx_field)k, 0, -1);
			for (size_t n = 0; n < sizeof(a); n++) {
				if (a[n] & b[n]) {
					fail_msg("%s and %s of %s", ubx_fields[i].name,
						 ubx_fields[k].name,
						 ubx_messages[ubx_fields[i].message].name);
				}
			}
		}
	}
}

static void no_two_messages_have_one_number(void **state)
{
	(void)state;
	for (unsigned i = 0; i < UBX_MESSAGE_COUNT; i++) {
		assert_int_equal(ubx_msg_find(ubx_messages[i].cls, ubx_messages[i].id), i);
	}
	assert_int_equal(ubx_msg_find(0x01, 0x26), UBX_MESSAGE_COUNT); /* NAV-TIMELS: u-blox 8 */
}

static void what_is_put_is_got_and_nothing_else_changes(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (unsigned i = 0; i < UBX_FIELD_COUNT; i++) {
		const struct ubx_field_row *f = &ubx_fields[i];
		unsigned width = f->bits ? f->bits : 8u * f->size;
		bool grouped = f->offset >= ubx_messages[f->message].len;

		if (f->is_text) {
			continue;
		}
		for (unsigned round = 0; round < 50; round++) {
			uint8_t before[256], after[256], only[256] = { 0 };
			unsigned group = grouped ? ubx_random(&seed) % 8 : 0;
			int64_t value = (int64_t)ubx_random(&seed) & ((1ll << width) - 1);

			if (f->is_signed && value >> (width - 1)) {
				value -= 1ll << width;
			}
			for (size_t n = 0; n < sizeof(before); n++) {
				before[n] = (uint8_t)ubx_random(&seed);
			}
			memcpy(after, before, sizeof(after));
			ubx_msg_put(after, (enum ubx_field)i, group, value);
			assert_int_equal(ubx_msg_get(after, (enum ubx_field)i, group), value);
			ubx_msg_put(only, (enum ubx_field)i, group, -1);
			for (size_t n = 0; n < sizeof(before); n++) {
				assert_int_equal(before[n] & ~only[n], after[n] & ~only[n]);
			}
		}
	}
}

static void lengths_are_those_of_the_specification(void **state)
{
	(void)state;
	assert_true(ubx_msg_length_ok(UBX_NAV_PVT, 84));
	assert_true(ubx_msg_length_ok(UBX_NAV_PVT, 92));
	assert_false(ubx_msg_length_ok(UBX_NAV_PVT, 88));
	assert_false(ubx_msg_length_ok(UBX_NAV_PVT, 0));
	assert_true(ubx_msg_length_ok(UBX_MON_VER, 40));
	assert_true(ubx_msg_length_ok(UBX_MON_VER, 160));
	assert_false(ubx_msg_length_ok(UBX_MON_VER, 41));
	assert_false(ubx_msg_length_ok(UBX_MON_VER, 10));
	assert_true(ubx_msg_length_ok(UBX_NAV_SVINFO, 8 + 12 * 32));
	assert_int_equal(ubx_msg_groups(UBX_NAV_SVINFO, 8 + 12 * 32), 32);
	assert_int_equal(ubx_msg_groups(UBX_NAV_PVT, 92), 0);
	assert_int_equal(ubx_msg_groups(UBX_MON_IO, 120), 6);
}

/* Every message of the recordings that the table knows has a length the table allows. */
static void recorded_messages_have_lengths_of_the_table(void **state)
{
	static struct ubx_file file;
	unsigned known = 0;

	(void)state;
	for (size_t i = 0; i < UBX_FILE_COUNT; i++) {
		size_t at = 0, size;

		ubx_file_read(&file, ubx_file_names[i]);
		while ((size = ubx_next_frame(file.bytes, file.len, &at)) != 0) {
			enum ubx_message m = ubx_msg_find(file.bytes[at + 2], file.bytes[at + 3]);

			if (m != UBX_MESSAGE_COUNT) {
				if (!ubx_msg_length_ok(m, size - 8)) {
					fail_msg("%s: %s has %zu bytes", ubx_file_names[i],
						 ubx_messages[m].name, size - 8);
				}
				known++;
			}
			at += size;
		}
	}
	assert_int_equal(known, 176);
}

/* --- against what gpsd read in the same recording --- */

struct expected {
	const char *name; /* in gpsd's TPV */
	enum ubx_field field;
	double scale; /* of the field, in gpsd's unit */
};

static const struct expected expected[] = {
	{ "lat", UBX_NAV_PVT_lat, 1e-7 },
	{ "lon", UBX_NAV_PVT_lon, 1e-7 },
	{ "altHAE", UBX_NAV_PVT_height, 1e-3 },
	{ "altMSL", UBX_NAV_PVT_hMSL, 1e-3 },
};

/* The last TPV of this second; MON-HW makes gpsd print one more. */
static json_t *tpv_at(const json_t *lines, const char *time)
{
	json_t *line, *found = NULL;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		const char *t = json_string_value(json_object_get(line, "time"));

		if (t && strcmp(t, time) == 0) {
			found = line;
		}
	}
	return found;
}

static json_t *read_tpvs(const char *path)
{
	json_t *lines = json_array();
	static char line[8192];
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "{\"class\":\"TPV\"", 14) == 0) {
			json_array_append_new(lines, json_loads(line, 0, NULL));
		}
	}
	fclose(f);
	return lines;
}

static void epochs_decode_to_what_gpsd_decodes(void **state)
{
	static struct ubx_file file;
	json_t *lines = read_tpvs("tests/data/ubx/navisys-gr8013.log.chk");
	json_t *tpv = NULL;
	unsigned compared = 0, epochs = 0;
	size_t at = 0, size;

	(void)state;
	ubx_file_read(&file, "navisys-gr8013.log");
	for (; (size = ubx_next_frame(file.bytes, file.len, &at)) != 0; at += size) {
		const uint8_t *p = file.bytes + at + 6;
		enum ubx_message m = ubx_msg_find(p[-4], p[-3]);

		if (m == UBX_NAV_PVT) { /* opens the epoch */
			char time[40];

			snprintf(time, sizeof(time), "%04d-%02d-%02dT%02d:%02d:%02d.000Z",
				 (int)ubx_msg_get(p, UBX_NAV_PVT_year, 0),
				 (int)ubx_msg_get(p, UBX_NAV_PVT_month, 0),
				 (int)ubx_msg_get(p, UBX_NAV_PVT_day, 0),
				 (int)ubx_msg_get(p, UBX_NAV_PVT_hour, 0),
				 (int)ubx_msg_get(p, UBX_NAV_PVT_min, 0),
				 (int)ubx_msg_get(p, UBX_NAV_PVT_sec, 0));
			tpv = tpv_at(lines, time);
			assert_non_null(tpv);
			epochs++;
		}
		for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
			const json_t *want = json_object_get(tpv, expected[i].name);

			if (ubx_fields[expected[i].field].message == m && want) {
				double got = (double)ubx_msg_get(p, expected[i].field, 0) *
					     expected[i].scale;

				if (fabs(got - json_number_value(want)) >
				    expected[i].scale * 0.01) {
					fail_msg("%s: %.9f, gpsd has %.9f", expected[i].name, got,
						 json_number_value(want));
				}
				compared++;
			}
		}
		if (m == UBX_MON_HW) {
			assert_int_equal(ubx_msg_get(p, UBX_MON_HW_jamInd, 0),
					 json_integer_value(json_object_get(tpv, "jam")));
			compared++;
		}
	}
	assert_int_equal(epochs, 35);
	assert_true(compared >= 35 * 4);
	print_message("%u values of %u epochs equal gpsd's\n", compared, epochs);
	json_decref(lines);
}

static void texts_of_mon_ver_are_read_whatever_their_number(void **state)
{
	static struct ubx_file file;
	size_t at = 0, size;
	char text[31];
	unsigned seen = 0;

	(void)state;
	ubx_file_read(&file, "ublox8-uniqid-monhw.log");
	for (; (size = ubx_next_frame(file.bytes, file.len, &at)) != 0; at += size) {
		const uint8_t *p = file.bytes + at + 6;

		if (ubx_msg_find(p[-4], p[-3]) != UBX_MON_VER) {
			continue;
		}
		ubx_msg_text(p, UBX_MON_VER_swVersion, 0, text, sizeof(text));
		assert_string_equal(text, "ROM CORE 3.01 (107888)");
		ubx_msg_text(p, UBX_MON_VER_hwVersion, 0, text, sizeof(text));
		assert_string_equal(text, "00080000");
		assert_int_equal(ubx_msg_groups(UBX_MON_VER, size - 8), 4);
		ubx_msg_text(p, UBX_MON_VER_extension, 1, text, sizeof(text));
		assert_string_equal(text, "PROTVER=18.00");
		seen++;
	}
	assert_int_equal(seen, 4);
}

static void text_is_cut_and_cleaned(void **state)
{
	uint8_t p[40];
	char text[8];

	(void)state;
	memset(p, 'x', sizeof(p));
	p[1] = 7;
	ubx_msg_text(p, UBX_MON_VER_swVersion, 0, text, sizeof(text));
	assert_string_equal(text, "x?xxxxx");
	char whole[40]; /* a text that fills its field ends there, whatever follows */
	ubx_msg_text(p, UBX_MON_VER_hwVersion, 0, whole, sizeof(whole));
	assert_string_equal(whole, "xxxxxxxxxx");
	ubx_msg_text(p, UBX_MON_VER_hwVersion, 0, text, 1);
	assert_string_equal(text, "");
}

static void signs_and_bits_are_read_as_the_specification_says(void **state)
{
	const uint8_t pvt[84] = {
		[16] = 0x18, 0xFC, 0xFF, 0xFF, [11] = 0xF7, [21] = 0x8D, [4] = 0xEA, 0x07
	};
	const uint8_t itfm[8] = { 0xF3, 0xAC, 0x62, 0xAD, 0x1E, 0x53 };

	(void)state;
	assert_int_equal(ubx_msg_get(pvt, UBX_NAV_PVT_nano, 0), -1000);
	assert_int_equal(ubx_msg_get(pvt, UBX_NAV_PVT_valid, 0), 7); /* real receivers set the
									reserved bits */
	assert_int_equal(ubx_msg_get(pvt, UBX_NAV_PVT_gnssFixOK, 0), 1);
	assert_int_equal(ubx_msg_get(pvt, UBX_NAV_PVT_diffSoln, 0), 0);
	assert_int_equal(ubx_msg_get(pvt, UBX_NAV_PVT_psmState, 0), 3);
	assert_int_equal(ubx_msg_get(pvt, UBX_NAV_PVT_year, 0), 2026);
	/* The enabled CFG-ITFM of V14 section 13: 0xAD62ACF3, 0x0000531E */
	assert_int_equal(ubx_msg_get(itfm, UBX_CFG_ITFM_algorithmBits, 0), 0x16B156);
	assert_int_equal(ubx_msg_get(itfm, UBX_CFG_ITFM_bbThreshold, 0), 3);
	assert_int_equal(ubx_msg_get(itfm, UBX_CFG_ITFM_cwThreshold, 0), 15);
	assert_int_equal(ubx_msg_get(itfm, UBX_CFG_ITFM_enable, 0), 1);
	assert_int_equal(ubx_msg_get(itfm, UBX_CFG_ITFM_generalBits, 0), 0x31E);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_lies_inside_its_message),
		cmocka_unit_test(rows_of_a_message_do_not_overlap),
		cmocka_unit_test(no_two_messages_have_one_number),
		cmocka_unit_test(what_is_put_is_got_and_nothing_else_changes),
		cmocka_unit_test(lengths_are_those_of_the_specification),
		cmocka_unit_test(recorded_messages_have_lengths_of_the_table),
		cmocka_unit_test(epochs_decode_to_what_gpsd_decodes),
		cmocka_unit_test(texts_of_mon_ver_are_read_whatever_their_number),
		cmocka_unit_test(text_is_cut_and_cleaned),
		cmocka_unit_test(signs_and_bits_are_read_as_the_specification_says),
	};

	return cmocka_run_group_tests_name("ubx_msg", tests, NULL, NULL);
}
