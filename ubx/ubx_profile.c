// SPDX-License-Identifier: BSD-2-Clause
#include "ubx_profile.h"

#include <string.h>

#define NO_KEY (-1)

enum gnss_id { GPS = 0, SBAS = 1, QZSS = 5, GLONASS = 6 }; /* CFG-GNSS gnssId */

enum source { CONST, BAUD, RATE, DYN_MODEL, WEEK };

/* A row: which step, field (+ port where there is one per port), group key, rule, value. */
struct row {
	enum ubx_message message;
	uint8_t select_cls, select_id; /* CFG-MSG: of which message */
	enum ubx_field field;
	bool per_port;
	int8_t key;
	enum ubx_want_rule rule;
	enum source source;
	int64_t value;
};

/* clang-format off */
#define SET(m, f, v) { UBX_##m, 0, 0, UBX_##m##_##f, false, NO_KEY, UBX_WANT_EQUAL, CONST, (v) }
#define FROM(m, f, s) { UBX_##m, 0, 0, UBX_##m##_##f, false, NO_KEY, UBX_WANT_EQUAL, (s), 0 }
#define UNLESS(m, f, v) { UBX_##m, 0, 0, UBX_##m##_##f, false, NO_KEY, UBX_WANT_UNLESS, CONST, (v) }
#define APPLY(m, f, v) { UBX_##m, 0, 0, UBX_##m##_##f, false, NO_KEY, UBX_WANT_APPLY, CONST, (v) }
#define IN_GROUP(m, k, f, v) { UBX_##m, 0, 0, UBX_##m##_##f, false, (k), UBX_WANT_EQUAL, CONST, (v) }
#define MSG(cls, id, v) { UBX_CFG_MSG, (cls), (id), UBX_CFG_MSG_rate0, true, NO_KEY, \
			  UBX_WANT_EQUAL, CONST, (v) }

/* Rows of one message stand together: they are one step. */
static const struct row rows[] = {
	SET(CFG_PRT, charLen, 3), SET(CFG_PRT, parity, 4), SET(CFG_PRT, nStopBits, 0),
	FROM(CFG_PRT, baudRate, BAUD),
	/* NMEA stays allowed in: it costs nothing and leaves a way in for other tools. */
	SET(CFG_PRT, inUbx, 1), SET(CFG_PRT, inNmea, 1),
	SET(CFG_PRT, outUbx, 1), SET(CFG_PRT, outNmea, 0),

	MSG(0x01, 0x07, 1),	/* NAV-PVT: the fix; or, where there is none, these four */
	MSG(0x01, 0x06, 1), MSG(0x01, 0x02, 1), MSG(0x01, 0x12, 1), MSG(0x01, 0x21, 1),
	MSG(0x01, 0x03, 1),	/* NAV-STATUS: msss going backwards is a reboot */

	/* In power save the receiver would miss our polls: continuous. 0 and 4 both mean that (V14 section 35.18). */
	UNLESS(CFG_RXM, lpMode, 1),

	FROM(CFG_RATE, measRate, RATE), SET(CFG_RATE, navRate, 1),

	FROM(CFG_NAV5, dynModel, DYN_MODEL), SET(CFG_NAV5, fixMode, 3),
	APPLY(CFG_NAV5, applyAll, 0x0005),	/* dyn, posFixMode */

	FROM(CFG_NAVX5, wknRollover, WEEK), APPLY(CFG_NAVX5, wknRoll, 1),

	/* GPS or GLONASS, never both on a u-blox 7: it answers NAK. */
	IN_GROUP(CFG_GNSS, GLONASS, enable, 0), IN_GROUP(CFG_GNSS, GPS, enable, 1),
	IN_GROUP(CFG_GNSS, SBAS, enable, 1), IN_GROUP(CFG_GNSS, QZSS, enable, 1),

	SET(CFG_SBAS, enabled, 1), SET(CFG_SBAS, test, 0), SET(CFG_SBAS, range, 1),
	SET(CFG_SBAS, diffCorr, 1),

	/* A pulse each second once locked, none before: 100 ms at the top of the second. */
	SET(CFG_TP5, freqPeriod, 1000000), SET(CFG_TP5, freqPeriodLock, 1000000),
	SET(CFG_TP5, pulseLenRatio, 0), SET(CFG_TP5, pulseLenRatioLock, 100000),
	SET(CFG_TP5, active, 1), SET(CFG_TP5, lockGpsFreq, 1), SET(CFG_TP5, lockedOtherSet, 1),
	SET(CFG_TP5, isFreq, 0), SET(CFG_TP5, isLength, 1), SET(CFG_TP5, alignToTow, 1),
	SET(CFG_TP5, polarity, 1),

	/* The two constants are the only values allowed (V14 section 35.9). */
	SET(CFG_ITFM, enable, 1), SET(CFG_ITFM, algorithmBits, 0x16B156), SET(CFG_ITFM, generalBits, 0x31E),

	/* Open-circuit detection needs components that cheap boards have not: left as it is. */
	SET(CFG_ANT, svcs, 1), SET(CFG_ANT, scd, 1), SET(CFG_ANT, pdwnOnSCD, 1), SET(CFG_ANT, recovery, 1),

	/* Errors, warnings and notices as UBX-INF on our port: the boot banner is a notice. */
	{ UBX_CFG_INF, 0, 0, UBX_CFG_INF_infMsgMask0, true, 0, UBX_WANT_EQUAL, CONST, 7 },
};
/* clang-format on */

