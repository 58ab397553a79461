# SPDX-License-Identifier: BSD-2-Clause
"""Private devices, which exist until they are closed, and commands that see them."""

import contextlib
import os
import shutil
import subprocess
import tempfile

from .client import Client

DEFAULT = "dax0.0"
# Print the environment of a command under daxrun, and hold it until standard input ends.
HOLD = 'printf "%s\\n%s\\n" "$CUSE_DAXD_RUNTIME_DIR" "$LD_PRELOAD"; read -r _ || :'


class Devices:
    """Devices of a private daemon, which exits when they are closed.

    specs  -- as daxrun's --device, such as "dax0.0,size=64M,align=4K"; none: dax0.0, 1 GiB
    daxrun -- the program; default: $DAXRUN, or else daxrun of $PATH
    faults -- rules that hold from the start, as daxrun's --fault

    runtime_dir -- the daemon's runtime directory
    client      -- a Client of the daemon
    environment -- environment variables that let a program see the devices

    OSError: the daemon did not start; its message is in the exception.
    """

    def __init__(self, *specs, daxrun=None, faults=()):
        self.daxrun = os.fspath(daxrun or os.environ.get("DAXRUN") or "daxrun")
        if not shutil.which(self.daxrun):
            raise FileNotFoundError(2, "daxrun is not installed (install it, or set $DAXRUN)",
                                    self.daxrun)
        command = [self.daxrun, "--quiet"]
        for spec in specs or (DEFAULT,):
            command += ["--device", spec]
        for rule in faults:
            command += ["--fault", rule]
        with tempfile.TemporaryFile("w+") as messages:
            self._holder = subprocess.Popen(
                [*command, "--", "/bin/sh", "-c", HOLD], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=messages, text=True,
                # Ctrl-C ends the tests, which then close their devices.
                start_new_session=True)
            self.runtime_dir = self._holder.stdout.readline().rstrip("\n")
            preload = self._holder.stdout.readline().rstrip("\n")
            if not preload:
                self._holder.communicate()
                messages.seek(0)
                raise OSError(messages.read().strip() or "daxrun failed")
        self.environment = {"CUSE_DAXD_RUNTIME_DIR": self.runtime_dir, "LD_PRELOAD": preload}
        self.client = Client(self.runtime_dir)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __getattr__(self, name):
        """The verbs of Client, on these devices."""
        if name.startswith("_") or name == "client":
            raise AttributeError(name)
        return getattr(self.client, name)

    def close(self):
        """End the daemon, and with it the devices. Programs keep what they have mapped."""
        self.client.close()
        self._holder.communicate()

    @contextlib.contextmanager
    def fault(self, *rules):
        """A context in which fault rules hold."""
        added = []
        try:
            for rule in rules:
                added.append(self.client.add_rule(rule))
            yield added
        finally:
            for rule in added:
                self.client.remove_rule(rule)

    def run(self, command, fault=(), env=None, **kwargs):
        """Run a command that sees the devices.

        command -- as for subprocess.run()
        fault   -- a fault rule or a list of them, which hold while the command runs
        env     -- its environment; default: this process's
        kwargs  -- for subprocess.run(); by default, output is captured as text

        Return: subprocess.CompletedProcess.
        """
        kwargs.setdefault("text", True)
        if not {"stdout", "stderr", "capture_output"} & set(kwargs):
            kwargs["capture_output"] = True
        with self.fault(*([fault] if isinstance(fault, str) else fault)):
            return subprocess.run(command, env=self.with_devices(env), check=kwargs.pop(
                "check", False), **kwargs)

    def popen(self, command, env=None, **kwargs):
        """Start a command that sees the devices. Return: subprocess.Popen."""
        return subprocess.Popen(command, env=self.with_devices(env), **kwargs)

    def with_devices(self, env=None):
        """Return: a copy of an environment (default: this process's) with the devices in it."""
        env = dict(os.environ if env is None else env)
        preload = [env["LD_PRELOAD"]] if env.get("LD_PRELOAD") else []
        return {**env, **self.environment,
                "LD_PRELOAD": ":".join([self.environment["LD_PRELOAD"], *preload])}
