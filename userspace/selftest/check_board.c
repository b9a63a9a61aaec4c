// SPDX-License-Identifier: BSD-2-Clause
/* Board and kernel, which decide what the other checks can expect. */
#define _GNU_SOURCE /* uname() */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "checks.h"
#include "facts.h"

#define MODEL "/proc/device-tree/model"
#define REVISION "/proc/device-tree/system/linux,revision"

/* "new-style revision codes" of the Raspberry Pi documentation: bit 23 marks one; 12..15
 * processor, 20..22 memory. */
static bool read_revision(const char *root, uint32_t *code)
{
	char path[512];
	FILE *f = fopen(facts_path(root, REVISION, path, sizeof(path)), "rb");
	uint8_t b[4];
	bool whole = f != NULL && fread(b, 1, sizeof(b), f) == sizeof(b);

	if (f != NULL) {
		fclose(f);
	}
	*code = whole ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]
		      : 0;
	return whole;
}

enum selftest_cause check_board_model(struct selftest *t)
{
	static const char *const processors[] = { "BCM2835", "BCM2836", "BCM2837", "BCM2711",
						  "BCM2712" };
	char model[96];
	uint32_t code;
	unsigned processor = 0;

	if (!facts_text(t->root, MODEL, model, sizeof(model)) ||
	    strncmp(model, "Raspberry Pi", 12) != 0) {
		selftest_value(t, "%s", model[0] != '\0' ? model : "no device tree");
		return CAUSE_NOT_A_PI;
	}
	selftest_value(t, "%s", model);
	if (!read_revision(t->root, &code)) {
		return CAUSE_NONE;
	}
	selftest_value(t, ", revision %06x", (unsigned)code);
	if ((code >> 23 & 1) == 0) {
		return CAUSE_SLOW_BOARD; /* the old codes are of 2012 to 2014: all BCM2835 */
	}
	processor = code >> 12 & 15;
	selftest_value(t, " (%s, %u MB)",
		       processor < 5 ? processors[processor] : "processor unknown",
		       256u << (code >> 20 & 7));
	return processor == 0 ? CAUSE_SLOW_BOARD : processor >= 4 ? CAUSE_NEW_BOARD : CAUSE_NONE;
}

enum selftest_cause check_board_kernel(struct selftest *t)
{
	long long realtime = 0;
	struct utsname u;

	uname(&u);
	facts_number(t->root, "/sys/kernel/realtime", 10, &realtime);
	selftest_value(t, "Linux %s %s%s, %d-bit program", u.release, u.machine,
		       realtime == 1 ? ", PREEMPT_RT" : "", (int)sizeof(void *) * 8);
	return CAUSE_NONE;
}
