# SPDX-License-Identifier: BSD-2-Clause
"""The programs are built, and the units are written, so that a mistake does little harm."""

import re
import subprocess

import pytest

from conftest import BUILD, ROOT, run

pytestmark = pytest.mark.plain

EXPOSURE = {"cuse-daxd": 1.5, "cuse-daxd-user": 3.0}

# Settings that each unit keeps, even if the exposure would be low enough without.
COMMON = {
    "NoNewPrivileges": "yes", "PrivateMounts": "yes", "PrivateNetwork": "yes", "ProtectControlGroups": "yes",
    "ProtectHostname": "yes", "ProtectKernelLogs": "yes", "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes", "LockPersonality": "yes", "MemoryDenyWriteExecute": "yes",
    "RestrictAddressFamilies": "AF_UNIX", "RestrictRealtime": "yes", "RestrictSUIDSGID": "yes",
    "SystemCallArchitectures": "native", "UMask": "0077",
}
SETTINGS = {
    "cuse-daxd": {
        **COMMON, "CapabilityBoundingSet": "CAP_CHOWN CAP_SYS_PTRACE", "DevicePolicy": "closed",
        "DeviceAllow": "/dev/cuse rw", "IPAddressDeny": "any", "PrivateTmp": "yes", "ProtectClock": "yes",
        "ProtectHome": "yes", "ProtectProc": "invisible", "ProtectSystem": "strict", "RestrictNamespaces": "yes"},
    "cuse-daxd-user": {
        **COMMON, "CapabilityBoundingSet": "", "PrivateUsers": "yes", "ProtectSystem": "full",
        "RestrictNamespaces": "user mnt"},
}


@pytest.mark.parametrize("unit", EXPOSURE)
def test_units(unit):
    path = ROOT / f"systemd/{unit}.service"
    settings = dict(re.findall(r"^(\w+)=(.*)$", path.read_text(), re.M))
    assert {k: settings.get(k) for k in SETTINGS[unit]} == SETTINGS[unit]
    out = run(["systemd-analyze", "security", "--offline=true", "--no-pager", path]).stdout
    exposure = float(re.search(r"exposure level for \S+: (\d+\.\d)", out)[1])
    print(f"\n{unit}: exposure {exposure}")
    assert exposure <= EXPOSURE[unit], out


def flags(target):
    """The compiler's arguments for a file, as make gives them."""
    out = subprocess.run(["make", "-nB", "V=1", "-C", ROOT, "CC=gcc", "SAN=", "B=build", f"build/{target}"],
                         check=True, capture_output=True, text=True).stdout
    return next(line for line in out.splitlines() if line.startswith("gcc ") and target in line).split()


@pytest.mark.parametrize("target", ["obj/cuse-daxd/main.o", "obj/client/daxrun/main.o",
                                    "obj/client/cuse-daxctl/main.o", "obj/libcore/wire.o",
                                    "shim-obj/client/shim/base/real.o"])
def test_flags(target):
    got = flags(target)
    assert {"-fstack-protector-strong", "-fstack-clash-protection", "-fcf-protection=full"} <= set(got)
    # The shim has no checks of libc's: they would end the program that it is in.
    is_shim = target.startswith("shim")
    assert [f for f in got if "FORTIFY" in f][-1] == ("-U_FORTIFY_SOURCE" if is_shim else "-D_FORTIFY_SOURCE=3")


@pytest.mark.parametrize("program", ["cuse-daxd", "daxrun", "cuse-daxctl"])
def test_programs(program):
    """All relocations are read-only, no segment is writable and executable, addresses vary."""
    out = run(["readelf", "-W", "-h", "-l", "-d", BUILD / program]).stdout
    assert "GNU_RELRO" in out and "BIND_NOW" in out and "DYN (" in out
    assert re.search(r"GNU_STACK .* RW ", out) and "RWE" not in out
    if "asan" not in BUILD.name and "tsan" not in BUILD.name:
        assert "_chk" in run(["nm", "-D", BUILD / program]).stdout
