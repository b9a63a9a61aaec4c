/* SPDX-License-Identifier: BSD-2-Clause */
#include "ublox7.h"

#include <string.h>

#include "ublox7_bytes.h"
#include "ublox7_command.h"
#include "ublox7_nmea.h"
#include "ublox7_report.h"

#define MS 1000000ull
#define NEVER UINT64_MAX

/* Assumptions: V14 gives no time for these. */
#define BOOT_MS 100 /* supply to banner */
#define EPOCH_LATENCY_MS 15 /* grid point to first byte */
#define WAKE_MS 500 /* "wait ~0.5 s" (V14 section 11.2.3.1) */
#define AWAKE_MS 10000 /* CFG-PM2's default search period */

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
	};
}

static bool chance(struct ublox7 *u, uint32_t ppm)
{
	return ppm && w1_random_between(&u->random, 0, 999999) < ppm;
}

static int64_t gps_us(const struct ublox7 *u)
{
	return ublox7_gps_us((int64_t)(u->now_ns / 1000) + u->utc_offset_us);
}

/* --- output --- */

static void start_sending(struct ublox7 *u, uint64_t at_ns)
{
	uint32_t baud = ublox7_baud(u);

	if (u->sending || u->tx_count == 0 || u->tx_stuck) {
		return;
	}
	u->shift = (struct ublox7_byte){ u->tx[u->tx_first], baud, at_ns,
					 at_ns + ublox7_bits_ns(10, baud) };
	u->tx_first = (u->tx_first + 1) % UBLOX7_TX_BUFFER;
	u->tx_count--;
	u->sending = true;
}

/* A message goes into the buffer whole or, when that is full, not at all (V14 section 7.3). */
static void send(struct ublox7 *u, const void *bytes, size_t len)
{
	if (u->tx_count + len > UBLOX7_TX_BUFFER) {
		u->counters.tx_dropped++;
		return;
	}
	for (size_t i = 0; i < len; i++) {
		u->tx[(u->tx_first + u->tx_count++) % UBLOX7_TX_BUFFER] =
			((const uint8_t *)bytes)[i];
	}
	if (u->tx_count > u->tx_peak) {
		u->tx_peak = u->tx_count;
	}
	start_sending(u, u->now_ns);
}

void ublox7_send_ubx(struct ublox7 *u, uint8_t cls, uint8_t id, const uint8_t *payload, size_t len)
{
	uint8_t frame[UBLOX7_PAYLOAD_MAX + 8] = { 0xB5, 0x62, cls, id }, a = 0, b = 0;

	if (!(ublox7_settings_out(&u->set) & UBLOX7_PROTO_UBX)) {
		return;
	}
	put_u16(frame + 4, (unsigned)len);
	memcpy(frame + 6, payload, len);
	for (size_t i = 2; i < 6 + len; i++) {
		a = (uint8_t)(a + frame[i]);
		b = (uint8_t)(b + a);
	}
	frame[6 + len] = a;
	frame[7 + len] = b;
	send(u, frame, len + 8);
}

void ublox7_inform(struct ublox7 *u, unsigned level, const char *text)
{
	char line[UBLOX7_NMEA_MAX];

	if (ublox7_settings_out(&u->set) & UBLOX7_PROTO_NMEA &&
	    u->set.inf[1][4 + UBLOX7_UART] >> level & 1) {
		send(u, line, ublox7_nmea_text(level, text, line));
	}
	if (u->set.inf[0][4 + UBLOX7_UART] >> level & 1 && u->config.kind != UBLOX7_NMEA_ONLY) {
		ublox7_send_ubx(u, 0x04, (uint8_t)level, (const uint8_t *)text, strlen(text));
	}
}

/* --- navigation --- */

void ublox7_schedule_epoch(struct ublox7 *u)
{
	/* Power save's acquisition state puts out at 2 Hz (V14 section 11.6). */
	int64_t rate_us = u->set.rxm[1] == 1 ? 500000 : get_u16(u->set.rate) * 1000;
	int64_t now_us = gps_us(u),
		from_us = u->epoch_gps_us > now_us - rate_us ? u->epoch_gps_us : now_us;

	/* After a step of true time back the old grid point may lie far ahead. */
	if (from_us > now_us + rate_us) {
		from_us = now_us;
	}
	int64_t next_us = (from_us / rate_us + 1) * rate_us;

	u->epoch_due_ns =
		(uint64_t)((int64_t)u->now_ns + (next_us - now_us) * 1000) + EPOCH_LATENCY_MS * MS;
}

static void compute_epoch(struct ublox7 *u, int64_t at_us)
{
	u->epoch_gps_us = at_us;
	ublox7_world_epoch(&u->world, at_us, get_u16(u->set.navx5 + 18));
}

