/* SPDX-License-Identifier: BSD-2-Clause */
/* corpus: kept inputs of tests/fuzz/corpus, and mutations of them. */
#ifndef CORPUS_H
#define CORPUS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Calls target with each file of the folder, and with GEOTHERM_FUZZ_ROUNDS mutations of each, 200
 * if not said, or one in so many of that for a slow target: for each a buffer of just its size. The
 * mutations are the same in each run.
 */
void corpus_play(const char *folder, int (*target)(const uint8_t *data, size_t size),
		 unsigned one_in);

#endif
