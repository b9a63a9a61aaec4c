// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ubx/ubx_frame.h"
#include "ubx_files.h"

#define FRAMES_MAX 512

/* What comes out of a stream: frames by value, and the count of all bytes. */
struct result {
	struct ubx_frame_rx rx;
	unsigned n;
	uint8_t (*frame)[UBX_FRAME_MAX];
	size_t size[FRAMES_MAX];
	uint8_t again[65536]; /* every item in order: must be the input again */
	size_t again_len;
};

static struct result *result_new(void)
{
	struct result *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->frame = calloc(FRAMES_MAX, UBX_FRAME_MAX);
	assert_non_null(r->frame);
	return r;
}

static void result_free(struct result *r)
{
	free(r->frame);
	free(r);
}

static void result_feed(struct result *r, const uint8_t *p, size_t len)
{
	struct ubx_item item;

	do {
		size_t eaten = ubx_frame_feed(&r->rx, p, len, &item);

		assert_true(eaten <= len);
		if (p) {
			p += eaten;
			len -= eaten;
		}
		if (item.kind == UBX_ITEM_NONE) {
			assert_int_equal(len, 0);
			break;
		}
		memcpy(r->again + r->again_len, item.bytes, item.len);
		r->again_len += item.len;
		if (item.kind == UBX_ITEM_FRAME) {
			assert_true(r->n < FRAMES_MAX);
			memcpy(r->frame[r->n], item.bytes, item.len);
			r->size[r->n++] = item.len;
			assert_int_equal(item.payload_len, item.len - 8);
			assert_ptr_equal(item.payload, item.bytes + 6);
		}
		assert_int_equal(r->rx.bytes_in,
				 r->rx.frame_bytes + r->rx.garbage_bytes + r->rx.len);
	} while (true);
}

/* The stream is over: what waits will not be completed. */
static void result_end(struct result *r)
{
	while (r->rx.len) {
		r->again[r->again_len++] = r->rx.buf[r->rx.start];
		ubx_frame_give_up(&r->rx);
		result_feed(r, NULL, 0);
	}
}

static void assert_frames_are_those_of_the_simple_scanner(const struct result *r, const uint8_t *p,
							  size_t len)
{
	size_t at = 0, size;
	unsigned n = 0;

	while ((size = ubx_next_frame(p, len, &at)) != 0) {
		assert_true(n < r->n);
		assert_int_equal(r->size[n], size);
		assert_memory_equal(r->frame[n], p + at, size);
		at += size;
		n++;
	}
	assert_int_equal(r->n, n);
}

