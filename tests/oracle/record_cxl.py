#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Record what plain writes and cxl do on real kernels with CXL memory: recorded/cxl-*.txt, see
README.md. Each file takes one boot.
"""

import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)

# The program in tests/kernel, its arguments, and the file.
RECORDINGS = (("test_cxl_writes.py", ("6.12",), "cxl-writes-6.12.txt"),
              ("test_cxl_writes.py", ("7.3",), "cxl-writes-7.3.txt"),
              ("test_cxl_story.py", ("story", "76"), "cxl-story-76-7.3.txt"),
              ("test_cxl_story.py", ("story", "81"), "cxl-story-81-7.3.txt"),
              ("test_cxl_story.py", ("list", "76"), "cxl-list-76-7.3.txt"),
              ("test_cxl_story.py", ("list", "81"), "cxl-list-81-7.3.txt"))


def main():
    p = argparse.ArgumentParser(description="Record real kernels with CXL memory.")
    p.add_argument("--build", default=os.path.join(os.path.dirname(TESTS), "build"))
    p.add_argument("--folder", default=os.path.join(HERE, "recorded"), help="where to write")
    a = p.parse_args()
    env = {**os.environ, "DAXD_BUILD": os.path.abspath(a.build), "PYTHONPATH": f"{TESTS}:{TESTS}/lib"}
    for program, arguments, name in RECORDINGS:
        done = subprocess.run([sys.executable, f"{TESTS}/kernel/{program}", *arguments], env=env,
                              stdout=subprocess.PIPE, check=False)
        if done.returncode:
            sys.exit(f"record_cxl: {name} could not be recorded")
        path = os.path.join(a.folder, name)
        with open(path, "wb") as f:
            f.write(done.stdout)
        print(path, flush=True)


if __name__ == "__main__":
    main()
