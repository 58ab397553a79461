# shellcheck shell=sh
# SPDX-License-Identifier: BSD-2-Clause
#
# tools/roots.sh: to be read by scripts that work in Debian roots below $work. Needs root.

archive=${DEBIAN_ARCHIVE:-http://deb.debian.org/debian}

# make_root SUITE NAME: make $work/NAME, a minimal root of a suite; a copy of the one in
# $DEBIAN_ROOTS if that is set and has one of this name.
make_root()
{
	if [ -n "${DEBIAN_ROOTS:-}" ] && [ -d "$DEBIAN_ROOTS/$1" ]; then
		cp -a "$DEBIAN_ROOTS/$1" "$work/$2"
		return
	fi
	debootstrap --variant=minbase "$1" "$work/$2" "$archive" >"$work/log" 2>&1 ||
		{ tail "$work/log"; return 1; }
	# A mirror of sid may be older than its Release file is valid.
	echo 'Acquire::Check-Valid-Until "false";' >"$work/$2/etc/apt/apt.conf.d/valid-until"
}

# inside NAME COMMANDS: run them in $work/NAME, with mounts that end with the command, and
# $work on its /mnt.
inside()
{
	unshare --mount --pid --fork sh -c '
		mount --bind "$1" "$1" && mount --rbind /dev "$1/dev" && mount --make-rslave "$1/dev" &&
		mount -t proc proc "$1/proc" && mount -t tmpfs tmpfs "$1/tmp" &&
		mount --bind "$2" "$1/mnt" && exec chroot "$1" /usr/bin/env -i \
		DEBIAN_FRONTEND=noninteractive LC_ALL=C HOME=/tmp \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -euc "$3"' sh "$work/$1" "$work" "$2" \
		>"$work/log" 2>&1 || { tail -n 60 "$work/log"; return 1; }
}
