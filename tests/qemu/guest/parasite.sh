# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# Sensors that live on the line: a strong pull-up must drive it, or their supply breaks down while they convert.
. /scenarios/lib.sh
load_sim model=A1,A1 parasite=3 step=1000
brownouts() { sed -n 's/.*brownouts=\([0-9]*\).*/\1/p' "$truth/devices" | awk '{ n += $1 } END { print n }'; }
reading "userspace, parasite power" 6 w1_reads --cycles 3 --resolution 9
is "userspace, parasite power: no brown-out" 0 "$(brownouts)"
does "our master finds two sensors" load_w1 ours
reading "our master, parasite power" 6 w1_reads --bus kernel --cycles 3 --resolution 9
is "our master, parasite power: no brown-out" 0 "$(brownouts)"
does "our master drove the line" [ "$(cat "$ours/geotherm_w1/strong_pullups")" -ge 6 ]
has "no traffic while they convert" '^$' "$(grep -e PARASITE -e STRONG "$truth/line" || echo)"
rmmod geotherm_w1
does "w1-gpio finds two sensors" load_w1 stock
counts "stock master, parasite power" w1_reads --bus kernel --cycles 3 --resolution 9
echo "# stock master, parasite power: $(brownouts) brown-outs"
