// SPDX-License-Identifier: BSD-2-Clause
#include "ublox7_settings.h"

#include <stddef.h>
#include <string.h>

#include "ublox7_bytes.h"

/* --- the messages whose rate CFG-MSG knows (V14's message table) --- */

static const struct {
	uint8_t cls, id, on; /* on: by default, on every port */
} messages[] = {
	{ 0x01, 0x01, 0 }, { 0x01, 0x02, 0 }, { 0x01, 0x03, 0 }, { 0x01, 0x04, 0 },
	{ 0x01, 0x06, 0 }, { 0x01, 0x07, 0 }, { 0x01, 0x11, 0 }, { 0x01, 0x12, 0 },
	{ 0x01, 0x20, 0 }, { 0x01, 0x21, 0 }, { 0x01, 0x22, 0 }, { 0x01, 0x30, 0 },
	{ 0x01, 0x31, 0 }, { 0x01, 0x32, 0 }, { 0x01, 0x60, 0 }, { 0x02, 0x20, 0 },
	{ 0x0A, 0x02, 0 }, { 0x0A, 0x06, 0 }, { 0x0A, 0x07, 0 }, { 0x0A, 0x08, 0 },
	{ 0x0A, 0x09, 0 }, { 0x0A, 0x0B, 0 }, { 0x0A, 0x21, 0 }, { 0x0D, 0x01, 0 },
	{ 0x0D, 0x03, 0 }, { 0x0D, 0x06, 0 }, { 0xF0, 0x00, 1 }, { 0xF0, 0x01, 1 },
	{ 0xF0, 0x02, 1 }, { 0xF0, 0x03, 1 }, { 0xF0, 0x04, 1 }, { 0xF0, 0x05, 1 },
	{ 0xF0, 0x06, 0 }, { 0xF0, 0x07, 0 }, { 0xF0, 0x08, 0 }, { 0xF0, 0x09, 0 },
	{ 0xF0, 0x0A, 0 }, { 0xF0, 0x0D, 0 }, { 0xF1, 0x00, 0 }, { 0xF1, 0x03, 0 },
	{ 0xF1, 0x04, 0 },
};

#define MESSAGES (sizeof(messages) / sizeof(messages[0]))
_Static_assert(MESSAGES <= UBLOX7_MSGS, "room for every message");

uint8_t *ublox7_settings_rate(struct ublox7_settings *s, uint8_t cls, uint8_t id)
{
	for (size_t i = 0; i < MESSAGES; i++) {
		if (messages[i].cls == cls && messages[i].id == id) {
			return &s->msg[i][UBLOX7_UART];
		}
	}
	return NULL;
}

/* --- values that a set refuses --- */

/* Those of V14 section 7.3 and two of later receivers. */
static bool has_baud(uint32_t baud)
{
	static const uint32_t bauds[] = { 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800 };

	for (size_t i = 0; i < sizeof(bauds) / sizeof(bauds[0]); i++) {
		if (bauds[i] == baud) {
			return true;
		}
	}
	return false;
}

static bool prt_ok(const uint8_t *p)
{
	uint32_t mode = get_u32(p + 4);

	/* 8 bits (6-7), no parity (9-11: 10x), 1 stop bit (12-13); V14 section 7.3 */
	return p[0] != UBLOX7_UART ||
	       ((mode >> 6 & 3) == 3 && (mode >> 10 & 3) == 2 && (mode >> 12 & 3) == 0 &&
		has_baud(get_u32(p + 8)) && get_u32(p + 8) <= 115200);
}

static bool inf_ok(const uint8_t *p)
{
	return p[0] <= 1;
}

static bool rate_ok(const uint8_t *p)
{
	return get_u16(p) != 0 && get_u16(p + 2) == 1 && get_u16(p + 4) <= 1;
}

static bool nav5_ok(const uint8_t *p)
{
	unsigned mask = get_u16(p);

	return (!(mask & 1) || (p[2] <= 8 && p[2] != 1)) &&
	       (!(mask & 4) || (p[3] >= 1 && p[3] <= 3));
}

static bool version_0(const uint8_t *p)
{
	return get_u16(p) == 0;
}

static bool tp5_ok(const uint8_t *p)
{
	return p[0] <= 1;
}

static bool itfm_ok(const uint8_t *p)
{
	/* The two constants of V14 section 35.9 */
	return (get_u32(p) >> 9 & 0x3FFFFF) == 0x16B156 && (get_u32(p + 4) & 0xFFF) == 0x31E;
}

