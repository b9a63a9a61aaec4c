/* SPDX-License-Identifier: BSD-2-Clause */
/* stderr_rig: what a test writes to stderr, as text. One thread; one at a time. */
#ifndef STDERR_RIG_H
#define STDERR_RIG_H

/* stderr goes into a pipe until stderr_end(), which returns what was written, valid until the next
 * stderr_begin(). At most 64 KiB: what a pipe holds. */
void stderr_begin(void);
const char *stderr_end(void);

#endif
