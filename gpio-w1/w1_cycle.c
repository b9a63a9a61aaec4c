// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "w1_cycle.h"

#include <string.h>

#include "w1_convert.h"
#include "w1_error.h"
#include "w1_rise.h"
#include "w1_scratchpad.h"
#include "w1_search.h"

#define MS UINT64_C(1000000)
/* A GPIO drives 16 mA at most, a converting sensor takes up to 1.5 mA (datasheet, IDD). */
#define PARASITES_AT_ONCE 10
#define ROUNDS 5 /* conversions, where power was lost to a low of ours */
#define GROUP_TRIES 3 /* conversions of the group, where the polled one ended early */
/* So long the others wait for the end of the one that is polled. */
#define POLL_ON (5 * MS)
#define SUSPECT_CYCLES 100
#define DISTURBED_CYCLES 100

void w1_cycle_init(struct w1_cycle *c, struct w1_line line,
		   const struct w1_resolutions *resolutions, unsigned search_every)
{
	memset(c, 0, sizeof *c);
	w1_bus_init(&c->bus, line, 0);
	if (resolutions != NULL) {
		c->resolutions = *resolutions;
	}
	c->search_every = search_every != 0 ? search_every : 10;
}

static uint64_t now(const struct w1_cycle *c)
{
	return c->bus.slots.line.ops->now_ns(c->bus.slots.line.ctx);
}

/* --- the devices --- */

static struct w1_device *find(struct w1_cycle *c, const uint8_t *rom)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (memcmp(c->device[i].rom, rom, W1_ROM_SIZE) == 0) {
			return &c->device[i];
		}
	}
	return NULL;
}

int w1_cycle_add(struct w1_cycle *c, const uint8_t rom[W1_ROM_SIZE])
{
	struct w1_device *d = find(c, rom);

	if (d == NULL) {
		if (c->n == W1_CYCLE_DEVICES) {
			return -1;
		}
		d = &c->device[c->n++];
		memset(d, 0, sizeof *d);
		memcpy(d->rom, rom, W1_ROM_SIZE);
	}
	return (int)(d - c->device);
}

bool w1_cycle_forget(struct w1_cycle *c, const uint8_t rom[W1_ROM_SIZE])
{
	struct w1_device *d = find(c, rom);

	if (d == NULL) {
		return false;
	}
	c->n--;
	memmove(d, d + 1, (size_t)(&c->device[c->n] - d) * sizeof *d);
	return true;
}

/* What never gave a temperature and is not there any more needs no place, if no other one moves. */
static void drop_strangers(struct w1_cycle *c, const bool *found)
{
	while (c->n > 0 && !found[c->n - 1] && !c->device[c->n - 1].proven) {
		c->n--;
	}
}

/* On a slow line the slots are made for those with a supply of their own. */
static bool is_too_slow(const struct w1_cycle *c)
{
	return c->bus.slots.rise_ns > W1_RISE_PARASITE_MAX_NS;
}

static bool has_parasites(const struct w1_cycle *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (w1_convert_is_parasite(&c->device[i])) {
			return true;
		}
	}
	return false;
}

static int read_power(struct w1_cycle *c)
{
	int powered = w1_convert_all_powered(&c->bus);

	for (unsigned i = 0; i < c->n; i++) {
		struct w1_device *d = &c->device[i];

		if (powered == 1) {
			d->power = W1_POWER_OWN;
		} else if (d->power == W1_POWER_UNKNOWN) {
			w1_convert_read_power(&c->bus, d); /* or the next time */
		}
	}
	return powered < 0 ? powered : 0;
}

static int search(struct w1_cycle *c)
{
	bool found[W1_CYCLE_DEVICES] = { false };
	struct w1_search s;
	int code;

	c->searched_whole = false;
	c->turned_away = 0;
	w1_search_init(&s);
	while ((code = w1_search_next(&s, &c->bus)) == 1) {
		int place = ds18b20_is_thermometer(s.rom[0]) ? w1_cycle_add(c, s.rom) : -1;

		if (place >= 0) {
			found[place] = true;
		} else {
			c->turned_away += ds18b20_is_thermometer(s.rom[0]);
		}
	}
	if (code < 0) {
		return code;
	}
	c->searched_whole = true;
	drop_strangers(c, found);
	return c->n > 0 ? read_power(c) : W1_ENOPRESENCE;
}

