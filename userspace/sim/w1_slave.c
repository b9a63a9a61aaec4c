// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "w1_slave.h"

#include "w1_random.h"

#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>
#endif

#define US 1000u
#define MS 1000000u

static bool has(const struct w1_slave *s, unsigned quirk)
{
	return s->model->quirks & quirk;
}

/* --- the thermometer --- */

static uint8_t configuration(const struct w1_slave *s, uint8_t value)
{
	if (has(s, W1_QUIRK_CFG_FIXED)) {
		return 0x7F;
	}
	if (has(s, W1_QUIRK_CFG_BIT7)) {
		return (value & 0x80) | 0x7F;
	}
	if (has(s, W1_QUIRK_CFG_ADDRESS)) {
		/* DS1825: 0 R1 R0 1 AD; MAX318xx: 1 1 1 1 AD */
		return (uint8_t)((s->model->layout == W1_LAYOUT_DS18B20 ? (value & 0x60) | 0x10
									: 0xF0) |
				 (s->address & 0x0F));
	}
	if (s->model->layout == W1_LAYOUT_DS18S20) {
		return 0xFF;
	}
	return (value & 0x60) | 0x1F;
}

/* 9 to 12, as its configuration has it now. */
static unsigned resolution(const struct w1_slave *s)
{
	return s->model->layout == W1_LAYOUT_DS18B20 ? 9 + ((s->scratchpad[4] >> 5) & 3) : 12;
}

int16_t w1_slave_sixteenths(int32_t temp_mc)
{
	int32_t twice = temp_mc * 2 + 62; /* 16/1000 = 2/125, half of it added to round */
	int32_t raw = twice / 125;

	return (int16_t)(twice % 125 < 0 ? raw - 1 : raw);
}

static int16_t limit(int16_t value, int16_t lo, int16_t hi)
{
	return value < lo ? lo : value > hi ? hi : value;
}

static void put_raw(struct w1_slave *s, unsigned at, uint16_t raw)
{
	s->scratchpad[at] = (uint8_t)raw;
	s->scratchpad[at + 1] = (uint8_t)(raw >> 8);
}

static void store_temperature(struct w1_slave *s, int16_t raw)
{
	int whole;

	switch (s->model->layout) {
	case W1_LAYOUT_DS18S20:
		/* Half degrees; COUNT_REMAIN so that (raw >> 1) - 0.25 + (16 - CR)/16 is exact. */
		raw = limit(raw, -55 * 16, 125 * 16);
		put_raw(s, 0, (uint16_t)((raw + 4) >> 3));
		whole = (raw + 4) >> 4;
		s->scratchpad[6] = (uint8_t)(whole * 16 + 12 - raw);
		break;
	case W1_LAYOUT_MAX31850:
		raw = (int16_t)(raw & ~3);
		whole = raw >> 4;
		put_raw(s, 0, (uint16_t)(raw | (s->fault != 0)));
		put_raw(s, 2,
			(uint16_t)((unsigned)w1_slave_sixteenths(s->cold_junction_mc) << 4 |
				   (s->fault & 7)));
		break;
	case W1_LAYOUT_MAX31826:
	case W1_LAYOUT_DS18B20:
	default: {
		int undefined = (1 << (12 - resolution(s))) - 1;

		raw = (int16_t)(limit(raw, -55 * 16, 125 * 16) & ~undefined);
		whole = raw >> 4;
		put_raw(s, 0, (uint16_t)(raw | (s->undefined & undefined)));
		if (s->model->byte6 != W1_BYTE6_FIXED) {
			s->scratchpad[6] =
				(uint8_t)((s->model->byte6 == W1_BYTE6_FROM_16 ? 0x10 : 0x20) -
					  (s->scratchpad[0] & 0x0F));
		}
		break;
	}
	}
	s->last.raw = raw;
	if (s->model->layout != W1_LAYOUT_MAX31850) {
		/* Both are two's complement. */
		int th = (s->scratchpad[2] ^ 0x80) - 0x80, tl = (s->scratchpad[3] ^ 0x80) - 0x80;

		/* The data sheets differ on equality with TH. */
		s->alarm = whole <= tl || whole > th ||
			   (whole == th && s->model->layout != W1_LAYOUT_DS18S20);
	}
}

static void load_eeprom(struct w1_slave *s)
{
	s->scratchpad[2] = s->eeprom[0];
	s->scratchpad[3] = s->eeprom[1];
	s->scratchpad[4] = configuration(s, s->eeprom[2]);
}

