# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# Our master under w1_therm, alone and under load, and a strong pull-up that drives.
. /scenarios/lib.sh
load_sim model=A1,A1,B1,A2 step=1000
cycles=$((${reads:-40} / 8))
load_w1 ours && ok "our master finds four sensors" || bad "our master finds four sensors: $(ls $w1)"
reading "our master, idle" $((cycles * 4)) w1_reads --bus kernel --cycles $cycles --resolution 9
busy 3
reading "our master, load" $((cycles * 4)) w1_reads --bus kernel --cycles $cycles --resolution 9
idle
set_fault storm 500
reading "our master, interrupts" $((cycles * 4)) w1_reads --bus kernel --cycles $cycles --resolution 9
set_fault storm_us 600
set_fault storm 400
reading "our master, long interrupts" $((cycles * 16)) w1_reads --bus kernel --cycles $((cycles * 4)) --resolution 9
set_fault storm 0
for f in "$ours"/geotherm_w1/*; do echo "# ${f##*/} $(cat "$f")"; done
is "interrupts are off for 15 us at most" 0 "$(cat $ours/geotherm_w1/interrupts_off_over_15us)"
is "no transaction is lost" 0 "$(cat $ours/geotherm_w1/lost)"
