#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# All forms of cxl list, without a region and with a disabled and an enabled one. The same script
# runs on a real kernel, with two memory devices of 512 MiB and no region, and under daxrun.
export LC_ALL=C
B=/sys/bus/cxl/devices

forms() {
	echo "==== $*"
	for form in "" -M -B -P -E -D -R -T -MBPEDRT -Mu -MI -BM -PM -EM -EMu -DMi -RDT -v -vv -i -Di \
		"-m mem1" "-m mem9" "-s 2 -M" "-p port1 -E" "-d decoder0.0 -D" "-e endpoint2 -D" \
		"-b root0 -P" "-r region0 -RDM" "-m mem0 -RX" "-Rui"; do
		echo "\$ cxl list $form"
		cxl list $form 2>&1
		echo "? $?"
	done
}
put() { # FILE TEXT
	printf '%s' "$2" >"$1" || echo "$1: $2"
}

forms "no region"
put $B/decoder0.0/create_ram_region region0
put $B/region0/interleave_granularity 1024
put $B/region0/interleave_ways 2
put $B/region0/size 0x20000000
for n in 1 0; do
	put $B/decoder$((n + 2)).0/mode ram
	put $B/decoder$((n + 2)).0/dpa_size 0x10000000
	put $B/region0/target$((1 - n)) decoder$((n + 2)).0
done
put $B/region0/commit 1
forms "a disabled region"
put /sys/bus/cxl/drivers/cxl_region/bind region0
tries=0
until [ -c /dev/dax0.0 ] || [ $tries = 600 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
put /sys/bus/dax/drivers/device_dax/new_id dax0.0
tries=0
until sysprobe open /dev/dax0.0 >/dev/null || [ $tries = 600 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
forms "an enabled region"