static void makes_the_frames_of_the_specification(void **state)
{
	static const struct {
		const char *what;
		uint8_t cls, id, len, payload[20];
		const char *hex;
	} v[] = {
		{ "MON-VER poll", 0x0A, 0x04, 0, { 0 }, "b5620a0400000e34" },
		{ "CFG-PRT poll 1", 0x06, 0x00, 1, { 1 }, "b562060001000108 22" },
		{ "CFG-MSG PVT=1", 0x06, 0x01, 3, { 1, 7, 1 }, "b5620601030001070113 51" },
		{ "CFG-RATE 10 Hz",
		  0x06,
		  0x08,
		  6,
		  { 0x64, 0, 1, 0, 1, 0 },
		  "b56206080600640001000100 7a12" },
		{ "CFG-RST cold", 0x06, 0x04, 4, { 0xFF, 0xFF, 0, 0 }, "b56206040400ffff0000 0c5d" },
		{ "CFG-PRT 115200",
		  0x06,
		  0x00,
		  20,
		  { 1, 0, 0, 0, 0xD0, 8, 0, 0, 0, 0xC2, 1, 0, 7, 0, 1 },
		  "b562060014000100 0000d008000000c20100070001000000 0000be72" },
		{ "ACK-NAK CFG-MSG", 0x05, 0x00, 2, { 6, 1 }, "b56205000200060 10e33" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		uint8_t out[64];
		char hex[130] = "", want[130] = "";
		size_t n =
			ubx_frame_make(out, sizeof(out), v[i].cls, v[i].id, v[i].payload, v[i].len);

		for (size_t k = 0; k < n; k++) {
			snprintf(hex + 2 * k, 3, "%02x", out[k]);
		}
		for (size_t k = 0, w = 0; v[i].hex[k]; k++) {
			if (v[i].hex[k] != ' ') {
				want[w++] = v[i].hex[k];
			}
		}
		assert_string_equal(hex, want);
	}
}

static void refuses_a_frame_that_does_not_fit(void **state)
{
	uint8_t out[16], payload[UBX_PAYLOAD_MAX + 1] = { 0 }, big[UBX_FRAME_MAX + 1];

	(void)state;
	assert_int_equal(ubx_frame_make(out, 15, 1, 2, payload, 8), 0);
	assert_int_equal(ubx_frame_make(out, 16, 1, 2, payload, 8), 16);
	assert_int_equal(ubx_frame_make(big, sizeof(big), 1, 2, payload, UBX_PAYLOAD_MAX),
			 UBX_FRAME_MAX);
	/* the largest one is found again */
	struct ubx_frame_rx rx = { 0 };
	struct ubx_item item;
	assert_int_equal(ubx_frame_feed(&rx, big, UBX_FRAME_MAX, &item), UBX_FRAME_MAX);
	assert_int_equal(item.kind, UBX_ITEM_FRAME);
	assert_int_equal(item.payload_len, UBX_PAYLOAD_MAX);
	assert_int_equal(ubx_frame_make(big, sizeof(big), 1, 2, payload, UBX_PAYLOAD_MAX + 1), 0);
}

static void every_recorded_byte_comes_out_once_in_any_chunking(void **state)
{
	static struct ubx_file file;
	uint64_t seed = 7;

	(void)state;
	for (size_t i = 0; i < UBX_FILE_COUNT; i++) {
		ubx_file_read(&file, ubx_file_names[i]);
		for (unsigned round = 0; round < 30; round++) {
			/* Bytes one by one, all at once, and pieces up to 3, 30, 300. */
			static const size_t limits[] = { 1, sizeof(file.bytes), 3, 30, 300 };
			size_t limit = limits[round % 5], at = 0;
			struct result *r = result_new();

			while (at < file.len) {
				size_t n = 1 + ubx_random(&seed) % limit;

				n = limit == sizeof(file.bytes) || n > file.len - at ? file.len - at
										     : n;
				result_feed(r, file.bytes + at, n);
				at += n;
			}
			result_end(r);
			assert_int_equal(r->rx.bytes_in, file.len);
			assert_int_equal(r->rx.frame_bytes + r->rx.garbage_bytes, file.len);
			assert_int_equal(r->again_len, file.len);
			assert_memory_equal(r->again, file.bytes, file.len);
			assert_frames_are_those_of_the_simple_scanner(r, file.bytes, file.len);
			result_free(r);
		}
	}
}

static void damaged_recordings_give_their_known_good_frames(void **state)
{
	/* Counted by an independent script. */
	static const struct {
		const char *name;
		unsigned frames, garbage;
	} v[] = {
		{ "navisys-gr8013.log", 286, 784 },
		{ "pyubx2_pygpsdata-BADCK2.log", 25, 532 },
		{ "pyubx2_pygpsdata-BADEOF1.log", 3, 5 },
		{ "pyubx2_pygpsdata-BADEOF2.log", 2, 9 },
		{ "pyubx2_pygpsdata-BADEOF3.log", 2, 1 },
		{ "pyubx2_pygpsdata-BADHDR.log", 2, 100 },
		{ "pyubx2_pygpsdata-MIXED3BADCK.log", 1, 314 },
	};
	static struct ubx_file file;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct result *r = result_new();

		ubx_file_read(&file, v[i].name);
		result_feed(r, file.bytes, file.len);
		result_end(r);
		assert_int_equal(r->n, v[i].frames);
		assert_int_equal(r->rx.garbage_bytes, v[i].garbage);
		result_free(r);
	}
}

/* The frames of a stretch of a recording. */
struct stretch {
	unsigned n;
	const uint8_t *frame[64];
	size_t size[64];
};