static void power_on_reset(struct w1_slave *s)
{
	s->power_ons++;
	s->busy = W1_SLAVE_FREE;
	s->alarm = false;
	s->state = W1_SLAVE_WAIT_RESET;
	s->phase = s->high ? W1_SLAVE_IDLE : W1_SLAVE_WAIT_HIGH;
	s->pulls = false;
	s->next_ns = W1_SLAVE_NEVER;
	if (!has(s, W1_QUIRK_KEEPS_TEMP) || s->conversions == 0) {
		put_raw(s, 0, s->model->por_raw);
	}
	load_eeprom(s);
	memcpy(&s->scratchpad[5], s->model->reserved, 3);
}

/* --- work that takes time: convert, copy, recall --- */

static uint64_t convert_ns(const struct w1_slave *s)
{
	static const uint16_t root2[] = { 1024, 727, 518, 371 }; /* /1024, powers of 1/1.41 */
	unsigned fewer = 12 - resolution(s);

	switch (s->model->speed) {
	case W1_SPEED_DOUBLES:
		return s->timing.convert_ns >> fewer;
	case W1_SPEED_ROOT_2:
		return ((uint64_t)s->timing.convert_ns * root2[fewer]) >> 10;
	case W1_SPEED_CONSTANT:
	default:
		return s->timing.convert_ns;
	}
}

uint64_t w1_slave_busy_max_ns(const struct w1_slave *s)
{
	uint64_t longest = (uint64_t)s->model->conv_max_ms * MS;

	switch (s->busy) {
	case W1_SLAVE_CONVERTING:
		return longest >> (12 - resolution(s));
	case W1_SLAVE_COPYING:
		return 10 * MS;
	case W1_SLAVE_RECALLING:
	case W1_SLAVE_FREE:
	default:
		return 0;
	}
}

static void start_work(struct w1_slave *s, enum w1_slave_busy work, uint64_t takes_ns, uint64_t now)
{
	s->busy = work;
	s->busy_from_ns = now;
	s->busy_until_ns = now + takes_ns;
}

static void finish_work(struct w1_slave *s)
{
	uint32_t survives = s->model->eeprom_writes ? s->model->eeprom_writes : 50000;
	enum w1_slave_busy work = s->busy;
	int32_t temp_mc;

	s->busy = W1_SLAVE_FREE;
	switch (work) {
	case W1_SLAVE_CONVERTING:
		temp_mc = s->temp ? s->temp(s->temp_ctx, s->busy_until_ns) : s->temp_mc;
		store_temperature(s, w1_slave_sixteenths(temp_mc + s->offset_mc));
		s->last.start_ns = s->busy_from_ns;
		s->last.end_ns = s->busy_until_ns;
		s->conversions++;
		break;
	case W1_SLAVE_COPYING:
		if (s->copies <= survives && !has(s, W1_QUIRK_NO_EEPROM)) {
			memcpy(s->eeprom, &s->scratchpad[2], 3);
		}
		break;
	case W1_SLAVE_RECALLING:
	case W1_SLAVE_FREE:
	default:
		break;
	}
}

static void brown_out(struct w1_slave *s)
{
	s->brownouts++;
	if (s->busy == W1_SLAVE_COPYING) {
		memset(s->eeprom, 0xFF, sizeof(s->eeprom)); /* erased, not yet written */
	}
	s->busy = W1_SLAVE_FREE;
	if (has(s, W1_QUIRK_HUNG_LOW)) {
		s->hung = true;
		s->pulls = true;
		s->next_ns = W1_SLAVE_NEVER;
	} else if (s->starved_gives_07ff) {
		put_raw(s, 0, 0x07FF);
		s->scratchpad[6] = 0x0C;
	} else if (!has(s, W1_QUIRK_RETAINS)) {
		power_on_reset(s);
	}
}

/* Applies internal events since the last call. */
static void settle(struct w1_slave *s, uint64_t now)
{
	if (s->busy == W1_SLAVE_FREE) {
		return;
	}
	if (s->parasite && !s->strong && s->busy != W1_SLAVE_RECALLING) {
		/* tSPON counts from the end of the command's last slot; work began when the bit was
		 * sampled. */
		uint64_t slot_end = s->busy_from_ns + (60 * US - s->timing.sample_ns);
		uint64_t since = s->weak_ns > slot_end ? s->weak_ns : slot_end;
		uint64_t starved = since + s->timing.starve_ns;

		if (starved < s->busy_until_ns) {
			if (now >= starved) {
				brown_out(s);
			}
			return;
		}
	}
	if (now >= s->busy_until_ns) {
		finish_work(s);
	}
}

