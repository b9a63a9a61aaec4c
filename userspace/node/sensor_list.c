// SPDX-License-Identifier: BSD-2-Clause
#include "sensor_list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "userspace/reading/rom.h"

bool sensor_list_is_known(const struct sensor *s)
{
	return s->reads == SENSOR_LIST_READS;
}

static struct sensor *find(struct sensor_list *list, const uint8_t rom[8])
{
	for (unsigned i = 0; i < list->n; i++) {
		if (memcmp(list->sensors[i].rom, rom, 8) == 0) {
			return &list->sensors[i];
		}
	}
	return NULL;
}

static struct sensor *append(struct sensor_list *list, const uint8_t rom[8])
{
	struct sensor *s = &list->sensors[list->n++];

	memset(s, 0, sizeof(*s));
	memcpy(s->rom, rom, 8);
	return s;
}

void sensor_list_fix(struct sensor_list *list, const uint8_t roms[][8], unsigned n)
{
	struct sensor_list before = *list;

	list->fixed = true;
	list->changed |= n != list->n;
	list->n = 0;
	for (unsigned i = 0; i < n; i++) {
		const struct sensor *known = find(&before, roms[i]);
		struct sensor *s = append(list, roms[i]);

		list->changed |= i >= before.n || memcmp(before.sensors[i].rom, roms[i], 8) != 0;
		*s = known != NULL ? *known : *s;
		s->reads = SENSOR_LIST_READS;
	}
}

bool sensor_list_forget(struct sensor_list *list, const uint8_t rom[8])
{
	struct sensor *s = find(list, rom);

	if (s == NULL) {
		return false;
	}
	list->changed = true;
	list->n--;
	memmove(s, s + 1, (size_t)(&list->sensors[list->n] - s) * sizeof(*s));
	return true;
}

/* --- a cycle ------------------------------------------------------------------ */

/* By the family and what the survey of clones gives for all genuine DS18B20 (ds18b20_identify.h).
 */
static void name_make(const struct thermometer_sample *t, char make[SENSOR_MAKE_SIZE])
{
	const uint8_t *rom = t->rom, *sp = t->scratchpad;
	bool genuine;

	switch (rom[0]) {
	case DS18B20_FAMILY:
		genuine = sp[5] == 0xff && sp[7] == 0x10 && rom[5] == 0 && rom[6] == 0;
		snprintf(make, SENSOR_MAKE_SIZE, "DS18B20%s", genuine ? "" : " clone");
		return;
	case DS18S20_FAMILY:
		snprintf(make, SENSOR_MAKE_SIZE, "DS18S20");
		return;
	case DS1822_FAMILY:
		snprintf(make, SENSOR_MAKE_SIZE, "DS1822");
		return;
	case DS1825_FAMILY:
		snprintf(make, SENSOR_MAKE_SIZE, "%s",
			 ds18b20_is_max318xx(rom[0], sp) ? "MAX31826 or MAX31850" : "DS1825");
		return;
	default:
		snprintf(make, SENSOR_MAKE_SIZE, "DS28EA00");
	}
}

static void check_make(struct sensor_list *list, struct sensor *s,
		       const struct thermometer_sample *t)
{
	char make[SENSOR_MAKE_SIZE];

	name_make(t, make);
	if (strcmp(make, s->make) == 0) {
		s->other_makes = 0;
		return;
	}
	s->other_makes++;
	if (s->make[0] != '\0' && s->other_makes < SENSOR_LIST_READS) {
		return;
	}
	if (s->make[0] != '\0') {
		memcpy(s->former_make, s->make, sizeof(s->make));
		s->event = SENSOR_OTHER_MAKE;
	}
	list->changed |= sensor_list_is_known(s) && s->make[0] == '\0';
	memcpy(s->make, make, sizeof(make));
	s->other_makes = 0;
}

static void update(struct sensor_list *list, struct sensor *s, const struct thermometer_sample *t,
		   int64_t utc_us)
{
	bool missed = s->misses == SENSOR_LIST_READS;

	s->event = SENSOR_UNCHANGED;
	if (t->quality == DS18B20_BUS_FAILED) {
		return; /* no news of this sensor */
	}
	if (!t->temp_known) {
		s->misses = (uint8_t)(s->misses + !missed);
		if (!missed && s->misses == SENSOR_LIST_READS && sensor_list_is_known(s)) {
			s->event = SENSOR_MISSED;
		}
		return;
	}
	s->misses = 0;
	s->seen_us = utc_us != 0 ? utc_us : s->seen_us;
	s->since_us = s->since_us != 0 ? s->since_us : utc_us;
	if (missed && sensor_list_is_known(s)) {
		s->event = SENSOR_BACK;
	}
	check_make(list, s, t);
	if (!sensor_list_is_known(s) && ++s->reads == SENSOR_LIST_READS) {
		s->event = SENSOR_KNOWN;
		list->changed = true;
	}
}

