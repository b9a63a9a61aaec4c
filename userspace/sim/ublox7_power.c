// SPDX-License-Identifier: BSD-2-Clause
#include "ublox7_power.h"

#include <string.h>

#include "ublox7_bytes.h"
#include "ublox7_nmea.h"
#include "ublox7_output.h"
#include "ublox7_report.h"

#define MS 1000000ull
#define NEVER UINT64_MAX

/* Assumptions: V14 gives no time for these. */
#define BOOT_MS 100 /* supply to banner */
#define WAKE_MS 500 /* "wait ~0.5 s" (V14 section 11.2.3.1) */
#define AWAKE_MS 10000 /* CFG-PM2's default search period */

int64_t ublox7_now_gps_us(const struct ublox7 *u)
{
	return ublox7_gps_us((int64_t)(u->now_ns / 1000) + u->utc_offset_us);
}

/* --- navigation --- */

void ublox7_schedule_epoch(struct ublox7 *u)
{
	/* Power save's acquisition state puts out at 2 Hz (V14 section 11.6). */
	int64_t rate_us = u->set.rxm[1] == 1 ? 500000 : get_u16(u->set.rate) * 1000;
	int64_t now_us = ublox7_now_gps_us(u),
		from_us = u->epoch_gps_us > now_us - rate_us ? u->epoch_gps_us : now_us;

	/* After a step of true time back the old grid point may lie far ahead. */
	if (from_us > now_us + rate_us) {
		from_us = now_us;
	}
	int64_t next_us = (from_us / rate_us + 1) * rate_us;

	if (next_us <= now_us) { /* after a change of the rate */
		next_us = (now_us / rate_us + 1) * rate_us;
	}

	u->epoch_due_ns = (uint64_t)((int64_t)u->now_ns + (next_us - now_us) * 1000) +
			  u->config.latency_ms * MS;
}

void ublox7_compute_epoch(struct ublox7 *u, int64_t at_us)
{
	u->epoch_gps_us = at_us;
	ublox7_world_epoch(&u->world, at_us, get_u16(u->set.navx5 + 18));
}

void ublox7_epoch(struct ublox7 *u)
{
	static const uint8_t nmea_order[] = { 0x04, 0x05, 0x00, 0x02, 0x03, 0x01, 0x08 };
	/* As in a real epoch: SOL, SVINFO, DOP, TIMEGPS, CLOCK; MON later */
	static const uint8_t ubx_order[][2] = {
		{ 1, 0x07 },	{ 1, 0x06 },	{ 1, 0x30 },	{ 1, 0x04 },	{ 1, 0x20 },
		{ 1, 0x22 },	{ 1, 0x01 },	{ 1, 0x02 },	{ 1, 0x03 },	{ 1, 0x11 },
		{ 1, 0x12 },	{ 1, 0x21 },	{ 0x0A, 0x09 }, { 0x0A, 0x02 }, { 0x0A, 0x07 },
		{ 0x0A, 0x08 }, { 0x0D, 0x01 },
	};
	char line[UBLOX7_NMEA_MAX];
	uint8_t payload[UBLOX7_PAYLOAD_MAX];
	int64_t rate_us = u->set.rxm[1] == 1 ? 500000 : get_u16(u->set.rate) * 1000;

	ublox7_compute_epoch(u,
			     (ublox7_now_gps_us(u) - (int64_t)u->config.latency_ms * 1000 + 1000) /
				     rate_us * rate_us);
	u->epochs++;
	if (u->config.warn_every && u->epochs % u->config.warn_every == 0) {
		ublox7_inform(u, 1, "txbuf alloc");
	}
	for (size_t i = 0;
	     i < sizeof(nmea_order) && ublox7_settings_out(&u->set) & UBLOX7_PROTO_NMEA; i++) {
		unsigned every = *ublox7_settings_rate(&u->set, 0xF0, nmea_order[i]);

		if (every && u->epochs % every == 0) {
			ublox7_output_send(u, line,
					   ublox7_nmea(&u->world.epoch, nmea_order[i], line));
		}
	}
	for (size_t i = 0;
	     i < sizeof(ubx_order) / sizeof(ubx_order[0]) && u->config.kind != UBLOX7_NMEA_ONLY;
	     i++) {
		unsigned every = *ublox7_settings_rate(&u->set, ubx_order[i][0], ubx_order[i][1]);
		int len = every && u->epochs % every == 0
				  ? ublox7_report(u, ubx_order[i][0], ubx_order[i][1], payload)
				  : -1;

		if (len >= 0) {
			ublox7_send_ubx(u, ubx_order[i][0], ubx_order[i][1], payload, (size_t)len);
		}
	}
	ublox7_schedule_epoch(u);
}

