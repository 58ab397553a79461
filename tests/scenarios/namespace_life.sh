#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The life of a pmem namespace in devdax mode (510 MiB, align 2M) under ndctl and daxctl. The same
# script runs on a real namespace and under daxrun.
export LC_ALL=C
B=/sys/devices/platform/e820_pmem/ndbus0
N=$B/region0
DRIVERS=/sys/bus/nd/drivers
M=1048576

step() { echo "==== $*"; }
run() {
	echo "\$ $*"
	"$@" 2>&1
	echo "? $?"
}
put() {
	printf '%s <- "%s": ' "${1#/sys/}" "$2"
	sysprobe write "$1" "$2"
}
# Print everything whose name is the same on every machine, however often it was bound.
see() {
	echo "--tree"
	sysprobe tree $N/namespace0.0 $B/provider $B/driver $B/wait_probe $B/commands $N/align \
		$N/badblocks $N/init_namespaces $N/mappings $N/max_available_extent \
		$N/namespace_seed $N/read_only $N/size $N/uevent $N/driver /sys/bus/dax/drivers \
		/sys/class/nd | grep -v "/holder "
	for node in /dev/dax*; do
		[ -c $node ] && sysprobe tree $node
	done
	ls /sys/bus/dax/devices
	echo "--end"
}

step "lists"
for options in "" -N -D -R -B -X -i -u -v -M -C -H -F -Ni -NX -RN -RX -BRN -BRNX -NXDRMuv -RM -Nv -Xv -Rv \
	-Rvu -Bv "-b e820" "-b ndbus0" "-b foo" "-r 0" "-r region0" "-r 1" "-n namespace0.0" \
	"-n namespace0.1" "-d nmem0" "-m devdax" "-m fsdax" "-m sector" "-m raw" "-t pmem" "-t blk" \
	"-U 0" "-U 1" "--human" "-c e820 -N" "-x"; do
	run ndctl list $options
done
for options in "" -D -R -M -i -u -DR -DRM -DRMi -DRMiu "-r 0" "-r 1" "-d dax0.0" "-d dax0.1" "-R -d dax0.0" \
	"--human"; do
	run daxctl list $options
done
see

step "daxctl can't change what ndctl made"
run daxctl create-device
run daxctl create-device -r 0
run daxctl create-device -r 0 -s 4M
run daxctl reconfigure-device -s 4M dax0.0
run daxctl reconfigure-device -a 4k dax0.0
run daxctl reconfigure-device -m devdax dax0.0
run daxctl destroy-device dax0.0
run daxctl offline-memory dax0.0
run daxctl online-memory dax0.0
for file in size align resource mapping; do
	put /sys/bus/dax/devices/dax0.0/$file 4096
done
for file in create delete seed available_size align id size; do
	put $N/dax0.0/dax_region/$file 1
done
see

step "disabled"
run daxctl disable-device dax0.0
run daxctl disable-device dax0.0
run daxctl disable-device -f dax0.0
run daxctl list
run daxctl list -DRMi
run ndctl list -NX
run ndctl list -NXi
run sysprobe open /dev/dax0.0
run daxctl reconfigure-device -s 4M dax0.0
run daxctl reconfigure-device -a 4k dax0.0
run daxctl destroy-device dax0.0
see
run daxctl enable-device dax0.0
run daxctl enable-device dax0.0
run daxctl destroy-device -f dax0.0
run daxctl list -i
run daxctl reconfigure-device -m devdax dax0.0
run daxctl disable-device dax0.1
run daxctl enable-device all
run sysprobe open /dev/dax0.0
run sysprobe fill /dev/dax0.0 5
run sysprobe check /dev/dax0.0 5 255
run sysprobe span /dev/dax0.0 $((506 * M)) $((8 * M))
see

