# SPDX-License-Identifier: BSD-2-Clause
# Completion of bash for daxrun, cuse-daxd and cuse-daxctl; the words come from "complete".

_cuse_daxd_complete=${BASH_SOURCE[0]%/*}/complete
[[ -x $_cuse_daxd_complete ]] || _cuse_daxd_complete=${BASH_SOURCE[0]%/*}/../../cuse-daxd/complete

_cuse_daxd()
{
	local cur=$2 words=() begins=() full prefix first i

	# bash splits --size=2M and errno:EIO; a quote that is open begins the last word.
	for ((i = 1; i <= COMP_CWORD; i++)); do
		if ((${#words[@]})) && [[ ${COMP_WORDS[i]} == [=:]* || ${COMP_WORDS[i - 1]} == *[=:] ]]; then
			words[-1]+=${COMP_WORDS[i]}
		else
			words+=("${COMP_WORDS[i]}")
			begins+=("$i")
		fi
	done
	full=${words[-1]#[\'\"]}
	words[-1]=$full
	[[ $cur == [=:] ]] && cur=
	cur=${cur#[\'\"]}
	prefix=${full%"$cur"}
	mapfile -t COMPREPLY < <("$_cuse_daxd_complete" "$1" "${words[@]}" 2>/dev/null)
	first=${COMPREPLY[0]-}
	case $first in
	@files) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	@dirs) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
	@command*)
		if declare -F _command_offset >/dev/null; then
			COMPREPLY=()
			_command_offset "${begins[${first#@command } - 1]}"
		else
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		fi
		return
		;;
	*)
		for i in "${!COMPREPLY[@]}"; do
			COMPREPLY[i]=${COMPREPLY[i]#"$prefix"}
		done
		;;
	esac
	[[ ${COMPREPLY[0]-} == *[=:] ]] && compopt -o nospace
	return 0
}

complete -F _cuse_daxd daxrun cuse-daxd cuse-daxctl
