// SPDX-License-Identifier: BSD-2-Clause
#include "status.h"

#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpio-w1/ds18b20.h"
#include "userspace/reading/rom.h"

/* To the millisecond. */
static double seconds(uint64_t ns)
{
	uint64_t ms = ns / 1000000;

	return (double)ms / 1000;
}

/* Unknown is null. */
static json_t *age(const struct status *s, uint64_t at_ns)
{
	return at_ns == 0 || at_ns > s->boot_ns ? json_null()
						: json_real(seconds(s->boot_ns - at_ns));
}

static json_t *text(const char *value)
{
	json_t *json = value == NULL || value[0] == '\0' ? json_null() : json_string(value);

	return json != NULL ? json : json_string("(not UTF-8)");
}

static json_t *scaled(const struct reading *r, enum reading_scalar id)
{
	double value;

	if (r == NULL || !reading_knows(r, id)) {
		return json_null();
	}
	value = (double)reading_scalar_get(r, id);
	for (int8_t e = reading_scalars[id].exponent; e < 0; e++) {
		value /= 10;
	}
	return reading_scalars[id].exponent == 0 ? json_integer(reading_scalar_get(r, id))
						 : json_real(value);
}

static json_t *sensors(const struct status *s)
{
	const struct reading *r = s->last;
	json_t *list = json_array();

	for (unsigned i = 0; r != NULL && i < r->n_temperatures; i++) {
		const struct thermometer_sample *t = &r->temperatures[i];
		char rom[ROM_NAME_SIZE];

		rom_format(rom, t->rom);
		json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:i}", "rom", rom, "celsius",
						      t->temp_known ? json_real(t->temp_mc / 1000.0)
								    : json_null(),
						      "quality", ds18b20_quality_name(t->quality),
						      "retries", t->retries));
	}
	return list;
}

static json_t *utc(int64_t us)
{
	return us != 0 ? json_integer(us) : json_null();
}

static json_t *known(const struct sensor_list *list)
{
	json_t *known = json_array();

	for (unsigned i = 0; list != NULL && i < list->n; i++) {
		const struct sensor *sensor = &list->sensors[i];
		char rom[ROM_NAME_SIZE];

		json_array_append_new(known,
				      json_pack("{s:s, s:b, s:o, s:o, s:o, s:o}", "rom",
						rom_format(rom, sensor->rom), "known",
						sensor_list_is_known(sensor), "since_us",
						utc(sensor->since_us), "seen_us",
						utc(sensor->seen_us), "make", text(sensor->make),
						"former_make", text(sensor->former_make)));
	}
	return known;
}

static json_t *w1(const struct status *s)
{
	char refused[200] = "";

	if (s->sensors != NULL) {
		sensor_list_refusal(s->sensors, refused, sizeof(refused));
	}
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "bus", s->w1_bus, "reason",
			 text(s->w1_reason), "sensors", sensors(s), "known", known(s->sensors),
			 "refused", text(refused));
}

static json_t *outbox(const struct status *s)
{
	const struct outbox_stats *o = s->outbox;
	uint64_t waiting = o->rows - o->refused + o->unprotected;
	char epoch[24];
	json_t *oldest = json_null();

	snprintf(epoch, sizeof(epoch), "%" PRIu64, o->epoch); /* JSON numbers end at 2^53 */
	if (o->oldest_boot_ns != 0) {
		oldest = age(s, o->oldest_boot_ns);
	} else if (o->oldest_utc_us != 0 && s->now.source != READING_TIME_NONE) {
		oldest = json_real(
			s->now.utc_us > o->oldest_utc_us
				? seconds((uint64_t)(s->now.utc_us - o->oldest_utc_us) * 1000)
				: 0);
	}
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}",
			 "epoch", epoch, "new_epochs", (json_int_t)o->new_epochs, "kept",
			 (json_int_t)o->kept, "next_seq", (json_int_t)o->next_seq, "waiting",
			 (json_int_t)waiting, "unprotected", (json_int_t)o->unprotected, "refused",
			 (json_int_t)o->refused, "gaps", (json_int_t)o->gaps, "bytes",
			 (json_int_t)o->bytes, "dropped", (json_int_t)o->dropped, "not_written",
			 (json_int_t)o->not_written, "syncs", (json_int_t)o->syncs, "oldest_s",
			 oldest, "lost_s", age(s, s->lost_ns));
}

static json_t *clock_json(const struct status *s)
{
	bool known = s->now.source != READING_TIME_NONE;
	const struct clock *c = s->clock;

	return json_pack(
		"{s:s, s:o, s:o, s:o, s:o}", "source",
		known ? reading_time_source_name(s->now.source) : "none", "utc_us",
		known ? json_integer(s->now.utc_us) : json_null(), "accuracy_s",
		known && s->now.acc_ns != CLOCK_ACC_UNKNOWN ? json_real((double)s->now.acc_ns / 1e9)
							    : json_null(),
		"step_s",
		c != NULL && c->step_us != 0 ? json_real((double)c->step_us / 1e6) : json_null(),
		"disagreement",
		c != NULL && c->disagrees != READING_TIME_NONE
			? json_pack("{s:s, s:f}", "source", reading_time_source_name(c->disagrees),
				    "seconds", (double)c->disagrees_us / 1e6)
			: json_null());
}

