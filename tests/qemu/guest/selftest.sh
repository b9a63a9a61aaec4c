# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# What the self-test finds on a line and at a receiver whose faults are known.
. /scenarios/lib.sh
load_sim model=A1,A1
geotherm sim ublox7 --link /tmp/gnss --running >/tmp/ublox7.log 2>&1 &
receiver=$!
selftest() { # groups: each check that failed, with its cause, and the exit code
	geotherm-selftest --config /dev/null -o w1.chip=geotherm-sim -o gnss.port=/tmp/gnss --only "$1" --tap >/tmp/said 2>&1
	code=$?
	awk '/^(not )?ok /{ check = /^not / ? $5 : "" } check && /cause:/{ printf "%s %s, ", check, $2 }' /tmp/said
	echo "exit $code"
}
is "a sound line and receiver pass" "exit 0" "$(selftest gpio,bus,sensors,timing,receiver)"
set_fault stuck 1
is "a short to ground is named" 'bus/idle "short-to-ground", exit 1' "$(selftest bus)"
set_fault stuck 2
is "a short to the supply is named" 'bus/low "short-to-supply", exit 1' "$(selftest bus)"
set_fault stuck 0
set_fault absent 3
is "a line without a sensor is named" 'bus/presence "no-answer", exit 1' "$(selftest bus)"
set_fault absent 0
set_fault badcrc 1
has "a sensor with wrong CRCs is named" '^sensors/scratchpad "crc", .*exit 1' "$(selftest bus,sensors)"
set_fault badcrc 0
set_fault slow 1500
has "sensors that are too slow are named" '^sensors/temperature "not-converted", .*exit 1' "$(selftest bus,sensors)"
set_fault slow 0
sleep 2
load_w1 ours
is "the kernel's driver on the line is no fault" "exit 0" "$(selftest gpio,bus,sensors)"
has "... and is named" "onewire@0" "$(cat /tmp/said)"
rmmod geotherm_w1
kill $receiver
wait $receiver
is "without the receiver nothing of it is tried" "exit 3" "$(selftest receiver)"
is "and all is sound again" "exit 0" "$(selftest gpio,bus,sensors,timing)"