/* --- commands and bits --- */

static void enter(struct w1_slave *s, enum w1_slave_state state)
{
	s->state = state;
	s->count = 0;
	s->step = 0;
	s->crc = 0;
}

static void rom_command(struct w1_slave *s, uint8_t command)
{
	switch (command) {
	case 0x33:
		enter(s, W1_SLAVE_SEND_ROM);
		break;
	case 0x55:
		enter(s, W1_SLAVE_MATCH);
		break;
	case 0xCC:
		enter(s, W1_SLAVE_COMMAND);
		break;
	case 0xF0:
		enter(s, W1_SLAVE_SEARCH);
		break;
	case 0xEC:
		enter(s, s->alarm ? W1_SLAVE_SEARCH : W1_SLAVE_WAIT_RESET);
		break;
	default:
		s->unknown_commands++;
		enter(s, W1_SLAVE_WAIT_RESET);
		break;
	}
}

static void function_command(struct w1_slave *s, uint8_t command, uint64_t now)
{
	bool settings = s->model->layout == W1_LAYOUT_DS18B20 ||
			s->model->layout == W1_LAYOUT_DS18S20;

	switch (settings || command == 0x44 || command == 0xBE || command == 0xB4 ? command : 0) {
	case 0x44:
		start_work(s, W1_SLAVE_CONVERTING, convert_ns(s), now);
		enter(s, W1_SLAVE_SEND_BUSY);
		break;
	case 0x4E:
		enter(s, W1_SLAVE_WRITE);
		break;
	case 0xBE:
		enter(s, W1_SLAVE_SEND_SCRATCHPAD);
		break;
	case 0x48:
		s->copies++;
		start_work(s, W1_SLAVE_COPYING, s->timing.copy_ns, now);
		enter(s, W1_SLAVE_SEND_BUSY);
		break;
	case 0xB8:
		load_eeprom(s);
		start_work(s, W1_SLAVE_RECALLING, s->timing.recall_ns, now);
		enter(s, W1_SLAVE_SEND_BUSY);
		break;
	case 0xB4:
		enter(s, W1_SLAVE_SEND_POWER);
		break;
	default:
		s->unknown_commands++;
		enter(s, W1_SLAVE_WAIT_RESET);
		break;
	}
}

static void write_byte(struct w1_slave *s, unsigned index, uint8_t value)
{
	if (index < 2) {
		s->scratchpad[2 + index] = value;
	} else if (index == 2 && s->model->layout == W1_LAYOUT_DS18B20) {
		s->scratchpad[4] = configuration(s, value);
	}
	if (has(s, W1_QUIRK_STORES_5)) {
		if (index == 2 || index == 3) {
			s->scratchpad[6] = value;
		} else if (index == 4) {
			s->scratchpad[7] = value;
		}
	}
}

static bool rom_bit(const struct w1_slave *s)
{
	return s->rom[s->count / 8] >> (s->count % 8) & 1;
}

/* The 64th bit of the ROM: selected. */
static void next_rom_bit(struct w1_slave *s)
{
	if (++s->count == 64) {
		enter(s, W1_SLAVE_COMMAND);
	}
}

static bool transmits(const struct w1_slave *s)
{
	switch (s->state) {
	case W1_SLAVE_SEARCH:
		return s->step < 2;
	case W1_SLAVE_SEND_ROM:
	case W1_SLAVE_SEND_SCRATCHPAD:
	case W1_SLAVE_SEND_POWER:
	case W1_SLAVE_SEND_BUSY:
		return true;
	default:
		return false;
	}
}

static bool poll_bit(const struct w1_slave *s, uint64_t now)
{
	if (has(s, W1_QUIRK_POLL_NEVER) ||
	    (has(s, W1_QUIRK_POLL_LATE) && now - s->busy_from_ns < 1 * MS)) {
		return true;
	}
	return s->busy == W1_SLAVE_FREE;
}