static json_t *problems(const struct ubx_health *h)
{
	json_t *list = json_array();

	for (unsigned p = 0; p < UBX_PROBLEM_COUNT; p++) {
		if ((h->problems >> p & 1) != 0) {
			json_array_append_new(list,
					      json_string(ubx_problem_text((enum ubx_problem)p)));
		}
	}
	return list;
}

static json_t *signals(const struct ubx_health *h, bool polled)
{
	json_t *list = json_array();

	for (unsigned i = 0; polled && i < h->sats_seen; i++) {
		const struct ubx_satellite *sat = &h->satellites[i];

		json_array_append_new(list,
				      json_pack("{s:i, s:i, s:i, s:i, s:b}", "id", sat->id, "cno",
						sat->cno_dbhz, "elevation", sat->elevation_deg,
						"azimuth", sat->azimuth_deg, "used", sat->used));
	}
	return list;
}

static json_t *gnss(const struct status *s)
{
	static const struct ubx_health unknown;
	const struct ubx_health *h = s->gnss_health != NULL ? s->gnss_health : &unknown;
	const struct reading *r = s->last;

	return json_pack(
		"{s:o, s:I, s:o, s:I, s:o,"
		" s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"pulse", text(s->gnss_pulse), "restarts", (json_int_t)s->gnss_events.restarts,
		"restart", text(s->gnss_events.restarts > 0 ? s->gnss_events.restart : NULL),
		"notices", (json_int_t)s->gnss_events.notices, "notice",
		text(s->gnss_events.notice), "problems", problems(h), "antenna",
		text(ubx_antenna_text(h)), "jamming",
		(h->seen & UBX_SEEN_HW) != 0 ? json_integer(h->jam_indicator) : json_null(),
		"signals", signals(h, s->gnss_signals), "state", s->gnss_state, "reason",
		text(s->gnss_reason), "port", text(s->gnss_port), "identity",
		text(s->gnss_identity), "fix", scaled(r, READING_FIX_TYPE), "fix_age_s",
		scaled(r, READING_FIX_AGE), "lat", scaled(r, READING_LAT), "lon",
		scaled(r, READING_LON), "alt_m", scaled(r, READING_ALT), "hacc_m",
		scaled(r, READING_HACC), "satellites", scaled(r, READING_NUM_SV));
}

static json_t *uplink(const struct status *s)
{
	const struct uplink_stats *u = s->uplink;
	json_t *servers = json_array();

	for (unsigned i = 0; i < u->n_servers; i++) {
		json_array_append_new(servers, json_string(u->servers[i]));
	}
	return json_pack(
		"{s:s, s:o, s:o, s:o, s:i, s:I, s:I, s:o, s:o, s:o, s:o}", "state", u->state,
		"retry_s",
		u->retry_ns > s->boot_ns ? json_real(seconds(u->retry_ns - s->boot_ns))
					 : json_null(),
		"server", text(u->server), "servers", servers, "in_flight", (int)u->in_flight,
		"sent", (json_int_t)u->sent, "failures", (json_int_t)u->failures, "last_sent_s",
		age(s, u->last_sent_ns), "certificate_days",
		s->certificate_days == INT_MIN ? json_null() : json_integer(s->certificate_days),
		"error", text(u->credentials_error), "exposed", text(u->exposed));
}

static json_t *all(const struct status *s)
{
	const struct reading *r = s->last;
	char boot[17];

	snprintf(boot, sizeof(boot), "%016" PRIx64, s->boot);
	return json_pack(
		"{s:i, s:s, s:s, s:i, s:s, s:f, s:f, s:f, s:{s:o, s:I, s:o, s:o, s:o, s:o}, s:o, s:o, s:o, s:o, s:o,"
		" s:{s:o, s:o}, s:{s:o, s:o}}",
		"format", 1, "version", GEOTHERM_VERSION, "device", s->device, "pid", (int)getpid(),
		"boot", boot, "boot_s", seconds(s->boot_ns), "period_s", s->period_ms / 1000.0,
		"running_s", seconds(s->boot_ns - s->started_ns), "reading", "age_s",
		age(s, r != NULL ? r->boot_ns : 0), "seq", (json_int_t)(r != NULL ? r->seq : 0),
		"note", text(r != NULL ? r->note : NULL), "throttled", scaled(r, READING_THROTTLED),
		"cpu_celsius", scaled(r, READING_CPU_TEMP), "uptime_s", scaled(r, READING_UPTIME),
		"w1", w1(s), "gnss", gnss(s), "clock", clock_json(s), "outbox", outbox(s), "uplink",
		uplink(s), "last_error", "text", text(s->last_error), "age_s",
		s->last_error != NULL && s->last_error[0] != '\0' ? age(s, s->last_error_ns)
								  : json_null(),
		"reload", "age_s", age(s, s->reload_ns), "refused", text(s->reload_refused));
}

char *status_text(const struct status *s)
{
	json_t *json = all(s);
	char *text = json != NULL ? json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(12))
				  : NULL;
	size_t size = text != NULL ? strlen(text) : 0;
	char *line = text != NULL ? realloc(text, size + 2) : NULL;

	json_decref(json);
	if (line == NULL) {
		free(text);
		return NULL;
	}
	memcpy(line + size, "\n", 2);
	return line;
}
