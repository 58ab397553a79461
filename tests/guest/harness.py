# SPDX-License-Identifier: BSD-2-Clause
"""Run the functions check_*() of a file one after the other, inside a guest.

    python3 harness.py FILE RESULTS

When a check ends, its output and failure are written to RESULTS as JSON, so that the results
survive if the guest dies later. Nothing here depends on pytest; tests/lib/guests.py reads the
results.
"""

import contextlib
import importlib.util
import io
import json
import os
import signal
import subprocess
import sys
import time
import traceback

RT = "/run/cuse-daxd"
SHIM = "/opt/daxd/libdaxshim.so"
WORKER, OTHER, GROUP = 1000, 1001, 2000
TIMEOUT = 60


def run(*argv, check=True, user=None, groups=(), shim=False, env=None, timeout=TIMEOUT, **kw):
    """Run a command to its end. Return: CompletedProcess with text."""
    argv = [str(a) for a in argv]
    if len(argv) == 1 and not kw.get("shell"):
        argv = ["bash", "-c", argv[0]]
    if user is not None:
        argv = ["setpriv", f"--reuid={user}", f"--regid={user}",
                f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups", "--", *argv]
    env = {**os.environ, **(env or {}), **({"LD_PRELOAD": SHIM} if shim else {})}
    kw.setdefault("stdin", subprocess.DEVNULL)
    r = subprocess.run(argv, text=True, capture_output=True, env=env, timeout=timeout, check=False, **kw)
    if check and r.returncode:
        raise AssertionError(f"{' '.join(argv)}: exit status {r.returncode}\n{r.stdout}{r.stderr}")
    return r


def let_users_see_resources():
    """Let PMDK's check of bad blocks work for other users than root, as its manual says
    (pmempool-feature(1)): the attributes are root's."""
    run("python3", "-c", "import glob, os\n"
        "for path in glob.glob('/sys/bus/[nd][da]*/devices/*/resource'): os.chmod(path, 0o444)", shim=True)


def wait_for(condition, what="", timeout=TIMEOUT):
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"timeout: {what or condition}"
        time.sleep(0.02)


class Daemon:
    """A cuse-daxd, by default with CUSE nodes and the system's runtime directory."""

    def __init__(self, config, *options, rt=RT, frontend="cuse", ready=True, prefix=()):
        self.path = f"/tmp/conf-{time.monotonic_ns()}"
        self.log = self.path + ".log"
        self.rt = rt
        with open(self.path, "w") as f:
            f.write(config)
        r, w = os.pipe()
        with open(self.log, "w") as log:
            self.p = subprocess.Popen(
                [*prefix, "/opt/daxd/cuse-daxd", "--foreground", f"--frontend={frontend}", "-c", self.path,
                 f"--runtime-dir={rt}", f"--ready-fd={w}", *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[w])
        os.close(w)
        with os.fdopen(r) as f:
            self.is_ready = f.readline() != ""
        if not self.is_ready:
            self.p.wait(TIMEOUT)
        if ready:
            assert self.is_ready, self.said()

    def said(self):
        with open(self.log) as f:
            return f.read()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.p.poll() is None:
            self.stop()
        if exc[0]:
            print("the daemon said:", self.said())

    def stop(self, number=signal.SIGTERM):
        self.p.send_signal(number)
        return self.p.wait(TIMEOUT)

    def ctl(self, *args):
        return json.loads(run("/opt/daxd/cuse-daxctl", f"--runtime-dir={self.rt}", *args).stdout)

    def device(self, name):
        return next(d for d in self.ctl("list") if d["chardev"] == name)

    def counts(self):
        """Return: numbers of descriptors, threads and resident kilobytes, to detect leaks."""
        base = f"/proc/{self.p.pid}"
        with open(f"{base}/status") as f:
            rss = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
        return len(os.listdir(f"{base}/fd")), len(os.listdir(f"{base}/task")), rss


def nodes():
    return sorted(n for n in os.listdir("/dev") if n.startswith("dax"))


def main():
    path, out = sys.argv[1:]
    spec = importlib.util.spec_from_file_location("checks", path)
    checks = importlib.util.module_from_spec(spec)
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    spec.loader.exec_module(checks)
    results = {}
    if hasattr(checks, "setup"):
        checks.setup()
    for name, function in list(vars(checks).items()):
        if not name.startswith("check_"):
            continue
        said = io.StringIO()
        failed = None
        start = time.monotonic()
        with contextlib.redirect_stdout(said):
            try:
                function()
            except Exception:
                failed = traceback.format_exc()
        seconds = time.monotonic() - start
        results[name] = {"output": said.getvalue(), "failed": failed, "seconds": seconds}
        print(f"{name} {'FAILED' if failed else 'ok'} {seconds:.1f} s", flush=True)
        if failed:
            print(said.getvalue(), failed, flush=True)
        with open(out, "w") as f:
            json.dump(results, f)


if __name__ == "__main__":
    sys.modules["harness"] = sys.modules["__main__"]
    main()