static bool transmit_bit(struct w1_slave *s, uint64_t now)
{
	bool bit;

	switch (s->state) {
	case W1_SLAVE_SEARCH:
		return rom_bit(s) ^ (s->step++ == 1);
	case W1_SLAVE_SEND_ROM:
		bit = rom_bit(s);
		next_rom_bit(s);
		return bit;
	case W1_SLAVE_SEND_SCRATCHPAD:
		if (s->count == 72) {
			return true;
		}
		/* A byte is read when it is sent, and the CRC covers the bytes as sent.
		 */
		if (s->count % 8 == 0) {
			s->shift = s->count == 64 ? s->crc : s->scratchpad[s->count / 8];
			s->crc = w1_model_crc8(s->crc, &s->shift, 1);
		}
		return s->shift >> (s->count++ % 8) & 1;
	case W1_SLAVE_SEND_POWER:
		if (has(s, W1_QUIRK_POWER_LIES)) {
			s->lies = s->lies * 1664525u + 1013904223u;
			return s->lies >> 31;
		}
		return !s->parasite;
	case W1_SLAVE_SEND_BUSY:
	default:
		return poll_bit(s, now);
	}
}

static void receive_bit(struct w1_slave *s, bool bit, uint64_t now)
{
	if (s->state == W1_SLAVE_MATCH || s->state == W1_SLAVE_SEARCH) {
		if (bit != rom_bit(s)) {
			enter(s, W1_SLAVE_WAIT_RESET);
		} else {
			s->step = 0;
			next_rom_bit(s);
		}
		return;
	}
	s->shift = (uint8_t)(s->shift >> 1 | bit << 7);
	if (++s->count % 8 != 0) {
		return;
	}
	if (s->state == W1_SLAVE_ROM_COMMAND) {
		rom_command(s, s->shift);
	} else if (s->state == W1_SLAVE_COMMAND) {
		function_command(s, s->shift, now);
	} else if (s->count <= 40) {
		write_byte(s, s->count / 8 - 1u, s->shift);
	} else {
		s->count = 40; /* bytes beyond the fifth are dropped */
	}
}

/* --- the pin --- */

static void begin_slot(struct w1_slave *s, uint64_t now)
{
	if (s->state == W1_SLAVE_WAIT_RESET) {
		s->phase = W1_SLAVE_WAIT_HIGH;
		return;
	}
	s->phase = W1_SLAVE_SLOT;
	s->transmitting = transmits(s);
	s->pulls = s->transmitting && !transmit_bit(s, now);
	s->next_ns = now + (s->pulls ? s->timing.hold_ns : s->timing.sample_ns);
}

static void timer(struct w1_slave *s, uint64_t at)
{
	s->next_ns = W1_SLAVE_NEVER;
	switch (s->phase) {
	case W1_SLAVE_PRESENCE_WAIT:
		s->phase = W1_SLAVE_PRESENCE;
		s->pulls = true;
		s->next_ns = at + s->timing.presence_ns;
		return;
	case W1_SLAVE_SLOT:
		s->phase = s->high ? W1_SLAVE_IDLE : W1_SLAVE_WAIT_HIGH;
		if (!s->transmitting) {
			receive_bit(s, s->high, at);
		}
		break;
	case W1_SLAVE_PRESENCE:
	case W1_SLAVE_IDLE:
	case W1_SLAVE_WAIT_HIGH:
	default:
		s->phase = s->high ? W1_SLAVE_IDLE : W1_SLAVE_WAIT_HIGH;
		break;
	}
	s->pulls = false;
}

static void fall(struct w1_slave *s, uint64_t now)
{
	if (s->phase == W1_SLAVE_IDLE && now - s->rise_ns < s->timing.recovery_ns) {
		s->phase = W1_SLAVE_WAIT_HIGH; /* too short a high: it sees one long low */
		return;
	}
	s->low_ns = now;
	if (s->phase == W1_SLAVE_IDLE) {
		begin_slot(s, now);
	}
}

static void rise(struct w1_slave *s, uint64_t now)
{
	uint64_t low_for = now - s->low_ns;

	s->rise_ns = now;
	if (low_for >= s->timing.reset_ns) {
		if (s->parasite && low_for >= s->timing.holdup_ns) {
			power_on_reset(s);
		}
		s->resets++;
		enter(s, W1_SLAVE_ROM_COMMAND);
		s->phase = W1_SLAVE_PRESENCE_WAIT;
		s->pulls = false;
		s->next_ns = now + s->timing.presence_wait_ns;
	} else if (s->phase == W1_SLAVE_WAIT_HIGH) {
		s->phase = W1_SLAVE_IDLE;
	}
}

/* Whether it is powered and connected. */
static bool awake(const struct w1_slave *s)
{
	return s->powered && !s->hung &&
	       !(s->parasite && has(s, W1_QUIRK_NO_PARASITE | W1_QUIRK_PARASITE_LOW));
}

