# SPDX-License-Identifier: BSD-2-Clause
"""Run checks in a guest: one boot, and one test here for each check there."""

import ast
import fcntl
import json
import sys

from conftest import BUILD, ROOT

sys.path.insert(0, str(ROOT / "tests/oracle"))
from debian import Debian  # noqa: E402

BUILT = ("cuse-daxd", "daxrun", "cuse-daxctl", "libdaxshim.so", "daxgraft", "libdaxtrap.so")


def checks_of(name):
    """Return: the names of the checks in tests/guest/NAME.py."""
    tree = ast.parse((ROOT / f"tests/guest/{name}.py").read_text())
    return [f.name for f in tree.body if isinstance(f, ast.FunctionDef) and f.name.startswith("check_")]


def boot(name, files=(), fetch=(), timeout=600, **machine):
    """Run tests/guest/NAME.py in a Debian. Return: {check: result}, with "console" and more."""
    all_files = {f"/opt/daxd/{n}": str(BUILD / n) for n in BUILT}
    all_files |= {f"/job/{n}.py": str(ROOT / f"tests/guest/{n}.py") for n in ("harness", name)}
    all_files |= dict(files)
    r = Debian(**machine).run(f"python3 /job/harness.py /job/{name}.py /run/results", files=all_files,
                              fetch=["/run/results", *fetch], timeout=timeout)
    results = json.loads(r.files.get("/run/results", b"{}"))
    results["files"] = {f: data.decode() for f, data in r.files.items() if f != "/run/results"}
    results["output"] = r.output
    results["console"] = r.console
    results["oops"] = r.oops()
    results["seconds"] = r.seconds
    results["release"] = r.release
    return results


def boot_once(tmp_path_factory, worker_id, name, **kw):
    """Do the same as boot(), but only once for all workers of pytest-xdist."""
    if worker_id == "master":
        return boot(name, **kw)
    place = tmp_path_factory.getbasetemp().parent / f"guest-{name}"
    with open(f"{place}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            try:
                place.write_text(json.dumps(boot(name, **kw)))
            except Exception as e:
                place.write_text(json.dumps({"output": f"{type(e).__name__}: {e}", "oops": []}))
                raise
    return json.loads(place.read_text())


def show(results, check):
    """Print the output of a check, and fail if it failed."""
    assert check in results, "the guest did not come that far:\n" + results["output"][-6000:]
    print(results[check]["output"])
    assert not results[check]["failed"], results[check]["failed"]
