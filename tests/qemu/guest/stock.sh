# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# Linux's own w1-gpio and w1_therm judge the simulated sensors; and its counts under load, for comparison.
. /scenarios/lib.sh
load_sim model=A1,A1,B1,A2 temp=23062,-10125,85000,125000
load_w1 stock && ok "w1-gpio finds four sensors" || bad "w1-gpio finds four sensors: $(ls $w1)"
n=0
for id in $(sed 's/ .*//' "$truth/devices"); do
	n=$((n + 1))
	wanted=$(echo 23062 -10125 85000 125000 | cut -d ' ' -f $n)
	is "w1_therm reads sensor $n" "$wanted" "$(cat "$w1/$id/temperature")"
done
set_fault step 1000
cycles=$((${reads:-40} / 8))
counts "stock master, idle" w1_reads --bus kernel --cycles $cycles --resolution 9
busy 3
counts "stock master, load" w1_reads --bus kernel --cycles $cycles --resolution 9
idle
set_fault storm 500
counts "stock master, interrupts" w1_reads --bus kernel --cycles $cycles --resolution 9
set_fault storm_us 600
set_fault storm 400
counts "stock master, long interrupts" w1_reads --bus kernel --cycles $((cycles * 4)) --resolution 9
set_fault storm 0
