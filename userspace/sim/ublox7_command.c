// SPDX-License-Identifier: BSD-2-Clause
#include "ublox7_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ublox7_bytes.h"
#include "ublox7_output.h"
#include "ublox7_power.h"
#include "ublox7_report.h"

enum { CLASS_RXM = 0x02, CLASS_ACK = 0x05, CLASS_CFG = 0x06, CLASS_AID = 0x0B };
enum {
	CFG_PRT = 0x00,
	CFG_MSG = 0x01,
	CFG_RST = 0x04,
	CFG_RATE = 0x08,
	CFG_CFG = 0x09,
	CFG_RXM = 0x11,
	CFG_GNSS = 0x3E,
	NAV_PVT = 0x07,
	RXM_PMREQ = 0x41,
	AID_INI = 0x01
};

/* --- frames --- */

static void enqueue(struct ublox7 *u)
{
	uint64_t due = u->now_ns + w1_random_between(&u->random, u->config.delay_min_us,
						     u->config.delay_max_us) *
					   1000ull;
	struct ublox7_command *c;

	u->counters.frames++;
	if (u->command_count == UBLOX7_COMMANDS) {
		u->counters.commands_dropped++;
		u->counters.overruns++;
		return;
	}
	/* One after the other, in order. */
	if (u->command_count) {
		c = &u->command[(u->command_first + u->command_count - 1) % UBLOX7_COMMANDS];
		due = due > c->due_ns ? due : c->due_ns;
	}
	c = &u->command[(u->command_first + u->command_count++) % UBLOX7_COMMANDS];
	*c = (struct ublox7_command){
		.due_ns = due, .cls = u->rx[2], .id = u->rx[3], .len = get_u16(u->rx + 4)
	};
	memcpy(c->payload, u->rx + 6, c->len);
}

static void frame_byte(struct ublox7 *u)
{
	uint8_t a = 0, b = 0;

	if (u->rx_len < 6) {
		return;
	}
	size_t len = get_u16(u->rx + 4);

	if (len > UBLOX7_PAYLOAD_MAX) {
		u->counters.bad_frames++;
		u->rx_len = 0;
		return;
	}
	if (u->rx_len < len + 8) {
		return;
	}
	for (size_t i = 2; i < len + 6; i++) {
		a = (uint8_t)(a + u->rx[i]);
		b = (uint8_t)(b + a);
	}
	u->rx_len = 0;
	if (u->rx[len + 6] != a || u->rx[len + 7] != b) {
		u->counters.bad_frames++;
	} else if (u->config.kind != UBLOX7_NMEA_ONLY &&
		   ublox7_settings_in(&u->set) & UBLOX7_PROTO_UBX) {
		enqueue(u);
	}
}

/* $PUBX,41,port,in,out,baud,autobaud: what other drivers use beside CFG-PRT. */
static void pubx_41(struct ublox7 *u, const char *fields)
{
	uint8_t prt[20];
	unsigned port, in, out, baud;

	/* NOLINTNEXTLINE(cert-err34-c): numbers out of range are refused by the set */
	if (sscanf(fields, "%u,%x,%x,%u", &port, &in, &out, &baud) != 4 || port != UBLOX7_UART) {
		return;
	}
	uint32_t old = ublox7_baud(u);

	memcpy(prt, u->set.prt[UBLOX7_UART], sizeof(prt));
	put_u32(prt + 8, baud);
	put_u16(prt + 12, in);
	put_u16(prt + 14, out);
	if (ublox7_settings_set(&u->set, CFG_PRT, prt, sizeof(prt))) {
		ublox7_port_changed(u, old);
	}
}

static void sentence(struct ublox7 *u)
{
	char *line = (char *)u->rx, *star;
	uint8_t sum = 0;

	line[u->rx_len - 1] = '\0'; /* in place of LF */
	u->rx_len = 0;
	star = strchr(line, '*');
	for (const char *c = line + 1; star && c < star; c++) {
		sum ^= (uint8_t)*c;
	}
	if (!star || strtoul(star + 1, NULL, 16) != sum ||
	    !(ublox7_settings_in(&u->set) & UBLOX7_PROTO_NMEA)) {
		return;
	}
	if (strncmp(line, "$PUBX,41,", 9) == 0) {
		pubx_41(u, line + 9);
	} else {
		/* A terminal that echoes sends the receiver's own sentences back to it. */
		ublox7_inform(u, 1, "NMEA unknown msg");
	}
}

#define SENTENCE_MAX 120

void ublox7_command_byte(struct ublox7 *u, uint8_t byte)
{
	if ((u->rx_len == 1 && u->rx[0] == 0xB5 && byte != 0x62) ||
	    (u->rx_len && u->rx[0] == '$' &&
	     (byte >= 0x80 || byte == '$' || u->rx_len == SENTENCE_MAX))) {
		u->rx_len = 0;
	}
	if (u->rx_len == 0 && byte != 0xB5 && byte != '$') {
		return;
	}
	u->rx[u->rx_len++] = byte;
	if (u->rx[0] == 0xB5) {
		frame_byte(u);
	} else if (byte == '\n') {
		sentence(u);
	}
}

/* --- CFG --- */

static void acknowledge(struct ublox7 *u, uint8_t id, bool ack)
{
	const uint8_t payload[2] = { CLASS_CFG, id };

	ublox7_send_ubx(u, CLASS_ACK, ack, payload, sizeof(payload));
	u->counters.acks += ack;
	u->counters.naks += !ack;
}

