/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_error: what can go wrong on a 1-Wire bus. Codes below -1000; errors of the
 * line itself are negative errno.
 */
#ifndef W1_ERROR_H
#define W1_ERROR_H

/* clang-format off */
#define W1_ERRORS(X) \
	X(W1_EVIOLATION, -1001, "timing outside the datasheet's window") \
	X(W1_ENOPRESENCE, -1002, "no device answers the reset") \
	X(W1_ESHORT, -1003, "the line stays low: short to ground, or no pull-up") \
	X(W1_ECRC, -1004, "CRC wrong") \
	X(W1_ESEARCH, -1005, "the search found a device that vanished or is none") \
	X(W1_EECHO, -1006, "the line was low where it must be high: noise, a weak pull-up or a second master") \
	X(W1_ECONVERT, -1007, "sensors that answer when they convert did not: the command was lost") \
	X(W1_EDUPLICATE, -1009, "the same wrong bytes in each try: two devices of one ROM code") \
	X(W1_EKERNEL, -1010, "the kernel's 1-Wire driver holds the line") \
	X(W1_ENODE, -1011, "a geotherm-node or geotherm-selftest holds the line") \
	X(W1_ERISE, -1008, "the line rises too slowly: use a stronger pull-up or a shorter cable")
/* clang-format on */

enum w1_error {
#define X(id, number, text) id = number,
	W1_ERRORS(X)
#undef X
};

/* In words; for another code "error". */
const char *w1_error_text(int code);

#endif