/* The stretch with one frame changed: of the frames in it at most one may be missing. */
static void check_mutation(struct result *r, const uint8_t *p, size_t len,
			   const struct stretch *good)
{
	unsigned found = 0;

	memset(&r->rx, 0, sizeof(r->rx));
	r->n = 0;
	r->again_len = 0;
	result_feed(r, p, len);
	result_end(r);
	assert_int_equal(r->again_len, len);
	assert_memory_equal(r->again, p, len);
	/* In order; what a damaged frame holds inside by chance may come between. */
	for (unsigned i = 0, k = 0; i < r->n; i++) {
		for (unsigned next = k; next < good->n && next <= k + 1; next++) {
			if (r->size[i] == good->size[next] &&
			    memcmp(r->frame[i], good->frame[next], r->size[i]) == 0) {
				found++;
				k = next + 1;
				break;
			}
		}
	}
	assert_true(found + 1 >= good->n);
}

static void a_mutation_of_any_frame_costs_at_most_one_frame(void **state)
{
	/* Behind the victim there must be more than the largest length a damaged frame can claim,
	 * or the test would only see the end of the stream. */
	enum { AFTER = 1200, BEFORE = 100 };
	static const uint8_t inserted[] = { 0x00, 0xFF, 0xB5, 0x62 };
	static struct ubx_file file;
	static uint8_t work[4096];
	struct result *r = result_new();
	unsigned victims = 0;
	unsigned long mutations = 0;
	size_t at = 0, size;

	(void)state;
	ubx_file_read(&file, "navisys-gr8013.log");
	for (; (size = ubx_next_frame(file.bytes, file.len, &at)) != 0; at += size, victims++) {
		size_t begin = at > BEFORE ? at - BEFORE : 0;
		size_t end = at + size + AFTER < file.len ? at + size + AFTER : file.len;
		size_t len = end - begin, n;
		struct stretch good = { 0 };

		for (size_t scan = begin; (n = ubx_next_frame(file.bytes, end, &scan)) != 0;
		     scan += n) {
			good.frame[good.n] = file.bytes + scan;
			good.size[good.n++] = n;
		}
		memcpy(work, file.bytes + begin, len);
		for (size_t i = 0; i < size; i++) {
			uint8_t *p = work + (at - begin) + i;
			size_t rest = len - (size_t)(p - work);

			for (unsigned bit = 0; bit < 8; bit++) {
				*p ^= (uint8_t)(1u << bit);
				check_mutation(r, work, len, &good);
				*p ^= (uint8_t)(1u << bit);
			}
			memmove(p, p + 1, rest - 1);
			check_mutation(r, work, len - 1, &good);
			for (size_t k = 0; k < sizeof(inserted); k++) {
				*p = inserted[k];
				memcpy(p + 1, file.bytes + at + i, rest);
				check_mutation(r, work, len + 1, &good);
			}
			memcpy(p, file.bytes + at + i, rest);
			mutations += 8 + 1 + sizeof(inserted);
		}
	}
	assert_int_equal(victims, 286);
	print_message("%u frames damaged in %lu ways: never was a second one lost\n", victims,
		      mutations);
	result_free(r);
}

static void giving_up_a_claimed_length_frees_the_frames_behind_it(void **state)
{
	struct result *r = result_new();
	uint8_t stream[64] = { 0xB5, 0x62, 0x01, 0x07, 0xF0, 0x03 }; /* claims 1008 bytes that never
									come */
	size_t n = 6 + ubx_frame_make(stream + 6, 58, 0x05, 0x01, "\x06\x01", 2);

	(void)state;
	result_feed(r, stream, n);
	assert_int_equal(r->n, 0);
	assert_int_equal(ubx_frame_pending(&r->rx), 1016);
	ubx_frame_give_up(&r->rx);
	r->again_len++;
	result_feed(r, NULL, 0);
	assert_int_equal(r->n, 1);
	assert_int_equal(ubx_frame_pending(&r->rx), 0);
	assert_int_equal(r->rx.garbage_bytes, 6);
	result_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_the_frames_of_the_specification),
		cmocka_unit_test(refuses_a_frame_that_does_not_fit),
		cmocka_unit_test(every_recorded_byte_comes_out_once_in_any_chunking),
		cmocka_unit_test(damaged_recordings_give_their_known_good_frames),
		cmocka_unit_test(a_mutation_of_any_frame_costs_at_most_one_frame),
		cmocka_unit_test(giving_up_a_claimed_length_frees_the_frames_behind_it),
	};

	return cmocka_run_group_tests_name("ubx_frame", tests, NULL, NULL);
}