static bool gnss_enabled(const uint8_t *gnss, unsigned blocks, uint8_t id)
{
	for (unsigned i = 0; i < blocks; i++) {
		if (gnss[4 + 8 * i] == id) {
			return gnss[8 + 8 * i] & 1;
		}
	}
	return false;
}

enum { GPS = 0, GLONASS = 6 };

static bool rxm_ok(const uint8_t *p)
{
	return p[1] == 0 || p[1] == 1 || p[1] == 4;
}

static bool pm2_ok(const uint8_t *p)
{
	return p[0] == 1;
}

/* --- the rows --- */

struct row {
	uint8_t id;
	uint16_t section, offset;
	uint8_t size, items;
	/* One character a byte: w is set, anything else stays; shorter than size: the rest stays.
	 */
	const char *writable;
	bool (*ok)(const uint8_t *payload);
};

#define AT(member) ((uint16_t)(offsetof(struct ublox7_settings, member)))

enum {
	PRT = 0x00,
	MSG = 0x01,
	INF = 0x02,
	RATE = 0x08,
	GNSS = 0x3E,
	NAV5 = 0x24,
	NAVX5 = 0x23,
	TP5 = 0x31,
	RXM = 0x11
};

/* Which section a message belongs to, where V14's list leaves a doubt, is an assumption. */
static const struct row rows[] = {
	{ PRT, UBLOX7_SECTION_PORT, AT(prt), 20, 4, "..wwwwwwwwwwwwwwww", prt_ok },
	{ INF, UBLOX7_SECTION_INF, AT(inf), 10, 2, "....wwwwww", inf_ok },
	{ RATE, UBLOX7_SECTION_NAV, AT(rate), 6, 1, "wwwwww", rate_ok },
	{ NAV5, UBLOX7_SECTION_NAV, AT(nav5), 36, 1, "", nav5_ok },
	{ NAVX5, UBLOX7_SECTION_NAV, AT(navx5), 40, 1, "", version_0 },
	{ GNSS, UBLOX7_SECTION_RXM, AT(gnss), 36, 1, "", NULL },
	{ 0x16, UBLOX7_SECTION_NAV, AT(sbas), 8, 1, "wwwwwwww", NULL },
	{ TP5, UBLOX7_SECTION_RXM, AT(tp5), 32, 2, "....wwwwwwwwwwwwwwwwwwwwwwwwwwww", tp5_ok },
	{ 0x39, UBLOX7_SECTION_NAV, AT(itfm), 8, 1, "wwwwwwww", itfm_ok },
	{ 0x13, UBLOX7_SECTION_ANT, AT(ant), 4, 1, "wwww", NULL },
	{ RXM, UBLOX7_SECTION_RXM, AT(rxm), 2, 1, ".w", rxm_ok },
	{ 0x3B, UBLOX7_SECTION_RXM, AT(pm2), 44, 1, "....wwwwwwwwwwwwwwwwwwww", pm2_ok },
};

static const struct row *row_of(uint8_t id)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].id == id) {
			return &rows[i];
		}
	}
	return NULL;
}

/* The item that a first byte names (portID, protocolID, tpIdx). */
static uint8_t *item_of(struct ublox7_settings *s, const struct row *r, uint8_t key)
{
	uint8_t *base = (uint8_t *)s + r->offset;

	for (unsigned i = 0; i < r->items; i++) {
		if (r->items == 1 || base[i * r->size] == key) {
			return base + i * r->size;
		}
	}
	return NULL;
}

/* --- sets with rules of their own --- */

static void copy(uint8_t *to, const uint8_t *from, unsigned at, unsigned n)
{
	memcpy(to + at, from + at, n);
}

static void set_nav5(uint8_t *to, const uint8_t *p)
{
	/* One mask bit and the bytes that it applies (V14 section 35.14) */
	static const struct {
		uint8_t bit, at, n;
	} fields[] = { { 0, 2, 1 },  { 1, 12, 1 }, { 2, 3, 9 },	 { 3, 13, 1 }, { 4, 14, 2 },
		       { 4, 18, 2 }, { 5, 16, 2 }, { 5, 20, 2 }, { 6, 22, 1 }, { 7, 23, 1 } };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (get_u16(p) >> fields[i].bit & 1) {
			copy(to, p, fields[i].at, fields[i].n);
		}
	}
}

