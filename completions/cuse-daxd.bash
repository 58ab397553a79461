# SPDX-License-Identifier: BSD-2-Clause
# Completion of bash for daxrun, cuse-daxd and cuse-daxctl. It takes options and verbs from
# the programs' own --help, so that they always match.

_cuse_daxd_options()
{
	"$1" --help 2>/dev/null | grep -oE '(^|[ ,])--[a-z][a-z-]*(=|\[=)?' |
		sed -E 's/^[ ,]*//; s/\[=$//' | sort -u
}

_cuse_daxd_verbs()
{
	"$1" --help 2>/dev/null | sed -n '/^Verbs:/,/^$/s/^  \([a-z][a-z-]*\).*/\1/p'
}

_cuse_daxd_devices()
{
	"$1" list 2>/dev/null | sed -n 's/.*"chardev": *"\([^"]*\)".*/\1/p'
}

_cuse_daxd_reply()
{
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
	[[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace
	return 0
}

_cuse_daxd()
{
	local program=$1 cur=$2 prev=$3 i

	# bash splits --size=2M into the words "--size", "=" and "2M"
	if [[ $cur == = ]]; then
		cur=
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $prev in
	-c | --config)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	-r | --runtime-dir | --connect)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--frontend)
		_cuse_daxd_reply "auto cuse none" "$cur"
		return
		;;
	-a | --align)
		_cuse_daxd_reply "4K 2M 1G" "$cur"
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		_cuse_daxd_reply "$(_cuse_daxd_options "$program")" "$cur"
		return
	fi
	case ${program##*/} in
	daxrun)
		for ((i = 1; i < COMP_CWORD; i++)); do
			[[ ${COMP_WORDS[i]} == -- ]] && break
		done
		if declare -F _command_offset >/dev/null && ((i < COMP_CWORD)); then
			_command_offset $((i + 1))
		else
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		fi
		;;
	cuse-daxctl)
		case $prev in
		destroy | enable | disable | inject | clear)
			_cuse_daxd_reply "$(_cuse_daxd_devices "$program")" "$cur"
			;;
		inspect)
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			;;
		*)
			_cuse_daxd_reply "$(_cuse_daxd_verbs "$program")" "$cur"
			;;
		esac
		;;
	esac
}

complete -F _cuse_daxd daxrun cuse-daxd cuse-daxctl
