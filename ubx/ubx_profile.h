/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ubx_profile: the settings that the receiver should have, as data.
 *
 * A step is one configuration message: how to poll it and the fields that
 * matter to us with the values wanted. Everything else in the message (reserved
 * bytes included) stays as the receiver has it: the session reads, changes the
 * wanted fields and writes back (a real NEO-7N answers with reserved bytes
 * that are not zero). Pure.
 */
#ifndef UBX_PROFILE_H
#define UBX_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ubx_msg.h"

#define UBX_WANTS_MAX 12 /* per step */
#define UBX_STEPS_MAX 16
#define UBX_PAYLOAD_CFG_MAX 72 /* CFG-GNSS with 8 systems has 68 */

struct ubx_settings {
	uint32_t baud;
	uint16_t rate_ms; /* epoch */
	uint8_t dyn_model;
	uint16_t week; /* GPS week that week numbers are placed after (wknRollover): the build's */
	uint8_t port; /* portID the receiver answers on: 1 UART1, 3 USB */
	bool split_epoch; /* NAV-SOL, POSLLH, VELNED and TIMEUTC instead of NAV-PVT (u-blox 6) */
};

enum ubx_want_rule {
	UBX_WANT_EQUAL, /* must read back as value */
	UBX_WANT_UNLESS, /* anything but value; otherwise 0 is written */
	UBX_WANT_APPLY, /* written with every set (apply masks), never compared */
};

struct ubx_want {
	enum ubx_field field;
	int16_t key; /* not negative: the group whose first byte is this */
	enum ubx_want_rule rule;
	int64_t value;
};

struct ubx_step {
	enum ubx_message message;
	bool required; /* the receiver is useless without it */
	uint8_t selector_len; /* poll payload; the answer begins with it too */
	uint8_t selector[2];
	uint8_t n;
	struct ubx_want want[UBX_WANTS_MAX];
};

struct ubx_profile {
	unsigned n;
	struct ubx_step step[UBX_STEPS_MAX];
};

void ubx_profile_build(struct ubx_profile *profile, const struct ubx_settings *settings);

/* The first want that an answer does not meet, or -1. An answer without the group of a key meets
 * it. */
int ubx_step_differs(const struct ubx_step *step, const uint8_t *payload, size_t len);
/* What that answer has in the field of want `w`. */
int64_t ubx_step_value(const struct ubx_step *step, unsigned w, const uint8_t *payload, size_t len);
/* Changes an answer into the set: wanted fields only. */
void ubx_step_apply(const struct ubx_step *step, uint8_t *payload, size_t len);

/* The message whose rate a CFG-MSG step sets, such as NAV-PVT; of other steps their own. */
enum ubx_message ubx_step_subject(const struct ubx_step *step);
/* What it means that a receiver cannot be set so. */
const char *ubx_step_without(const struct ubx_step *step);

/* The blind CFG-PRT of the sweep: UART1, 8N1, in UBX + NMEA + RTCM, out UBX. 20 bytes. */
void ubx_profile_blind_port(uint8_t payload[20], uint32_t baud);

/* Each epoch: NAV-PVT (92 bytes on the wire, 100 on later parts) and NAV-STATUS (24). */
#define UBX_EPOCH_BYTES (100u + 24u)
/* Or NAV-SOL, POSLLH, VELNED, TIMEUTC and NAV-STATUS. */
#define UBX_SPLIT_EPOCH_BYTES (60u + 36u + 44u + 28u + 24u)
/* Bytes per second that the periodic messages may take of a link: 80 %, 10 bits a byte. */
uint32_t ubx_profile_capacity(uint32_t baud);
/* Whether a u-blox 7 can be set to it (V14 section 7.3). */
bool ubx_profile_has_baud(uint32_t baud);
/* The fastest epoch (ms) that a link can carry, or asked_ms where that is longer. */
uint16_t ubx_profile_rate_ms(uint32_t baud, uint16_t asked_ms, unsigned epoch_bytes);

#endif
