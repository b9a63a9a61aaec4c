// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "w1_rise.h"

#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>
#endif

#include "w1_error.h"

#define MATCH_ROM 0x55
#define STEP_NS 250
#define STEPS 80 /* to 20 us */
#define LOOKS 3 /* a step */
#define ENOUGH 8 /* steps in a row that were all high: it has risen */
#define CHECK_LOOKS 4
#define CHECK_NS 1500 /* so far from the measured rise all looks agree */
#define SPREAD 8 /* steps, by what the calls take more or less */
#define TRIES 30

/* Which looks were low and which high, by the time they were taken. */
struct series {
	uint16_t low[STEPS], high[STEPS];
};

static void count(struct series *series, uint64_t ns, bool high)
{
	uint64_t step = ns / STEP_NS;

	if (step < STEPS) {
		series->low[step] += !high;
		series->high[step] += high;
	}
}

/*
 * The time before which most looks were low and after which most were high: noise in single looks
 * does not move it.
 */
static uint32_t boundary(const struct series *series)
{
	unsigned int wrong = 0, best, place = 0;

	for (unsigned int i = 0; i < STEPS; i++) {
		wrong += series->low[i];
	}
	best = wrong;
	for (unsigned int i = 0; i < STEPS; i++) {
		wrong = wrong + series->high[i] - series->low[i];
		if (wrong < best) {
			best = wrong;
			place = i + 1;
		}
	}
	return place * STEP_NS;
}

/* The latest look that was low. Far behind the boundary it was noise. */
static uint32_t last_low(const struct series *series, uint32_t boundary_ns)
{
	unsigned int from = boundary_ns / STEP_NS, last = from;

	for (unsigned int i = from; i < from + SPREAD && i < STEPS; i++) {
		last = series->low[i] > 0 ? i + 1 : last;
	}
	return last * STEP_NS;
}

/* No device answers or obeys the slots that follow, until the next reset. */
static int deselect(struct w1_slots *s)
{
	int code = W1_EVIOLATION;

	for (unsigned int i = 0; i < TRIES && code == W1_EVIOLATION; i++) {
		code = w1_slot_reset(s);
		for (unsigned int bit = 0; bit < 8 && code == 0; bit++) {
			code = w1_slot_write(s, (MATCH_ROM >> bit & 1) != 0);
		}
	}
	/* The first look is a 1; a ROM code begins with a family code, which are even. */
	return code == W1_ENOPRESENCE || code == W1_EECHO ? 0 : code;
}

static int sweep(struct w1_slots *s, struct series *settle, struct series *rise, uint64_t *call_ns)
{
	unsigned int risen = 0;
	int code = 0;

	for (unsigned int i = 0; i < STEPS && risen < ENOUGH && code == 0; i++) {
		unsigned int highs = 0;

		for (unsigned int n = 0; n < LOOKS && code == 0; n++) {
			struct w1_look look = { 0 };

			code = w1_slot_look(s, i * STEP_NS, &look);
			if (code == 0) {
				/* Half the release and half the sample. */
				uint64_t call = look.rise_ns - look.settle_ns;

				*call_ns = call < *call_ns ? call : *call_ns;
				count(settle, look.settle_ns, look.high);
				count(rise, look.rise_ns, look.high);
				highs += look.high;
			}
		}
		risen = highs == LOOKS ? risen + 1 : 0;
	}
	return code;
}

int w1_rise_measure(struct w1_slots *s)
{
	struct series settle, rise;
	uint64_t call_ns = UINT64_MAX;
	uint32_t rise_ns, before = s->rise_ns > 0 ? s->rise_ns : W1_RISE_UNSEEN_NS;
	int code;

	memset(&settle, 0, sizeof(settle));
	memset(&rise, 0, sizeof(rise));
	s->rise_ns = W1_RISE_MAX_NS; /* for the slots of the measurement itself */
	code = deselect(s);
	if (code == 0) {
		code = sweep(s, &settle, &rise, &call_ns);
	}
	if (code != 0) {
		s->rise_ns = before;
		return code;
	}
	rise_ns = boundary(&rise);
	if (rise_ns > W1_RISE_MAX_NS) {
		s->rise_ns = rise_ns;
		return W1_ERISE;
	}
	s->rise_ns = rise_ns > W1_RISE_UNSEEN_NS ? rise_ns : W1_RISE_UNSEEN_NS;
	s->call_ns = (uint32_t)call_ns;
	s->settle_ns = last_low(&settle, boundary(&settle));
	return 0;
}

int w1_rise_check(struct w1_slots *s)
{
	unsigned int agreed = 0, looks = 0;
	int code = s->rise_ns > W1_RISE_MAX_NS ? W1_ERISE : deselect(s);

	for (unsigned int i = 0; i < 2 * CHECK_LOOKS && code == 0; i++) {
		bool before = i % 2 == 0;
		struct w1_look look = { 0 };

		if (before && s->settle_ns <= CHECK_NS) {
			continue;
		}
		code = w1_slot_look(s, before ? s->settle_ns - CHECK_NS : s->settle_ns + CHECK_NS,
				    &look);
		looks++;
		agreed += look.high != before;
	}
	return code == 0 && agreed + 1 >= looks ? 0 : w1_rise_measure(s);
}
