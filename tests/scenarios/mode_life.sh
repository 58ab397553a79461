#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The modes of a device: devdax, system-ram and, if $1 says so, famfs. The same script runs on a
# real region of 1 GiB and under daxrun. Each step prints the output of its commands and their
# exit status.
export LC_ALL=C
R=$(readlink -f /sys/bus/dax/devices/dax0.0)
R=${R%/dax0.0}
D=$R/dax_region
BUS=/sys/bus/dax/drivers
MEMORY=/sys/devices/system/memory
M=1048576
base=$(($(cat $R/dax0.0/resource)))

step() { echo "==== $*"; }
run() {
	echo "\$ $*"
	"$@" 2>&1
	echo "? $?"
}
put() { # FILE TEXT
	printf '%s <- "%s": ' "${1#/sys/}" "$2"
	sysprobe write "$1" "$2"
}
see() {
	run daxctl list -DRMi
	sysprobe tree $R/dax0.0/driver $R/dax0.0/uevent $R/dax0.0/state /dev/dax0.0
	for link in $BUS/*/dax*; do
		[ -h "$link" ] && echo "${link#$BUS/}"
	done
	block=$((0x$(cat $MEMORY/block_size_bytes)))
	echo "--memory"
	for m in $MEMORY/memory[0-9]*; do
		[ -d "$m" ] || continue
		at=$((0x$(cat $m/phys_index) * block - base))
		[ $at -ge 0 ] && [ $at -lt $((1024 * M)) ] || continue
		printf '+%s %s %s\n' "$((at / M))" "$(cat $m/state)" "$(cat $m/valid_zones)"
	done | sort -n
	echo "--end"
}

put $MEMORY/auto_online_blocks offline
[ -e $R/dax0.0/driver ] || run daxctl reconfigure-device -m devdax dax0.0
run sysprobe fill /dev/dax0.0 7

step "memory operations on devdax"
run daxctl online-memory dax0.0
run daxctl offline-memory dax0.0
see

step "system-ram, offline"
run daxctl reconfigure-device -m system-ram -N dax0.0
see
first=$MEMORY/memory$((base / block))
sysprobe tree $first | sed "s,memory$((base / block)),memoryN,g; s,= $(cat $first/phys_index)|,= INDEX|,"
run sysprobe open /dev/dax0.0
put $R/dax0.0/size $((512 * M))
put $R/dax0.0/align 4096
put $R/dax0.0/memmap_on_memory 0
put $R/dax0.0/mapping "$(printf '0x%x-0x%x' $base $((base + 2 * M - 1)))"
put $D/delete dax0.0
put $BUS/device_dax/bind dax0.0
put $BUS/device_dax/unbind dax0.0
put $BUS/kmem/bind dax0.0
put /sys/bus/dax/drivers_probe dax0.0
run daxctl enable-device dax0.0
run daxctl disable-device dax0.0
run daxctl destroy-device dax0.0
run daxctl destroy-device -f dax0.0
run daxctl reconfigure-device -s 512M dax0.0
run daxctl reconfigure-device -m system-ram -N dax0.0
run daxctl create-device -r 0
run daxctl offline-memory dax0.0
see

step "back to devdax"
run daxctl reconfigure-device -m devdax dax0.0
run daxctl reconfigure-device -m devdax dax0.0
run sysprobe open /dev/dax0.0
see

step "online"
run daxctl reconfigure-device -m system-ram dax0.0
see
run daxctl online-memory dax0.0
run daxctl reconfigure-device -m system-ram dax0.0
run daxctl reconfigure-device -m devdax dax0.0
run daxctl offline-memory dax0.0
run daxctl offline-memory dax0.0
see
run daxctl online-memory --no-movable dax0.0
see
run daxctl offline-memory dax0.0
run daxctl reconfigure-device -m devdax dax0.0

step "words for a block's state"
run daxctl reconfigure-device -m system-ram -N dax0.0
for word in online offline online_movable online_movable offline online_kernel offline foo "" "\\n" "online " 1; do
	put $first/state "$word" | sed "s,memory$((base / block)),memoryN,"
	printf '%s %s\n' "$(cat $first/state)" "$(cat $first/valid_zones)"
done
see
if [ -e $R/dax0.0/state ]; then
	step "kmem's own state"
	for word in online unplugged unplugged online_movable online offline unplugged online_kernel \
		unplugged offline online_kernel unplugged online foo "" "\\n" "unplugged "; do
		put $R/dax0.0/state "$word"
		printf '%s ' $(cat $R/dax0.0/state)
		cat $first/state $first/valid_zones 2>/dev/null | tr '\n' ' '
		echo
	done
	put $R/dax0.0/state unplugged
	see
	put $R/dax0.0/state offline
	see
fi
step "kmem lets it go"
see
put $BUS/kmem/unbind dax0.0
see

step "drivers by hand"
put $BUS/kmem/bind dax0.0
put $BUS/kmem/unbind dax0.0
put $BUS/kmem/remove_id dax0.0
put $BUS/kmem/bind dax0.0
put $BUS/kmem/bind dax0.9
put $BUS/kmem/bind ""
for text in foo "" dax0.7 "dax0.7 "; do
	put $BUS/kmem/new_id "$text"
	put $BUS/kmem/remove_id "$text"
done
put $BUS/kmem/unbind dax0.0
put $BUS/device_dax/bind dax0.0
put $BUS/device_dax/new_id dax0.0
see

step "parts of memory blocks"
run daxctl disable-device dax0.0
put $R/dax0.0/size $((64 * M))
run daxctl create-device -r 0 -s 320M
run daxctl create-device -r 0 -s 2M
run daxctl create-device -r 0 -s 128M
for n in 0 1 2 3; do
	run daxctl reconfigure-device -m system-ram -N dax0.$n
	run daxctl list -DMi -d dax0.$n
	run daxctl reconfigure-device -m devdax dax0.$n
done
put $D/create 1
put $BUS/kmem/new_id dax0.4
put $BUS/kmem/bind dax0.4
run daxctl reconfigure-device -m system-ram -N dax0.4
see

if [ "$1" = famfs ]; then
	step "famfs"
	run daxctl reconfigure-device -m famfs dax0.1
	run daxctl list -DMi -d dax0.1
	run sysprobe calls /dev/dax0.1
	sysprobe tree $R/dax0.1/driver $R/dax0.1/uevent /dev/dax0.1
	put $R/dax0.1/size $((2 * M))
	put $BUS/device_dax/bind dax0.1
	put $BUS/fsdev_dax/bind dax0.1
	run daxctl reconfigure-device -m famfs dax0.1
	run daxctl disable-device dax0.1
	run daxctl enable-device dax0.1
	run daxctl list -DMi -d dax0.1
	run daxctl reconfigure-device -m famfs dax0.1
	run daxctl reconfigure-device -m system-ram -N dax0.1
	run daxctl reconfigure-device -m famfs dax0.1
	run daxctl reconfigure-device -m famfs -f dax0.1
	run daxctl destroy-device dax0.1
	run daxctl offline-memory dax0.1
	run daxctl reconfigure-device -m devdax dax0.1
	run sysprobe calls /dev/dax0.1
	run daxctl reconfigure-device -m famfs dax0.4
	put $BUS/device_dax/unbind dax0.1
	put $BUS/fsdev_dax/bind dax0.1
	put $BUS/fsdev_dax/new_id dax0.1
	put $BUS/fsdev_dax/remove_id dax0.1
	put $BUS/fsdev_dax/unbind dax0.1
	put $BUS/fsdev_dax/bind dax0.1
	put $BUS/device_dax/new_id dax0.1
	see
fi

step "memory that is online when kmem lets it go"
run daxctl reconfigure-device -m system-ram dax0.1
put $BUS/kmem/unbind dax0.1
see
put $BUS/kmem/bind dax0.1
put $BUS/kmem/new_id dax0.1
put $BUS/device_dax/new_id dax0.1
put $BUS/device_dax/bind dax0.1
run daxctl reconfigure-device -m devdax dax0.1
run daxctl reconfigure-device -m system-ram -N dax0.1
