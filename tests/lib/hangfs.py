# SPDX-License-Identifier: BSD-2-Clause
"""A FUSE file system with one file whose close(2) never returns, such as a client may serve."""

import contextlib
import ctypes
import os
import stat
import struct
import subprocess
import sys

LOOKUP, FORGET, GETATTR, OPEN, RELEASE, FLUSH, INIT = 1, 2, 3, 14, 18, 25, 26
ENOSYS = 38
FILE = 2

IN = struct.Struct("<IIQQIIII")
OUT = struct.Struct("<IiQ")


def attr(node):
    mode = stat.S_IFDIR | 0o755 if node == 1 else stat.S_IFREG | 0o666
    return struct.pack("<6Q10I", node, 0, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def serve(directory):
    """Serve until killed; then the kernel returns an error to all waiting processes."""
    fd = os.open("/dev/fuse", os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={fd},rootmode=40000,user_id=0,group_id=0,allow_other"
    if libc.mount(b"hang", os.fsencode(directory), b"fuse.hang", 0, options.encode()):
        raise OSError(ctypes.get_errno(), "mount")
    print("mounted", flush=True)

    def answer(unique, body=b"", error=0):
        os.write(fd, OUT.pack(OUT.size + len(body), -error, unique) + body)

    while True:
        request = os.read(fd, 1 << 20)
        _, opcode, unique, node = IN.unpack_from(request)[:4]
        if opcode == INIT:
            answer(unique, struct.pack("<IIIIHHIIHHI7I", 7, 31, 65536, 0, 12, 12, 65536, 1, 1,
                                       0, 0, 0, 0, 0, 0, 0, 0, 0))
        elif opcode == LOOKUP:
            answer(unique, struct.pack("<4QII", FILE, 0, 3600, 3600, 0, 0) + attr(FILE))
        elif opcode == GETATTR:
            answer(unique, struct.pack("<QII", 3600, 0, 0) + attr(node))
        elif opcode == OPEN:
            answer(unique, struct.pack("<QII", 1, 0, 0))
        elif opcode == FLUSH:
            print("flush", flush=True)
        elif opcode == RELEASE:
            answer(unique)
        elif opcode != FORGET:
            answer(unique, error=ENOSYS)


@contextlib.contextmanager
def mounted(directory):
    """Mount the file system. Yield: the serving process, which prints a line for every close(2)."""
    with subprocess.Popen([sys.executable, __file__, directory], stdout=subprocess.PIPE,
                          text=True) as process:
        try:
            assert process.stdout.readline() == "mounted\n"
            yield process
        finally:
            process.kill()
            process.wait()
            subprocess.run(["umount", "-l", directory], check=True)


if __name__ == "__main__":
    serve(sys.argv[1])
