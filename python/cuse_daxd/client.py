# SPDX-License-Identifier: BSD-2-Clause
"""A client of cuse-daxd's control socket (docs/protocol.md)."""

import array
import json
import os
import socket
import struct

MAGIC = 0x30786164
VERSION = 1
CONTROL = 5
HEADER = struct.Struct("<IHHII4Q")
TIMEOUT = 30  # seconds


class DaxError(OSError):
    """The daemon refused a request: errno, and strerror with the daemon's own words."""


def default_dir():
    """The directory that cuse-daxctl(1) would try first."""
    named = os.environ.get("CUSE_DAXD_RUNTIME_DIR")
    if named:
        return named
    if os.path.exists("/run/cuse-daxd/control.sock"):
        return "/run/cuse-daxd"
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    return f"{base}/cuse-daxd" if base.startswith("/") else f"/tmp/cuse-daxd-{os.getuid()}"


class Client:
    """One connection to a daemon. Not for use by several threads at once.

    runtime_dir -- the daemon's runtime directory; default: as cuse-daxctl(1) finds it.

    Sizes and offsets are numbers of bytes, or text with a unit such as "2M". A request that
    the daemon refuses raises DaxError.
    """

    def __init__(self, runtime_dir=None):
        self.runtime_dir = os.fspath(runtime_dir or default_dir())
        self._socket = self._connect()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End the connection."""
        self._socket.close()

    def _connect(self):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.settimeout(TIMEOUT)
        try:
            # The path of the socket may be too long for an address.
            directory = os.open(self.runtime_dir, os.O_PATH | os.O_DIRECTORY)
            try:
                connection.connect(f"/proc/self/fd/{directory}/control.sock")
            finally:
                os.close(directory)
        except OSError as e:
            connection.close()
            raise DaxError(e.errno, f"no daemon at {self.runtime_dir}: {e.strerror}") from e
        return connection

    def _ask(self, verb, **arguments):
        """Send a request. Return: the reply's descriptor, or None."""
        request = {"verb": verb,
                   **{k: v for k, v in arguments.items() if v is not None}}
        body = json.dumps(request).encode()
        self._socket.sendmsg(
            [HEADER.pack(MAGIC, VERSION, CONTROL, len(body), 0, 0, 0, 0, 0) + body])
        space = socket.CMSG_SPACE(array.array("i").itemsize)
        data, ancillary, _, _ = self._socket.recvmsg(HEADER.size, space,
                                                     socket.MSG_CMSG_CLOEXEC)
        if len(data) < HEADER.size:
            raise DaxError(104, "the daemon has closed the connection")
        descriptors = array.array("i")
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(content)
        descriptor = descriptors[0] if descriptors else None
        error = HEADER.unpack(data)[4]
        if error:
            reply = self._read(descriptor) or {}
            raise DaxError(error, reply.get("error", os.strerror(error)))
        return descriptor

    @staticmethod
    def _read(descriptor):
        if descriptor is None:
            return None
        with os.fdopen(descriptor, "rb") as reply:
            # The descriptor of a sealed memfd may stand anywhere.
            reply.seek(0)
            return json.load(reply)

    def request(self, verb, **arguments):
        """Send any verb of docs/protocol.md. Return: its reply."""
        return self._read(self._ask(verb, **arguments))

    def list(self):
        """Return: a list of devices, each a dict."""
        return self.request("list")

    def device(self, name):
        """Return: one device of list(); LookupError if there is none of this name."""
        for device in self.list():
            if device["chardev"] == _name(name):
                return device
        raise LookupError(f"no device {name}")

    def mappings(self):
        """Return: a list of the mappings of devices, each a dict."""
        return self.request("mappings")

    def stats(self):
        """Return: the state of the daemon and the use of its devices."""
        return self.request("stats")

    def create(self, region=None, size=None, align=None):
        """Make a device in a dynamic region. Return: the device."""
        return self.request("create", region=region, size=size, align=align)

    def destroy(self, device):
        """Disable and delete a device. Return: the device as it was."""
        return self.request("destroy", device=_name(device))

    def enable(self, device):
        """Let programs use a device again. Return: the device."""
        return self.request("enable", device=_name(device))

    def disable(self, device):
        """Take a device from all programs; its data stays. Return: the device."""
        return self.request("disable", device=_name(device))

    def inject(self, device, offset, length, latent=None):
        """Poison sectors of 512 bytes; latent: unknown until touched. Return: the device."""
        return self.request("inject", device=_name(device), offset=offset, length=length,
                            latent=latent)

    def clear(self, device, offset=None, length=None):
        """Clear poisoned sectors, which are then zero. Return: the device."""
        return self.request("clear", device=_name(device), offset=offset, length=length)

    def add_rule(self, rule):
        """Add a fault rule, in the words of cuse-daxd.conf(5). Return: the rule, a dict."""
        return self.request("fault", action="add", rule=rule)

    def remove_rule(self, rule):
        """Remove a fault rule: a dict from add_rule() or rules(), or a number."""
        number = rule["id"] if isinstance(rule, dict) else rule
        return self.request("fault", action="remove", rule=str(number))

    def rules(self):
        """Return: a list of the fault rules, each a dict."""
        return self.request("fault", action="list")

    def watch(self):
        """Return: an iterator over events, each a dict, from now on until the daemon exits."""
        return _events(os.fdopen(self._ask("watch"), "rb"))


def _events(stream):
    with stream:
        for line in stream:
            yield json.loads(line)


def _name(device):
    """A device's name: "dax0.0", "/dev/dax0.0", or an entry of list()."""
    if isinstance(device, dict):
        return device["chardev"]
    return str(device).removeprefix("/dev/")
