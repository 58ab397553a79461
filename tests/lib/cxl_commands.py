# SPDX-License-Identifier: BSD-2-Clause
"""cxl_commands.py DATA VERSION CXL: run the recorded commands of DATA under daxrun, on three
memory devices without a region, and compare texts and exit statuses.

VERSION is that of the program CXL: 76, 81 or 85. Commands "cxl" were recorded with 85, "cxl76"
with 76. The order of lines is not compared, as stdout and stderr are not in one file here.
"""

import difflib
import pathlib
import re
import subprocess
import sys

# 81 does not know these keys.
NEW = re.compile(r'"(locked|poison_injectable|protocol_injectable|injectable_protocol_errors)":')


def normal(text, version):
    lines = [line.strip().rstrip(",") for line in text.splitlines() if line.strip()]
    return sorted(line for line in lines if version != 81 or not NEW.match(line))


def replay(noun, recorded, printed):
    """Do what is described above, with the arguments of the program, and exit.

    noun	of what is counted
    recorded, printed	functions that make comparable lines of a text, from DATA and from here, and
                        of VERSION
    """
    path, version, program = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    nr = wrong = 0
    for block in path.read_text(encoding="utf-8").split("$ ")[1:]:
        command, *lines, status = block.splitlines()
        name, _, rest = command.partition(" ")
        if (name == "cxl76") != (version == 76):
            continue
        result = subprocess.run(f"{program} {rest}", shell=True, text=True, capture_output=True,
                                check=False)
        want = [*recorded("\n".join(lines), version), status]
        got = [*printed(result.stderr + result.stdout, version), f"# rc={result.returncode}"]
        nr += 1
        if want != got:
            wrong += 1
            print("$", command, *difflib.unified_diff(want, got, "recorded", "here", lineterm="", n=2), sep="\n")
    print(nr, f"{noun},", wrong, "differences")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    replay("commands", normal, normal)
