// SPDX-License-Identifier: BSD-2-Clause
#include "sampler.h"

#include <string.h>

#define SLACK_NS (250 * UINT64_C(1000000)) /* of a cycle that takes longer than the one before */

static uint64_t cycle_ns(const struct sampler *s)
{
	return s->took_ns + SLACK_NS > SAMPLER_LEAD_NS ? s->took_ns + SLACK_NS : SAMPLER_LEAD_NS;
}

static uint64_t lead_ns(const struct sampler *s)
{
	return s->period_ns < cycle_ns(s) ? s->period_ns : cycle_ns(s);
}

static uint64_t wait_until_ns(const struct sampler *s)
{
	uint64_t wait_ns = cycle_ns(s) - SAMPLER_LEAD_NS + SAMPLER_CYCLE_WAIT_NS;

	return s->started_ns + wait_ns;
}

/*
 * A shorter period than a cycle takes is kept: such readings have temperatures only when a cycle
 * has ended.
 */
static bool waits_for_cycle(const struct sampler *s)
{
	return s->running && s->period_ns >= SAMPLER_LEAD_NS && s->period_ns >= s->took_ns;
}

static bool waits_for_fix(const struct sampler *s)
{
	return s->has_fix && !s->fix_is_new && s->period_ns >= s->rate_ns;
}

void sampler_init(struct sampler *s, unsigned period_ms, unsigned rate_ms, uint64_t now_ns)
{
	memset(s, 0, sizeof(*s));
	s->period_ns = period_ms * UINT64_C(1000000);
	s->rate_ns = rate_ms * UINT64_C(1000000);
	s->due_ns = now_ns + (period_ms > 0 ? lead_ns(s) : SAMPLER_NO_FIX_NS);
}

void sampler_set_period(struct sampler *s, unsigned period_ms, uint64_t now_ns)
{
	uint64_t due_ns;

	s->period_ns = period_ms * UINT64_C(1000000);
	due_ns = now_ns + (period_ms > 0 ? s->period_ns : SAMPLER_NO_FIX_NS);
	s->due_ns = s->due_ns < due_ns ? s->due_ns : due_ns;
}

bool sampler_wants_cycle(const struct sampler *s, uint64_t now_ns)
{
	return s->has_bus && !s->running && !s->has_result &&
	       (s->period_ns == 0 || now_ns + lead_ns(s) >= s->due_ns);
}

void sampler_cycle_started(struct sampler *s, uint64_t now_ns)
{
	s->running = true;
	s->started_ns = now_ns;
}

void sampler_accept_result(struct sampler *s, const struct thermometers_result *result)
{
	s->running = false;
	s->has_result = true;
	s->result = *result;
	s->took_ns = result->converted_ns > s->started_ns ? result->converted_ns - s->started_ns
							  : 0;
}

void sampler_accept_fix(struct sampler *s, const struct gnss_fix *fix)
{
	s->has_fix = fix != NULL;
	s->fix_is_new = fix != NULL;
	if (fix != NULL) {
		s->fix = *fix;
	}
}

bool sampler_is_ready(const struct sampler *s, uint64_t now_ns)
{
	if (s->period_ns == 0) {
		return s->fix_is_new || now_ns >= s->due_ns;
	}
	if (now_ns < s->due_ns) {
		return false;
	}
	if (waits_for_cycle(s) && now_ns < wait_until_ns(s)) {
		return false;
	}
	return !waits_for_fix(s) || now_ns >= s->due_ns + s->rate_ns;
}

uint64_t sampler_deadline_ns(const struct sampler *s, uint64_t now_ns)
{
	uint64_t at = s->due_ns;

	if (s->period_ns == 0) {
		return at;
	}
	if (s->has_bus && !s->running && !s->has_result) {
		return at - lead_ns(s);
	}
	if (now_ns < at) {
		return at;
	}
	if (waits_for_cycle(s) && now_ns < wait_until_ns(s)) {
		return wait_until_ns(s);
	}
	return at + s->rate_ns;
}

static void put_temperatures(const struct thermometers_result *result, struct reading *r)
{
	r->n_temperatures = result->n < READING_TEMPERATURES_MAX ? result->n
								 : READING_TEMPERATURES_MAX;
	memcpy(r->temperatures, result->sample, r->n_temperatures * sizeof(r->temperatures[0]));
	reading_scalar_put(r, READING_W1_VIOLATIONS, result->violations);
	reading_scalar_put(r, READING_W1_RETRIES, result->retries);
}

static void put_fix(const struct gnss_fix *fix, uint64_t age_ns, struct reading *r)
{
	reading_scalar_put(r, READING_FIX_TYPE, fix->fix_type);
	reading_scalar_put(r, READING_FIX_OK, fix->gnss_fix_ok);
	reading_scalar_put(r, READING_NUM_SV, fix->num_sv);
	/* Cannot overflow: a fix is stale long before 49 days. */
	reading_scalar_put(r, READING_FIX_AGE, (int64_t)(age_ns / 1000000));
	if (!fix->position_known) {
		return;
	}
	reading_scalar_put(r, READING_LAT, fix->lat_e7);
	reading_scalar_put(r, READING_LON, fix->lon_e7);
	reading_scalar_put(r, READING_HEIGHT, fix->height_mm);
	reading_scalar_put(r, READING_ALT, fix->hmsl_mm);
	reading_scalar_put(r, READING_HACC, fix->hacc_mm);
	reading_scalar_put(r, READING_VACC, fix->vacc_mm);
	reading_scalar_put(r, READING_SPEED, fix->speed_mm_s);
	reading_scalar_put(r, READING_HEADING, fix->heading_e5);
	reading_scalar_put(r, READING_PDOP, fix->pdop_e2);
}

void sampler_make(struct sampler *s, const struct clock *clock, uint64_t now_ns, struct reading *r)
{
	struct clock_stamp at = clock_at(clock, now_ns);
	uint64_t age_ns = 0;

	if (s->has_fix && s->fix_is_new && s->fix.time_known && s->fix.tacc_ns != UINT32_MAX &&
	    clock_accepts(clock, s->fix.utc_us) && !clock_contradicts_fix(clock, &s->fix)) {
		at = (struct clock_stamp){
			.boot_ns = s->fix.received_ns,
			.utc_us = s->fix.utc_us,
			.source = READING_TIME_GNSS,
			.acc_ns = s->fix.tacc_ns,
		};
	} else if (s->has_fix && now_ns > s->fix.received_ns) {
		age_ns = now_ns - s->fix.received_ns;
	}
	reading_init(r);
	r->boot_ns = at.boot_ns;
	r->time_source = at.source;
	if (at.source != READING_TIME_NONE) {
		r->utc_us = at.utc_us;
		r->time_acc_ns = at.acc_ns;
	}
	if (s->has_fix) {
		put_fix(&s->fix, age_ns, r);
	}
	if (s->has_result) {
		put_temperatures(&s->result, r);
	}
	s->has_result = false;
	s->fix_is_new = false;
	if (s->period_ns == 0) {
		s->due_ns = now_ns + SAMPLER_NO_FIX_NS;
		return;
	}
	/* On the grid of the period; missed periods are not made up. */
	s->due_ns += s->period_ns;
	if (s->due_ns <= now_ns) {
		s->due_ns += (now_ns - s->due_ns) / s->period_ns * s->period_ns + s->period_ns;
	}
}
