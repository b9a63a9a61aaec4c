# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# A line that rises slowly, and sensors that come and go while they are read: over libgpiod and through our master.
. /scenarios/lib.sh
load_sim model=A1,A1,B1 step=1000 slow=160
for rc in 3000 5000 7000; do
	set_fault rc $rc
	reading "userspace, RC $rc ns" 15 w1_reads --cycles 5 --resolution 9
done
set_fault rc 12000
said=$(w1_reads --cycles 2 --resolution 9)
has "userspace, RC 12000 ns: refused" "rises" "$said"
has "... and no value" "right=0 wrong=0 stale=0" "$said"
set_fault rc 0

plug() { # three times out and in again while the command runs; which: mask of the sensors
	for _ in 1 2 3; do
		sleep 0.13
		set_fault absent "$1"
		sleep 0.21
		set_fault absent 0
	done
}
plug 2 &
reading "userspace, hot plug" 10 w1_reads --cycles 12 --resolution 9
wait
reading "userspace, all are back" 6 w1_reads --cycles 2 --resolution 9

set_fault rc 7000
does "our master finds three sensors, RC 7000 ns" load_w1 ours
reading "our master, RC 7000 ns" 12 w1_reads --bus kernel --cycles 4 --resolution 9
rise=$(cat "$ours/geotherm_w1/rise_ns")
does "... and has measured 0.7 of it: $rise" [ $((rise > 4300 && rise < 5500)) = 1 ]
rmmod geotherm_w1
set_fault rc 12000
insmod /modules/geotherm-w1.ko
sleep 2
is "our master, RC 12000 ns: no sensor" 0 "$(find $w1/ -name '[1-4]*-*' | wc -l)"
has "... and why" "onewire@0: the line rises in [0-9]* ns" "$(klog onewire@0)"
rmmod geotherm_w1
set_fault rc 0
does "our master finds three sensors" load_w1 ours
plug 2 &
reading "our master, hot plug" 8 w1_reads --bus kernel --cycles 8 --resolution 9
wait
