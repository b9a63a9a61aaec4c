// SPDX-License-Identifier: BSD-2-Clause
#include "ublox7.h"

#include <string.h>

#include "ublox7_bytes.h"
#include "ublox7_command.h"
#include "ublox7_output.h"
#include "ublox7_power.h"

#define MS 1000000ull
#define NEVER UINT64_MAX

void ublox7_config_default(struct ublox7_config *config)
{
	*config = (struct ublox7_config){
		.baud = 9600,
		.cold_ttff_ms = 29000, /* [DS] cold start */
		.antenna = 2,
		.jam_ind = 5,
		.delay_min_us = 10000,
		.delay_max_us = 10000,
		.refused_cfg = 0xFF,
		.refused_set = 0xFF,
		.latency_ms = 15,
	};
}

static bool chance(struct ublox7 *u, uint32_t ppm)
{
	return ppm && w1_random_between(&u->random, 0, 999999) < ppm;
}

void ublox7_stick(struct ublox7 *u, bool stuck)
{
	u->tx_stuck = stuck;
	u->sending = u->sending && !stuck;
	ublox7_output_start(u, u->now_ns);
}

void ublox7_set_utc(struct ublox7 *u, int64_t utc_us, uint64_t now_ns)
{
	u->utc_offset_us = utc_us - (int64_t)(now_ns / 1000);
}

/* --- input --- */

static void framing_error(struct ublox7 *u)
{
	u->counters.framing_errors++;
	if (u->now_ns >= u->framing_since_ns + 1000 * MS) {
		u->framing_since_ns = u->now_ns;
		u->framing_in_second = 0;
	}
	if (u->config.framing_limit && ++u->framing_in_second > u->config.framing_limit) {
		u->deaf_until_ns = u->framing_since_ns + 1000 * MS;
	}
}

void ublox7_receive(struct ublox7 *u, uint8_t byte, uint32_t baud, uint64_t end_ns)
{
	uint16_t received[UBLOX7_RECEIVED_MAX];

	u->now_ns = end_ns > u->now_ns ? end_ns : u->now_ns;
	if (u->power == UBLOX7_PSM_SLEEP || u->power == UBLOX7_BACKUP) {
		ublox7_power_event(u); /* an edge on RXD wakes it; the byte is lost */
	}
	if (u->power != UBLOX7_ON || chance(u, u->config.drop_ppm)) {
		return;
	}
	if (u->set.rxm[1] == 1) {
		ublox7_stay_awake(u);
	}
	if (chance(u, u->config.corrupt_ppm)) {
		byte ^= (uint8_t)(1u << w1_random_between(&u->random, 0, 7));
	}
	size_t n = ublox7_uart_receive(&u->uart, ublox7_baud(u), byte, baud,
				       end_ns - ublox7_bits_ns(10, baud ? baud : 1), received);

	for (size_t i = 0; i < n; i++) {
		u->counters.rx_bytes++;
		if (received[i] & UBLOX7_FRAMING_ERROR) {
			framing_error(u);
		} else if (u->now_ns >= u->deaf_until_ns) {
			ublox7_command_byte(u, (uint8_t)received[i]);
		}
	}
}

/* --- time --- */

static uint64_t command_due(const struct ublox7 *u)
{
	return u->command_count ? u->command[u->command_first].due_ns : NEVER;
}

uint64_t ublox7_deadline(const struct ublox7 *u)
{
	uint64_t t = u->power_until_ns;

	if (u->power != UBLOX7_ON) {
		return t;
	}
	if (u->sending && u->shift.end_ns < t) {
		t = u->shift.end_ns;
	}
	if (!u->gnss_stopped && u->epoch_due_ns < t) {
		t = u->epoch_due_ns;
	}
	return command_due(u) < t ? command_due(u) : t;
}

