/* SPDX-License-Identifier: BSD-2-Clause */
/* show: the body of an answer, for a person. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Readings in SenML (CBOR or JSON) as one line each; json: as SenML JSON whatever they came in.
 * Text with what a terminal would obey made visible (printable.h); other formats as they are if out
 * is no terminal, else in hex. 0, or negative and nothing shown: it is not in its format.
 */
int show_body(FILE *out, int content_format, const uint8_t *body, size_t size, int json);

/* Microseconds since 1970, as /time has them, as a date in UTC; false, and nothing shown: they are
 * none. */
bool show_time(FILE *out, const uint8_t *body, size_t size);

#endif
