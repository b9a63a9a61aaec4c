/* SPDX-License-Identifier: BSD-2-Clause */
/* disk_takes: a limit on file size: what SQLite sees of a full or failing disk. */
#ifndef DISK_TAKES_H
#define DISK_TAKES_H

#include <sys/resource.h>

/* No file of this process grows beyond so many bytes from here on; what the limit was. */
rlim_t disk_takes(rlim_t bytes);

#endif
