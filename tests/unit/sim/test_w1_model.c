// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every make of thermometer on the simulated bus, asked by the reference master: what the
 * literature (data sheets, C. Petrich's survey of counterfeits) says of it must be what comes over
 * the wire.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <string.h>

#include "w1_master.h"

struct bench {
	struct w1_sim *sim;
	struct master m;
	struct w1_slave *s; /* the first device */
};

static struct bench bench(enum w1_model_id model, uint64_t seed, bool parasite)
{
	struct bench b = { .sim = w1_sim_new(&(struct w1_sim_config){ .seed = seed }) };

	assert_non_null(b.sim);
	b.m = master_on(b.sim);
	assert_int_equal(w1_sim_add(b.sim, model, parasite), 0);
	b.s = w1_sim_slave(b.sim, 0);
	b.s->offset_mc = 0;
	return b;
}

static void bench_close(struct bench *b)
{
	assert_int_equal(w1_sim_judge_total(w1_sim_judge(b->sim)), 0);
	w1_sim_free(b->sim);
}

static void read_all(struct bench *b, uint8_t sp[9])
{
	assert_true(m_scratchpad(&b->m, NULL, sp));
}

/* Converts and waits by the clock, as for parts that can't be polled. */
static void convert(struct bench *b, int32_t temp_mc)
{
	b->s->temp_mc = temp_mc;
	assert_true(m_command(&b->m, NULL, 0x44));
	m_sleep(&b->m, 800 * MS);
}

static bool fits(const struct w1_model *model, const uint8_t rom[8])
{
	for (int i = 0; i < 6; i++) {
		if (model->rom[i] != W1_ROM_ANY && model->rom[i] != rom[i + 1]) {
			return false;
		}
	}
	return model->family == rom[0];
}

static void roms_of_the_literature_have_good_crcs_and_fit_their_family(void **state)
{
	static const struct {
		enum w1_model_id model;
		uint8_t rom[8];
	} rows[] = {
		{ W1_MODEL_COUNT, { 0x02, 0x1C, 0xB8, 0x01, 0x00, 0x00, 0x00, 0xA2 } }, /* AN27 */
		{ W1_MODEL_A1, { 0x28, 0x13, 0x9B, 0xBB, 0x0B, 0x00, 0x00, 0x1F } },
		{ W1_MODEL_A1, { 0x28, 0xCA, 0xD6, 0x10, 0x10, 0x00, 0x00, 0xFE } },
		{ W1_MODEL_A2, { 0x28, 0x19, 0x00, 0x00, 0xB7, 0x5B, 0x00, 0x41 } },
		{ W1_MODEL_A3, { 0x28, 0x3E, 0x43, 0x87, 0x00, 0x00, 0x00, 0x18 } },
		{ W1_MODEL_A3, { 0x28, 0xCA, 0xBA, 0x61, 0x00, 0x00, 0x00, 0xA3 } },
		{ W1_MODEL_A3, { 0x28, 0x06, 0x64, 0x2B, 0x00, 0x00, 0x00, 0x46 } },
		{ W1_MODEL_B1, { 0x28, 0xAA, 0x3C, 0x61, 0x55, 0x14, 0x01, 0xF0 } },
		{ W1_MODEL_COUNT, { 0x28, 0xAB, 0x9C, 0xB1, 0x33, 0x14, 0x01, 0x81 } }, /* B1 of the
											   other
											   pattern
											 */
		{ W1_MODEL_B1V2, { 0x28, 0xE4, 0xFA, 0x2F, 0x57, 0x23, 0x0B, 0xAF } },
		{ W1_MODEL_B2, { 0x28, 0xFF, 0x7C, 0x5A, 0x61, 0x16, 0x04, 0xEE } },
		{ W1_MODEL_C, { 0x28, 0xFF, 0x64, 0x1D, 0xCD, 0x96, 0xF2, 0x01 } },
		{ W1_MODEL_D1, { 0x28, 0x48, 0x1B, 0x77, 0x91, 0x17, 0x02, 0x55 } },
		{ W1_MODEL_D2, { 0x28, 0x90, 0xFE, 0x79, 0x97, 0x00, 0x03, 0x20 } },
		{ W1_MODEL_E, { 0x28, 0x00, 0x74, 0x28, 0x59, 0x43, 0x0F, 0x7A } },
		{ W1_MODEL_F, { 0x28, 0x03, 0x60, 0x00, 0x00, 0x01, 0x24, 0xD0 } },
		{ W1_MODEL_G, { 0x28, 0xC7, 0x9E, 0xA3, 0x59, 0x83, 0xD9, 0x74 } },
		{ W1_MODEL_H, { 0x28, 0x0C, 0x80, 0x53, 0x5C, 0xAA, 0x8E, 0xA2 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t read[8];
		struct bench b;

		assert_int_equal(m_crc(rows[i].rom, 7), rows[i].rom[7]);
		assert_int_equal(w1_model_crc8(0, rows[i].rom, 8), 0);
		if (rows[i].model == W1_MODEL_COUNT) {
			continue;
		}
		assert_true(fits(w1_model(rows[i].model), rows[i].rom));
		b = bench(rows[i].model, i, false);
		assert_true(fits(b.s->model, b.s->rom));
		assert_int_equal(m_crc(b.s->rom, 7), b.s->rom[7]);
		memcpy(b.s->rom, rows[i].rom, 8);
		assert_true(m_reset(&b.m));
		m_write(&b.m, 0x33);
		m_read_all(&b.m, read, 8);
		assert_memory_equal(read, rows[i].rom, 8);
		bench_close(&b);
	}
}

static void scratchpads_of_the_literature_have_good_crcs_but_for_the_two_misprints(void **state)
{
	static const uint8_t good[][9] = {
		{ 0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10, 0x1C },
		{ 0x50, 0x05, 0x7F, 0x80, 0x7F, 0xFF, 0x0C, 0x10, 0x93 },
		{ 0x50, 0x05, 0x55, 0x00, 0x7F, 0xFF, 0x0C, 0x10, 0x21 },
		{ 0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x10, 0x10, 0xBD },
		{ 0x50, 0x05, 0x55, 0xAA, 0x7F, 0xFF, 0x0C, 0x10, 0xAF },
		{ 0x50, 0x05, 0x00, 0x00, 0x1F, 0xFF, 0x0C, 0x10, 0x74 },
		{ 0x65, 0x01, 0x55, 0x00, 0x7F, 0xFF, 0x7F, 0x10, 0x9C },
		{ 0x64, 0x01, 0x55, 0x00, 0x5F, 0xFF, 0x5F, 0x10, 0x6E },
		{ 0x68, 0x01, 0x55, 0x00, 0x1F, 0xFF, 0x1F, 0x10, 0x2A },
		{ 0xD6, 0x01, 0x4B, 0x46, 0x7F, 0xFF, 0x0A, 0x10, 0x43 },
		{ 0x50, 0x05, 0xFF, 0xFF, 0xF0, 0xFF, 0xFF, 0xFF, 0x5C },
		{ 0x90, 0x01, 0x55, 0x05, 0x7F, 0x7E, 0x81, 0x66, 0x96 },
	};
	static const uint8_t rom_misprint[8] = { 0x28, 0x9B, 0x9E, 0xCB, 0x03, 0x00, 0x00, 0x1F };
	static const uint8_t misprint[9] = { 0x90, 0x01, 0x55, 0x05, 0x7F, 0x7E, 0x81, 0x66, 0x27 };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(w1_model_crc8(0, good[i], 9), 0);
	}
	assert_int_equal(w1_model_crc8(0, rom_misprint, 7), 0x0B);
	assert_int_equal(w1_model_crc8(0, misprint, 8), 0x96);
}

static void each_make_powers_on_with_its_own_nine_bytes(void **state)
{
	static const struct {
		enum w1_model_id model;
		uint8_t sp[9];
	} rows[] = {
		{ W1_MODEL_A1, { 0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10, 0x1C } },
		{ W1_MODEL_A3, { 0x50, 0x05, 0x7F, 0x80, 0x7F, 0xFF, 0x0C, 0x10, 0x93 } },
		{ W1_MODEL_B1, { 0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10, 0x1C } },
		{ W1_MODEL_B1V2, { 0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10, 0x1C } },
		{ W1_MODEL_B2, { 0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10, 0x1C } },
		{ W1_MODEL_C, { 0x50, 0x05, 0x55, 0x00, 0x7F, 0xFF, 0x0C, 0x10, 0x21 } },
		{ W1_MODEL_D1, { 0x90, 0x01, 0x55, 0x05, 0x7F, 0x7E, 0x81, 0x66, 0x96 } },
		{ W1_MODEL_D2, { 0x90, 0x01, 0x55, 0x05, 0x7F, 0x7E, 0x81, 0x66, 0x96 } },
		{ W1_MODEL_E, { 0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x10, 0x10, 0xBD } },
		{ W1_MODEL_F, { 0x50, 0x05, 0x55, 0x00, 0x7F, 0xFF, 0x0C, 0x10, 0x21 } },
		{ W1_MODEL_G, { 0x50, 0x05, 0x55, 0xAA, 0x7F, 0xFF, 0x0C, 0x10, 0xAF } },
		{ W1_MODEL_H, { 0x50, 0x05, 0x55, 0xAA, 0x7F, 0xFF, 0x0C, 0x10, 0xAF } },
		{ W1_MODEL_MAX31826, { 0x50, 0x05, 0xFF, 0xFF, 0xF0, 0xFF, 0xFF, 0xFF, 0x5C } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench b = bench(rows[i].model, 10 + i, false);
		uint8_t sp[9];

		read_all(&b, sp);
		assert_memory_equal(sp, rows[i].sp, 9);
		bench_close(&b);
	}
}

static void temperatures_of_the_data_sheet_come_back(void **state)
{
	static const struct {
		enum w1_model_id model;
		int32_t mc;
		uint16_t raw;
	} rows[] = {
		{ W1_MODEL_A1, 125000, 0x07D0 },      { W1_MODEL_A1, 85000, 0x0550 },
		{ W1_MODEL_A1, 25063, 0x0191 },	      { W1_MODEL_A1, 10125, 0x00A2 },
		{ W1_MODEL_A1, 500, 0x0008 },	      { W1_MODEL_A1, 0, 0x0000 },
		{ W1_MODEL_A1, -500, 0xFFF8 },	      { W1_MODEL_A1, -10125, 0xFF5E },
		{ W1_MODEL_A1, -25063, 0xFE6F },      { W1_MODEL_A1, -55000, 0xFC90 },
		{ W1_MODEL_A1, 200000, 0x07D0 },      { W1_MODEL_DS18S20, 85000, 0x00AA },
		{ W1_MODEL_DS18S20, 25000, 0x0032 },  { W1_MODEL_DS18S20, 500, 0x0001 },
		{ W1_MODEL_DS18S20, -500, 0xFFFF },   { W1_MODEL_DS18S20, -25000, 0xFFCE },
		{ W1_MODEL_DS18S20, -55000, 0xFF92 }, { W1_MODEL_DS1822, -10125, 0xFF5E },
		{ W1_MODEL_DS1825, 25063, 0x0191 },   { W1_MODEL_DS28EA00, 25063, 0x0191 },
		{ W1_MODEL_MAX31826, -500, 0xFFF8 },  { W1_MODEL_MAX31850, 1000000, 0x3E80 },
		{ W1_MODEL_MAX31850, -250, 0xFFFC },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench b = bench(rows[i].model, 100 + i, false);
		uint8_t sp[9];

		convert(&b, rows[i].mc);
		read_all(&b, sp);
		assert_int_equal(sp[0] | sp[1] << 8, rows[i].raw);
		bench_close(&b);
	}
}

static void the_fine_part_of_a_ds18s20_gives_back_each_sixteenth(void **state)
{
	struct bench b = bench(W1_MODEL_DS18S20, 3, false);

	(void)state;
	for (int sixteenths = -881 + 16; sixteenths < 125 * 16; sixteenths += 7) {
		uint8_t sp[9];
		int whole;

		convert(&b, sixteenths * 125 / 2);
		read_all(&b, sp);
		whole = (int16_t)(sp[0] | sp[1] << 8) >> 1;
		assert_int_equal(sp[7], 16);
		assert_in_range(sp[6], 1, 16);
		assert_int_equal(whole * 16 - 4 + (16 - sp[6]), sixteenths);
		assert_int_equal(b.s->last.raw, sixteenths);
	}
	bench_close(&b);
}

static void byte_6_follows_the_law_of_the_make(void **state)
{
	static const struct {
		enum w1_model_id model;
		uint8_t sum;
	} rows[] = {
		/* sum 0: fixed */
		{ W1_MODEL_A1, 0x10 },	 { W1_MODEL_A2, 0x10 }, { W1_MODEL_A3, 0x10 },
		{ W1_MODEL_B1V2, 0x10 }, { W1_MODEL_E, 0x10 },	{ W1_MODEL_H, 0x10 },
		{ W1_MODEL_G, 0x20 },	 { W1_MODEL_B1, 0 },	{ W1_MODEL_B2, 0 },
		{ W1_MODEL_C, 0 },	 { W1_MODEL_F, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench b = bench(rows[i].model, 200 + i, false);
		uint8_t sp[9];

		for (int nibble = 0; nibble < 16; nibble++) {
			convert(&b, 20000 + nibble * 125 / 2 + 20);
			read_all(&b, sp);
			assert_int_equal(sp[0] & 0x0F, nibble);
			assert_int_equal(sp[6], rows[i].sum ? rows[i].sum - nibble : 0x0C);
		}
		convert(&b, 85000); /* genuine 85 degC */
		read_all(&b, sp);
		assert_int_equal(sp[6], rows[i].sum ? rows[i].sum : 0x0C);
		bench_close(&b);
	}
}

static void conversion_times_and_resolutions_are_those_measured(void **state)
{
	static const struct {
		enum w1_model_id model;
		unsigned min_ms[4], max_ms[4];
	} rows[] = {
		/* 9 to 12 bit */
		{ W1_MODEL_A1, { 73, 146, 292, 584 }, { 77, 154, 308, 616 } },
		{ W1_MODEL_A2, { 40, 81, 162, 325 }, { 64, 127, 253, 506 } },
		{ W1_MODEL_C, { 28, 28, 28, 28 }, { 31, 31, 31, 31 } },
		{ W1_MODEL_D1, { 11, 11, 11, 11 }, { 12, 12, 12, 12 } },
		{ W1_MODEL_D2, { 462, 462, 462, 462 }, { 524, 524, 524, 524 } },
		{ W1_MODEL_E, { 20, 20, 20, 20 }, { 26, 26, 26, 26 } },
		{ W1_MODEL_G, { 28, 56, 113, 226 }, { 41, 81, 161, 321 } },
		{ W1_MODEL_H, { 101, 141, 198, 279 }, { 102, 142, 199, 280 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench b = bench(rows[i].model, 300 + i, false);

		for (int bits = 9; bits <= 12; bits++) {
			uint64_t took;

			assert_true(m_write_settings(&b.m, NULL, 0x4B, 0x46,
						     (uint8_t)((bits - 9) << 5 | 0x1F)));
			took = m_convert(&b.m, NULL);
			assert_in_range(took, rows[i].min_ms[bits - 9] * MS,
					rows[i].max_ms[bits - 9] * MS);
		}
		bench_close(&b);
	}
}

static void undefined_bits_do_not_belong_to_the_truth(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct bench b = bench(W1_MODEL_A1, seed, false);
		uint8_t sp[9];

		for (int bits = 9; bits <= 12; bits++) {
			int undefined = (1 << (12 - bits)) - 1;

			assert_true(m_write_settings(&b.m, NULL, 0, 0, (uint8_t)((bits - 9) << 5)));
			convert(&b, -10062); /* FF5F */
			read_all(&b, sp);
			assert_int_equal(sp[4], (bits - 9) << 5 | 0x1F);
			assert_int_equal((sp[0] & ~undefined) | sp[1] << 8, 0xFF5F & ~undefined);
			assert_int_equal((uint16_t)b.s->last.raw, 0xFF5F & ~undefined);
		}
		bench_close(&b);
	}
}

static void polling_works_as_in_the_make(void **state)
{
	struct bench b = bench(W1_MODEL_A1, 1, false);

	(void)state;
	m_command(&b.m, NULL, 0x44);
	assert_false(m_read_bit(&b.m));
	bench_close(&b);
	b = bench(W1_MODEL_A3, 1, false); /* valid after a millisecond only */
	m_command(&b.m, NULL, 0x44);
	assert_true(m_read_bit(&b.m));
	m_sleep(&b.m, 1 * MS);
	assert_false(m_read_bit(&b.m));
	m_sleep(&b.m, 626 * MS);
	assert_true(m_read_bit(&b.m));
	bench_close(&b);
	b = bench(W1_MODEL_F, 1, false); /* never says busy */
	m_command(&b.m, NULL, 0x44);
	for (int i = 0; i < 40; i++) {
		assert_true(m_read_bit(&b.m));
		m_sleep(&b.m, 1 * MS);
	}
	assert_int_equal(w1_sim_conversions(b.sim), 1);
	bench_close(&b);
}

static void three_and_five_byte_writes_go_where_the_make_puts_them(void **state)
{
	static const struct {
		enum w1_model_id model;
		uint8_t after3[8], after5[8];
	} rows[] = {
		{ W1_MODEL_A1,
		  { 0x50, 5, 1, 2, 0x3F, 0xFF, 0x0C, 0x10 },
		  { 0x50, 5, 1, 2, 0x3F, 0xFF, 0x0C, 0x10 } },
		{ W1_MODEL_B1,
		  { 0x50, 5, 1, 2, 0x3F, 0xFF, 0x3F, 0x10 },
		  { 0x50, 5, 1, 2, 0x3F, 0xFF, 0xAB, 0xCD } },
		{ W1_MODEL_B2,
		  { 0x50, 5, 1, 2, 0x3F, 0xFF, 0x3F, 0x10 },
		  { 0x50, 5, 1, 2, 0x3F, 0xFF, 0xAB, 0xCD } },
		{ W1_MODEL_C,
		  { 0x50, 5, 1, 2, 0x7F, 0xFF, 0x0C, 0x10 },
		  { 0x50, 5, 1, 2, 0x7F, 0xFF, 0x0C, 0x10 } },
		{ W1_MODEL_F,
		  { 0x50, 5, 1, 2, 0x7F, 0xFF, 0x0C, 0x10 },
		  { 0x50, 5, 1, 2, 0x7F, 0xFF, 0x0C, 0x10 } },
	};
	static const uint8_t bytes[6] = { 1, 2, 0x3F, 0xAB, 0xCD, 0xEF };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench b = bench(rows[i].model, 400 + i, false);
		uint8_t sp[9];

		m_command(&b.m, NULL, 0x4E);
		m_write_all(&b.m, bytes, 3);
		read_all(&b, sp);
		assert_memory_equal(sp, rows[i].after3, 8);
		m_command(&b.m, NULL, 0x4E);
		m_write_all(&b.m, bytes, 6);
		read_all(&b, sp);
		assert_memory_equal(sp, rows[i].after5, 8);
		bench_close(&b);
	}
}

static void the_configuration_keeps_only_the_bits_it_has(void **state)
{
	static const struct {
		enum w1_model_id model;
		uint8_t zero, ones;
	} rows[] = {
		{ W1_MODEL_A1, 0x1F, 0x7F },	   { W1_MODEL_C, 0x7F, 0x7F },
		{ W1_MODEL_F, 0x7F, 0xFF },	   { W1_MODEL_DS1825, 0x15, 0x75 },
		{ W1_MODEL_MAX31850, 0xF5, 0xF5 }, { W1_MODEL_DS18S20, 0xFF, 0xFF },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench b = bench(rows[i].model, 500 + i, false);
		uint8_t sp[9];

		b.s->address = 5;
		w1_sim_unplug(b.sim, 0, 0, w1_sim_now(b.sim) + 10 * MS); /* the pins are read at
									    power-on */
		m_sleep(&b.m, 20 * MS);
		m_write_settings(&b.m, NULL, 1, 2, 0x00);
		read_all(&b, sp);
		assert_int_equal(sp[4], rows[i].zero);
		m_write_settings(&b.m, NULL, 1, 2, 0xFF);
		read_all(&b, sp);
		assert_int_equal(sp[4], rows[i].ones);
		w1_sim_free(b.sim);
	}
}

static void a_copy_survives_a_power_cut_and_recall_undoes_a_write(void **state)
{
	struct bench b = bench(W1_MODEL_A1, 1, false);
	uint8_t sp[9];

	(void)state;
	m_write_settings(&b.m, NULL, 0x11, 0x22, 0x3F);
	m_command(&b.m, NULL, 0x48);
	assert_false(m_read_bit(&b.m));
	m_sleep(&b.m, 10 * MS);
	assert_true(m_read_bit(&b.m));
	m_write_settings(&b.m, NULL, 0x7E, 0x81, 0x7F);
	m_command(&b.m, NULL, 0xB8);
	m_sleep(&b.m, 1 * MS);
	assert_true(m_read_bit(&b.m));
	read_all(&b, sp);
	assert_memory_equal(&sp[2], "\x11\x22\x3F", 3);
	m_write_settings(&b.m, NULL, 0x7E, 0x81, 0x7F);
	w1_sim_unplug(b.sim, 0, 0, w1_sim_now(b.sim) + 10 * MS);
	m_sleep(&b.m, 20 * MS);
	read_all(&b, sp);
	assert_memory_equal(&sp[2], "\x11\x22\x3F", 3);
	assert_int_equal(b.s->copies, 1);
	bench_close(&b);
}

static void cheap_eeproms_wear_out_or_are_none(void **state)
{
	static const struct {
		enum w1_model_id model;
		int kept;
	} rows[] = {
		/* the last TH that outlives power */
		{ W1_MODEL_A1, 20 },
		{ W1_MODEL_C, 8 },
		{ W1_MODEL_F, 0x55 },
		{ W1_MODEL_D1, 0x55 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench b = bench(rows[i].model, 600 + i, false);
		uint8_t sp[9];

		for (uint8_t n = 1; n <= 20; n++) {
			m_write_settings(&b.m, NULL, n, 0, 0x7F);
			m_command(&b.m, NULL, 0x48);
			m_sleep(&b.m, 10 * MS);
		}
		w1_sim_unplug(b.sim, 0, 0, w1_sim_now(b.sim) + 500 * MS);
		m_sleep(&b.m, 501 * MS);
		read_all(&b, sp);
		assert_int_equal(sp[2], rows[i].kept);
		bench_close(&b);
	}
}

static void the_alarm_search_finds_who_is_outside_its_limits(void **state)
{
	static const struct {
		enum w1_model_id model;
		int32_t mc;
		bool alarm;
	} rows[] = {
		/* TL -5, TH 30 */
		{ W1_MODEL_A1, 20000, false },	   { W1_MODEL_A1, 30000, true },
		{ W1_MODEL_A1, 29937, false },	   { W1_MODEL_A1, 31000, true },
		{ W1_MODEL_A1, -5000, true },	   { W1_MODEL_A1, -4062, true },
		{ W1_MODEL_A1, -4000, false },	   { W1_MODEL_DS18S20, 30000, false },
		{ W1_MODEL_DS18S20, 31000, true }, { W1_MODEL_DS18S20, -6000, true },
		{ W1_MODEL_B1, 31000, true },	   { W1_MODEL_F, 31000, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench b = bench(rows[i].model, 700 + i, false);
		uint8_t roms[1][8];

		m_write_settings(&b.m, NULL, 30, (uint8_t)-5, 0x7F);
		assert_int_equal(m_search(&b.m, 0xEC, roms, 1), 0);
		convert(&b, rows[i].mc);
		assert_int_equal(m_search(&b.m, 0xEC, roms, 1), rows[i].alarm);
		convert(&b, 20000);
		assert_int_equal(m_search(&b.m, 0xEC, roms, 1), 0);
		bench_close(&b);
	}
}

static void read_power_tells_parasite_from_supply_but_for_the_makes_that_lie(void **state)
{
	int lies = 0;

	(void)state;
	for (int parasite = 0; parasite < 2; parasite++) {
		struct bench b = bench(W1_MODEL_A1, 3, parasite);

		m_command(&b.m, NULL, 0xB4);
		assert_int_equal(m_read_bit(&b.m), !parasite);
		bench_close(&b);
	}
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct bench b = bench(W1_MODEL_H, seed, false);

		m_command(&b.m, NULL, 0xB4);
		lies += !m_read_bit(&b.m);
		bench_close(&b);
	}
	assert_in_range(lies, 3, 17);
}

static void a_family_d_part_powers_on_with_its_last_value(void **state)
{
	struct bench b = bench(W1_MODEL_D2, 3, false);
	uint8_t sp[9];

	(void)state;
	convert(&b, 10125);
	w1_sim_unplug(b.sim, 0, 0, w1_sim_now(b.sim) + 500 * MS);
	m_sleep(&b.m, 501 * MS);
	read_all(&b, sp);
	assert_int_equal(sp[0], 0xA2);
	bench_close(&b);
}

static void on_parasite_power_some_makes_are_deaf_and_one_shorts_the_bus(void **state)
{
	struct bench b = bench(W1_MODEL_D1, 3, true);

	(void)state;
	assert_false(m_reset(&b.m));
	assert_int_equal(m_sample(&b.m), 1);
	w1_sim_free(b.sim);
	b = bench(W1_MODEL_D2, 3, true);
	assert_int_equal(m_sample(&b.m), 0);
	w1_sim_free(b.sim);
}

static void a_thermocouple_reports_its_faults_and_cold_junction(void **state)
{
	struct bench b = bench(W1_MODEL_MAX31850, 3, false);
	uint8_t sp[9];

	(void)state;
	b.s->cold_junction_mc = 25063;
	b.s->fault = 1;
	convert(&b, 100000);
	read_all(&b, sp);
	assert_int_equal(sp[0] & 1, 1);
	assert_int_equal(sp[2] | sp[3] << 8, 0x191 << 4 | 1);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roms_of_the_literature_have_good_crcs_and_fit_their_family),
		cmocka_unit_test(
			scratchpads_of_the_literature_have_good_crcs_but_for_the_two_misprints),
		cmocka_unit_test(each_make_powers_on_with_its_own_nine_bytes),
		cmocka_unit_test(temperatures_of_the_data_sheet_come_back),
		cmocka_unit_test(the_fine_part_of_a_ds18s20_gives_back_each_sixteenth),
		cmocka_unit_test(byte_6_follows_the_law_of_the_make),
		cmocka_unit_test(conversion_times_and_resolutions_are_those_measured),
		cmocka_unit_test(undefined_bits_do_not_belong_to_the_truth),
		cmocka_unit_test(polling_works_as_in_the_make),
		cmocka_unit_test(three_and_five_byte_writes_go_where_the_make_puts_them),
		cmocka_unit_test(the_configuration_keeps_only_the_bits_it_has),
		cmocka_unit_test(a_copy_survives_a_power_cut_and_recall_undoes_a_write),
		cmocka_unit_test(cheap_eeproms_wear_out_or_are_none),
		cmocka_unit_test(the_alarm_search_finds_who_is_outside_its_limits),
		cmocka_unit_test(read_power_tells_parasite_from_supply_but_for_the_makes_that_lie),
		cmocka_unit_test(a_family_d_part_powers_on_with_its_last_value),
		cmocka_unit_test(on_parasite_power_some_makes_are_deaf_and_one_shorts_the_bus),
		cmocka_unit_test(a_thermocouple_reports_its_faults_and_cold_junction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
