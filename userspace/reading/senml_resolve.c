// SPDX-License-Identifier: BSD-2-Clause
#include "senml_resolve.h"
#include "userspace/reading/utf8.h"

#include <errno.h>

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == ':' || c == '.' || c == '/' || c == '_';
}

/* --- base values (RFC 8428 4.6) ------------------------------------------- */

static int keep_text(char *kept, size_t size, const struct senml_record *record,
		     enum senml_label label, struct senml_error *err)
{
	const struct senml_text *text = &record->value[label].text;

	if (!senml_record_has(record, label)) {
		return 0;
	}
	if (text->length >= size) {
		return senml_fail(err, -EBADMSG, "%s of %zu bytes, expected at most %zu",
				  senml_labels[label].name, text->length, size - 1);
	}
	memcpy(kept, text->at, text->length);
	kept[text->length] = '\0';
	return 0;
}

static int resolve_name(const struct senml_base *base, struct senml_resolved *s,
			struct senml_error *err)
{
	size_t length = strlen(base->name);
	const struct senml_text *n = &s->record->value[SENML_N].text;
	char *last = NULL;

	memcpy(s->name, base->name, length);
	if (senml_record_has(s->record, SENML_N)) {
		if (n->length >= sizeof(s->name) - length) {
			return senml_fail(err, -EBADMSG, "name of %zu bytes, expected at most %d",
					  length + n->length, SENML_NAME_MAX - 1);
		}
		memcpy(s->name + length, n->at, n->length);
		length += n->length;
	}
	s->name[length] = '\0';
	if (length == 0) {
		return senml_fail(err, -EBADMSG, "no name, expected n or bn");
	}
	for (size_t i = 0; i < length; i++) {
		if (!is_name_char(s->name[i])) {
			return senml_fail(err, -EBADMSG,
					  "byte 0x%02x in the name, expected letters, "
					  "digits or -:./_",
					  (unsigned char)s->name[i]);
		}
		last = s->name[i] == '_' ? &s->name[i] : last;
	}
	s->field = s->name;
	if (last != NULL) {
		*last = '\0';
		s->field = last + 1;
	}
	return 0;
}

/* RFC 8428 4.4: nothing of another version may be used. 10 is the one in force. */
static int check_version(const struct senml_record *record, struct senml_error *err)
{
	uint64_t version;

	if (senml_record_has(record, SENML_BVER) &&
	    (senml_number_to_u64(&record->value[SENML_BVER].number, 0, &version) != 0 ||
	     version != 10)) {
		return senml_fail(err, -EBADMSG, "bver, expected 10");
	}
	return 0;
}

/* What holds for this record and those after it. */
static int set_base(struct senml_base *base, const struct senml_record *record,
		    struct senml_error *err)
{
	if (keep_text(base->name, sizeof(base->name), record, SENML_BN, err) != 0 ||
	    keep_text(base->unit, sizeof(base->unit), record, SENML_BU, err) != 0) {
		return err->code;
	}
	if (senml_record_has(record, SENML_BT)) {
		base->time = record->value[SENML_BT].number;
	}
	if (senml_record_has(record, SENML_BV)) {
		base->value = record->value[SENML_BV].number;
		base->value_given = true;
	}
	return 0;
}

/* The unit, and bv + v if it is a number. */
static int resolve_value(const struct senml_base *base, struct senml_resolved *s,
			 struct senml_error *err)
{
	const struct senml_record *record = s->record;
	const unsigned values = record->present &
				(1u << SENML_V | 1u << SENML_VS | 1u << SENML_VB | 1u << SENML_VD);
	static const struct senml_number zero;

	if ((values & (values - 1)) != 0) {
		return senml_fail(err, -EBADMSG, "more than one of v, vs, vb, vd");
	}
	if (values == 0 && !base->value_given && !senml_record_has(record, SENML_S)) {
		return senml_fail(err, -EBADMSG, "no value, expected v, vs, vb, vd or s");
	}
	s->unit = senml_record_has(record, SENML_U)
			  ? record->value[SENML_U].text
			  : (struct senml_text){ base->unit, strlen(base->unit) };
	s->has_value = values == 1u << SENML_V || (values == 0 && base->value_given);
	if (s->has_value && senml_number_add(values == 0 ? &zero : &record->value[SENML_V].number,
					     &base->value, &s->value) != 0) {
		return senml_fail(err, -EBADMSG, "%s: bv + v is too large", s->field);
	}
	return 0;
}