/* Clear, save, load, in this order. A ROM part has nothing but battery-backed RAM to save into. */
static bool cfg_cfg(struct ublox7 *u, const struct ublox7_command *c)
{
	if (c->len != 12 && c->len != 13) {
		return false;
	}
	uint16_t clear = get_u16(c->payload), save = get_u16(c->payload + 4),
		 load = get_u16(c->payload + 8);
	bool into_bbr = c->len == 12 || c->payload[12] & 1;
	uint32_t old = ublox7_baud(u);

	if (into_bbr) {
		u->bbr_sections &= (uint16_t)~clear;
		ublox7_settings_copy(&u->bbr, &u->set, save);
		u->bbr_sections |= save;
	}
	if (load) {
		struct ublox7_settings fresh;

		ublox7_settings_default(&fresh);
		ublox7_settings_copy(&fresh, &u->bbr, u->bbr_sections);
		ublox7_settings_copy(&u->set, &fresh, load);
		ublox7_port_changed(u, old);
		ublox7_schedule_epoch(u);
	}
	return into_bbr || !(clear | save);
}

static void cfg_rst(struct ublox7 *u, const struct ublox7_command *c)
{
	unsigned clear = get_u16(c->payload), mode = c->payload[2];

	if (c->len != 4) {
		return;
	}
	if (mode == 8) {
		u->gnss_stopped = true;
		return;
	}
	u->gnss_stopped = false;
	/* Bit 7 is UTC's; clearing any other bit costs a search. */
	ublox7_start_gnss(u, clear ? u->config.cold_ttff_ms : u->config.hot_ttff_ms,
			  !(clear & 0x80));
	if (mode == 0 || mode == 1 || mode == 4) {
		ublox7_reboot(u);
	} else {
		ublox7_schedule_epoch(u);
	}
}

static bool cfg_set(struct ublox7 *u, const struct ublox7_command *c)
{
	uint32_t old = ublox7_baud(u);

	if (!ublox7_settings_set(&u->set, c->id, c->payload, c->len)) {
		return false;
	}
	if (c->id == CFG_PRT) {
		ublox7_port_changed(u, old);
	} else if (c->id == CFG_RATE || c->id == CFG_RXM) {
		ublox7_stay_awake(u);
		ublox7_schedule_epoch(u);
	}
	return true;
}

static bool is_refused(const struct ublox7 *u, const struct ublox7_command *c)
{
	bool is_poll = ublox7_settings_is_poll(c->id, c->len);

	if (u->config.kind == UBLOX7_IS_6 &&
	    (c->id == CFG_GNSS ||
	     (c->id == CFG_MSG && c->len >= 2 && c->payload[0] == 1 && c->payload[1] == NAV_PVT))) {
		return true;
	}
	return u->config.refuse_all || c->id == u->config.refused_cfg ||
	       (c->id == u->config.refused_set && !is_poll);
}

static void cfg(struct ublox7 *u, const struct ublox7_command *c)
{
	uint8_t answer[UBLOX7_PAYLOAD_MAX];

	if (c->id == CFG_RST) {
		u->counters.sets++;
		cfg_rst(u, c);
	} else if (is_refused(u, c)) {
		acknowledge(u, c->id, false);
	} else if (c->id == CFG_CFG) {
		u->counters.sets++;
		acknowledge(u, c->id, cfg_cfg(u, c));
	} else if (ublox7_settings_is_poll(c->id, c->len)) {
		size_t len = ublox7_settings_poll(&u->set, c->id, c->payload, c->len, answer);

		u->counters.polls++;
		if (len) {
			ublox7_send_ubx(u, CLASS_CFG, c->id, answer, len);
		}
		acknowledge(u, c->id, len != 0);
	} else {
		u->counters.sets++;
		acknowledge(u, c->id, cfg_set(u, c));
	}
}

/* --- the others: never acknowledged; silence is "I do not know that" --- */

static void aid_ini(struct ublox7 *u, const struct ublox7_command *c)
{
	if (c->len == sizeof(u->aid_ini)) {
		memcpy(u->aid_ini, c->payload, sizeof(u->aid_ini));
	} else if (c->len == 0) {
		ublox7_send_ubx(u, c->cls, c->id, u->aid_ini, sizeof(u->aid_ini));
	}
}

void ublox7_command_run(struct ublox7 *u)
{
	const struct ublox7_command c = u->command[u->command_first];
	uint8_t answer[UBLOX7_PAYLOAD_MAX];

	u->command_first = (u->command_first + 1) % UBLOX7_COMMANDS;
	u->command_count--;
	if (c.cls == CLASS_CFG) {
		cfg(u, &c);
	} else if (c.cls == CLASS_AID && c.id == AID_INI) {
		aid_ini(u, &c);
	} else if (c.cls == CLASS_RXM && c.id == RXM_PMREQ && c.len == 8) {
		if (get_u32(c.payload + 4) & 2) {
			ublox7_sleep(u, get_u32(c.payload));
		}
	} else if (c.len == 0) {
		int len = ublox7_report(u, c.cls, c.id, answer);

		u->counters.polls++;
		if (len >= 0) {
			ublox7_send_ubx(u, c.cls, c.id, answer, (size_t)len);
		}
	}
}
