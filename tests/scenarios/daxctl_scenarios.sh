#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Do the steps of ndctl's own tests of daxctl (test/daxctl-create.sh and daxctl-devices.sh) on
# the region of the device $1. Exit with 0 if all results are as in those tests.
set -e
dev=$1
region=$(echo "$dev" | sed 's/dax\([0-9]*\)\..*/\1/')
M=1048576

err() {
	echo "failed: $*"
	exit 1
}

available() {
	daxctl list -r "$region" | jq -r '.[0].available_size // 0'
}

chardev() {
	jq -er '.[].chardev'
}

size_of() {
	daxctl list -d "$1" -i | jq -r '.[].size'
}

nr_ranges() {
	daxctl list -d "$1" -M | jq '.[].mappings | length'
}

mode_of() {
	daxctl list -d "$1" | jq -r '.[].mode'
}

# Make the whole region free; device 0 stays, with size 0.
reset() {
	daxctl disable-device all >/dev/null
	daxctl destroy-device all >/dev/null || :
	[ "$(size_of "$dev")" = 0 ] || daxctl reconfigure-device -s 0 "$dev"
	[ "$(available)" = "$whole" ] || err "not all is free: $(available)"
}

create() {
	made=$(daxctl create-device -r "$region" "$@") || return 1
	echo "$made" | chardev
}

# The steps of daxctl-create.sh.

daxctl disable-device "$dev"
daxctl reconfigure-device -s 0 "$dev"
whole=$(available)
[ "$whole" -ge $((512 * M)) ] || err "the region is too small"

# one device with the whole region; then nothing is free
one=$(create)
[ "$(size_of "$one")" = "$whole" ] || err "not everything"
[ "$(available)" = 0 ] || err "something is left"
create -s $((2 * M)) && err "created without room"
reset

# two devices; the memory of the first is freed and used again
half=$((whole / 2))
one=$(create -s $half)
two=$(create -s $half)
[ "$(available)" = 0 ] || err "something is left"
daxctl disable-device "$one"
daxctl destroy-device "$one"
[ "$(available)" = $half ] || err "not half is free"
one=$(create -s $half)
[ "$(available)" = 0 ] || err "something is left"
reset

# four devices of a quarter each, a hole, and a device that takes the hole and the end
quarter=$((whole / 4))
one=$(create -s $quarter)
two=$(create -s $quarter)
three=$(create -s $quarter)
daxctl disable-device "$one"
daxctl destroy-device "$one"
four=$(create -s $((2 * quarter)))
[ "$(available)" = 0 ] || err "something is left"
[ "$(nr_ranges "$four")" = 2 ] || err "not two ranges"
reset

# the same, with device 0 as one of the quarters
daxctl reconfigure-device -s $quarter "$dev"
daxctl enable-device "$dev"
two=$(create -s $quarter)
three=$(create -s $quarter)
daxctl disable-device "$dev"
daxctl reconfigure-device -s 0 "$dev"
four=$(create -s $((2 * quarter)))
[ "$(available)" = 0 ] || err "something is left"
[ "$(nr_ranges "$four")" = 2 ] || err "not two ranges"
reset

# two devices grow in turn, piece by piece, until everything is used
for n in 4 8 32; do
	piece=$((whole / n))
	one=$(create -s $piece)
	two=$(create -s $piece)
	i=2
	while [ $((2 * i)) -le $n ]; do
		for d in $one $two; do
			daxctl disable-device "$d"
			daxctl reconfigure-device -s $((i * piece)) "$d"
			daxctl enable-device "$d"
		done
		i=$((i + 1))
	done
	[ "$(available)" = 0 ] || err "something is left with $n pieces: $(available)"
	[ "$(nr_ranges "$one")" = $((n / 2)) ] ||
		err "wrong number of ranges with $n pieces"
	reset
done

# grow into the memory of a former neighbour, and shrink again
one=$(create -s $quarter)
two=$(create -s $quarter)
daxctl disable-device "$two"
daxctl destroy-device "$two"
daxctl disable-device "$one"
daxctl reconfigure-device -s $((2 * quarter)) "$one"
[ "$(nr_ranges "$one")" = 1 ] || err "not one range"
daxctl reconfigure-device -s $quarter "$one"
[ "$(available)" = $((3 * quarter)) ] || err "not shrunk"
daxctl enable-device "$one"
reset

# two devices grow into the free memory beside them: one grows before its own range and gets a
# second range, the other grows behind it, in place
for n in 1 2 3 4; do
	eval "d$n=\$(create -s $quarter)"
done
# shellcheck disable=SC2154
for d in $d1 $d4; do
	daxctl disable-device "$d"
	daxctl destroy-device "$d"
done
# shellcheck disable=SC2154
for d in $d2 $d3; do
	daxctl disable-device "$d"
	daxctl reconfigure-device -s $((2 * quarter)) "$d"
done
[ "$(nr_ranges "$d2")" = 2 ] || err "not two ranges"
[ "$(nr_ranges "$d3")" = 1 ] || err "not one range"
[ "$(available)" = 0 ] || err "something is left"
reset

# the output of list -M for a device of several ranges makes the same device again
piece=$((whole / 8))
one=$(create -s $piece)
two=$(create -s $piece)
for i in 2 3 4; do
	for d in $one $two; do
		daxctl disable-device "$d"
		daxctl reconfigure-device -s $((i * piece)) "$d"
	done
done
input=$(mktemp)
daxctl list -M -d "$two" | jq -er ".[]" >"$input"
daxctl destroy-device "$two"
two=$(daxctl create-device --input "$input" | chardev)
[ "$(nr_ranges "$two")" = 4 ] || err "not the four ranges of the input"
[ "$(size_of "$two")" = $((4 * piece)) ] || err "not the size of the input"
rm "$input"
reset

# other aligns
for align in 4k 2M; do
	one=$(create -s $quarter -a $align)
	[ "$(size_of "$one")" = $quarter ] || err "another size with $align"
	reset
done
create -s $((2 * M + 4096)) -a 2M && err "created with half a page"
reset

# The steps of daxctl-devices.sh.

one=$(create -s $quarter)
before=$(daxctl list -DRMi)
daxctl reconfigure-device -m devdax "$one"
[ "$(mode_of "$one")" = devdax ] || err "not devdax"
for options in "" -N --no-movable "-N --no-movable" -f "-N -f"; do
	# shellcheck disable=SC2086
	daxctl reconfigure-device $options -m system-ram "$one"
	[ "$(mode_of "$one")" = system-ram ] || err "not system-ram, with '$options'"
	daxctl reconfigure-device -f -m devdax "$one"
	[ "$(daxctl list -DRMi)" = "$before" ] || err "not as it was, with '$options'"
	[ "$(mode_of "$one")" = devdax ] || err "not devdax any more"
done
daxctl reconfigure-device -N -m system-ram "$one"
daxctl online-memory "$one"
daxctl online-memory "$one" && err "onlined twice"
daxctl reconfigure-device -m devdax "$one" && err "not system-ram with memory online"
daxctl offline-memory "$one"
daxctl offline-memory "$one" && err "offlined twice"
daxctl reconfigure-device -m devdax "$one"
daxctl online-memory "$one" && err "onlined memory"
daxctl offline-memory "$one" && err "offlined memory"
daxctl disable-device "$one"
daxctl reconfigure-device -m devdax "$one"
daxctl disable-device "$one"
daxctl enable-device "$one"
[ "$(daxctl list -DRMi)" = "$before" ] || err "not as it was in the end"
reset
echo "all went well"
