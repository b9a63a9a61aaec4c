/* SPDX-License-Identifier: BSD-2-Clause */
/* reading_line: a reading as one line for people: the server's --show-readings, the command's get.
 */
#ifndef READING_LINE_H
#define READING_LINE_H

#include <stdio.h>

#include "userspace/reading/reading.h"

/*
 * "2026-11-23T18:47:03.250000Z (gnss)  urn:dev:...  5f3c2a1908f7e6d4.17  28-0000069be7d2 21.500
 * °C  52.5163400,13.4049990" and a line break; flushes. An unknown value is shown as such. One line
 * is written as a whole, also with other threads on out.
 */
void reading_line_print(FILE *out, const struct reading *r);

#endif
