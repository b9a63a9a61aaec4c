/* SPDX-License-Identifier: BSD-2-Clause */
/* reading_line: a reading as one line for people (--show-readings). */
#ifndef READING_LINE_H
#define READING_LINE_H

#include <stdio.h>

#include "userspace/reading/reading.h"

/*
 * "2026-11-23 18:47:03.250Z gnss   urn:dev:...  seq 17  21.500 21.562 °C 52.5163400 13.4049990" and a line
 * break; flushes. What is unknown is said to be.
 */
void reading_line_print(FILE *out, const struct reading *r);

#endif
