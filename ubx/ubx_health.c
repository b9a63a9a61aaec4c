// SPDX-License-Identifier: BSD-2-Clause
#include "ubx_health.h"

#include <string.h>

#define HARDWARE_7 "00070000"
#define PROTOCOL_7 "PROTVER 14.00" /* with a space; '=' came with u-blox 8 */
#define JAM_ON 120 /* of 255: hysteresis, as the indicator varies by some tens */
#define JAM_OFF 80
#define WEAK_DBHZ \
	25 /* the mean of the best four below this: hardly a fix (open sky has 40 and more) */
#define HINTS_NEEDED 1

static uint64_t get(const uint8_t *p, enum ubx_field field)
{
	return (uint64_t)ubx_msg_get(p, field, 0);
}

static void flag(struct ubx_health *h, enum ubx_problem problem, bool is)
{
	h->problems = (uint16_t)(is ? h->problems | 1u << problem : h->problems & ~(1u << problem));
}

static bool has(const struct ubx_health *h, enum ubx_problem problem)
{
	return h->problems >> problem & 1;
}

void ubx_health_hint_clone(struct ubx_health *h)
{
	if (h->clone_hints < UINT8_MAX) {
		h->clone_hints++;
	}
	/* Only a receiver that claims to be a u-blox 7 can be a counterfeit one. */
	flag(h, UBX_PROBLEM_CLONE,
	     strcmp(h->hardware, HARDWARE_7) == 0 && h->clone_hints >= HINTS_NEEDED);
}

static void on_mon_ver(struct ubx_health *h, const uint8_t *p, size_t len)
{
	char text[31];

	ubx_msg_text(p, UBX_MON_VER_swVersion, 0, h->software, sizeof(h->software));
	ubx_msg_text(p, UBX_MON_VER_hwVersion, 0, h->hardware, sizeof(h->hardware));
	h->protocol[0] = '\0';
	for (unsigned g = 0; g < ubx_msg_groups(UBX_MON_VER, len); g++) {
		ubx_msg_text(p, UBX_MON_VER_extension, g, text, sizeof(text));
		if (strncmp(text, "PROTVER", 7) == 0) {
			memcpy(h->protocol, text, sizeof(text));
		}
	}
	h->seen |= UBX_SEEN_VER;
	h->clone_hints = 0;
	flag(h, UBX_PROBLEM_CLONE, false);
	if (strcmp(h->hardware, HARDWARE_7) == 0 && strcmp(h->protocol, PROTOCOL_7) != 0) {
		ubx_health_hint_clone(h);
	}
}

static void on_mon_hw(struct ubx_health *h, const uint8_t *p, size_t len)
{
	h->noise = (uint16_t)get(p, UBX_MON_HW_noisePerMS);
	h->agc = (uint16_t)get(p, UBX_MON_HW_agcCnt);
	h->antenna_status = (uint8_t)get(p, UBX_MON_HW_aStatus);
	h->antenna_power = (uint8_t)get(p, UBX_MON_HW_aPower);
	h->jamming_state = (uint8_t)get(p, UBX_MON_HW_jammingState);
	h->seen |= UBX_SEEN_HW;
	flag(h, UBX_PROBLEM_ANTENNA_SHORT, h->antenna_status == 3);
	flag(h, UBX_PROBLEM_ANTENNA_OPEN, h->antenna_status == 4);
	flag(h, UBX_PROBLEM_SAFE_BOOT, get(p, UBX_MON_HW_safeBoot) != 0);
	if (len != ubx_messages[UBX_MON_HW].len) { /* 68 bytes: u-blox 6, where jamInd lies
						      elsewhere */
		ubx_health_hint_clone(h);
		return;
	}
	h->jam_indicator = (uint8_t)get(p, UBX_MON_HW_jamInd);
	flag(h, UBX_PROBLEM_JAMMING,
	     h->jamming_state >= 2 ||
		     h->jam_indicator >= (has(h, UBX_PROBLEM_JAMMING) ? JAM_OFF : JAM_ON));
}

/* Whether a counter has grown since the last message. The first values may stem from the sweep; a
 * restart of the receiver resets them to zero. */
static bool grew(uint16_t *count, int64_t now, bool first)
{
	bool more = !first && now > *count;

	*count = (uint16_t)now;
	return more;
}

static void on_mon_io(struct ubx_health *h, const uint8_t *p, size_t len, uint8_t port)
{
	bool first = !(h->seen & UBX_SEEN_IO), parity, framing, overrun;

	if (port >= ubx_msg_groups(UBX_MON_IO, len)) {
		return;
	}
	parity = grew(&h->parity_errors, ubx_msg_get(p, UBX_MON_IO_parityErrs, port), first);
	framing = grew(&h->framing_errors, ubx_msg_get(p, UBX_MON_IO_framingErrs, port), first);
	overrun = grew(&h->overrun_errors, ubx_msg_get(p, UBX_MON_IO_overrunErrs, port), first);
	h->breaks = (uint16_t)ubx_msg_get(p, UBX_MON_IO_breakCond, port);
	flag(h, UBX_PROBLEM_LINE_ERRORS, parity || framing);
	flag(h, UBX_PROBLEM_RX_OVERRUN, overrun);
	h->seen |= UBX_SEEN_IO;
}