static bool same_step(const struct row *a, const struct row *b)
{
	return a->message == b->message && a->select_cls == b->select_cls &&
	       a->select_id == b->select_id;
}

/* A message without which an epoch is not complete. */
static bool is_of_epoch(const struct row *r)
{
	return r->message == UBX_CFG_MSG && r->select_id != ubx_messages[UBX_NAV_STATUS].id;
}

static bool is_pvt(const struct row *r)
{
	return r->message == UBX_CFG_MSG && r->select_id == ubx_messages[UBX_NAV_PVT].id;
}

static void begin_step(struct ubx_step *step, const struct row *r)
{
	*step = (struct ubx_step){
		.message = r->message,
		.required = r->message == UBX_CFG_PRT || is_of_epoch(r),
	};
	if (r->message == UBX_CFG_MSG) {
		step->selector_len = 2;
		step->selector[0] = r->select_cls;
		step->selector[1] = r->select_id;
	} else if (r->message == UBX_CFG_INF || r->message == UBX_CFG_TP5) {
		step->selector_len = 1; /* protocolID 0 (UBX); tpIdx 0 (TIMEPULSE) */
	}
}

static int64_t value_of(const struct row *r, const struct ubx_settings *s)
{
	switch (r->source) {
	case BAUD:
		return s->baud;
	case RATE:
		return s->rate_ms;
	case DYN_MODEL:
		return s->dyn_model;
	case WEEK:
		return s->week;
	case CONST:
		break;
	}
	return r->value;
}

void ubx_profile_build(struct ubx_profile *profile, const struct ubx_settings *s)
{
	struct ubx_step *step = NULL;

	profile->n = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];

		/* Only a UART has a baud and a character format. */
		if (s->port != 1 &&
		    (r->source == BAUD || r->field == UBX_CFG_PRT_charLen ||
		     r->field == UBX_CFG_PRT_parity || r->field == UBX_CFG_PRT_nStopBits)) {
			continue;
		}
		if (is_of_epoch(r) && is_pvt(r) == s->split_epoch) {
			continue;
		}
		if (step == NULL || i == 0 || !same_step(r, r - 1)) {
			step = &profile->step[profile->n++];
			begin_step(step, r);
		}
		step->want[step->n++] = (struct ubx_want){
			.field = (enum ubx_field)(r->field + (r->per_port ? s->port : 0)),
			.key = r->key,
			.rule = r->rule,
			.value = value_of(r, s),
		};
	}
}

/* The group a want means, or -1 if the payload has none such. */
static int group_of(const struct ubx_step *step, const struct ubx_want *w, const uint8_t *p,
		    size_t len)
{
	const struct ubx_message_row *m = &ubx_messages[step->message];

	if (w->key < 0) {
		return 0;
	}
	for (unsigned g = 0; g < ubx_msg_groups(step->message, len); g++) {
		if (p[m->len + (size_t)g * m->group] == w->key) {
			return (int)g;
		}
	}
	return -1;
}

int ubx_step_differs(const struct ubx_step *step, const uint8_t *p, size_t len)
{
	for (unsigned i = 0; i < step->n; i++) {
		const struct ubx_want *w = &step->want[i];
		int group = group_of(step, w, p, len);

		if (w->rule == UBX_WANT_APPLY || group < 0) {
			continue;
		}
		bool equal = ubx_msg_get(p, w->field, (unsigned)group) == w->value;

		if (equal != (w->rule == UBX_WANT_EQUAL)) {
			return (int)i;
		}
	}
	return -1;
}

