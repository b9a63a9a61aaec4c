/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_bus: transactions on a 1-Wire bus: reset, address, command, data, each redone from
 * reset when a slot of it was violated, a bounded number of times. Pure.
 *
 * Only transactions that may be repeated go through here: not Copy Scratchpad (48h).
 */
#ifndef W1_BUS_H
#define W1_BUS_H

#include <stddef.h>

#include "w1_slot.h"

#define W1_ROM_SIZE 8

/* ROM commands (datasheet) */
#define W1_MATCH_ROM 0x55
#define W1_SKIP_ROM 0xcc
#define W1_SEARCH_ROM 0xf0
#define W1_ALARM_SEARCH 0xec

struct w1_bus {
	struct w1_slots slots;
	unsigned tries; /* for one transaction that is violated, at least 1 */
	uint64_t give_up_ns; /* from then on nothing is tried twice */
	uint64_t transactions;
	uint64_t retries; /* transactions redone, whatever the cause */
	uint64_t given_up; /* failed on the last try */
	uint64_t wrong_crcs; /* reads that came whole and with a wrong CRC */
	uint64_t busy_ns; /* in transactions, asleep not counted: what the bus takes of a core */
	uint64_t begun_ns; /* private */
	bool disturbed; /* another master was seen while sensors converted */
	uint32_t troubles; /* what no violation explains: wrong CRCs, echoes, reads that differ */
	unsigned others; /* private: tries that ended otherwise than by a violation */
};

struct w1_transaction {
	const uint8_t *rom; /* NULL: Skip ROM, all devices */
	const uint8_t *tx;
	size_t tx_len;
	uint8_t sure; /* bits of tx[0] that no device may misread, see w1_slot_write_sure() */
	bool power; /* strong pull-up from the last bit of tx on, which must be 0 */
	uint8_t *rx; /* read after tx */
	size_t rx_len; /* at most W1_RX_MAX */
	/*
	 * The last byte of rx is the CRC of those before: wrong is tried again. What is read is the
	 * same in every try, so that a bit which a violated slot lost is taken from the next; where
	 * two tries differ, all is read again. Three equal ones of a wrong CRC are W1_EDUPLICATE.
	 */
	bool crc;
};

#define W1_RX_MAX 16

/* tries: 0 takes 600, which is some 4 s at a bus that is always violated. */
void w1_bus_init(struct w1_bus *bus, struct w1_line line, unsigned tries);

/*
 * 0, or the last try's error (w1_error.h). W1_ENOPRESENCE ends at once when it was seen without
 * doubt. *retries (may be NULL) is increased by the tries beyond the first.
 */
int w1_bus_transact(struct w1_bus *bus, const struct w1_transaction *t, unsigned *retries);
/* One read slot after a transaction: the bit or an error. Not retried. */
int w1_bus_read_bit(struct w1_bus *bus);
/* Ends a strong pull-up. */
int w1_bus_power_off(struct w1_bus *bus);

/* For those that build their own transactions (search). */
int w1_bus_write_byte(struct w1_bus *bus, uint8_t byte);
/* Waits a little, idle-high, before a transaction is tried again: the wait grows with `attempt`. */
void w1_bus_pause(struct w1_bus *bus, unsigned attempt);
/*
 * Whether trying again can help against this error, and there is time for it: against a violation,
 * which is no fault of the bus, more often than against what the bus itself does. attempt: how
 * often it was tried before.
 */
bool w1_bus_may_retry(struct w1_bus *bus, int error, unsigned attempt);
void w1_bus_begin(struct w1_bus *bus);
void w1_bus_end(struct w1_bus *bus);

uint32_t w1_bus_violations(const struct w1_bus *bus); /* of all kinds */

#endif
