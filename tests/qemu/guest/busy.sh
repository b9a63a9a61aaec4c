# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# One line, two who want it: who has it is named, the way to free it works, and the other takes over.
. /scenarios/lib.sh
load_sim model=A1,A1 step=1000
does "w1-gpio finds two sensors" load_w1 stock
said=$(w1_reads --bus userspace --cycles 1)
has "userspace is told who has the line" "onewire@1" "$said"
said=$(w1_reads --bus auto --cycles 1)
has "auto reads through the kernel" "reads=2 right=2" "$said"
echo onewire@1 >/sys/bus/platform/drivers/w1-gpio/unbind
said=$(w1_reads --bus auto --cycles 1)
has "once freed, userspace reads" "reads=2 right=2" "$said"
w1_reads --bus userspace --cycles 3 --resolution 12 >/tmp/said &
sleep 0.5
does "while userspace has the line our master loads" insmod /modules/geotherm-w1.ko
has "... and is refused the line" "onewire@0: error -EBUSY: data-gpios" "$(klog 'onewire@0')"
wait
has "... which stays whole" "reads=6 right=6" "$(cat /tmp/said)"
echo onewire@0 >/sys/bus/platform/drivers/geotherm-w1/bind
does "afterwards our master has it" found 2
said=$(w1_reads --bus userspace --cycles 1)
has "and userspace is told so" "onewire@0" "$said"
echo "$said" | grep failed | remark
said=$(w1_reads --bus kernel --cycles 1)
has "and reads through it" "reads=2 right=2" "$said"
echo onewire@0 >/sys/bus/platform/drivers/geotherm-w1/unbind
said=$(w1_reads --bus userspace --cycles 1)
has "freed again, userspace reads" "reads=2 right=2" "$said"
