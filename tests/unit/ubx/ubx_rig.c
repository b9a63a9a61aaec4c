// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "ubx_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

void ubx_rig_receiver(struct ublox7_config *config)
{
	ublox7_config_default(config);
	config->utc_us = RIG_UTC_US;
	config->ttff_ms = 0;
}

struct ubx_session_config ubx_rig_host(void)
{
	return (struct ubx_session_config){
		.baud = 115200,
		.rate_ms = 1000,
		.dyn_model = 4,
		.week = 2446,
		.limits = { .max_hacc_mm = 100000,
			    .min_utc_us = RIG_UTC_US - 86400000000ll,
			    .max_utc_us = RIG_UTC_US - 86400000000ll + GNSS_ROLLOVER_US },
	};
}

static void ubx_rig_output(struct ubx_rig *r)
{
	struct ubx_output out;

	while (ubx_tx_output(&r->host.tx, &out)) {
		if (out.baud) {
			r->host_baud = out.baud;
			continue;
		}
		size_t n = sizeof(r->tx) - r->tx_len < out.len ? sizeof(r->tx) - r->tx_len
							       : out.len;

		if (r->tx_len == 0) {
			r->tx_begin_ns = r->now_ns;
		}
		memcpy(r->tx + r->tx_len, out.bytes, n);
		r->tx_len += n;
		ubx_tx_written(&r->host.tx, n, r->now_ns);
	}
}

void ubx_rig_start(struct ubx_rig *r, const struct ubx_session_config *host,
		   const struct ublox7_config *receiver, uint64_t now_ns)
{
	memset(r, 0, sizeof(*r));
	r->now_ns = now_ns;
	ublox7_init(&r->receiver, receiver, now_ns);
	if (ubx_session_init(&r->host, host, now_ns) != 0) {
		abort();
	}
	ubx_rig_output(r);
}

void ubx_rig_new_host(struct ubx_rig *r, const struct ubx_session_config *host)
{
	r->tx_len = 0;
	if (ubx_session_init(&r->host, host, r->now_ns) != 0) {
		abort();
	}
	ubx_rig_output(r);
}

static uint64_t ubx_rig_tx_end(const struct ubx_rig *r)
{
	return r->tx_len ? r->tx_begin_ns + ublox7_bits_ns(10, r->host_baud) : UINT64_MAX;
}

static bool ubx_rig_garbles(const struct ubx_rig *r)
{
	return r->max_baud && r->host_baud > r->max_baud;
}

static void deliver(struct ubx_rig *r)
{
	if (r->rx_len > 0 && r->now_ns >= r->busy_until_ns) {
		ubx_session_rx(&r->host, r->rx, r->rx_len, r->now_ns);
		r->rx_len = 0;
	}
}

static void receive(struct ubx_rig *r, uint8_t value)
{
	if (r->rx_len < sizeof(r->rx)) {
		r->rx[r->rx_len++] = value;
	}
	deliver(r);
}

bool ubx_rig_step(struct ubx_rig *r, uint64_t until)
{
	uint64_t host = ubx_session_deadline(&r->host), line = ubx_rig_tx_end(r);
	uint64_t sim = ublox7_deadline(&r->receiver);
	uint64_t at;
	struct ublox7_byte byte;

	host = host > r->busy_until_ns ? host : r->busy_until_ns;
	host = r->rx_len > 0 && r->busy_until_ns < host ? r->busy_until_ns : host;
	at = host < line ? host : line;
	at = at < sim ? at : sim;
	if (at > until) {
		r->now_ns = until;
		return false;
	}
	r->now_ns = at > r->now_ns ? at : r->now_ns;
	while (ublox7_next(&r->receiver, r->now_ns, &byte)) {
		uint16_t received[UBLOX7_RECEIVED_MAX];
		size_t n = ublox7_uart_receive(&r->host_uart, r->host_baud, byte.value, byte.baud,
					       byte.start_ns, received);

		for (size_t i = 0; i < n && !r->unplugged; i++) {
			uint8_t value = (uint8_t)(received[i] ^ (ubx_rig_garbles(r) ? 0x55 : 0));

			receive(r, value);
		}
	}
	if (line <= r->now_ns) {
		if (r->echo) {
			receive(r, r->tx[0]);
		} else if (!r->unplugged && !r->mute) {
			ublox7_receive(&r->receiver, r->tx[0], r->host_baud, line);
		}
		memmove(r->tx, r->tx + 1, --r->tx_len);
		r->tx_begin_ns = line;
	}
	deliver(r);
	if (r->now_ns >= r->busy_until_ns && ubx_session_deadline(&r->host) <= r->now_ns) {
		ubx_session_tick(&r->host, r->now_ns);
	}
	ubx_rig_output(r);
	return true;
}

void ubx_rig_run(struct ubx_rig *r, uint64_t for_ns)
{
	uint64_t until = r->now_ns + for_ns;

	while (ubx_rig_step(r, until)) {
	}
}

bool ubx_rig_until(struct ubx_rig *r, bool (*holds)(const struct ubx_rig *), uint64_t within_ns)
{
	uint64_t until = r->now_ns + within_ns;

	while (!holds(r)) {
		if (!ubx_rig_step(r, until)) {
			return holds(r);
		}
	}
	return true;
}

bool ubx_rig_has_fix(const struct ubx_rig *r)
{
	const struct gnss_fix *fix = ubx_session_fix(&r->host, r->now_ns);

	return r->host.phase >= UBX_CONFIGURE && fix && fix->position_known;
}

bool ubx_rig_is_verified(const struct ubx_rig *r)
{
	return r->host.phase == UBX_RUN && r->host.verified && ubx_rig_has_fix(r);
}

void ubx_rig_assert_truth(const struct ubx_rig *r)
{
	const struct ublox7_epoch *truth = &r->receiver.world.epoch;
	const struct gnss_fix *fix = &r->host.fix;

	if (fix->itow_ms == truth->itow_ms) {
		assert_int_equal(fix->lat_e7, truth->at.lat_e7);
		assert_int_equal(fix->lon_e7, truth->at.lon_e7);
		assert_int_equal(fix->hmsl_mm, truth->at.hmsl_mm);
		assert_int_equal(fix->position_known, truth->at.fix_ok && truth->at.fix_type >= 2);
	}
}

unsigned ubx_rig_knob(const char *name, unsigned fallback)
{
	const char *text = getenv(name);

	return text ? (unsigned)strtoul(text, NULL, 10) : fallback;
}