static void set_navx5(uint8_t *to, const uint8_t *p)
{
	static const struct {
		uint8_t bit, at, n;
	} fields[] = { { 2, 10, 2 },  { 3, 12, 1 },  { 6, 14, 1 }, { 9, 18, 2 },
		       { 13, 26, 1 }, { 14, 27, 1 }, { 14, 30, 2 } };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (get_u16(p + 2) >> fields[i].bit & 1) {
			copy(to, p, fields[i].at, fields[i].n);
		}
	}
}

static bool set_gnss(struct ublox7_settings *s, const uint8_t *p, size_t len)
{
	uint8_t after[sizeof(s->gnss)];

	if (len < 4 || p[0] != 0 || len != 4 + 8u * p[3]) {
		return false;
	}
	memcpy(after, s->gnss, sizeof(after));
	for (unsigned i = 0; i < p[3]; i++) {
		uint8_t *block = after + 4;

		while (block < after + sizeof(after) && *block != p[4 + 8 * i]) {
			block += 8;
		}
		if (block == after + sizeof(after)) {
			return false; /* a system that a u-blox 7 does not know */
		}
		copy(block, p + 4 + 8 * i, 1, 2);
		copy(block, p + 4 + 8 * i, 4, 4);
	}
	/* One of them, never both; and GLONASS excludes power save. */
	if (gnss_enabled(after, 4, GLONASS) && (gnss_enabled(after, 4, GPS) || s->rxm[1] == 1)) {
		return false;
	}
	memcpy(s->gnss, after, sizeof(after));
	return true;
}

static bool set_msg(struct ublox7_settings *s, const uint8_t *p, size_t len)
{
	uint8_t *rate = len >= 2 ? ublox7_settings_rate(s, p[0], p[1]) : NULL;

	if (rate == NULL || (len != 3 && len != 8)) {
		return false;
	}
	if (len == 3) {
		*rate = p[2];
	} else {
		memcpy(rate - UBLOX7_UART, p + 2, UBLOX7_PORTS);
	}
	return true;
}

static void set_item(const struct row *r, uint8_t *to, const uint8_t *p)
{
	if (r->id == NAV5) {
		set_nav5(to, p);
	} else if (r->id == NAVX5) {
		set_navx5(to, p);
	}
	for (unsigned i = 0; i < r->size && r->writable[i]; i++) {
		if (r->writable[i] == 'w') {
			to[i] = p[i];
		}
	}
	if (r->id == PRT) {
		to[4] &= (uint8_t)~0x10; /* sent as 0x8D0, reported as 0x8C0 */
	} else if (r->id == RATE && get_u16(to) < 100) {
		put_u16(to, 100); /* 10 Hz is the limit of the data sheet; V14 does not specify
				     more: adjusted */
	}
}

/* --- the face --- */

bool ublox7_settings_is_poll(uint8_t id, size_t len)
{
	const struct row *r = row_of(id);

	return id == MSG ? len == 2 : len == 0 || (r && r->items > 1 && len == 1);
}

size_t ublox7_settings_poll(const struct ublox7_settings *s, uint8_t id, const uint8_t *selector,
			    size_t len, uint8_t *out)
{
	struct ublox7_settings *mine = (struct ublox7_settings *)s; /* only read through it */
	const struct row *r = row_of(id);

	if (id == MSG) {
		const uint8_t *rate =
			len == 2 ? ublox7_settings_rate(mine, selector[0], selector[1]) : NULL;

		if (rate == NULL) {
			return 0;
		}
		memcpy(out, selector, 2);
		memcpy(out + 2, rate - UBLOX7_UART, UBLOX7_PORTS);
		return 2 + UBLOX7_PORTS;
	}
	if (r == NULL || (id == INF && len == 0)) {
		return 0;
	}
	const uint8_t *item = item_of(mine, r, len ? selector[0] : id == PRT ? UBLOX7_UART : 0);

	if (item == NULL) {
		return 0;
	}
	memcpy(out, item, r->size);
	return r->size;
}

bool ublox7_settings_set(struct ublox7_settings *s, uint8_t id, const uint8_t *payload, size_t len)
{
	const struct row *r = row_of(id);

	if (id == MSG) {
		return set_msg(s, payload, len);
	}
	if (id == GNSS) {
		return set_gnss(s, payload, len);
	}
	/* Power save excludes GLONASS, and the reverse: see set_gnss(). */
	if (id == RXM && len == 2 && payload[1] == 1 &&
	    gnss_enabled(s->gnss, s->gnss[3], GLONASS)) {
		return false;
	}
	/* CFG-PRT and CFG-INF come in bursts of several items. */
	if (r == NULL || len == 0 || len % r->size || (len > r->size && id != PRT && id != INF)) {
		return false;
	}
	for (size_t at = 0; at < len; at += r->size) {
		if (!item_of(s, r, payload[at]) || (r->ok && !r->ok(payload + at))) {
			return false;
		}
	}
	for (size_t at = 0; at < len; at += r->size) {
		set_item(r, item_of(s, r, payload[at]), payload + at);
	}
	return true;
}

