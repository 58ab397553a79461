# SPDX-License-Identifier: BSD-2-Clause
"""One call of the daemon fails: each step of a script ends in success or a clear error.

`make inject` lets each call of each kind fail, once and for good; here the first call of each kind does.
"""

import errno
import os
import pathlib
import shutil
import tempfile

import pytest

from conftest import NOBODY, both_users
from inject import ERRNOS, Fault, Script

pytestmark = pytest.mark.plain

EVERY = "DAXD_INJECT_ALL" in os.environ


@pytest.fixture
def script(user):
    """In memory, since each start makes and removes some hundred files."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="inject-", dir="/dev/shm"))
    place.chmod(0o755)
    if user == "nobody":
        os.chown(place, NOBODY, NOBODY)
    made = Script(place, user == "nobody")
    yield made
    made.clean()
    shutil.rmtree(place)


def failures(counts):
    """All failures: one call, and it with all later ones, of each kind and errno."""
    for kind, names in ERRNOS.items():
        for name in names:
            number = getattr(errno, name) if name else 0
            for n in range(1, counts.get(kind, 0) + 1):
                yield f"{kind}:{n}:{number}"
                # If nobody is ever let in, everybody waits; without read, no signal is seen.
                if kind not in ("accept4", "read"):
                    yield f"{kind}:{n}+:{number}"


def first_of_each(counts):
    """The first call of each kind, once. The number does not depend on what other calls there are."""
    seen = set()
    for f in failures(counts):
        kind = f.split(":")[0]
        if kind not in seen:
            seen.add(kind)
            yield f


@both_users
@pytest.mark.parametrize("kill", [False, True], ids=["new", "successor"])
def test_a_call_fails(script, kill):
    """No crash, no leak, no lost byte, and a start afterwards works."""
    assert not script.run(kill=kill)
    counts = script.last_counts
    script.good_fds = script.last_fds
    assert counts["alloc"] > 1000 and counts["openat"] > 100 and counts["sendmsg"] > 10
    script.clean()
    script.outcomes.clear()
    bad = []
    every = failures(counts) if EVERY else first_of_each(counts)
    for runs, inject in enumerate(every, 1):
        if EVERY and runs % 100 == 1:
            print(f"run {runs}: {inject}", flush=True)
        script.last_fds = script.good_fds
        try:
            script.run(inject, kill)
            # Less may be open, if the failure made the daemon do without something.
            if leaks := script.last_fds - script.good_fds:
                raise Fault(f"descriptors leak: {dict(leaks)}")
        except Fault as e:
            bad.append(f"{inject}: after {script.outcome}: {e}\n  " + "\n  ".join(script.said()[-3:]))
            if EVERY:
                print(bad[-1], flush=True)
        script.clean()
    print(f"\n{runs} runs, outcomes of steps: {script.outcomes}")
    assert not bad, "\n".join(bad)
    assert script.outcomes["ok"] and script.outcomes["error"] + script.outcomes["start"]
