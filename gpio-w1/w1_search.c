// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "w1_search.h"

#include <string.h>

#include "w1_crc.h"
#include "w1_error.h"

#define ROM_BITS 64

void w1_search_init(struct w1_search *search)
{
	memset(search, 0, sizeof *search);
}

static bool rom_bit(const uint8_t *rom, int number)
{
	return ((rom[(number - 1) / 8] >> ((number - 1) % 8)) & 1) != 0;
}

static void set_rom_bit(uint8_t *rom, int number, bool bit)
{
	uint8_t mask = (uint8_t)(1 << ((number - 1) % 8));

	rom[(number - 1) / 8] =
		(uint8_t)(bit ? rom[(number - 1) / 8] | mask : rom[(number - 1) / 8] & ~mask);
}

/* One pass on copies, so that it can be redone. 1: found, or an error. */
static int pass(const struct w1_search *search, struct w1_bus *bus, uint8_t *rom,
		uint8_t *discrepancy)
{
	int code = w1_slot_reset(&bus->slots);

	*discrepancy = 0;
	if (code == 0) {
		code = w1_bus_write_byte(bus, W1_SEARCH_ROM);
	}
	for (int number = 1; number <= ROM_BITS && code == 0; number++) {
		int bit = w1_slot_read(&bus->slots);
		int complement = bit < 0 ? bit : w1_slot_read(&bus->slots);
		bool direction;

		if (complement < 0) {
			return complement;
		}
		if (bit == 1 && complement == 1) {
			return W1_ESEARCH; /* no device left that answers */
		}
		if (bit != complement) {
			direction = bit == 1;
		} else {
			direction = number < search->last_discrepancy
					    ? rom_bit(rom, number)
					    : number == search->last_discrepancy;
			if (!direction) {
				*discrepancy = (uint8_t)number;
			}
		}
		set_rom_bit(rom, number, direction);
		code = w1_slot_write(&bus->slots, direction);
	}
	if (code != 0) {
		return code;
	}
	return w1_crc8(rom, W1_ROM_SIZE) == 0 && rom[0] != 0 ? 1 : W1_ESEARCH;
}

int w1_search_next(struct w1_search *search, struct w1_bus *bus)
{
	int code = W1_ESEARCH;

	if (search->last_device) {
		return 0;
	}
	bus->transactions++;
	for (unsigned attempt = 0; attempt == 0 || w1_bus_may_retry(bus, code, attempt - 1);
	     attempt++) {
		uint8_t rom[W1_ROM_SIZE], discrepancy;

		if (attempt > 0) {
			bus->retries++;
			w1_bus_pause(bus, attempt - 1);
		}
		memcpy(rom, search->rom, sizeof rom);
		w1_bus_begin(bus);
		code = pass(search, bus, rom, &discrepancy);
		w1_bus_end(bus);
		if (code == W1_ENOPRESENCE) {
			search->last_device = true;
			return search->started ? W1_ESEARCH : 0; /* all gone in the middle, or none
								    at all */
		}
		if (code == 1) {
			search->started = true;
			memcpy(search->rom, rom, sizeof rom);
			search->last_discrepancy = discrepancy;
			search->last_device = discrepancy == 0;
			return 1;
		}
	}
	bus->given_up++;
	return code;
}

/* The search's way along one ROM code. */
static int alarm_pass(struct w1_bus *bus, const uint8_t *rom)
{
	int code = w1_slot_reset(&bus->slots);

	if (code == 0) {
		code = w1_bus_write_byte(bus, W1_ALARM_SEARCH);
	}
	for (int number = 1; number <= ROM_BITS && code == 0; number++) {
		int bit = w1_slot_read(&bus->slots);
		int complement = bit < 0 ? bit : w1_slot_read(&bus->slots);
		bool wanted = rom_bit(rom, number);

		if (complement < 0) {
			return complement;
		}
		/* A device pulls the one of the two that is 0. */
		if ((wanted ? complement : bit) == 1) {
			return 0;
		}
		code = w1_slot_write(&bus->slots, wanted);
	}
	return code != 0 ? code : 1;
}

int w1_search_has_alarm(struct w1_bus *bus, const uint8_t rom[W1_ROM_SIZE])
{
	int code = W1_EVIOLATION;

	bus->transactions++;
	for (unsigned attempt = 0; attempt == 0 || w1_bus_may_retry(bus, code, attempt - 1);
	     attempt++) {
		if (attempt > 0) {
			bus->retries++;
			w1_bus_pause(bus, attempt - 1);
		}
		w1_bus_begin(bus);
		code = alarm_pass(bus, rom);
		w1_bus_end(bus);
		if (code >= 0) {
			return code;
		}
	}
	bus->given_up++;
	return code;
}