/* --- reading --- */

static enum ds18b20_quality quality_of_error(int code)
{
	switch (code) {
	case W1_ENOPRESENCE:
		return DS18B20_ABSENT;
	case W1_ECRC:
		return DS18B20_CRC_FAILED;
	case W1_ECONVERT:
		return DS18B20_NOT_CONVERTED;
	case W1_EDUPLICATE:
		return DS18B20_DUPLICATE;
	default:
		return DS18B20_BUS_FAILED;
	}
}

/* What is known of the device stays: should it come back after a loss of power, its sentinel is
 * gone. */
static void missed(struct thermometer_sample *s, enum ds18b20_quality quality)
{
	s->scratchpad_known = false;
	s->quality = quality;
}

/* seen: this sensor was seen converting. alone: no other one can have been meant. */
static void read_one(struct w1_cycle *c, struct w1_device *d, bool seen, bool alone,
		     uint32_t troubles, struct thermometer_sample *s)
{
	struct ds18b20_value value;
	unsigned retries = s->retries;
	int code = w1_scratchpad_read(&c->bus, d->rom, troubles, s->scratchpad, &retries);

	s->retries = (uint8_t)(retries < 255 ? retries : 255);
	if (code == W1_EDUPLICATE) {
		d->suspect = SUSPECT_CYCLES;
		d->single = false;
	}
	if (code != 0 && code != W1_ECRC && code != W1_EDUPLICATE) {
		missed(s, quality_of_error(code));
		return;
	}
	s->scratchpad_known = true;

	s->quality = ds18b20_decode(d->rom[0], s->scratchpad, &value);
	if (code == W1_EDUPLICATE || d->suspect > 0) {
		s->quality = DS18B20_DUPLICATE;
		return;
	}
	if (s->quality == DS18B20_POWER_ON && d->past.plain && alone && seen) {
		s->quality = DS18B20_UNGUARDED; /* measured again by itself, and 85 degC again */
	} else {
		s->quality = ds18b20_judge(&d->past, d->rom[0], seen, s->scratchpad, s->quality);
	}
	if (ds18b20_has_value(s->quality) && d->past.armed && !d->single) {
		code = w1_scratchpad_check_single(&c->bus, d, s->scratchpad);
		if (code != 0) {
			d->suspect = code == W1_EDUPLICATE ? SUSPECT_CYCLES : 0;
			s->quality = quality_of_error(code);
		}
	}
	s->temp_known = ds18b20_has_value(s->quality);
	if (s->temp_known) {
		s->temp_mc = value.temp_mc;
		s->resolution_bits = value.resolution_bits;
		d->proven = true;
	}
}

/* --- conversions --- */

/* One cycle's work: what is still without a temperature, in samples. */
struct work {
	struct w1_cycle *c;
	struct thermometer_sample *samples;
	uint64_t give_up_ns;
	uint32_t troubles; /* of the bus when the cycle began */
	int error; /* the last that a device gave */
	bool answered; /* a device did */
};

static void fail(struct work *w, unsigned i, int code)
{
	missed(&w->samples[i], quality_of_error(code));
	w->error = code;
}

/* What is left of the time is shared out among those that still want some. */
static void share_time(struct work *w, unsigned wanting)
{
	uint64_t at = now(w->c);

	w->c->bus.give_up_ns =
		at + (w->give_up_ns > at ? w->give_up_ns - at : 0) / (wanting > 0 ? wanting : 1);
}

/* Under the strong pull-up no other master could pull the line. */
static void wait_for(struct w1_cycle *c, const struct w1_conversion *v)
{
	if (now(c) < v->ready_ns && w1_slots_watch(&c->bus.slots, v->ready_ns)) {
		c->bus.disturbed = true;
	}
	if (c->bus.disturbed) {
		c->disturbed = DISTURBED_CYCLES;
		c->bus.disturbed = false;
	}
}

