/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * last_run: why no reading was made before the start of this process, and since when, for the note
 * of its first reading. It is read from the times and content of the outbox's files.
 */
#ifndef NODE_LAST_RUN_H
#define NODE_LAST_RUN_H

#include <stddef.h>
#include <stdint.h>

#include "outbox.h"

/*
 * When the outbox was last written, in us of UTC by this machine's clock; 0: never. Before it is
 * opened, which writes.
 */
int64_t last_run_written_us(const char *outbox_path);

/*
 * "start after a crash at 2026-11-29T18:02:11Z". written_us: 0 where it is not known, or the clock
 * was wrong then.
 */
void last_run_describe(enum reading_start start, int64_t written_us, char *text, size_t size);
/* Puts text before note, as far as there is room, cut between two words. */
void last_run_note(const char *text, char *note, size_t size);

#endif
