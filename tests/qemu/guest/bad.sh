# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# Bad input and rough handling: a clear refusal each time, no oops, no leak, and it works afterwards.
. /scenarios/lib.sh
refused() { # what pattern parameters...
	what=$1 pattern=$2
	shift 2
	insmod /modules/geotherm-sim.ko "$@" 2>/dev/null
	has "$what" "$pattern" "$(klog geotherm)"
	[ ! -d /sys/kernel/debug/geotherm-sim ] || bad "$what: the chip is there all the same"
	rmmod geotherm_sim 2>/dev/null
}
refused "a make that is none is named" "model=Z9: no such make" model=Z9
refused "a line that the chip does not have is named" "bus=99: a line from 0 to 53" bus=99
refused "a mask of devices that are not there is named" "parasite=4: there are only 2" parasite=4
refused "a fault out of its range is named" "stuck=7: a number from 0 to 2" stuck=7
refused "a word for a number is named" "storm=x: a number from 0 to 10000" storm=x
insmod /modules/geotherm-sim.ko nonsense=1
has "an unknown parameter of the chip is named" "unknown parameter 'nonsense' ignored" "$(klog nonsense)"
(echo 9 >"$sim/stuck") 2>/dev/null && bad "stuck=9 while it runs is refused" || ok "stuck=9 while it runs is refused"
insmod /modules/wire.ko
insmod /modules/w1_therm.ko
insmod /modules/geotherm-w1.ko nonsense=1
has "an unknown parameter of the master is named" "unknown parameter 'nonsense' ignored" "$(klog "w1.*nonsense")"
has "a node without a line is refused" "onewire@2: error -ENOENT: data-gpios" "$(klog 'onewire@2')"
does "the other node works" found 2
insmod /modules/w1-gpio.ko
has "a second master is refused the line" "onewire@1.*busy\|onewire@1.*EBUSY\|onewire@1.*-16" \
	"$(klog 'onewire@1\|w1-gpio')"
rmmod w1_gpio
(rmmod geotherm_sim) 2>/dev/null && bad "the chip can't go while its line is used" || ok "the chip can't go while its line is used"

# sensor 1, through the kernel
id=$(sed -n '1s/ .*//p' "$truth/devices")
(sleep 0.2; set_fault absent 3) &
said=$(cat "$w1/$id/temperature" 2>/dev/null)
wait
is "torn out in the conversion: no value" "" "$said"
set_fault absent 0
sleep 1
is "back again: right" 20000 "$(cat "$w1/$id/temperature")"

(cat "$w1/$id/temperature" >/tmp/said 2>/dev/null) &
sleep 0.2
does "the master's module goes while a sensor is read" rmmod geotherm_w1
wait
has "... and that reading is right or nothing" '^20000$\|^$' "$(cat /tmp/said; echo)"
does "it comes back" load_w1 ours
is "and reads right" 20000 "$(cat "$w1/$id/temperature")"
rmmod geotherm_w1

w1_reads --cycles 2 >/tmp/said 2>&1 &
sleep 0.4
set_fault absent 3
wait
has "userspace, torn out in the conversion: no value" "reads=.* right=0 wrong=0 stale=0" "$(cat /tmp/said)"
remark </tmp/said
set_fault absent 0
has "back again: right" "reads=2 right=2" "$(set_fault step 1000; w1_reads --cycles 1)"
set_fault step 0

# The chip itself goes, as a USB adapter does that is pulled out.
chip=/sys/bus/platform/drivers/geotherm-sim
w1_reads --cycles 3 >/tmp/said 2>&1 &
reader=$!
sleep 0.4
echo gpio-sim >$chip/unbind
wait $reader
has "the chip goes while userspace has its line: an error" "No such device" "$(cat /tmp/said)"
has "... and no value" "right=0 wrong=0 stale=0" "$(cat /tmp/said)"
echo gpio-sim >$chip/bind
does "it comes back, and our master has the line" load_w1 ours
(cat "$w1/$id/temperature" >/tmp/said 2>/dev/null) &
sleep 0.2
echo gpio-sim >$chip/unbind
wait
has "the chip goes while our master reads: right or nothing" '^20000$\|^$' "$(cat /tmp/said; echo)"
rmmod geotherm_w1
echo gpio-sim >$chip/bind

slab() { sync; echo 3 >/proc/sys/vm/drop_caches; sleep 0.5; sed -n 's/^SUnreclaim: *\([0-9]*\).*/\1/p' /proc/meminfo; }
rounds() {
	for _ in $(seq 100); do
		insmod /modules/geotherm-w1.ko
		rmmod geotherm_w1
		rmmod geotherm_sim
		insmod /modules/geotherm-sim.ko
	done
}
rounds
before=$(slab)
rounds
after=$(slab)
# What is lost each time, be it 700 bytes, is 70 kB and more.
does "100 times in and out cost no memory" [ $((after - before)) -le 16 ]
echo "# unreclaimable slabs: $before kB before, $after kB after"
is "no thread of theirs is left" "" "$(ps | grep '[w]1_bus')"
is "and no line is held" "" "$(grep -v '^gpiochip\|^$' /sys/kernel/debug/gpio)"