static void read_converted(struct work *w, unsigned i, const struct w1_conversion *v, bool alone)
{
	struct w1_device *d = &w->c->device[i];
	struct thermometer_sample *s = &w->samples[i];
	bool unheard = v->error == W1_ECONVERT;

	if (v->error != 0 && !unheard) {
		fail(w, i, v->error);
		return;
	}
	if (v->state == W1_CONVERT_OVERDUE) {
		w->answered = true;
		s->quality = DS18B20_NOT_CONVERTED;
		return;
	}
	if (!unheard) {
		wait_for(w->c, v);
	}
	read_one(w->c, d, v->state == W1_CONVERT_HEARD, alone, w->troubles, s);
	if (s->temp_known && w->c->disturbed > 0) {
		s->quality = DS18B20_UNPROVEN; /* the other one may have begun it again */
	}
	if (unheard && s->temp_known) { /* else its bytes show why it did not convert */
		s->temp_known = false;
		s->quality = DS18B20_NOT_CONVERTED;
	}
	if (s->scratchpad_known) {
		w->answered = true;
	} else {
		w->error = s->quality == DS18B20_ABSENT ? W1_ENOPRESENCE : W1_EVIOLATION;
	}
}

/* One sensor by itself, polled to its end. */
static void convert_alone(struct work *w, unsigned i)
{
	struct w1_device *d = &w->c->device[i];
	struct w1_conversion v = { 0 };
	int code = W1_ECONVERT;

	for (unsigned attempt = 0; attempt < GROUP_TRIES && code == W1_ECONVERT; attempt++) {
		v.end_ns = 0;
		w1_convert_start(&w->c->bus, d, &v);
		code = v.error == 0 && v.state == W1_CONVERT_HEARD
			       ? w1_convert_finish(&w->c->bus, d, &v, UINT64_MAX)
			       : 0;
	}
	v.error = code != 0 ? code : v.error;
	if (w->c->proof == W1_PROOF_STRICT && !d->past.plain && v.end_ns != 0) {
		v.ready_ns = v.end_ns; /* the alarm flag will show it */
	}
	read_converted(w, i, &v, true);
}

static void convert_strictly(struct work *w, unsigned i)
{
	struct w1_device *d = &w->c->device[i];
	struct thermometer_sample *s = &w->samples[i];
	struct w1_conversion v = { .state = W1_CONVERT_UNSEEN };
	bool expected = false;
	int code = d->past.plain ? 0 : w1_scratchpad_turn(&w->c->bus, d, &expected);

	if (code != 0) {
		fail(w, i, code);
		return;
	}
	if (w1_convert_is_parasite(d)) {
		v.error = w1_convert_parasite(&w->c->bus, d, w1_convert_longest_us(d));
		read_converted(w, i, &v, true);
	} else {
		convert_alone(w, i);
	}
	if (d->past.plain || !s->temp_known) {
		return;
	}
	code = w1_search_has_alarm(&w->c->bus, d->rom);
	if (code == expected && s->quality == DS18B20_UNSEEN) {
		s->quality = DS18B20_OK;
	}
	if (code != expected) {
		s->temp_known = false;
		s->quality = code < 0 ? quality_of_error(code) : DS18B20_NOT_CONVERTED;
	}
}

/* Which of the group is polled to its end: the next in turn. */
static unsigned choose_last(const struct w1_cycle *c, const unsigned *group, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (group[i] > c->last) {
			return i;
		}
	}
	return 0;
}

/* All of the group at once; the last one is polled. 0, or W1_ECONVERT: it ended early. */
static int convert_group(struct work *w, const unsigned *group, unsigned n, struct w1_conversion *v)
{
	struct w1_cycle *c = w->c;
	int code = 0;

	for (unsigned i = 0; i < n; i++) {
		w1_convert_start(&c->bus, &c->device[group[i]], &v[i]);
	}
	c->last = group[n - 1];
	if (v[n - 1].error == 0 && v[n - 1].state == W1_CONVERT_HEARD) {
		code = w1_convert_finish(&c->bus, &c->device[c->last], &v[n - 1],
					 n > 1 ? v[0].ready_ns + POLL_ON : UINT64_MAX);
	}
	return code;
}

