// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* scandir() */
#include "corpus.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define INPUT_MAX 65536

static uint64_t seed;

static uint64_t random_below(uint64_t n)
{
	seed ^= seed << 13; /* xorshift64 */
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

/* A copy of just that size: a read past it is the sanitizer's. */
static void play(int (*target)(const uint8_t *, size_t), const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size + (size == 0));

	assert_non_null(exact);
	memcpy(exact, data, size);
	target(exact, size);
	free(exact);
}

/* One to four changes: a bit, a byte, a telling byte, a cut, a piece twice, a piece gone. */
static size_t mutate(uint8_t *data, size_t size)
{
	static const uint8_t telling[] = { 0x00, 0xff, 0x7f, 0x80, 0x9f, 0xbf, 0xf9, 0xfb,
					   0xc4, '"',  '{',  '[',  '-',	 'e',  '/',  '\\' };

	for (uint64_t changes = 1 + random_below(4); changes > 0 && size > 0; changes--) {
		size_t at = random_below(size),
		       length = 1 + random_below(size - at < 16 ? size - at : 16);

		switch (random_below(6)) {
		case 0:
			data[at] ^= (uint8_t)(1 << random_below(8));
			break;
		case 1:
			data[at] = (uint8_t)random_below(256);
			break;
		case 2:
			data[at] = telling[random_below(sizeof(telling))];
			break;
		case 3:
			size = at;
			break;
		case 4:
			if (size + length <= INPUT_MAX) {
				memmove(data + at + length, data + at, size - at);
				size += length;
			}
			break;
		default:
			memmove(data + at, data + at + length, size - at - length);
			size -= length;
			break;
		}
	}
	return size;
}

void corpus_play(const char *folder, int (*target)(const uint8_t *, size_t), unsigned one_in)
{
	static uint8_t data[INPUT_MAX], copy[INPUT_MAX];
	const char *text = getenv("GEOTHERM_FUZZ_ROUNDS");
	unsigned long rounds = text != NULL ? strtoul(text, NULL, 10) : 200, played = 0;
	struct dirent **names;
	int n = scandir(folder, &names, NULL, alphasort);

	assert_true(n > 0);
	seed = UINT64_C(0x9e3779b97f4a7c15);
	for (int i = 0; i < n; i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (names[i]->d_name[0] != '.') {
			FILE *f = fopen(path, "rb");
			size_t size;

			assert_non_null(f);
			size = fread(data, 1, sizeof(data), f);
			fclose(f);
			play(target, data, size);
			for (unsigned long round = 0; round < rounds / one_in; round++) {
				memcpy(copy, data, size);
				play(target, copy, mutate(copy, size));
				played++;
			}
		}
		free(names[i]);
	}
	free(names);
	assert_true(played > 0);
	print_message("%s: %lu mutations\n", folder, played);
}
