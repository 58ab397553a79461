# SPDX-License-Identifier: BSD-2-Clause
"""Device DAX without hardware, from Python.

Client talks to a running cuse-daxd, with the verbs of cuse-daxctl(1). Devices starts a
private daemon, as daxrun(1) does, and runs commands that see its devices. The pytest plugin
(cuse_daxd.pytest_plugin) gives each test devices of its own.
"""

from .client import Client, DaxError
from .devices import Devices

__all__ = ["Client", "DaxError", "Devices"]
