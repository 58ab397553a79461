# SPDX-License-Identifier: BSD-2-Clause
"""cxl_lists.py DATA VERSION CXL: run the forms of `cxl list` recorded in DATA under daxrun, on
three memory devices without a region, and compare texts and exit statuses.

VERSION is that of the program CXL: 76 or 85. Not compared are the order of objects, addresses,
PCI domains, and what the recorded machine has and this one has not, or the other way round:

* its devices were numbered by chance: mem2 is the one with serial number 1;
* its third one has two partitions, of 256 MiB and 512 MiB;
* QEMU's devices have neither health nor alerts;
* there is no tracefs here.
"""

import json
import re

from cxl_commands import replay

MEMDEVS = {"0": "2", "1": "1", "2": "0"}
ENDPOINTS = {"2": "3", "3": "2", "4": "4"}
ONLY_HERE = ("health", "alert_config")
SIZE = 512 << 20
PARTITIONS = {"total_size": SIZE, "volatile_only_size": SIZE, "persistent_only_size": 0}


def renamed(text):
    """Give the recorded objects the numbers that they have here."""
    text = re.sub(r"\bmem([012])\b", lambda m: f"mem{MEMDEVS[m[1]]}", text)
    return re.sub(r"\b(endpoint|decoder)([234])\b", lambda m: m[1] + ENDPOINTS[m[2]], text)


def one_partition(device):
    """Give a memory device with two partitions the one that it has here."""
    if device.pop("pmem_size", None):
        device["ram_size"] = SIZE if isinstance(device["ram_size"], int) else "512.00 MiB (536.87 MB)"
        if "partition_info" in device:
            device["partition_info"].update(PARTITIONS)


def normal(value, key=""):
    if isinstance(value, dict):
        one_partition(value)
        return {k: normal(v, k) for k, v in value.items() if k not in ONLY_HERE}
    if isinstance(value, list):
        return sorted((normal(v) for v in value), key=json.dumps)
    if key == "resource":
        return "an address"
    return re.sub(r"^(pci)?[0-9a-f]{4}:", r"\1N:", value) if isinstance(value, str) else value


def is_compared(line):
    return line and not line.startswith(("Failed to enable trace", "tracefs_instance_create"))


def parsed(text):
    """Return: the objects, as lines, and all other lines."""
    start = min((at for at in (text.find("[\n"), text.find("{\n")) if at >= 0), default=None)
    if start is None:
        return [*filter(is_compared, text.splitlines())]
    value, end = json.JSONDecoder().raw_decode(text[start:])
    other = (text[:start] + text[start + end:]).splitlines()
    return [*filter(is_compared, other), *json.dumps(normal(value), indent=1).splitlines()]


replay("forms", lambda text, version: parsed(renamed(text)), lambda text, version: parsed(text))
