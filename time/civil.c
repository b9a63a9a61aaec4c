// SPDX-License-Identifier: BSD-2-Clause
#include "civil.h"

#define DAYS_TO_1970 719468 /* from 0000-03-01 */
#define DAYS_PER_ERA 146097 /* 400 years */

static int days_in_month(int year, int month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

bool civil_is_valid(const struct civil *c)
{
	return c->year >= 1 && c->year <= 9999 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
	       c->day <= days_in_month(c->year, c->month) && c->hour >= 0 && c->hour <= 23 &&
	       c->min >= 0 && c->min <= 59 && c->sec >= 0 && c->sec <= 60;
}

/* Years are counted from March, so that the leap day is the last of its year. */
int64_t civil_to_s(const struct civil *c)
{
	int year = c->month <= 2 ? c->year - 1 : c->year;
	int month = c->month <= 2 ? c->month + 9 : c->month - 3;
	int64_t days = (int64_t)year * 365 + year / 4 - year / 100 + year / 400 +
		       (153 * month + 2) / 5 + c->day - 1 - DAYS_TO_1970;

	return days * 86400 + c->hour * 3600 + c->min * 60 + c->sec;
}

void civil_from_s(int64_t s, struct civil *c)
{
	int64_t of_day = (s % 86400 + 86400) % 86400;
	int64_t days = (s - of_day) / 86400 + DAYS_TO_1970;
	int64_t era = days / DAYS_PER_ERA, of_era = days % DAYS_PER_ERA;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;

	c->day = (int)(of_year - (153 * month + 2) / 5 + 1);
	c->month = (int)(month < 10 ? month + 3 : month - 9);
	c->year = (int)(year + era * 400 + (c->month <= 2 ? 1 : 0));
	c->hour = (int)(of_day / 3600);
	c->min = (int)(of_day / 60 % 60);
	c->sec = (int)(of_day % 60);
}

char *civil_text(int64_t s, char text[CIVIL_TEXT_SIZE])
{
	static const char after[] = "--T::Z";
	char *at = text;
	struct civil c;

	civil_from_s(s, &c);
	const int fields[] = { c.year, c.month, c.day, c.hour, c.min, c.sec };

	for (unsigned i = 0; i < 6; i++) {
		int n = fields[i];

		for (int power = i == 0 ? 1000 : 10; power > 0; power /= 10) {
			*at++ = (char)('0' + n / power % 10);
		}
		*at++ = after[i];
	}
	*at = '\0';
	return text;
}