static void read_group(struct work *w, const unsigned *members, unsigned n)
{
	unsigned group[W1_CYCLE_DEVICES], last = choose_last(w->c, members, n);
	struct w1_conversion v[W1_CYCLE_DEVICES] = { 0 };
	int code = W1_ECONVERT;

	for (unsigned i = 0; i < n; i++) {
		group[i] = members[(last + 1 + i) % n];
	}
	for (unsigned attempt = 0; attempt < GROUP_TRIES && code == W1_ECONVERT; attempt++) {
		code = convert_group(w, group, n, v);
	}
	for (unsigned i = 0; i < n; i++) {
		v[i].error = v[i].error != 0 ? v[i].error : code;
		share_time(w, n - i);
		read_converted(w, group[i], &v[i], n == 1);
	}
}

/* 85 degC of a part without a sentinel: what it measures when it is asked alone is the answer. */
static void ask_again(struct work *w)
{
	for (unsigned i = 0; i < w->c->n; i++) {
		if (w->c->device[i].past.plain && w->samples[i].quality == DS18B20_POWER_ON) {
			convert_alone(w, i);
		}
	}
}

static bool is_new(const struct w1_device *d)
{
	return d->pollable ? d->took_us == 0 : d->unheard == 0;
}

static void read_powered(struct work *w)
{
	unsigned members[W1_CYCLE_DEVICES], n = 0, rest = 0;

	for (unsigned i = 0; i < w->c->n; i++) {
		if (!w1_convert_is_parasite(&w->c->device[i]) &&
		    w->samples[i].quality == DS18B20_NOT_CONVERTED) {
			members[n++] = i;
		}
	}
	/* A sensor whose conversion time is not known yet converts alone, so that it is measured.
	 */
	for (unsigned i = 0; i < n; i++) {
		share_time(w, n - i);
		if (w->c->proof == W1_PROOF_STRICT) {
			convert_strictly(w, members[i]);
		} else if (is_new(&w->c->device[members[i]])) {
			convert_alone(w, members[i]);
		} else {
			members[rest++] = members[i];
		}
	}
	if (rest > 0) {
		read_group(w, members, rest);
	}
	ask_again(w);
}

static uint32_t longest_us(const struct w1_cycle *c, const unsigned *members, unsigned n)
{
	uint32_t longest = 0;

	for (unsigned i = 0; i < n; i++) {
		uint32_t us = w1_convert_longest_us(&c->device[members[i]]);

		longest = us > longest ? us : longest;
	}
	return longest;
}

/* As many at once as the strong pull-up carries: all by a broadcast, or one by one. */
static void read_parasites(struct work *w)
{
	unsigned members[W1_CYCLE_DEVICES], n = 0;
	struct w1_conversion v = { .state = W1_CONVERT_UNSEEN };
	bool at_once;

	for (unsigned i = 0; i < w->c->n; i++) {
		if (w1_convert_is_parasite(&w->c->device[i]) &&
		    w->samples[i].quality == DS18B20_NOT_CONVERTED) {
			members[n++] = i;
		}
	}
	for (unsigned i = 0; i < n && is_too_slow(w->c); i++) {
		fail(w, members[i], W1_ERISE);
	}
	if (is_too_slow(w->c)) {
		return;
	}
	at_once = n > 1 && n <= PARASITES_AT_ONCE && w->c->proof == W1_PROOF_PARALLEL;
	if (at_once) {
		v.error = w1_convert_parasite(&w->c->bus, NULL, longest_us(w->c, members, n));
	}
	for (unsigned i = 0; i < n; i++) {
		share_time(w, n - i);
		if (w->c->proof == W1_PROOF_STRICT) {
			convert_strictly(w, members[i]);
			continue;
		}
		if (!at_once) {
			v.error = w1_convert_parasite(&w->c->bus, &w->c->device[members[i]],
						      longest_us(w->c, &members[i], 1));
		}
		read_converted(w, members[i], &v, n == 1);
	}
}