int senml_resolve(struct senml_base *base, const struct senml_record *record,
		  struct senml_resolved *s, struct senml_error *err)
{
	s->record = record;
	if (check_version(record, err) != 0 || set_base(base, record, err) != 0 ||
	    resolve_name(base, s, err) != 0) {
		return err->code;
	}
	return resolve_value(base, s, err);
}

/* --- values ----------------------------------------------------------------- */

/* The number in units of 10^exponent; an unsigned one as its bits. */
int senml_resolved_number(const struct senml_resolved *s, const char *unit, int exponent,
			  bool is_signed, int64_t *value, struct senml_error *err)
{
	uint64_t bits = 0;
	int rc;

	if (!s->has_value) {
		return senml_fail(err, -EBADMSG, "%s: expected a number (v)", s->field);
	}
	if (s->unit.length != strlen(unit) || memcmp(s->unit.at, unit, s->unit.length) != 0) {
		return senml_fail(
			err, -EBADMSG, "%s: unit \"%.*s\", expected \"%s\"", s->field,
			(int)utf8_prefix(s->unit.at, s->unit.length < 16 ? s->unit.length : 16),
			s->unit.at, unit);
	}
	if (is_signed) {
		rc = senml_number_to_i64(&s->value, exponent, value);
	} else {
		rc = senml_number_to_u64(&s->value, exponent, &bits);
		*value = (int64_t)bits;
	}
	if (rc == -EDOM) {
		return senml_fail(err, -EBADMSG, "%s: expected a multiple of 1e%d", s->field,
				  exponent);
	}
	return rc == 0 ? 0 : senml_fail(err, -EBADMSG, "%s: out of range", s->field);
}

/* A whole number within bounds. */
int senml_resolved_count(const struct senml_resolved *s, const char *unit, uint64_t max,
			 uint64_t *value, struct senml_error *err)
{
	int64_t bits = 0;
	int rc = senml_resolved_number(s, unit, 0, false, &bits, err);

	*value = (uint64_t)bits;
	if (rc == 0 && *value > max) {
		rc = senml_fail(err, -EBADMSG, "%s: expected 0 to %llu", s->field,
				(unsigned long long)max);
	}
	return rc;
}

int senml_resolved_text(const struct senml_resolved *s, char *out, size_t size,
			struct senml_error *err)
{
	const struct senml_text *text = &s->record->value[SENML_VS].text;

	if (!senml_record_has(s->record, SENML_VS)) {
		return senml_fail(err, -EBADMSG, "%s: expected a text (vs)", s->field);
	}
	if (text->length >= size) {
		return senml_fail(err, -EBADMSG, "%s: text of %zu bytes, expected at most %zu",
				  s->field, text->length, size - 1);
	}
	if (utf8_prefix(text->at, text->length) != text->length) {
		return senml_fail(err, -EBADMSG, "%s: expected UTF-8 without NUL", s->field);
	}
	memcpy(out, text->at, text->length);
	out[text->length] = '\0';
	return 0;
}

/* bt + t in us; 0 is "unknown". */
int senml_resolved_time(const struct senml_base *base, const struct senml_resolved *s,
			int64_t *utc_us, struct senml_error *err)
{
	struct senml_number sum = base->time;

	if ((senml_record_has(s->record, SENML_T) &&
	     senml_number_add(&base->time, &s->record->value[SENML_T].number, &sum) != 0) ||
	    senml_number_to_i64(&sum, -6, utc_us) != 0) {
		return senml_fail(err, -EBADMSG, "%s: expected a time in whole us", s->field);
	}
	if (*utc_us != 0 && (*utc_us < READING_UTC_MIN_US || *utc_us >= READING_UTC_MAX_US)) {
		return senml_fail(err, -EBADMSG,
				  "%s: time is not within 2000 to 2105, nor 0 for unknown",
				  s->field);
	}
	return 0;
}
