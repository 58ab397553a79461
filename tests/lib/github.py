# SPDX-License-Identifier: BSD-2-Clause
"""A runner of GitHub Actions, as far as its steps and GITHUB_ENV go.

RUNNER is its program: a file, named Runner.Worker as GitHub's, whose arguments are the steps.
It runs each in a shell of its own, with the variables that earlier ones have appended to the
file that GITHUB_ENV names.
"""

NAME = "Runner.Worker"

RUNNER = """#!/usr/bin/python3
import os, subprocess, sys
variables = {}
for step in sys.argv[1:]:
    env = {**os.environ, **variables}
    done = subprocess.run(["bash", "-eo", "pipefail", "-c", step], env=env, stdin=subprocess.DEVNULL)
    print("step ended with", done.returncode, flush=True)
    if done.returncode:
        sys.exit(1)
    variables = dict(line.split("=", 1) for line in open(os.environ["GITHUB_ENV"]).read().splitlines())
"""