static void epoch(struct ublox7 *u)
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

	compute_epoch(u, (gps_us(u) - (int64_t)EPOCH_LATENCY_MS * 1000 + rate_us / 2) / rate_us *
				 rate_us);
	u->epochs++;
	for (size_t i = 0;
	     i < sizeof(nmea_order) && ublox7_settings_out(&u->set) & UBLOX7_PROTO_NMEA; i++) {
		unsigned every = *ublox7_settings_rate(&u->set, 0xF0, nmea_order[i]);

		if (every && u->epochs % every == 0) {
			send(u, line, ublox7_nmea(&u->world.epoch, nmea_order[i], line));
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
	u->world.fix_at_us = ttff_ms ? (uint64_t)gps_us(u) + ttff_ms * 1000ull : 0;
	if (!utc_known) {
		u->world.utc_at_us =
			u->world.fix_at_us + u->config.utc_page_ms * 1000ull +
			(u->world.fix_at_us || !u->config.utc_page_ms ? 0 : (uint64_t)gps_us(u));
	}
}

/* --- power --- */

static void power(struct ublox7 *u, enum ublox7_power state, uint64_t until_ns)
{
	u->power = state;
	u->power_until_ns = until_ns;
	if (state != UBLOX7_ON) {
		u->sending = false;
		u->tx_count = 0;
		u->rx_len = 0;
		u->command_count = 0;
		u->ear = (struct ublox7_ear){ 0 };
	}
}

static uint64_t in_ms(const struct ublox7 *u, uint64_t ms)
{
	return u->now_ns + ms * MS;
}

void ublox7_reboot(struct ublox7 *u)
{
	power(u, UBLOX7_BOOTING, in_ms(u, BOOT_MS));
}

void ublox7_sleep(struct ublox7 *u, uint32_t ms)
{
	power(u, UBLOX7_BACKUP, ms ? in_ms(u, ms) : NEVER);
}

void ublox7_stay_awake(struct ublox7 *u)
{
	uint32_t period_ms = get_u32(u->set.pm2 + 8);
	/* Up to 10 s it only tracks less often; 0 and above it goes to sleep in between (V14
	 * section 11.2). */
	bool sleeps = u->set.rxm[1] == 1 && (period_ms == 0 || period_ms > 10000);

	power(u, UBLOX7_ON, sleeps ? in_ms(u, AWAKE_MS) : NEVER);
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
	compute_epoch(u, gps_us(u));
	ublox7_schedule_epoch(u);
}

/* power_until_ns has come. */
static void power_event(struct ublox7 *u)
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
		power(u, UBLOX7_PSM_SLEEP, period_ms ? in_ms(u, period_ms) : NEVER);
		break;
	case UBLOX7_PSM_SLEEP:
		power(u, UBLOX7_WAKING, in_ms(u, WAKE_MS));
		break;
	case UBLOX7_WAKING:
		ublox7_stay_awake(u);
		ublox7_schedule_epoch(u);
		break;
	}
}

void ublox7_brown_out(struct ublox7 *u, uint32_t off_ms, uint64_t now_ns)
{
	u->now_ns = now_ns > u->now_ns ? now_ns : u->now_ns;
	power(u, UBLOX7_OFF, in_ms(u, off_ms));
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

void ublox7_stick(struct ublox7 *u, bool stuck)
{
	u->tx_stuck = stuck;
	u->sending = u->sending && !stuck;
	start_sending(u, u->now_ns);
}

void ublox7_set_utc(struct ublox7 *u, int64_t utc_us, uint64_t now_ns)
{
	u->utc_offset_us = utc_us - (int64_t)(now_ns / 1000);
}

/* --- input --- */

/* The baud of the UART changed: the byte on the line is spoilt, the rest of the buffer goes out at
 * the new one. */
void ublox7_port_changed(struct ublox7 *u, uint32_t old_baud)
{
	if (ublox7_baud(u) != old_baud && u->sending) {
		u->shift.value ^= (uint8_t)w1_random_between(&u->random, 1, 255);
	}
	u->deaf_until_ns = in_ms(u, u->config.deaf_ms);
}

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

void ublox7_hear(struct ublox7 *u, uint8_t byte, uint32_t baud, uint64_t end_ns)
{
	uint16_t heard[UBLOX7_HEARD_MAX];

	u->now_ns = end_ns > u->now_ns ? end_ns : u->now_ns;
	if (u->power == UBLOX7_PSM_SLEEP || u->power == UBLOX7_BACKUP) {
		power_event(u); /* an edge on RXD wakes it; the byte is lost */
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
	size_t n = ublox7_ear_hear(&u->ear, ublox7_baud(u), byte, baud,
				   end_ns - ublox7_bits_ns(10, baud ? baud : 1), heard);

	for (size_t i = 0; i < n; i++) {
		u->counters.rx_bytes++;
		if (heard[i] & UBLOX7_FRAMING_ERROR) {
			framing_error(u);
		} else if (u->now_ns >= u->deaf_until_ns) {
			ublox7_command_byte(u, (uint8_t)heard[i]);
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

/* The byte on the line has ended. false: it was lost on its way. */
static bool sent(struct ublox7 *u, struct ublox7_byte *out)
{
	*out = u->shift;
	u->sending = false;
	u->counters.tx_bytes++;
	start_sending(u, out->end_ns);
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
			power_event(u);
		} else if (u->sending && t == u->shift.end_ns) {
			if (sent(u, out)) {
				return true;
			}
		} else if (t == command_due(u)) {
			ublox7_command_run(u);
		} else {
			epoch(u);
		}
	}
}

uint32_t ublox7_baud(const struct ublox7 *u)
{
	return ublox7_settings_baud(&u->set);
}

/* --- start --- */

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
	} else if (c->mode == UBLOX7_ASLEEP) {
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
	u->world.track_begin_us = (uint64_t)gps_us(u);
	u->world.doubtful_ppm = config->doubtful_ppm;
	ublox7_start_gnss(u, config->ttff_ms, false);
	ublox7_settings_default(&u->set);
	apply_mode(&u->set, config);
	compute_epoch(u, gps_us(u));
	if (config->power_on) {
		u->bbr = u->set;
		u->bbr_sections = config->no_battery ? 0 : 0xFFFF;
		ublox7_reboot(u);
	} else {
		ublox7_stay_awake(u);
		ublox7_schedule_epoch(u);
		if (config->mode == UBLOX7_ASLEEP) {
			power(u, UBLOX7_PSM_SLEEP, NEVER);
		}
	}
}
