# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# A 32-bit program on the 64-bit kernel, as on a Raspberry Pi whose system is 32-bit.
. /scenarios/lib.sh
load_sim model=A1,B1 step=1000
reading "armhf, userspace" 20 w1_reads-armhf --cycles 10 --resolution 9
does "our master finds two sensors" load_w1 ours
reading "armhf, our master" 6 w1_reads-armhf --bus kernel --cycles 3 --resolution 9