/* The byte on the line is complete. false: it was lost. */
static bool sent(struct ublox7 *u, struct ublox7_byte *out)
{
	*out = u->shift;
	u->sending = false;
	u->counters.tx_bytes++;
	ublox7_output_start(u, out->end_ns);
	if (chance(u, u->config.corrupt_ppm)) {
		out->value ^= (uint8_t)(1u << w1_random_between(&u->random, 0, 7));
	}
	return !chance(u, u->config.drop_ppm);
}

bool ublox7_next(struct ublox7 *u, uint64_t now_ns, struct ublox7_byte *out)
{
	for (;;) {
		uint64_t t = ublox7_deadline(u);

		if (t > now_ns) {
			u->now_ns = now_ns > u->now_ns ? now_ns : u->now_ns;
			return false;
		}
		u->now_ns = t > u->now_ns ? t : u->now_ns;
		if (t == u->power_until_ns) {
			ublox7_power_event(u);
		} else if (u->sending && t == u->shift.end_ns) {
			if (sent(u, out)) {
				return true;
			}
		} else if (t == command_due(u)) {
			ublox7_command_run(u);
		} else {
			ublox7_epoch(u);
		}
	}
}

uint32_t ublox7_baud(const struct ublox7 *u)
{
	return ublox7_settings_baud(&u->set);
}

/* --- start --- */

static bool is_asleep(const struct ublox7_config *c)
{
	return c->asleep || c->mode == UBLOX7_ASLEEP;
}

static void apply_mode(struct ublox7_settings *s, const struct ublox7_config *c)
{
	static const uint8_t out_proto[UBLOX7_MODE_COUNT] = {
		[UBLOX7_NMEA] = UBLOX7_PROTO_UBX | UBLOX7_PROTO_NMEA,
		[UBLOX7_UBX] = UBLOX7_PROTO_UBX,
		[UBLOX7_MIXED] = UBLOX7_PROTO_UBX | UBLOX7_PROTO_NMEA,
		[UBLOX7_SILENT] = 0,
		[UBLOX7_ASLEEP] = UBLOX7_PROTO_UBX | UBLOX7_PROTO_NMEA,
	};

	put_u32(s->prt[UBLOX7_UART] + 8, c->baud);
	put_u16(s->prt[UBLOX7_UART] + 14, out_proto[c->mode]);
	if (c->mode == UBLOX7_UBX || c->mode == UBLOX7_MIXED) {
		/* What a real u-blox 7 recording carries */
		static const uint8_t ids[] = { 0x06, 0x30, 0x04, 0x20, 0x22 };

		for (size_t i = 0; i < sizeof(ids); i++) {
			*ublox7_settings_rate(s, 0x01, ids[i]) = 1;
		}
	}
	if (is_asleep(c)) {
		s->rxm[1] = 1;
		put_u32(s->pm2 + 8, 0); /* never wakes by itself */
	}
}

void ublox7_init(struct ublox7 *u, const struct ublox7_config *config, uint64_t now_ns)
{
	memset(u, 0, sizeof(*u));
	u->config = *config;
	u->now_ns = u->boot_ns = now_ns;
	w1_random_init(&u->random, config->seed);
	ublox7_set_utc(u, config->utc_us, now_ns);
	u->world.seed = config->seed;
	u->world.track = config->track;
	u->world.track_len = config->track_len;
	u->world.track_begin_us = (uint64_t)ublox7_now_gps_us(u);
	u->world.doubtful_ppm = config->doubtful_ppm;
	if (config->no_fix_before_us != 0) {
		u->world.no_fix_before_us = ublox7_gps_us(config->no_fix_before_us);
	}
	ublox7_start_gnss(u, config->ttff_ms, false);
	ublox7_settings_default(&u->set);
	apply_mode(&u->set, config);
	ublox7_compute_epoch(u, ublox7_now_gps_us(u));
	if (config->power_on) {
		u->bbr = u->set;
		u->bbr_sections = config->no_battery ? 0 : 0xFFFF;
		ublox7_reboot(u);
	} else {
		ublox7_stay_awake(u);
		ublox7_schedule_epoch(u);
		if (is_asleep(config)) {
			ublox7_power(u, UBLOX7_PSM_SLEEP, NEVER);
		}
	}
}
