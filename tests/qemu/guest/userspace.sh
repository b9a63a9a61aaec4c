# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# The program over libgpiod: ioctls of this kernel, alone and under load, with and without SCHED_FIFO.
. /scenarios/lib.sh
# Fast sensors: 20 ms at 9 bits; it is the slots that are tried here.
load_sim model=A1,A1,B1,A2 step=1000 slow=160
cycles=$((${reads:-40} / 4))
reading "userspace, idle" $((cycles * 4)) w1_reads --cycles $cycles --resolution 9
busy 3
reading "userspace, load, SCHED_FIFO" $((cycles * 4)) w1_reads --cycles $cycles --resolution 9
idle
set_fault storm 500
reading "userspace, interrupts" 0 w1_reads --cycles $cycles --resolution 9
set_fault storm_us 600
set_fault storm 400
reading "userspace, long interrupts" 0 w1_reads --cycles $((cycles / 2)) --resolution 9
set_fault storm 0
busy 3
chmod 666 /dev/gpiochip*
reading "userspace, load, no priority" 0 w1_reads --cycles 3 --resolution 9 --ordinary
idle
