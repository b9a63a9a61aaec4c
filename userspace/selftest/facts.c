// SPDX-License-Identifier: BSD-2-Clause
#include "facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *facts_path(const char *root, const char *path, char *out, size_t size)
{
	snprintf(out, size, "%s%s", root, path);
	return out;
}

bool facts_text(const char *root, const char *path, char *text, size_t size)
{
	char full[512];
	FILE *f = fopen(facts_path(root, path, full, sizeof(full)), "r");
	size_t n;

	text[0] = '\0';
	if (f == NULL) {
		return false;
	}
	n = fread(text, 1, size - 1, f);
	fclose(f);
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text[0] != '\0';
}

bool facts_number(const char *root, const char *path, int base, long long *number)
{
	char text[64], *end;

	if (!facts_text(root, path, text, sizeof(text))) {
		return false;
	}
	*number = strtoll(text, &end, base);
	return end != text;
}
