# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# What the self-test finds on a line whose faults are known.
. /scenarios/lib.sh
load_sim model=A1,C
selftest() { geotherm-selftest --config /dev/null -o w1.chip=geotherm-sim --only bus --tap 2>&1; }
has "a sound line passes" "5 passed, 0 warned, 0 failed" "$(selftest)"
set_fault stuck 1
said=$(selftest)
has "a line shorted to ground fails" "not ok 1 - bus/idle" "$said"
set_fault stuck 0
set_fault absent 3
said=$(selftest)
has "a line without a sensor fails" "not ok 5 - bus/presence" "$said"
set_fault absent 0
has "and sound again it passes" "5 passed, 0 warned, 0 failed" "$(selftest)"