void ublox7_settings_copy(struct ublox7_settings *to, const struct ublox7_settings *from,
			  uint32_t sections)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];

		if (sections & r->section) {
			memcpy((uint8_t *)to + r->offset, (const uint8_t *)from + r->offset,
			       (size_t)r->size * r->items);
		}
	}
	if (sections & UBLOX7_SECTION_MSG) {
		memcpy(to->msg, from->msg, sizeof(to->msg));
	}
}

uint32_t ublox7_settings_baud(const struct ublox7_settings *s)
{
	return get_u32(s->prt[UBLOX7_UART] + 8);
}

uint16_t ublox7_settings_in(const struct ublox7_settings *s)
{
	return get_u16(s->prt[UBLOX7_UART] + 12);
}

uint16_t ublox7_settings_out(const struct ublox7_settings *s)
{
	return get_u16(s->prt[UBLOX7_UART] + 14);
}

void ublox7_settings_default(struct ublox7_settings *s)
{
	/* Values and reserved bytes as a real NEO-7N gave them where they are known, else V14's
	 * defaults. */
	static const struct ublox7_settings defaults = {
		.prt = { { 0, 0, 0, 0, 0x84, 0, 0, 0, 0, 0, 0, 0, 7, 0, 3 },
			 { 1, 0, 0, 0, 0xC0, 8, 0, 0, 0x80, 0x25, 0, 0, 7, 0, 3 },
			 { 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 3 },
			 { 4, 0, 0, 0, 0, 0x32, 0, 0, 0, 0, 0, 0, 7, 0, 3 } },
		.inf = { { 0 }, { 1, 0, 0, 0, 7, 7, 7, 7, 7, 7 } }, /* NMEA: error, warning, notice
								     */
		.rate = { 0xE8, 0x03, 1, 0, 1, 0 },
		.nav5 = { 0xFF, 0xFF, 0,    3, 0,    0, 0,    0, 0x10, 0x27, 0, 0,
			  5,	0,    0xFA, 0, 0xFA, 0, 0x64, 0, 0x2C, 1,    0, 60 },
		.navx5 = { 0, 0, 0xFF, 0xFF, 0, 0, 0, 0, 3, 2, 3, 22, 7, 0,    0,    1,
			   0, 0, 0x9B, 0x06, 0, 0, 0, 0, 1, 1, 0, 0,  0, 0x64, 0x64, 0 },
		.gnss = { 0, 22, 22, 4, 0, 4, 255, 0, 1, 0, 0, 0, 1,   1, 3, 0, 1, 0,
			  0, 0,	 5,  0, 3, 0, 1,   0, 0, 0, 6, 8, 255, 0, 0, 0, 0, 0 },
		.sbas = { 1, 3, 3, 0, 0xD1, 0xA2, 0x06, 0 },
		.tp5 = { { 0, 0, 0, 0, 50, 0,	 0,    0, 0x40, 0x42, 0x0F, 0, 0x40, 0x42, 0x0F,
			   0, 0, 0, 0, 0,  0xA0, 0x86, 1, 0,	0,    0,    0, 0,    0xF7 },
			 { 1, 0,    0,	  0, 50, 0,    0,    0, 4, 0, 0, 0, 1, 0,   0,
			   0, 0x48, 0xE8, 1, 0,	 0x48, 0xE8, 1, 0, 0, 0, 0, 0, 0xFE } },
		.itfm = { 0xF3, 0xAC, 0x62, 0x2D, 0x1E, 0x53, 0, 0 }, /* off */
		.ant = { 0x1B, 0, 0xF0, 0xB9 },
		.rxm = { 8, 0 },
		.pm2 = { 1,    6, 0, 0, 0, 0x90, 2, 0, 0xE8, 3, 0, 0,	 0x10,
			 0x27, 0, 0, 0, 0, 0,	 0, 2, 0,    0, 0, 0x2C, 1 },
	};

	*s = defaults;
	for (size_t i = 0; i < MESSAGES; i++) {
		memset(s->msg[i], messages[i].on, UBLOX7_PORTS);
	}
}
