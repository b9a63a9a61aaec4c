/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * printable: text from a peer or a file, for a terminal. Control characters (C0, DEL, C1), line
 * separators and marks that turn the direction of text come out as \uXXXX, as JSON has them; bytes
 * that are no UTF-8 as \xXX. Pure, but for the stream.
 */
#ifndef PRINTABLE_H
#define PRINTABLE_H

#include <stddef.h>
#include <stdio.h>

enum printable_how {
	PRINTABLE_LINE, /* of a line: \n, \r and \t come out escaped */
	PRINTABLE_TEXT, /* \n, \r\n and \t stay */
};

/* Into a buffer of `size` bytes, cut between characters and always terminated. */
void printable(char *out, size_t size, const void *text, size_t n, enum printable_how how);
void printable_put(FILE *out, const void *text, size_t n, enum printable_how how);

#endif