step "the namespace"
run ndctl destroy-namespace namespace0.0
run ndctl check-namespace namespace0.0
run ndctl disable-namespace namespace0.0
run ndctl disable-namespace namespace0.0
run ndctl list
run ndctl list -Ni
run ndctl list -RNXi
run ndctl list -NXDRMuvi
run daxctl list -DRi
run sysprobe open /dev/dax0.0
see
run ndctl enable-namespace namespace0.0
run ndctl enable-namespace namespace0.0
run ndctl list -NX
run sysprobe check /dev/dax0.0 5 255
see
run ndctl disable-namespace all
run ndctl enable-namespace all
run ndctl disable-namespace namespace0.1
run ndctl enable-namespace namespace0.1
run ndctl disable-namespace foo
run sysprobe check /dev/dax0.0 5 255

step "under a mapping"
run sysprobe hold /dev/dax0.0 ndctl disable-namespace namespace0.0
run ndctl enable-namespace namespace0.0
run sysprobe check /dev/dax0.0 5 1
run sysprobe hold /dev/dax0.0 sysprobe write $DRIVERS/nd_region/unbind region0
see

step "the region"
run ndctl list -RN
run ndctl list -RNi
run ndctl enable-region region0
run ndctl disable-region region0
run ndctl disable-region region0
run ndctl list
run ndctl list -RNXi
run ndctl list -Bi
run daxctl list -i
see
run ndctl enable-region region0
run ndctl enable-region region0
run ndctl disable-region all
run ndctl enable-region all
run ndctl disable-region region1
run ndctl enable-region region1
run ndctl list -RNX
run sysprobe check /dev/dax0.0 5 1

step "writes"
put $DRIVERS/nd_region/bind region0
put $DRIVERS/nd_region/unbind foo
put $DRIVERS/nd_region/unbind "region0\\n"
put $DRIVERS/nd_region/unbind region0
put $DRIVERS/nd_pmem/bind namespace0.0
put $DRIVERS/nd_region/bind "region0\\n"
put $DRIVERS/nd_region/bind region0
put $DRIVERS/nd_pmem/bind namespace0.0
put $DRIVERS/nd_pmem/unbind namespace0.0
put $DRIVERS/nd_pmem/bind foo
put $DRIVERS/nd_pmem/bind region0
put $DRIVERS/dax_pmem/bind namespace0.0
put $DRIVERS/dax_pmem/bind foo
put $DRIVERS/dax_pmem/unbind foo
put /sys/bus/nd/drivers_probe namespace0.0
put /sys/bus/nd/drivers_probe foo
put $N/read_only 1
put $N/read_only 0
put $N/read_only x
put $N/namespace0.0/holder_class pfn
put $N/namespace0.0/size 1
put $N/namespace0.0/force_raw 1
put $N/namespace0.0/force_raw 0
put $N/namespace0.0/force_raw 7
run sysprobe check /dev/dax0.0 5 1

step "the bus"
put /sys/bus/platform/drivers/e820_pmem/bind e820_pmem
put /sys/bus/platform/drivers/e820_pmem/unbind foo
put /sys/bus/platform/drivers/e820_pmem/unbind e820_pmem
put /sys/bus/platform/drivers/e820_pmem/unbind e820_pmem
run ndctl list -BRNi
run daxctl list -DRi
run sysprobe tree /sys/devices/platform/e820_pmem /sys/class/nd /sys/bus/nd/devices
put /sys/bus/platform/drivers/e820_pmem/bind e820_pmem
tries=0
while [ ! -c /dev/dax0.0 ] && [ $tries -lt 100 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
run ndctl list -BRNX
run sysprobe check /dev/dax0.0 5 1

step "what a machine without DIMMs answers"
run ndctl zero-labels all
run ndctl read-labels all
run ndctl init-labels all
run ndctl disable-dimm all
run ndctl enable-dimm all
run ndctl wait-scrub
run ndctl start-scrub
run ndctl inject-error namespace0.0 -B 1 -n 1
run ndctl inject-smart all
run ndctl read-infoblock namespace0.0
run ndctl activate-firmware all
run ndctl update-firmware all

step "monitor"
for options in "" "-l standard" "-l /dev/null" "-b ndbus0" "-b foo" "-r region0" "-n namespace0.0" "-d nmem0" \
	"-D dimm-health-state" "-D all" "-p 1" "-p x" "-u" "-c /nowhere" "-l" "-x" "foo"; do
	run ndctl monitor $options
done
run daxctl monitor
