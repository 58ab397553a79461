# SPDX-License-Identifier: BSD-2-Clause
# Completion of fish for daxrun, cuse-daxd and cuse-daxctl; the words come from "complete".

set -g __cuse_daxd_complete (status dirname)/complete
test -x $__cuse_daxd_complete
or set -g __cuse_daxd_complete (status dirname)/../../cuse-daxd/complete

function __cuse_daxd
    set -l words (commandline -opc)
    set -l current (commandline -ct | string replace -r '^[\'"]' '')
    set -l found ($__cuse_daxd_complete $words "$current" 2>/dev/null)
    switch "$found[1]"
        case @files
            __cuse_daxd_paths "$current" __fish_complete_path
        case @dirs
            __cuse_daxd_paths "$current" __fish_complete_directories
        case '@command*'
            set -l first (string replace '@command ' '' "$found[1]")
            set -l rest $words[(math $first + 1)..-1]
            complete -C "$(string join ' ' -- (string escape -- $rest) $current)"
        case '*'
            printf '%s\n' $found
    end
end

# Paths, also behind "--config=".
function __cuse_daxd_paths --argument-names current function
    set -l option (string match -r '^--[^=]*=' -- $current)
    for path in ($function (string replace -r '^--[^=]*=' '' -- $current))
        printf '%s\n' "$option$path"
    end
end

for program in daxrun cuse-daxd cuse-daxctl
    complete -c $program -f -a '(__cuse_daxd)'
end