void ublox7_start_gnss(struct ublox7 *u, uint32_t ttff_ms, bool utc_known)
{
	u->world.ttff_ms = ttff_ms;
	u->world.fix_at_us = ttff_ms ? (uint64_t)ublox7_now_gps_us(u) + ttff_ms * 1000ull : 0;
	if (!utc_known) {
		u->world.utc_at_us = u->world.fix_at_us + u->config.utc_page_ms * 1000ull +
				     (u->world.fix_at_us || !u->config.utc_page_ms
					      ? 0
					      : (uint64_t)ublox7_now_gps_us(u));
	}
}

/* --- power --- */

void ublox7_power(struct ublox7 *u, enum ublox7_power state, uint64_t until_ns)
{
	u->power = state;
	u->power_until_ns = until_ns;
	if (state != UBLOX7_ON) {
		u->sending = false;
		u->tx_count = 0;
		u->rx_len = 0;
		u->command_count = 0;
		u->uart = (struct ublox7_uart){ 0 };
	}
}

static uint64_t in_ms(const struct ublox7 *u, uint64_t ms)
{
	return u->now_ns + ms * MS;
}

void ublox7_reboot(struct ublox7 *u)
{
	ublox7_power(u, UBLOX7_BOOTING, in_ms(u, BOOT_MS));
}

void ublox7_sleep(struct ublox7 *u, uint32_t ms)
{
	ublox7_power(u, UBLOX7_BACKUP, ms ? in_ms(u, ms) : NEVER);
}

void ublox7_stay_awake(struct ublox7 *u)
{
	uint32_t period_ms = get_u32(u->set.pm2 + 8);
	/* Up to 10 s it only tracks less often; 0 and above it goes to sleep in between (V14
	 * section 11.2). */
	bool sleeps = u->set.rxm[1] == 1 && (period_ms == 0 || period_ms > 10000);

	ublox7_power(u, UBLOX7_ON, sleeps ? in_ms(u, AWAKE_MS) : NEVER);
}

static void booted(struct ublox7 *u)
{
	u->boot_ns = u->now_ns;
	u->counters.boots++;
	u->epochs = 0;
	u->deaf_until_ns = 0;
	u->gnss_stopped = false;
	ublox7_settings_default(&u->set);
	ublox7_settings_copy(&u->set, &u->bbr, u->bbr_sections);
	ublox7_stay_awake(u);
	for (unsigned i = 0; ublox7_banner(u, i); i++) {
		ublox7_inform(u, 2, ublox7_banner(u, i));
	}
	ublox7_compute_epoch(u, ublox7_now_gps_us(u));
	ublox7_schedule_epoch(u);
}

/* power_until_ns has come. */
void ublox7_power_event(struct ublox7 *u)
{
	uint32_t period_ms = get_u32(u->set.pm2 + 8);

	switch (u->power) {
	case UBLOX7_OFF:
	case UBLOX7_BACKUP:
		ublox7_reboot(u);
		break;
	case UBLOX7_BOOTING:
		booted(u);
		break;
	case UBLOX7_ON:
		ublox7_power(u, UBLOX7_PSM_SLEEP, period_ms ? in_ms(u, period_ms) : NEVER);
		break;
	case UBLOX7_PSM_SLEEP:
		ublox7_power(u, UBLOX7_WAKING, in_ms(u, WAKE_MS));
		break;
	case UBLOX7_WAKING:
		ublox7_stay_awake(u);
		ublox7_schedule_epoch(u);
		break;
	}
}

/* The baud of the UART changed: the byte on the line is damaged, the rest of the buffer goes out at
 * the new one. */
void ublox7_port_changed(struct ublox7 *u, uint32_t old_baud)
{
	if (ublox7_baud(u) != old_baud && u->sending) {
		u->shift.value ^= (uint8_t)w1_random_between(&u->random, 1, 255);
	}
	u->deaf_until_ns = in_ms(u, u->config.deaf_ms);
}

void ublox7_brown_out(struct ublox7 *u, uint32_t off_ms, uint64_t now_ns)
{
	u->now_ns = now_ns > u->now_ns ? now_ns : u->now_ns;
	ublox7_power(u, UBLOX7_OFF, in_ms(u, off_ms));
	if (u->config.no_battery) {
		u->bbr_sections = 0;
		memset(u->aid_ini, 0, sizeof(u->aid_ini));
	}
	ublox7_start_gnss(
		u,
		off_ms + BOOT_MS +
			(u->config.no_battery ? u->config.cold_ttff_ms : u->config.hot_ttff_ms),
		!u->config.no_battery);
}
