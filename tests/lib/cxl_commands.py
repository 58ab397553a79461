# SPDX-License-Identifier: BSD-2-Clause
"""cxl_commands.py DATA VERSION CXL: run the recorded commands of DATA under daxrun, on three
memory devices without a region, and compare texts and exit statuses.

VERSION is that of the program CXL: 76, 81 or 85. Commands "cxl" were recorded with 85, "cxl76"
with 76. The order of lines is not compared, as stdout and stderr are not in one file here.
"""

import pathlib
import re
import subprocess
import sys

# 81 does not know these keys.
NEW = re.compile(r'"(locked|poison_injectable|protocol_injectable|injectable_protocol_errors)":')


def recorded(path):
    """Yield commands with their lines; the last line is "# rc=N"."""
    for block in path.read_text(encoding="utf-8").split("$ ")[1:]:
        command, *lines = block.splitlines()
        yield command, lines


def normal(lines, version):
    lines = [line.strip().rstrip(",") for line in lines if line.strip()]
    return sorted(line for line in lines if version != 81 or not NEW.match(line))


def main():
    path, version, program = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    nr = wrong = 0
    for command, lines in recorded(path):
        name, _, rest = command.partition(" ")
        if (name == "cxl76") != (version == 76):
            continue
        result = subprocess.run(f"{program} {rest}", shell=True, text=True, capture_output=True,
                                check=False)
        got = (result.stdout + result.stderr).splitlines() + [f"# rc={result.returncode}"]
        want, got = normal(lines, version), normal(got, version)
        nr += 1
        if want != got:
            wrong += 1
            print("$", command, *[f"  - {line}" for line in want if line not in got],
                  *[f"  + {line}" for line in got if line not in want], sep="\n")
    print(nr, "commands,", wrong, "differences")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
