# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# The fallback over sysfs: what the stock driver says of each fault, and that none of it passes for a temperature.
. /scenarios/lib.sh
load_sim model=A1,A1 temp=21000,22000
does "w1-gpio finds two sensors" load_w1 stock
first=$w1/$(sed -n '1s/ .*//p' "$truth/devices")
fallback() { w1_reads --bus kernel --cycles 1; }
figures() { echo "$1" | grep -o 'reads=.* stale=[0-9]*'; }

is "sound: the driver" 21000 "$(cat "$first/temperature")"

set_fault badcrc 1
is "wrong CRC: the driver gives an empty file" "" "$(cat "$first/temperature" 2>/dev/null)"
said=$(fallback)
has "wrong CRC: the fallback says so" "1 crc-failed\|1 bus-failed" "$said"
is "wrong CRC: no value, and the sound sensor's is right" "reads=2 right=1 wrong=0 stale=0" \
	"$(set_fault step 1000; figures "$(fallback)")"
set_fault badcrc 0

set_fault stuck 1
said=$(cat "$first/temperature" 2>/dev/null)
echo "# short: the driver says '$said'"
said=$(fallback)
is "short: no value" "reads=2 right=0 wrong=0 stale=0" "$(figures "$said")"
has "short: the fallback says so" "2 b[au][ds]-" "$said"
set_fault stuck 0

# The supply fails for 50 ms in the conversion: the power-on value, with a right CRC.
(sleep 0.3; set_fault absent 1; sleep 0.05; set_fault absent 0) &
is "power lost: the driver says 85 degrees" 85000 "$(cat "$first/temperature")"
wait
(sleep 0.3; set_fault absent 1; sleep 0.05; set_fault absent 0) &
said=$(fallback)
wait
has "power lost: the fallback says so" "1 power-on" "$said"
is "power lost: no value" "reads=2 right=1 wrong=0 stale=0" "$(figures "$said")"

set_fault noise 20000
said=$(w1_reads --bus kernel --cycles 3)
set_fault noise 0
has "noise: no wrong value" "wrong=0" "$said"
echo "# noise gave $(figures "$said")"

set_fault absent 1
said=$(fallback)
is "torn out: no value, and the other's is right" "reads=2 right=1 wrong=0 stale=0" "$(figures "$said")"
set_fault absent 0

# Longer than the data sheet allows. The driver does not look: what was there before passes. Nor can the fallback know.
set_fault slow 1500
said=$(fallback)
echo "# slower than the data sheet: the fallback gave $(figures "$said")"
sleep 2
# Over libgpiod it is known.
rmmod w1_gpio
said=$(w1_reads --bus userspace --cycles 2)
echo "$said" | remark
is "slower than the data sheet: userspace gives nothing old" "reads=4 right=0 wrong=0 stale=0" "$(figures "$said")"
set_fault slow 0
sleep 2

# A conversion that ran into a dead line must not leave its forerunner behind.
said=$(w1_reads --bus userspace --cycles 2)
is "sound again" "reads=4 right=4 wrong=0 stale=0" "$(figures "$said")"
