/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ublox7_settings: the configuration of a u-blox 7 as the CFG messages show it.
 *
 * Each setting is kept as the payload that a poll answers with, reserved bytes
 * included: those are not zero on a real part and a set does not change them. One row per
 * CFG message has its size, its section in CFG-CFG and what it refuses. Pure.
 */
#ifndef UBLOX7_SETTINGS_H
#define UBLOX7_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UBLOX7_PORTS 6 /* in CFG-MSG and CFG-INF; 1 is the UART */
#define UBLOX7_UART 1
#define UBLOX7_MSGS 48

struct ublox7_settings {
	uint8_t prt[4][20]; /* DDC, UART1, USB and SPI */
	uint8_t msg[UBLOX7_MSGS][UBLOX7_PORTS];
	uint8_t inf[2][10]; /* UBX, NMEA */
	uint8_t rate[6];
	uint8_t nav5[36];
	uint8_t navx5[40];
	uint8_t gnss[36];
	uint8_t sbas[8];
	uint8_t tp5[2][32];
	uint8_t itfm[8];
	uint8_t ant[4];
	uint8_t rxm[2];
	uint8_t pm2[44];
};

/* CFG-CFG's masks */
enum ublox7_section {
	UBLOX7_SECTION_PORT = 1 << 0,
	UBLOX7_SECTION_MSG = 1 << 1,
	UBLOX7_SECTION_INF = 1 << 2,
	UBLOX7_SECTION_NAV = 1 << 3,
	UBLOX7_SECTION_RXM = 1 << 4,
	UBLOX7_SECTION_ANT = 1 << 10,
};

enum ublox7_proto { UBLOX7_PROTO_UBX = 1, UBLOX7_PROTO_NMEA = 2 };

void ublox7_settings_default(struct ublox7_settings *s);

/* Copies whole sections. */
void ublox7_settings_copy(struct ublox7_settings *to, const struct ublox7_settings *from,
			  uint32_t sections);

/* The answer to a poll of CFG message `id`, into out (256 bytes); its length, or 0: NAK. */
size_t ublox7_settings_poll(const struct ublox7_settings *s, uint8_t id, const uint8_t *selector,
			    size_t len, uint8_t *out);
/* Whether this payload is a poll; else it is a set. */
bool ublox7_settings_is_poll(uint8_t id, size_t len);
/* Carries out a set; false: NAK and nothing has changed. */
bool ublox7_settings_set(struct ublox7_settings *s, uint8_t id, const uint8_t *payload, size_t len);

uint32_t ublox7_settings_baud(const struct ublox7_settings *s);
uint16_t ublox7_settings_in(const struct ublox7_settings *s); /* enum ublox7_proto of the UART */
uint16_t ublox7_settings_out(const struct ublox7_settings *s);
/* Epochs per message on the UART; 0 off. The pointer is NULL for a message that a u-blox 7 has not.
 */
uint8_t *ublox7_settings_rate(struct ublox7_settings *s, uint8_t cls, uint8_t id);

#endif