void w1_slave_run(struct w1_slave *s, uint64_t now_ns)
{
	while (s->next_ns <= now_ns) {
		settle(s, s->next_ns);
		if (s->next_ns <= now_ns) {
			timer(s, s->next_ns);
		}
	}
	settle(s, now_ns);
}

void w1_slave_wire(struct w1_slave *s, bool high, uint64_t now_ns)
{
	settle(s, now_ns);
	if (s->high == high) {
		return;
	}
	s->high = high;
	if (!awake(s)) {
		if (high) {
			s->rise_ns = now_ns;
		} else {
			s->low_ns = now_ns;
		}
	} else if (high) {
		rise(s, now_ns);
	} else {
		fall(s, now_ns);
	}
}

void w1_slave_strong_pullup(struct w1_slave *s, bool on, uint64_t now_ns)
{
	settle(s, now_ns);
	if (s->strong && !on) {
		s->weak_ns = now_ns;
	}
	s->strong = on;
}

void w1_slave_power(struct w1_slave *s, bool on, uint64_t now_ns)
{
	settle(s, now_ns);
	if (s->powered == on) {
		return;
	}
	s->powered = on;
	s->pulls = false;
	s->next_ns = W1_SLAVE_NEVER;
	if (!on) {
		s->off_ns = now_ns;
		s->busy = W1_SLAVE_FREE;
		return;
	}
	s->hung = false;
	if (now_ns - s->off_ns > s->timing.retain_ns) {
		if (has(s, W1_QUIRK_CAPACITOR)) {
			memcpy(s->eeprom, s->model->eeprom, 3);
		}
		power_on_reset(s);
	} else {
		s->state = W1_SLAVE_WAIT_RESET;
		s->phase = s->high ? W1_SLAVE_IDLE : W1_SLAVE_WAIT_HIGH;
	}
	s->pulls = s->parasite && has(s, W1_QUIRK_PARASITE_LOW);
}

void w1_slave_init(struct w1_slave *s, enum w1_model_id model, uint64_t seed, bool parasite,
		   uint64_t now_ns)
{
	struct w1_random r;

	w1_random_init(&r, seed);
	memset(s, 0, sizeof(*s));
	s->model = w1_model(model);
	w1_model_rom(s->model, seed, s->rom);
	s->temp_mc = 20000;
	s->offset_mc = s->model->offset_mc[0] +
		       (int32_t)w1_random_between(
			       &r, 0, (uint32_t)(s->model->offset_mc[1] - s->model->offset_mc[0]));
	s->cold_junction_mc = 20000;
	s->undefined = (uint8_t)w1_random_between(&r, 0, 7);
	s->starved_gives_07ff = s->model->layout == W1_LAYOUT_DS18B20 &&
				(w1_random_next(&r) >> 62) == 0;
	s->timing = (struct w1_slave_timing){
		.reset_ns = w1_random_between(&r, W1_SLAVE_RESET_MIN_NS + 1 * US, 479 * US),
		.presence_wait_ns = w1_random_between(&r, 15 * US, 60 * US),
		.presence_ns = w1_random_between(&r, 60 * US, 240 * US),
		.sample_ns = w1_random_between(&r, 15 * US, 60 * US),
		.hold_ns = w1_random_between(&r, 15 * US, 60 * US),
		.recovery_ns = w1_random_between(&r, 0, 1 * US),
		.convert_ns =
			w1_random_between(&r, s->model->conv_ms[0] * MS, s->model->conv_ms[1] * MS),
		.copy_ns = w1_random_between(&r, 2 * MS, 10 * MS),
		.recall_ns = w1_random_between(&r, 20 * US, 200 * US),
		.holdup_ns = w1_random_between(&r, 961 * US, 3 * MS),
		.starve_ns = w1_random_between(&r, 11 * US, 100 * US),
		.retain_ns = has(s, W1_QUIRK_RETAINS) ? w1_random_between(&r, 100 * MS, 300 * MS)
						      : w1_random_between(&r, 0, 1 * MS),
	};
	s->lies = (uint32_t)(w1_random_next(&r) >> 32);
	memcpy(s->eeprom, s->model->eeprom, 3);
	s->high = true;
	s->low_ns = now_ns;
	s->rise_ns = now_ns;
	s->powered = true;
	s->next_ns = W1_SLAVE_NEVER;
	power_on_reset(s);
	s->parasite = parasite;
	s->pulls = parasite && has(s, W1_QUIRK_PARASITE_LOW);
}