int64_t ubx_step_value(const struct ubx_step *step, unsigned i, const uint8_t *p, size_t len)
{
	int group = group_of(step, &step->want[i], p, len);

	return group < 0 ? 0 : ubx_msg_get(p, step->want[i].field, (unsigned)group);
}

void ubx_step_apply(const struct ubx_step *step, uint8_t *p, size_t len)
{
	for (unsigned i = 0; i < step->n; i++) {
		const struct ubx_want *w = &step->want[i];
		int group = group_of(step, w, p, len);

		if (group < 0) {
			continue;
		}
		if (w->rule != UBX_WANT_UNLESS) {
			ubx_msg_put(p, w->field, (unsigned)group, w->value);
		} else if (ubx_msg_get(p, w->field, (unsigned)group) == w->value) {
			ubx_msg_put(p, w->field, (unsigned)group, 0);
		}
	}
}

void ubx_profile_blind_port(uint8_t p[20], uint32_t baud)
{
	memset(p, 0, 20);
	ubx_msg_put(p, UBX_CFG_PRT_portID, 0, 1);
	p[4] = 0x10; /* the bit that V14 calls reserved1 and asks to be set (mode 0x8D0) */
	ubx_msg_put(p, UBX_CFG_PRT_charLen, 0, 3);
	ubx_msg_put(p, UBX_CFG_PRT_parity, 0, 4);
	ubx_msg_put(p, UBX_CFG_PRT_baudRate, 0, baud);
	ubx_msg_put(p, UBX_CFG_PRT_inUbx, 0, 1);
	ubx_msg_put(p, UBX_CFG_PRT_inNmea, 0, 1);
	ubx_msg_put(p, UBX_CFG_PRT_inRtcm, 0, 1);
	ubx_msg_put(p, UBX_CFG_PRT_outUbx, 0, 1);
}

enum ubx_message ubx_step_subject(const struct ubx_step *step)
{
	return step->message == UBX_CFG_MSG ? ubx_msg_find(step->selector[0], step->selector[1])
					    : step->message;
}

const char *ubx_step_without(const struct ubx_step *step)
{
	static const char *const texts[UBX_MESSAGE_COUNT] = {
		[UBX_CFG_PRT] = "its port cannot be configured",
		[UBX_CFG_MSG] = "its restarts show only by a banner or by silence",
		[UBX_CFG_RXM] = "it may sleep to save power and miss epochs",
		[UBX_CFG_RATE] = "its epochs come at its own rate",
		[UBX_CFG_NAV5] = "it keeps its own dynamic model",
		[UBX_CFG_NAVX5] = "its dates jump back when its 1024 weeks are over",
		[UBX_CFG_GNSS] = "it keeps its own choice of satellite systems",
		[UBX_CFG_SBAS] = "it keeps its own SBAS settings",
		[UBX_CFG_TP5] = "its time pulse stays as it is",
		[UBX_CFG_ITFM] = "no jamming state",
		[UBX_CFG_ANT] = "no supervision of the antenna",
		[UBX_CFG_INF] = "its errors and warnings are not received",
	};

	if (step->message == UBX_CFG_MSG && step->required) {
		return "it gives no epochs";
	}
	return texts[step->message] != NULL ? texts[step->message] : "it keeps its own setting";
}

bool ubx_profile_has_baud(uint32_t baud)
{
	static const uint32_t bauds[] = { 4800, 9600, 19200, 38400, 57600, 115200 };

	for (size_t i = 0; i < sizeof(bauds) / sizeof(bauds[0]); i++) {
		if (bauds[i] == baud) {
			return true;
		}
	}
	return false;
}

uint32_t ubx_profile_capacity(uint32_t baud)
{
	return baud / 10 * 8 / 10;
}

uint16_t ubx_profile_rate_ms(uint32_t baud, uint16_t asked_ms, unsigned epoch_bytes)
{
	uint32_t per_s = ubx_profile_capacity(baud);
	uint32_t min_ms = (epoch_bytes * 1000u + per_s - 1) / per_s;

	return asked_ms > min_ms ? asked_ms : (uint16_t)min_ms;
}