static uint8_t mean_of_best4(const struct ubx_health *h)
{
	uint8_t best[4] = { 0 };

	for (unsigned s = 0; s < h->sats_seen; s++) {
		uint8_t cno = h->satellites[s].cno_dbhz;

		for (unsigned i = 0; i < 4; i++) {
			if (cno > best[i]) {
				memmove(best + i + 1, best + i, 3 - i);
				best[i] = cno;
				break;
			}
		}
	}
	return (uint8_t)(best[3] != 0 ? (best[0] + best[1] + best[2] + best[3]) / 4 : 0);
}

static void on_nav_svinfo(struct ubx_health *h, const uint8_t *p, size_t len)
{
	h->sats_seen = h->sats_used = 0;
	for (unsigned g = 0; g < ubx_msg_groups(UBX_NAV_SVINFO, len); g++) {
		const struct ubx_satellite s = {
			.id = (uint8_t)ubx_msg_get(p, UBX_NAV_SVINFO_svid, g),
			.cno_dbhz = (uint8_t)ubx_msg_get(p, UBX_NAV_SVINFO_cno, g),
			.used = ubx_msg_get(p, UBX_NAV_SVINFO_svUsed, g) != 0,
			.elevation_deg = (int8_t)ubx_msg_get(p, UBX_NAV_SVINFO_elev, g),
			.azimuth_deg = (int16_t)ubx_msg_get(p, UBX_NAV_SVINFO_azim, g),
		};

		h->sats_used = (uint8_t)(h->sats_used + s.used);
		if (s.cno_dbhz != 0 && h->sats_seen < UBX_SATELLITES_MAX) {
			h->satellites[h->sats_seen++] = s;
		}
	}
	h->cno_best4 = mean_of_best4(h);
	h->seen |= UBX_SEEN_SVINFO;
}

bool ubx_health_take(struct ubx_health *h, enum ubx_message message, const uint8_t *p, size_t len,
		     uint8_t port)
{
	switch (message) {
	case UBX_MON_VER:
		on_mon_ver(h, p, len);
		return true;
	case UBX_MON_HW:
		on_mon_hw(h, p, len);
		return true;
	case UBX_MON_IO:
		on_mon_io(h, p, len, port);
		return true;
	case UBX_MON_RXBUF:
		if (port < 6) {
			h->rx_peak =
				(uint8_t)get(p, (enum ubx_field)(UBX_MON_RXBUF_peakUsage0 + port));
			h->seen |= UBX_SEEN_RXBUF;
		}
		return true;
	case UBX_MON_TXBUF:
		if (port < 6) {
			h->tx_peak =
				(uint8_t)get(p, (enum ubx_field)(UBX_MON_TXBUF_peakUsage0 + port));
			h->tx_errors = (uint8_t)((get(p, UBX_MON_TXBUF_limit) >> port & 1) |
						 get(p, UBX_MON_TXBUF_mem) << 6 |
						 get(p, UBX_MON_TXBUF_alloc) << 7);
			flag(h, UBX_PROBLEM_TX_OVERFLOW, h->tx_errors != 0);
			h->seen |= UBX_SEEN_TXBUF;
		}
		return true;
	case UBX_NAV_SVINFO:
		on_nav_svinfo(h, p, len);
		return true;
	case UBX_NAV_STATUS:
		h->ttff_ms = (uint32_t)get(p, UBX_NAV_STATUS_ttff);
		h->msss_ms = (uint32_t)get(p, UBX_NAV_STATUS_msss);
		h->seen |= UBX_SEEN_STATUS;
		return true;
	default:
		return false;
	}
}

const char *ubx_problem_text(enum ubx_problem problem)
{
	static const char *const texts[] = {
#define X(name, text, advice) text,
		UBX_PROBLEMS(X)
#undef X
	};

	return texts[problem];
}

const char *ubx_problem_advice(enum ubx_problem problem)
{
	static const char *const texts[] = {
#define X(name, text, advice) advice,
		UBX_PROBLEMS(X)
#undef X
	};

	return texts[problem];
}

const char *ubx_antenna_text(const struct ubx_health *h)
{
	static const char *const texts[] = { "starting", "not supervised", "ok", "short", "open" };

	return (h->seen & UBX_SEEN_HW) != 0 && h->antenna_status < 5 ? texts[h->antenna_status]
								     : "";
}

bool ubx_health_is_weak(const struct ubx_health *h)
{
	return h->cno_best4 != 0 && h->cno_best4 < WEAK_DBHZ;
}

static void append_word(char *out, size_t size, const char *text)
{
	size_t used = strlen(out), len = strlen(text);

	if (used && used + 1 < size) {
		out[used++] = ' ';
	}
	if (len > size - used - 1) {
		len = size - used - 1;
	}
	memcpy(out + used, text, len);
	out[used + len] = '\0';
}

void ubx_health_identity(const struct ubx_health *h, char *out, size_t size)
{
	out[0] = '\0';
	append_word(out, size, h->software);
	append_word(out, size, h->hardware);
	append_word(out, size, h->protocol);
}