/* NULL: it has none. */
static struct sensor *place_of(struct sensor_list *list, const struct thermometer_sample *t)
{
	struct sensor *s = find(list, t->rom);

	if (s != NULL || t->quality == DS18B20_ABSENT || t->quality == DS18B20_BUS_FAILED) {
		return s;
	}
	if (!list->fixed && list->n < SENSOR_LIST_MAX) {
		return append(list, t->rom);
	}
	list->refused++;
	list->refused_named = true;
	memcpy(list->refused_rom, t->rom, 8);
	return NULL;
}

void sensor_list_apply(struct sensor_list *list, struct thermometers_result *result, int64_t utc_us)
{
	struct thermometer_sample placed[SENSOR_LIST_MAX] = { 0 };
	bool found[SENSOR_LIST_MAX] = { false };

	list->refused = result->turned_away;
	list->refused_named = false;
	for (unsigned i = 0; i < result->n; i++) {
		const struct sensor *s = place_of(list, &result->sample[i]);

		if (s != NULL) {
			placed[s - list->sensors] = result->sample[i];
			found[s - list->sensors] = result->sample[i].quality != DS18B20_ABSENT;
		}
	}
	while (list->n > 0 && !found[list->n - 1] &&
	       !sensor_list_is_known(&list->sensors[list->n - 1])) {
		list->n--;
	}
	for (unsigned i = 0; i < list->n; i++) {
		struct sensor *s = &list->sensors[i];

		if (memcmp(placed[i].rom, s->rom, 8) != 0) { /* no bus has it */
			memcpy(placed[i].rom, s->rom, 8);
			placed[i].quality = result->missing;
		}
		update(list, s, &placed[i], utc_us);
	}
	memcpy(result->sample, placed, sizeof(placed));
	result->n = list->n;
}

void sensor_list_refusal(const struct sensor_list *list, char *text, size_t size)
{
	char rom[ROM_NAME_SIZE];

	*text = '\0';
	if (list->refused > 0) {
		snprintf(
			text, size, "%u more sensor%s not recorded%s%s: %s", list->refused,
			list->refused == 1 ? " is" : "s are",
			list->refused_named ? ", such as " : "",
			list->refused_named ? rom_format(rom, list->refused_rom) : "",
			list->fixed
				? "[w1] sensors names others"
				: "the list is full (64): geotherm sensor forget those that are gone");
	}
}

/* --- as text -------------------------------------------------------------------- */

void sensor_list_write(const struct sensor_list *list, char text[SENSOR_LIST_TEXT_SIZE])
{
	size_t used = 0;

	*text = '\0';
	for (unsigned i = 0; i < list->n; i++) {
		const struct sensor *s = &list->sensors[i];
		char rom[ROM_NAME_SIZE];

		if (sensor_list_is_known(s)) {
			used += (size_t)snprintf(text + used, SENSOR_LIST_TEXT_SIZE - used,
						 "%s %" PRId64 " %" PRId64 " %s\n",
						 rom_format(rom, s->rom), s->since_us, s->seen_us,
						 s->make);
		}
	}
}

int sensor_list_read(struct sensor_list *list, const char *text)
{
	memset(list, 0, sizeof(*list));
	while (*text != '\0') {
		struct sensor s = { .reads = SENSOR_LIST_READS };
		size_t length = strcspn(text, "\n");
		char line[100], rom[ROM_NAME_SIZE];
		int used = 0;

		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		if (sscanf(line, "%15s %" SCNd64 " %" SCNd64 "%n", rom, &s.since_us, &s.seen_us,
			   &used) != 3 ||
		    line[used] != ' ' || !rom_parse(rom, s.rom) || text[length] != '\n' ||
		    find(list, s.rom) != NULL || list->n == SENSOR_LIST_MAX) {
			return -EINVAL;
		}
		snprintf(s.make, sizeof(s.make), "%s", line + used + 1);
		list->sensors[list->n++] = s;
		text += length + 1;
	}
	return 0;
}
