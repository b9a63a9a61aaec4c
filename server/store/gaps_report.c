// SPDX-License-Identifier: BSD-2-Clause
#include "gaps_report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "time/civil.h"
#include "userspace/reading/gap_list.h"

#define NEVER_ARRIVED "never arrived"

struct range {
	struct gaps_range range;
	char cause[32]; /* "": arrived */
};

/* The stream under way; ranges come stream by stream. */
struct report {
	json_t *streams;
	bool missing_only;
	uint64_t missing; /* numbers that never arrived */
	uint64_t epoch;
	struct range *ranges;
	size_t n, size;
};

static int by_first(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->range.first < y->range.first ? -1 : x->range.first > y->range.first;
}

static void add_hole(const struct report *report, json_t *holes, uint64_t first, uint64_t last,
		     const char *cause)
{
	if (report->missing_only &&
	    (strcmp(cause, NEVER_ARRIVED) != 0 || json_array_size(holes) == GAP_LIST_MAX)) {
		return;
	}
	json_array_append_new(holes, json_pack("{s:I, s:I, s:s}", "first", (json_int_t)first,
					       "last", (json_int_t)last, "cause", cause));
}

static void close_stream(struct report *report)
{
	json_t *holes = json_array();
	uint64_t seen = 0, complete = 0;
	char epoch[17];

	if (report->n == 0 && !report->missing_only) {
		json_decref(holes);
		return;
	}
	if (report->n > 0) {
		qsort(report->ranges, report->n, sizeof(report->ranges[0]), by_first);
	}
	for (size_t i = 0; i < report->n; i++) {
		const struct range *r = &report->ranges[i];

		if (r->range.first > seen + 1) {
			report->missing += r->range.first - 1 - seen;
			add_hole(report, holes, seen + 1, r->range.first - 1, NEVER_ARRIVED);
		}
		if (r->cause[0] != '\0') {
			add_hole(report, holes, r->range.first, r->range.last, r->cause);
		}
		if (r->range.first <= complete + 1 && r->range.last > complete) {
			complete = r->range.last;
		}
		if (r->range.last > seen) {
			seen = r->range.last;
		}
	}
	snprintf(epoch, sizeof(epoch), "%016" PRIx64, report->epoch);
	json_array_append_new(report->streams, json_pack("{s:s, s:I, s:I, s:o}", "epoch", epoch,
							 "complete", (json_int_t)complete, "last",
							 (json_int_t)seen, "holes", holes));
	report->n = 0;
}

static int add_range(void *arg, uint64_t epoch, struct gaps_range range, const char *cause)
{
	struct report *report = arg;

	if (report->n > 0 && report->epoch != epoch) {
		close_stream(report);
	}
	report->epoch = epoch;
	if (report->n == report->size) {
		size_t size = report->size * 2 + 16;
		struct range *grown = realloc(report->ranges, size * sizeof(*grown));

		if (grown == NULL) {
			return -ENOMEM;
		}
		report->ranges = grown;
		report->size = size;
	}
	report->ranges[report->n] = (struct range){ .range = range };
	snprintf(report->ranges[report->n++].cause, sizeof(report->ranges[0].cause), "%s",
		 cause != NULL ? cause : "");
	return 0;
}

static void put_time(json_t *object, const char *name, int64_t us)
{
	char text[CIVIL_TEXT_SIZE];

	if (us > 0) {
		json_object_set_new(object, name, json_string(civil_text(us / 1000000, text)));
	}
}

static int add_start(void *arg, const struct store_start *start)
{
	char epoch[17];
	json_t *object;

	snprintf(epoch, sizeof(epoch), "%016" PRIx64, start->epoch);
	object = json_pack("{s:s, s:I, s:s}", "epoch", epoch, "seq", (json_int_t)start->seq,
			   "cause", reading_start_name(start->cause));
	put_time(object, "since", start->since_us);
	put_time(object, "until", start->until_us);
	return json_array_append_new(arg, object) == 0 ? 0 : -ENOMEM;
}

int gaps_report(struct store *store, const char *device, uint64_t only_epoch, char **out,
		uint64_t *missing)
{
	struct report report = { .streams = json_array(),
				 .missing_only = only_epoch != 0,
				 .epoch = only_epoch };
	json_t *starts = json_array();
	int rc = store_ranges(store, device, only_epoch, add_range, &report);

	if (rc >= 0 && only_epoch == 0) {
		rc = store_starts(store, device, add_start, starts);
	}
	if (rc >= 0) {
		json_t *all;

		close_stream(&report);
		*missing = report.missing;
		rc = (int)json_array_size(report.streams);
		all = json_pack("{s:s, s:O, s:O}", "device", device, "streams", report.streams,
				"starts", starts);
		*out = all != NULL ? json_dumps(all, JSON_COMPACT) : NULL;
		json_decref(all);
		rc = *out != NULL ? rc : -ENOMEM;
	}
	json_decref(report.streams);
	json_decref(starts);
	free(report.ranges);
	return rc;
}
