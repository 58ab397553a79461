#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# CXL memory from the bare devices to a device in use and back. The same script runs on a real
# kernel, with two memory devices of 512 MiB and no region, and under daxrun.
export LC_ALL=C
B=/sys/bus/cxl/devices
P=/sys/kernel/debug/cxl

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
# Linux 7.3 makes the device a moment after the region is bound, and the driver takes it some
# time after that.
await() { # COMMAND
	tries=0
	until "$@" >/dev/null || [ $tries = 600 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
}
# As cxl create-region does it, which refuses ram regions before version 77.
create() {
	put $B/decoder0.0/create_ram_region "region0\\0"
	put $B/region0/interleave_granularity "256\\n\\0"
	put $B/region0/interleave_ways "2\\n\\0"
	put $B/region0/size "0x40000000\\n\\0"
	for n in 0 1; do
		put $B/decoder$((n + 2)).0/dpa_size "0\\n\\0"
		put $B/decoder$((n + 2)).0/mode "ram\\0"
		put $B/decoder$((n + 2)).0/dpa_size "0x20000000\\n\\0"
		put $B/region0/target$n "decoder$((n + 2)).0\\0"
	done
	put $B/region0/commit "1\\n\\0"
	put /sys/bus/cxl/drivers/cxl_region/bind "region0\\0"
}

step "two memory devices and a window"
run cxl list -M
run cxl list -BPEDT
run cxl list -R
run ls /dev/cxl
run cat $B/mem0/serial $B/mem1/serial $B/mem0/ram/size

step "a region of two ways"
case $(cxl version) in
76*) create ;;
*) run cxl create-region -t ram -d decoder0.0 -m mem0 mem1 ;;
esac
await [ -c /dev/dax0.0 ]
run cxl list -RT
run cxl list -D -d decoder1.0
run daxctl list -DR
run sysprobe open /dev/dax0.0

step "devdax"
run daxctl reconfigure-device -m devdax dax0.0
await sysprobe open /dev/dax0.0
run daxctl list -DR
echo "fio, crc32c"
fio --name=v --ioengine=dev-dax --filename=/dev/dax0.0 --size=16M --bs=2M --rw=randwrite \
	--verify=crc32c --do_verify=1 --randseed=16 --output-format=terse --terse-version=3 \
	>/tmp/fio.$$ 2>&1
echo "? $?"
grep -c ';v;0;0;' /tmp/fio.$$
rm -f /tmp/fio.$$
run sysprobe fill /dev/dax0.0 7
run sysprobe check /dev/dax0.0 7 512

# Address 0x2040 of mem0 is byte 0x4040 of the region. QEMU has no machine check for a load of
# it: there, sysprobe asks for one by MADV_HWPOISON.
step "poison"
run sysprobe poison /dev/dax0.0 0x4040 sysprobe write $P/mem0/inject_poison 0x2040
put $B/mem0/trigger_poison_list 1
put $P/mem0/inject_poison 0x2041
put $P/mem0/inject_poison 0x20000000
put $P/mem0/clear_poison "0x2040\\n"
put $P/mem0/clear_poison "0x2040\\n"
run sysprobe load /dev/dax0.0 0x4040
run sysprobe check /dev/dax0.0 7 512

step "disable and enable"
run cxl disable-region region0
run sysprobe open /dev/dax0.0
run cat $B/region0/commit $B/region0/size $B/region0/target0 $B/region0/target1
run cxl enable-region region0
# The driver knows the name by now.
await sysprobe open /dev/dax0.0
run daxctl reconfigure-device -m devdax dax0.0
run sysprobe check /dev/dax0.0 7 512
run sysprobe load /dev/dax0.0 0x4040

step "destroy, while it is mapped"
run cxl destroy-region region0
run sysprobe hold /dev/dax0.0 cxl destroy-region -f region0
run cxl list -R
run cat $B/decoder2.0/mode $B/decoder2.0/dpa_size $B/port1/decoders_committed
run daxctl list -DR

step "made again, with its bytes"
create
await sysprobe open /dev/dax0.0
run daxctl reconfigure-device -m devdax dax0.0
run sysprobe check /dev/dax0.0 7 512
run cxl disable-memdev mem1
run cxl disable-memdev -f mem1
run cat $B/region0/commit $B/region0/target0 $B/region0/target1
run cxl enable-memdev mem1
run cxl enable-region region0
put $B/decoder0.0/delete_region region0
run cxl list -R
