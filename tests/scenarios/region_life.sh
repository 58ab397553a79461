#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The life of a dynamic region of 1 GiB. The same script runs on a real region and under daxrun.
# Each step prints the output of its commands, their exit status, and the tree afterwards.
export LC_ALL=C
R=$(readlink -f /sys/bus/dax/devices/dax0.0)
R=${R%/dax0.0}
D=$R/dax_region
DRIVER=/sys/bus/dax/drivers/device_dax
M=1048576

see() {
	echo "--tree"
	sysprobe tree $R /sys/bus/dax
	for link in /sys/dev/char/*; do
		case $(readlink $link) in
		*/hmem.0/*) sysprobe tree $link ;;
		esac
	done
	for node in /dev/dax*; do
		[ -c $node ] && sysprobe tree $node
	done
	echo "--end"
}

# Each step is: step NAME, then commands, then done_.
step() { echo "==== $*"; }
run() {
	echo "\$ $*"
	"$@" 2>&1
	echo "? $?"
}
put() { # FILE TEXT: write without printing the tree
	printf '%s <- "%s": ' "${1#/sys/}" "$2"
	sysprobe write "$1" "$2"
}

step "as it comes"
run daxctl list -DRMi
see

if [ ! -e $R/dax0.0/driver ]; then
	step "the kernel keeps it for kmem"
	put $DRIVER/bind dax0.0
	put /sys/bus/dax/drivers_probe dax0.0
	put $DRIVER/new_id dax0.7
	put $DRIVER/remove_id dax0.7
	see
	run daxctl reconfigure-device -m devdax dax0.0
	see
fi

step "nothing is left for another device"
run daxctl create-device -r 0 -s 128M
run daxctl destroy-device dax0.0
put $D/create 1
see

step "bad values to a bound device"
for text in 0 "$((512 * M))" 3 abc "" "\\n" -1 " $((2 * M))" "$((2 * M)) " 99999999999999999999; do
	put $R/dax0.0/size "$text"
done
for text in 4096 2097152 1 0 abc 2M "" "\\n"; do
	put $R/dax0.0/align "$text"
done
put $D/delete dax0.0
put $DRIVER/bind dax0.0
see

step "the first device gives its memory back"
run daxctl disable-device dax0.0
run daxctl disable-device dax0.0
run sysprobe open /dev/dax0.0
put $D/delete dax0.0
put $R/dax0.0/size 0
put $R/dax0.0/size 0
put $D/delete dax0.0
put $DRIVER/bind dax0.0
run daxctl enable-device dax0.0
run sysprobe open /dev/dax0.0
run daxctl list -DR
run daxctl list -DRi
see

step "three devices"
run daxctl create-device -r 0 -s 128M
run daxctl create-device -r 0 -s 64M -a 4k
run daxctl create-device -r 0 -s 128M
run daxctl list -DRM
run daxctl list -DRMu
for n in 1 2 3; do
	run sysprobe fill /dev/dax0.$n $n
	run sysprobe check /dev/dax0.$n $n 32
done
see

step "one more that is too large, and one of a wrong size or align"
run daxctl create-device -r 0 -s 2G
run daxctl list -DRi
run daxctl create-device -r 0 -s 3M
run daxctl create-device -r 0 -s 4M -a 8k
run daxctl create-device -r 7 -s 4M
see

step "seeds go"
put $D/delete dax0.4
run sysprobe tree $D/seed $D/create
put $D/delete "dax0.5\\n"
put $D/delete dax0.6
put $D/delete dax0.7
see

step "destroy the middle one"
run daxctl destroy-device dax0.2
run daxctl destroy-device -f dax0.2
run daxctl destroy-device dax0.2
see

step "grow the last one into the hole and behind itself"
put $R/dax0.3/size $((320 * M))
run daxctl reconfigure-device -s 320M dax0.3
run daxctl disable-device dax0.3
put $R/dax0.3/size $((2048 * M))
put $R/dax0.3/size $((320 * M + 4096))
put $R/dax0.3/size $((320 * M))
put $R/dax0.3/size "0x14000000\\n"
put $R/dax0.3/size "02400000000"
put $R/dax0.3/size "0x14000000\\0"
run daxctl enable-device dax0.3
run daxctl list -DM
see

step "map over the boundary of two ranges"
run sysprobe check /dev/dax0.3 3 64
run sysprobe span /dev/dax0.3 $((124 * M)) $((8 * M))
run sysprobe span /dev/dax0.3 $((316 * M)) $((8 * M))
run sysprobe check /dev/dax0.1 1 64

step "aligns"
put $R/dax0.3/align 4096
run daxctl disable-device dax0.3
for text in 4096 0x200000 "2097152\\n" 1073741824 0 1 8192 65536 4194304 abc 2M -1 " 4096" "4096 " "\\n" \
	+4096 010000; do
	put $R/dax0.3/align "$text"
done
run sysprobe tree $R/dax0.3/align
run daxctl enable-device dax0.3
run sysprobe span /dev/dax0.3 $((126 * M)) $((4 * M))
run daxctl disable-device dax0.3
run daxctl reconfigure-device -a 2M dax0.3
run daxctl reconfigure-device -s 256M -a 2M dax0.3
run daxctl reconfigure-device -m devdax dax0.3
run daxctl reconfigure-device -m devdax dax0.3
run daxctl reconfigure-device -m foo dax0.3
see

step "shrink until a range is gone"
run daxctl disable-device dax0.3
put $R/dax0.3/size $((192 * M))
put $R/dax0.3/size $((128 * M))
put $R/dax0.3/size $((2 * M))
put $R/dax0.3/size $((128 * M))
run daxctl enable-device dax0.3
run sysprobe check /dev/dax0.3 3 64
see

step "ranges of one's choice"
put $D/create 1
base=$(($(cat $R/dax0.0/resource)))
at() { printf '0x%x-0x%x' $((base + $1 * M)) $((base + $2 * M - 1)); }
put $R/dax0.2/mapping "$(at 512 514)"
put $R/dax0.2/mapping "$(at 400 404)\\n"
put $R/dax0.2/mapping "$(at 404 406)"
put $R/dax0.2/mapping "$(at 512 514)"
put $R/dax0.2/mapping "$(at 0 2)"
put $R/dax0.2/mapping "$(at 1022 1026)"
put $R/dax0.2/mapping "$(at 2048 2050)"
put $R/dax0.2/mapping "$(printf '0x%x-0x%x' $((base + 600 * M)) $((base + 601 * M - 1)))"
put $R/dax0.2/mapping "$(at 602 600)"
for text in "" "\\n" abc 1 1- -1 1-2-3 " $(at 600 602)" "zz-zz"; do
	put $R/dax0.2/mapping "$text"
done
run daxctl enable-device dax0.2
run sysprobe fill /dev/dax0.2 9
run sysprobe check /dev/dax0.2 9 4
run daxctl list -DM -d dax0.2
see

step "a range while bound, and more room with it"
put $R/dax0.2/mapping "$(at 700 702)"
run sysprobe tree $R/dax0.2/size
put $DRIVER/unbind dax0.2
put $R/dax0.2/size $((12 * M))
put $DRIVER/bind dax0.2
run sysprobe check /dev/dax0.2 9 4
see

step "bad values to create, delete, bind, unbind, new_id, remove_id"
for text in 0 2 -1 abc "" "\\n" "1 " " 1" 1x; do
	put $D/create "$text"
done
for text in foo "" "\\n" dax0.9 dax0.00 dax1.0 "dax0.1 " dax0.1; do
	put $D/delete "$text"
done
for text in foo "" "\\n" dax0.9 dax1.0 "dax0.1 " dax0.1 dax0.0; do
	put $DRIVER/bind "$text"
done
for text in foo "" "\\n" dax0.9 dax1.0 "dax0.1 " dax0.0; do
	put $DRIVER/unbind "$text"
done
for text in foo "" "\\n" dax1 "dax0.1 " dax0.x 0.1; do
	put $DRIVER/new_id "$text"
	put $DRIVER/remove_id "$text"
done
put $DRIVER/remove_id dax0.9
put /sys/bus/dax/drivers_probe dax0.0
put /sys/bus/dax/drivers_probe dax0.1
put /sys/bus/dax/drivers_probe dax0.9
put $D/available_size 1
put $D/seed 1
put $D/size 1
put $D/id 1
put $R/dax0.1/resource 1
put $R/dax0.1/uevent change
put $R/dax0.1/uevent garbage
run sysprobe tree $D/delete
run sysprobe tree $R/dax0.1/mapping
see

step "new_id binds what is unbound"
put $DRIVER/unbind dax0.1
put $DRIVER/unbind dax0.2
put $DRIVER/new_id "dax0.1\\0"
put $DRIVER/bind "dax0.1\\0"
put $DRIVER/new_id dax0.1
put $DRIVER/remove_id dax0.1
see

step "delete while it is open and mapped"
run sysprobe hold /dev/dax0.2 sh -c "sysprobe write $D/delete dax0.2; sysprobe write $R/dax0.2/size 0"
run sysprobe hold /dev/dax0.2 sh -c "sysprobe write $DRIVER/unbind dax0.2; sysprobe write $R/dax0.2/size 0; sysprobe write $D/delete dax0.2"
see

step "one of its name, while the old one is held"
put $D/create 1
run daxctl reconfigure-device -s 4M dax0.2
run daxctl enable-device dax0.2
run sysprobe hold /dev/dax0.2 sh -c "daxctl destroy-device -f dax0.2; daxctl create-device -r 0 -s 8M; sysprobe tree /dev/dax0.2"
see

step "names that are none, and what daxctl says"
for verb in disable-device enable-device destroy-device "reconfigure-device -s 2M"; do
	run daxctl $verb dax0.99
	run daxctl $verb nonsense
done
run daxctl list -d dax0.1
run daxctl list -d dax0.99
run daxctl list -r 0 -R
run daxctl list -r 5 -R
run daxctl list -D -i -u
run daxctl disable-device dax0.1 dax0.2
see

step "destroy all"
run daxctl destroy-device all
run daxctl disable-device all
run daxctl destroy-device all
run daxctl list -DRi
see

step "all as it was"
put $R/dax0.0/size $((1024 * M))
run daxctl enable-device dax0.0
run daxctl list -DRM
run sysprobe check /dev/dax0.0 1 32
see

step "the driver leaves the region"
HMEM=/sys/bus/platform/drivers/hmem
run daxctl disable-device dax0.0
put $R/dax0.0/size $((256 * M))
run daxctl enable-device dax0.0
run daxctl create-device -r 0 -s 64M
run sysprobe fill /dev/dax0.1 4
put $HMEM/bind hmem.0
put $HMEM/bind foo
put $HMEM/unbind foo
run sysprobe hold /dev/dax0.1 sysprobe write $HMEM/unbind hmem.0
put $HMEM/unbind hmem.0
run daxctl list -DRi
see
put $HMEM/bind hmem.0
put $HMEM/bind "hmem.0\n"
tries=0
while [ ! -c /dev/dax0.0 ] && [ $tries -lt 100 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
run daxctl list -DRM
run sysprobe check /dev/dax0.0 1 32
see