/* Those that have no temperature yet are armed, converted and read. */
static void run_round(struct work *w)
{
	struct w1_cycle *c = w->c;
	uint64_t at = now(c);

	c->bus.give_up_ns = at + (w->give_up_ns > at ? w->give_up_ns - at : 0) / 2;
	c->bus.slots.parasite = has_parasites(c) && !is_too_slow(c);
	for (unsigned i = 0; i < c->n; i++) {
		struct w1_device *d = &c->device[i];
		unsigned bits = w1_resolution_bits(&c->resolutions, d->rom);
		int code = w1_scratchpad_needs_arming(d) ? w1_scratchpad_arm(&c->bus, d, bits) : 0;

		if (!w->samples[i].temp_known) {
			w->samples[i].quality = DS18B20_NOT_CONVERTED;
			if (code != 0) { /* nothing would tell its power-on value from a temperature
					  */
				fail(w, i, code);
			}
		}
	}
	read_parasites(w);
	read_powered(w);
}

/* Parasite power is lost by a low that lasts too long; that was our doing, so we convert again. */
static bool lost_power(const struct w1_cycle *c, const struct thermometer_sample *samples)
{
	bool lost = false;

	for (unsigned i = 0; i < c->n; i++) {
		lost = lost || (w1_convert_is_parasite(&c->device[i]) &&
				samples[i].quality == DS18B20_POWER_ON);
	}
	return lost;
}

/* Time for those that convert one after another. */
static uint64_t serial_ns(const struct w1_cycle *c)
{
	unsigned serial = 0;

	for (unsigned i = 0; i < c->n; i++) {
		serial += c->proof == W1_PROOF_STRICT || w1_convert_is_parasite(&c->device[i]) ||
			  is_new(&c->device[i]);
	}
	return serial * W1_CYCLE_SERIAL_NS;
}

/* The wire, and who is on it. An error ends the cycle, unless it leaves sensors that can be read.
 */
static int look_around(struct w1_cycle *c)
{
	bool due = c->n == 0 || !c->searched_whole || c->cycles % c->search_every == 0;
	int code = due ? w1_rise_measure(&c->bus.slots) : w1_rise_check(&c->bus.slots);

	c->cycles++;
	if (code == W1_EVIOLATION) {
		code = 0; /* this computer is too busy: as measured before, or a short wire */
	}
	if (code != 0 || !due) {
		return code;
	}
	code = search(c);
	return c->n > 0 && (code == W1_ESEARCH || code == W1_EVIOLATION || code == W1_EECHO) ? 0
											     : code;
}

int w1_cycle_run(struct w1_cycle *c, struct thermometer_sample *samples, unsigned *n)
{
	struct work w = { .c = c, .samples = samples, .troubles = c->bus.troubles };
	int code;

	w.give_up_ns = now(c) + W1_CYCLE_TIMEOUT_NS;
	c->bus.give_up_ns = w.give_up_ns - W1_CYCLE_TIMEOUT_NS / 2;
	code = look_around(c);
	w.give_up_ns += serial_ns(c);
	*n = c->n;
	memset(samples, 0, sizeof *samples * W1_CYCLE_DEVICES);
	c->disturbed -= c->disturbed > 0;
	for (unsigned i = 0; i < c->n; i++) {
		memcpy(samples[i].rom, c->device[i].rom, W1_ROM_SIZE);
		c->device[i].suspect = (uint8_t)(c->device[i].suspect - (c->device[i].suspect > 0));
		if (code < 0) {
			fail(&w, i, code);
		}
	}
	for (int round = 0; round < ROUNDS && code >= 0; round++) {
		run_round(&w);
		if (!lost_power(c, samples) || now(c) >= w.give_up_ns) {
			break;
		}
	}
	if (code == 0 && !w.answered && w.error < 0) {
		code = w.error;
	}
	return code < 0 ? code : (int)c->n;
}
