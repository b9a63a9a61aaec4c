// SPDX-License-Identifier: BSD-2-Clause
#include "report.h"

#include <string.h>

void report_begin(struct report *r, FILE *out, enum report_format format, bool colour,
		  unsigned planned)
{
	*r = (struct report){ .out = out, .format = format, .colour = colour };
	if (format == REPORT_TAP) {
		fprintf(out, "TAP version 14\n1..%u\n", planned);
	} else if (format == REPORT_JSON) {
		r->checks = json_array();
	}
}

static void begin_line(const struct report *r, enum selftest_status status)
{
	static const char *const colours[] = {
		[SELFTEST_PASS] = "\033[32m",
		[SELFTEST_WARN] = "\033[33m",
		[SELFTEST_FAIL] = "\033[1;31m",
		[SELFTEST_SKIP] = "\033[2m",
	};

	fprintf(r->out, "%s%s%s  ", r->colour ? colours[status] : "", selftest_status_name(status),
		r->colour ? "\033[0m" : "");
}

/* What was skipped so far, if anything was. */
static void end_skipped(struct report *r)
{
	if (r->skipped == 0) {
		return;
	}
	begin_line(r, SELFTEST_SKIP);
	fprintf(r->out, "%-22s ", r->skipped_names);
	if (r->skipped > 1) {
		fprintf(r->out, "(%u) ", r->skipped);
	}
	fprintf(r->out, "%s: %s\n", r->skipped_cause, r->skipped_hint);
	r->skipped = 0;
}

/* "uart/holder, receiver/baud to time": neighbours of one group by the first and the last. */
static void name_skipped(struct report *r, const struct selftest_check *check)
{
	size_t size = sizeof(r->skipped_names), used;

	if (r->skipped == 0) {
		r->skipped_names[0] = '\0';
	}
	used = strlen(r->skipped_names);
	if (r->skipped > 0 && strcmp(r->skipped_last->group, check->group) == 0) {
		used = r->skipped_run;
		snprintf(r->skipped_names + used, size - used, " to %s", check->name);
	} else {
		snprintf(r->skipped_names + used, size - used, "%s%s/%s", used > 0 ? ", " : "",
			 check->group, check->name);
		r->skipped_run = strlen(r->skipped_names);
	}
	r->skipped_last = check;
}

static void write_human(struct report *r, const struct selftest_outcome *o)
{
	char name[48];

	if (o->status == SELFTEST_SKIP && o->value[0] == '\0') {
		if (r->skipped > 0 && strcmp(r->skipped_hint, o->hint) != 0) {
			end_skipped(r);
		}
		name_skipped(r, o->check);
		r->skipped_cause = selftest_cause_name(o->cause);
		r->skipped_hint = o->hint;
		r->skipped++;
		return;
	}
	end_skipped(r);
	begin_line(r, o->status);
	snprintf(name, sizeof(name), "%s/%s", o->check->group, o->check->name);
	fprintf(r->out, "%-22s %s%s%s", name,
		o->cause != CAUSE_NONE ? selftest_cause_name(o->cause) : "",
		o->cause != CAUSE_NONE && o->value[0] != '\0' ? ": " : "", o->value);
	if (o->check->limit != NULL && o->status != SELFTEST_SKIP) {
		fprintf(r->out, "  (limit: %s)", o->check->limit);
	}
	fputc('\n', r->out);
	if (o->hint != NULL && o->status != SELFTEST_SKIP) {
		fprintf(r->out, "      -> %s\n", o->hint);
	}
}

/* A double-quoted YAML scalar. */
static void yaml(FILE *out, const char *key, const char *text)
{
	fprintf(out, "  %s: \"", key);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\') {
			fputc('\\', out);
		}
		fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
	}
	fputs("\"\n", out);
}

static void write_tap(const struct report *r, const struct selftest_outcome *o)
{
	fprintf(r->out, "%sok %u - %s/%s", o->status == SELFTEST_FAIL ? "not " : "", r->reported,
		o->check->group, o->check->name);
	if (o->status == SELFTEST_SKIP) {
		fprintf(r->out, " # SKIP %s\n",
			o->hint != NULL ? o->hint : selftest_cause_name(o->cause));
		return;
	}
	fprintf(r->out, "\n  ---\n");
	if (o->cause != CAUSE_NONE) {
		yaml(r->out, "status", selftest_status_name(o->status));
		yaml(r->out, "cause", selftest_cause_name(o->cause));
		yaml(r->out, "hint", o->hint);
	}
	yaml(r->out, "value", o->value);
	if (o->check->limit != NULL) {
		yaml(r->out, "limit", o->check->limit);
	}
	fprintf(r->out, "  ...\n");
}

static json_t *text_or_null(const char *text)
{
	return text != NULL && *text != '\0' ? json_string(text) : json_null();
}

static void write_json(struct report *r, const struct selftest_outcome *o)
{
	json_t *check = json_pack(
		"{ss ss ss so so so so si}", "group", o->check->group, "name", o->check->name,
		"status", selftest_status_name(o->status), "value", text_or_null(o->value), "limit",
		text_or_null(o->check->limit), "cause", text_or_null(selftest_cause_name(o->cause)),
		"hint", text_or_null(o->hint), "ms", (int)o->ms);

	json_array_append_new(r->checks, check);
}

void report_add(struct report *r, const struct selftest_outcome *o)
{
	r->count[o->status]++;
	r->reported++;
	switch (r->format) {
	case REPORT_HUMAN:
		write_human(r, o);
		break;
	case REPORT_TAP:
		write_tap(r, o);
		break;
	case REPORT_JSON:
		write_json(r, o);
		break;
	}
	fflush(r->out);
}

void report_end(struct report *r)
{
	if (r->format == REPORT_JSON) {
		json_t *whole = json_pack(
			"{si ss so si si si si}", "format", 1, "version", GEOTHERM_VERSION,
			"checks", r->checks, "passed", (int)r->count[SELFTEST_PASS], "warned",
			(int)r->count[SELFTEST_WARN], "failed", (int)r->count[SELFTEST_FAIL],
			"skipped", (int)r->count[SELFTEST_SKIP]);

		json_dumpf(whole, r->out, JSON_INDENT(1));
		fputc('\n', r->out);
		json_decref(whole);
	} else {
		end_skipped(r);
		fprintf(r->out, "%s%u passed, %u warned, %u failed, %u skipped\n",
			r->format == REPORT_TAP ? "# " : "\n", r->count[SELFTEST_PASS],
			r->count[SELFTEST_WARN], r->count[SELFTEST_FAIL], r->count[SELFTEST_SKIP]);
	}
	fflush(r->out);
}
