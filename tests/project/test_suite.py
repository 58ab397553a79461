# SPDX-License-Identifier: BSD-2-Clause
"""The suite itself: ignored signals, tests that hang, what tests leave."""

import os
import signal
import subprocess
import sys

import pytest

from conftest import BUILD, ROOT, TIMEOUT, environment

sys.path.insert(0, str(ROOT / "tests/oracle"))
import guest  # noqa: E402

pytestmark = pytest.mark.plain

HANGS = """
import pathlib, signal, subprocess, sys, time
import conftest
conftest.LIMIT = 3

def test_hangs():
    sleeper = subprocess.Popen(["sleep", "1000"])
    pathlib.Path("pid").write_text(str(sleeper.pid))
    sleeper.wait()
    time.sleep(1000)

def test_no_signal_is_ignored():
    text = subprocess.run(["grep", "SigIgn", "/proc/self/status"], capture_output=True,
                          text=True).stdout
    ignored = int(text.split()[1], 16)
    assert not ignored >> (signal.SIGHUP - 1) & 1
    assert not ignored >> (signal.SIGINT - 1) & 1
    import os
    os.kill(os.getpid(), signal.SIGHUP)  # pytest goes on, as after nohup
"""


def test_signals_and_time_limits(workdir):
    """Run a suite as nohup and a background job do: with SIGHUP and SIGINT ignored."""
    def ignore():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    (workdir / "test_hangs.py").write_text(HANGS)
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
         f"--rootdir={workdir}", f"-c{ROOT}/tests/pytest.ini", "-p", "conftest",
         "test_hangs.py"],
        cwd=workdir, preexec_fn=ignore, capture_output=True, text=True, check=False,
        timeout=4 * TIMEOUT,
        env={**environment(), "PYTHONPATH": f"{ROOT}/tests:{ROOT}/tests/lib",
             "PYTHONDONTWRITEBYTECODE": "1"})
    assert "1 failed, 1 passed" in result.stdout, result.stdout + result.stderr
    assert "not done after 3 s, at a load of" in result.stdout
    assert "huge pages: " in result.stdout
    with pytest.raises(ProcessLookupError):
        os.kill(int((workdir / "pid").read_text()), 0)


def test_a_guest_whose_kernel_dies_early_is_booted_again(workdir):
    """Once, with a warning; not after its script has begun."""
    class Fake(guest.Guest):
        nr_boots = 0
        console = "Kernel panic - not syncing\n"

        def _boot(self, *args):
            self.nr_boots += 1
            (workdir / "console").write_text(self.console)
            return self._result(None, workdir, 0, None, 1)

    fake = Fake()
    with pytest.warns(UserWarning, match="booted again"), \
            pytest.raises(guest.KernelDied, match="before its script began"):
        fake.run("true")
    assert fake.nr_boots == 2
    late = Fake()
    late.console = "GUEST: the script begins\nKernel panic - not syncing\n"
    with pytest.raises(guest.GuestError, match="went down before its script ended"):
        late.run("true")
    assert late.nr_boots == 1


def test_what_is_left_behind(daxrun):
    """A daemon of the tests, by its program or its environment, and no daemon of somebody else."""
    def left(build, **env):
        script = f"""echo $CUSE_DAXD_RUNTIME_DIR; env -u LD_PRELOAD -u DAXD_TEST_RUN {ROOT}/tools/left-behind {build}"""
        place, *lines = daxrun("-q", "-d", "dax0.0,size=4M", "--", "sh", "-c", script,
                               env={"XDG_RUNTIME_DIR": None, **env}).splitlines()
        return any(line.startswith(place) for line in lines)

    assert left(BUILD)
    assert left("/elsewhere", DAXD_TEST_RUN="/elsewhere")
    assert not left("/elsewhere", DAXD_TEST_RUN="/another")
