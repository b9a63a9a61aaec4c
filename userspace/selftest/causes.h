/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * causes: why a check did not pass, with the name that reports show. One name may be a failure of
 * one check and skip another: the status stands with the check, in checks.c.
 */
#ifndef SELFTEST_CAUSES_H
#define SELFTEST_CAUSES_H

/* clang-format off */
#define SELFTEST_CAUSES(X) \
	X(CAUSE_OFF, "off") \
	X(CAUSE_KERNEL, "kernel") \
	X(CAUSE_NO_LINE, "no-line") \
	X(CAUSE_STANDS_IN, "stands-in") \
	X(CAUSE_LINE_LOW, "line-low") \
	X(CAUSE_LINE_STUCK, "line-stuck") \
	X(CAUSE_LINE_ERROR, "line-error") \
	X(CAUSE_NO_SENSOR, "no-sensor") \
	X(CAUSE_NO_ANSWER, "no-answer") \
	X(CAUSE_TIMING, "timing") \
	X(CAUSE_CRC, "crc") \
	X(CAUSE_ECHO, "echo") \
	X(CAUSE_SEARCH, "search") \
	X(CAUSE_NO_PORT, "no-port") \
	X(CAUSE_NO_SERVER, "no-server") \
	X(CAUSE_NO_CREDENTIALS, "no-credentials") \
	X(CAUSE_NO_SESSION, "no-session") \
	X(CAUSE_LEGACY, "legacy") \
	X(CAUSE_NOT_ALLOWED, "not-allowed") \
	X(CAUSE_SERVER_ERROR, "server-error") \
	X(CAUSE_NOT_A_PI, "not-a-pi") \
	X(CAUSE_SLOW_BOARD, "slow-board") \
	X(CAUSE_NEW_BOARD, "new-board") \
	X(CAUSE_SIMULATED, "simulated") \
	X(CAUSE_NO_RIGHT, "no-right") \
	X(CAUSE_NO_CHIP, "no-chip") \
	X(CAUSE_KERNEL_HOLDS, "kernel-holds") \
	X(CAUSE_NODE_HOLDS, "node-holds") \
	X(CAUSE_HELD, "held") \
	X(CAUSE_NO_SUCH_LINE, "no-such-line") \
	X(CAUSE_NO_PULL_UP, "no-pull-up") \
	X(CAUSE_SHORT_TO_GROUND, "short-to-ground") \
	X(CAUSE_SHORT_TO_SUPPLY, "short-to-supply") \
	X(CAUSE_NOISE, "noise") \
	X(CAUSE_SLOW_RISE, "slow-rise") \
	X(CAUSE_WEAK_PULL_UP, "weak-pull-up") \
	X(CAUSE_NOT_WATCHED, "not-watched") \
	X(CAUSE_HELD_LOW, "held-low") \
	X(CAUSE_SOME_UNANSWERED, "some-unanswered") \
	X(CAUSE_NOT_A_THERMOMETER, "not-a-thermometer") \
	X(CAUSE_BAD_SCRATCHPAD, "bad-scratchpad") \
	X(CAUSE_CONTRADICTS, "contradicts") \
	X(CAUSE_PARASITE, "parasite") \
	X(CAUSE_POWER_ON, "power-on") \
	X(CAUSE_NOT_CONVERTED, "not-converted") \
	X(CAUSE_ABSENT, "absent") \
	X(CAUSE_OUT_OF_RANGE, "out-of-range") \
	X(CAUSE_BUS_FAILED, "bus-failed") \
	X(CAUSE_SENSOR_FAULT, "sensor-fault") \
	X(CAUSE_DUPLICATE, "duplicate") \
	X(CAUSE_UNSEEN, "unseen") \
	X(CAUSE_UNGUARDED, "unguarded") \
	X(CAUSE_UNPROVEN, "unproven") \
	X(CAUSE_KERNEL_HAS_NONE, "kernel-has-none") \
	X(CAUSE_SLOW, "slow") \
	X(CAUSE_CLONE, "clone") \
	X(CAUSE_TOO_SLOW, "too-slow") \
	X(CAUSE_PREEMPTED, "preempted") \
	X(CAUSE_NO_RIGHTS, "no-rights") \
	X(CAUSE_NOT_TIMED, "not-timed") \
	X(CAUSE_MANY_RETRIES, "many-retries") \
	X(CAUSE_USE_KERNEL, "use-kernel") \
	X(CAUSE_NOT_A_PORT, "not-a-port") \
	X(CAUSE_IN_USE, "in-use") \
	X(CAUSE_MINI_UART, "mini-uart") \
	X(CAUSE_UNKNOWN, "unknown") \
	X(CAUSE_CONSOLE, "console") \
	X(CAUSE_GETTY, "getty") \
	X(CAUSE_QUIET, "quiet") \
	X(CAUSE_UNREADABLE, "unreadable") \
	X(CAUSE_BAD_SETTINGS, "bad-settings") \
	X(CAUSE_PORT_LOST, "port-lost") \
	X(CAUSE_SILENT, "silent") \
	X(CAUSE_DEAF, "deaf") \
	X(CAUSE_NO_VERSION, "no-version") \
	X(CAUSE_COUNTERFEIT, "counterfeit") \
	X(CAUSE_OTHER_GENERATION, "other-generation") \
	X(CAUSE_REFUSED, "refused") \
	X(CAUSE_NOT_AS_WANTED, "not-as-wanted") \
	X(CAUSE_SHORT, "short") \
	X(CAUSE_OPEN, "open") \
	X(CAUSE_JAMMING, "jamming") \
	X(CAUSE_WEAK_SIGNALS, "weak-signals") \
	X(CAUSE_NO_FIX, "no-fix") \
	X(CAUSE_NO_TIME, "no-time") \
	X(CAUSE_UNRESOLVED, "unresolved") \
	X(CAUSE_CLOCKS_DIFFER, "clocks-differ") \
	X(CAUSE_FRAMING, "framing") \
	X(CAUSE_OVERRUN, "overrun") \
	X(CAUSE_DAMAGED, "damaged") \
	X(CAUSE_UNSET, "unset") \
	X(CAUSE_NOT_SYNCHRONISED, "not-synchronised") \
	X(CAUSE_UNDER_VOLTAGE, "under-voltage") \
	X(CAUSE_WAS_UNDER_VOLTAGE, "was-under-voltage") \
	X(CAUSE_THROTTLED, "throttled") \
	X(CAUSE_HOT, "hot") \
	X(CAUSE_READ_ONLY, "read-only") \
	X(CAUSE_IN_MEMORY, "in-memory") \
	X(CAUSE_FULL, "full") \
	X(CAUSE_TIGHT, "tight") \
	X(CAUSE_NO_WRITE, "no-write") \
	X(CAUSE_WORN, "worn") \
	X(CAUSE_PLAIN, "plain") \
	X(CAUSE_MISSING, "missing") \
	X(CAUSE_UNUSABLE, "unusable") \
	X(CAUSE_EXPIRED, "expired") \
	X(CAUSE_NOT_YET_VALID, "not-yet-valid") \
	X(CAUSE_EXPIRES_SOON, "expires-soon") \
	X(CAUSE_NAMELESS, "nameless") \
	X(CAUSE_UNNAMED, "unnamed") \
	X(CAUSE_OTHER_DEVICE, "other-device") \
	X(CAUSE_NO_SUCH_HOST, "no-such-host") \
	X(CAUSE_SERVER_DOWN, "server-down") \
	X(CAUSE_NO_ROUTE, "no-route") \
	X(CAUSE_WRONG_NAME, "wrong-name") \
	X(CAUSE_WRONG_CA, "wrong-ca") \
	X(CAUSE_SERVER_EXPIRED, "server-expired") \
	X(CAUSE_SERVER_NOT_YET, "server-not-yet") \
	X(CAUSE_WE_ARE_REFUSED, "we-are-refused") \
	X(CAUSE_ONCE, "once") \
	X(CAUSE_NOT_THE_SAME, "not-the-same")
/* clang-format on */

#endif
