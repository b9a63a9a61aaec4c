# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# The receiver's time pulse through the kernel's PPS core: used, lost, at the wrong place, back.
. /scenarios/lib.sh
status=/tmp/status.json
until_shown() { # what: in the status, within 60 s
	for _ in $(seq 120); do
		sleep 0.5
		grep -q -e "$1" $status 2>/dev/null && return 0
	done
	return 1
}
date -s "@$(cat /pki/now)" >/dev/null
insmod /modules/geotherm-pulse.ko
does "the kernel has /dev/pps0" [ -c /dev/pps0 ]
geotherm sim ublox7 --link /tmp/gnss --running >/tmp/ublox7.log 2>&1 &
cat >/tmp/node.conf <<-CONF
	[node]
	device = urn:dev:mac:0200c0fffe000001
	period = 1
	status = $status
	[w1]
	bus = none
	[gnss]
	port = /tmp/gnss
	[outbox]
	path = /tmp/outbox.db
CONF
geotherm-node --config /tmp/node.conf 2>/tmp/node.log &
node=$!
does "the pulse is used" until_shown '"pulse": "used"'
does "its time is known to 1 ms" until_shown '"accuracy_s": 0.000[1-9]'
utc=$(sed -n 's/.*"utc_us": \([0-9]*\)[0-9]\{6\},*$/\1/p' $status)
now=$(date +%s)
does "and is this kernel's: $utc, $now" [ $((now - utc)) -ge 0 -a $((now - utc)) -le 3 ]
echo 0 >/sys/module/geotherm_pulse/parameters/on
does "without edges it is not" until_shown '"pulse": "no pulse"'
echo 400 >/sys/module/geotherm_pulse/parameters/late_ms
echo 1 >/sys/module/geotherm_pulse/parameters/on
does "an edge 0.4 s late is none" until_shown '"pulse": "not at the second"'
echo 0 >/sys/module/geotherm_pulse/parameters/late_ms
does "and it is used again" until_shown '"pulse": "used"'
kill -TERM $node
wait $node
is "the node ends as told" 0 $?
is "each change is logged once" 3 "$(grep -c 'receiver: .*pulse of /dev/pps0' /tmp/node.log)"
remark </tmp/node.log
