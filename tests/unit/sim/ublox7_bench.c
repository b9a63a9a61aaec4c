// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "ublox7_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static void run_until(struct bench *b, uint64_t t)
{
	struct ublox7_byte byte;
	uint16_t received[UBLOX7_RECEIVED_MAX];

	while (ublox7_next(&b->u, t, &byte)) {
		size_t n = ublox7_uart_receive(&b->uart, b->host_baud, byte.value, byte.baud,
					       byte.start_ns, received);

		assert_true(byte.start_ns >= b->last_end_ns); /* one after the other */
		b->last_end_ns = byte.end_ns;
		for (size_t i = 0; i < n && b->len < sizeof(b->received); i++) {
			b->received[b->len++] = (uint8_t)received[i];
		}
	}
	b->now_ns = t;
}

void run_ms(struct bench *b, uint64_t ms)
{
	run_until(b, b->now_ns + ms * MS);
}

void send_bytes(struct bench *b, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		run_until(b, b->now_ns + ublox7_bits_ns(10, b->host_baud));
		ublox7_receive(&b->u, bytes[i], b->host_baud, b->now_ns);
	}
}

static size_t make_frame(uint8_t *out, uint8_t cls, uint8_t id, const void *payload, size_t len)
{
	uint8_t ck_a = 0, ck_b = 0;

	memcpy(out, (uint8_t[]){ 0xB5, 0x62, cls, id, (uint8_t)len, (uint8_t)(len >> 8) }, 6);
	if (len) {
		memcpy(out + 6, payload, len);
	}
	for (size_t i = 2; i < len + 6; i++) {
		ck_a = (uint8_t)(ck_a + out[i]);
		ck_b = (uint8_t)(ck_b + ck_a);
	}
	out[6 + len] = ck_a;
	out[7 + len] = ck_b;
	return len + 8;
}

void command(struct bench *b, uint8_t cls, uint8_t id, const void *payload, size_t len)
{
	uint8_t frame[300];

	send_bytes(b, frame, make_frame(frame, cls, id, payload, len));
}

const uint8_t *find(const struct bench *b, size_t from, uint8_t cls, uint8_t id, size_t *len)
{
	const uint8_t *found = NULL;
	uint8_t again[300];

	for (size_t at = from; at + 8 <= b->len; at++) {
		const uint8_t *p = b->received + at;
		size_t size = (size_t)(p[4] | p[5] << 8);

		if (p[0] == 0xB5 && p[1] == 0x62 && p[2] == cls && p[3] == id && size <= 256 &&
		    at + size + 8 <= b->len && make_frame(again, cls, id, p + 6, size) &&
		    memcmp(again, p, size + 8) == 0) {
			found = p + 6;
			*len = size;
		}
	}
	return found;
}

const uint8_t *bench_request(struct bench *b, uint8_t cls, uint8_t id, const void *payload,
			     size_t len, size_t *answer_len)
{
	size_t from = b->len;

	command(b, cls, id, payload, len);
	run_ms(b, 1000);
	return find(b, from, cls, id, answer_len);
}

int outcome(struct bench *b, uint8_t id, const void *payload, size_t len)
{
	size_t from = b->len, n;

	command(b, 6, id, payload, len);
	run_ms(b, 1000);
	const uint8_t *ack = find(b, from, 5, 1, &n), *nak = find(b, from, 5, 0, &n);

	assert_false(ack && nak);
	if (ack || nak) {
		assert_int_equal((ack ? ack : nak)[0], 6);
		assert_int_equal((ack ? ack : nak)[1], id);
	}
	return ack ? ACK : nak ? NAK : SILENT;
}

struct ublox7_config quiet(void)
{
	struct ublox7_config c;

	ublox7_config_default(&c);
	c.utc_us = UTC_US;
	c.seed = 1;
	return c;
}

struct bench *bench_start(const struct ublox7_config *c)
{
	static struct bench b;

	memset(&b, 0, sizeof(b));
	b.now_ns = S;
	b.host_baud = c->baud;
	ublox7_init(&b.u, c, b.now_ns);
	return &b;
}

struct bench *bench_start_default(void)
{
	struct ublox7_config c = quiet();

	return bench_start(&c);
}

bool has_sent(const struct bench *b, const char *text)
{
	return memmem(b->received, b->len, text, strlen(text)) != NULL;
}

uint32_t u32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
