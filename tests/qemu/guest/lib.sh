# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# What scenarios share. Each prints "ok WHAT", "not ok WHAT: FOUND" and "# REMARK".
sim=/sys/module/geotherm_sim/parameters
truth=/sys/kernel/debug/geotherm-sim
w1=/sys/bus/w1/devices
ours=/sys/devices/platform/onewire@0
reads=$(sed -n 's/.*reads=\([0-9]*\).*/\1/p' /proc/cmdline)

remark() { sed 's/^/# /'; }
ok() { echo "ok $*"; }
bad() { echo "not ok $*"; }
is() { # what expected found
	if [ "$2" = "$3" ]; then ok "$1"; else bad "$1: wanted '$2', found '$3'"; fi
}
has() { # what pattern text
	if echo "$3" | grep -q -e "$2"; then ok "$1"; else bad "$1: no '$2' in '$(echo "$3" | tail -n 3 | tr '\n' ' ')'"; fi
}
load_sim() { insmod /modules/geotherm-sim.ko "$@" && echo 0 >"$truth/line"; }
load_w1() { # master: ours or stock; waits until the core has found what is there
	wanted=$(grep -c plugged=1 "$truth/devices")
	[ -d /sys/module/wire ] || insmod /modules/wire.ko
	[ -d /sys/module/w1_therm ] || insmod /modules/w1_therm.ko
	case $1 in
	ours) insmod /modules/geotherm-w1.ko ;;
	stock) insmod /modules/w1-gpio.ko ;;
	esac || return
	found "$wanted"
}
found() { # so many sensors, in at most 60 s
	for _ in $(seq 600); do
		[ "$(find $w1/ -name '[1-4]*-*' 2>/dev/null | wc -l)" = "$1" ] && return 0
		sleep 0.1
	done
	return 1
}
set_fault() { echo "$2" >"$sim/$1"; }
busy() { # so many loops that never sleep
	loops=''
	for _ in $(seq "$1"); do
		(while :; do :; done) &
		loops="$loops $!"
	done
}
idle() { # shellcheck disable=SC2086
	kill $loops 2>/dev/null
	wait 2>/dev/null
}
replays() { cat "$ours/geotherm_w1/replays" 2>/dev/null || echo 0; }
counts() { # what command...: w1_reads with its remarks and what the line saw; its figures are left in $figures
	what=$1
	shift
	echo 0 >"$truth/line"
	before=$(replays)
	said=$("$@")
	echo "$said" | grep -v '^reads=' | sed 's/^#* */# /'
	figures=$(echo "$said" | grep '^reads=')
	echo "# $what: $figures replays=$(($(replays) - before))"
}
reading() { # what how-many command...: no reading may be wrong or old, and so many must be right
	what=$1 least=$2
	shift 2
	counts "$what" "$@"
	right=$(echo "$figures" | sed -n 's/.* right=\([0-9]*\).*/\1/p')
	is "$what: none wrong, none stale" "wrong=0 stale=0" "$(echo "$figures" | grep -o 'wrong=.* stale=[0-9]*')"
	if [ "${right:-0}" -ge "$least" ]; then ok "$what: at least $least right"; else bad "$what: at least $least right: $right"; fi
}
does() { # what command...
	what=$1
	shift
	if "$@"; then ok "$what"; else bad "$what"; fi
}
conversions() { sed -n 's/.*conversions=\([0-9]*\).*/\1/p' "$truth/devices" | paste -s -d ' '; }
klog() { dmesg | sed 's/^\[[^]]*\] //' | grep -e "$1"; }
