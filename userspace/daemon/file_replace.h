/* SPDX-License-Identifier: BSD-2-Clause */
/* file_replace: a file's content changed as a whole, so that a reader sees the old or the new one.
 */
#ifndef FILE_REPLACE_H
#define FILE_REPLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Writes data to path.new in the same folder, with the mode whatever the umask, and renames it to
 * path. durable: the file and its folder are synced first, so that a power cut leaves one of both.
 * 0 or -errno; after an error the old file is unchanged and path.new is removed.
 */
int file_replace(const char *path, mode_t mode, bool durable, const void *data, size_t size);

#endif
