// SPDX-License-Identifier: BSD-2-Clause
#include "ublox7_output.h"

#include <string.h>

#include "ublox7_bytes.h"
#include "ublox7_nmea.h"

void ublox7_output_start(struct ublox7 *u, uint64_t at_ns)
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
void ublox7_output_send(struct ublox7 *u, const void *bytes, size_t len)
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
	ublox7_output_start(u, u->now_ns);
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
	ublox7_output_send(u, frame, len + 8);
}

void ublox7_inform(struct ublox7 *u, unsigned level, const char *text)
{
	char line[UBLOX7_NMEA_MAX];

	if (ublox7_settings_out(&u->set) & UBLOX7_PROTO_NMEA &&
	    u->set.inf[1][4 + UBLOX7_UART] >> level & 1) {
		ublox7_output_send(u, line, ublox7_nmea_text(level, text, line));
	}
	if (u->set.inf[0][4 + UBLOX7_UART] >> level & 1 && u->config.kind != UBLOX7_NMEA_ONLY) {
		ublox7_send_ubx(u, 0x04, (uint8_t)level, (const uint8_t *)text, strlen(text));
	}
}
