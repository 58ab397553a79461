# SPDX-License-Identifier: BSD-2-Clause
"""Every function of libc that takes a path or a descriptor is wrapped, or has a reason not to be."""

import re
import subprocess

import pytest

from conftest import ROOT, run

pytestmark = pytest.mark.plain

HEADERS = """
    aio.h dirent.h dlfcn.h fcntl.h fts.h ftw.h glob.h libgen.h mntent.h mqueue.h netdb.h poll.h pty.h spawn.h
    stdio.h stdlib.h sys/acct.h sys/epoll.h sys/eventfd.h sys/fanotify.h sys/file.h sys/inotify.h sys/ioctl.h
    sys/ipc.h sys/mman.h sys/mount.h sys/pidfd.h sys/quota.h sys/select.h sys/sendfile.h sys/signalfd.h
    sys/socket.h sys/stat.h sys/statfs.h sys/statvfs.h sys/swap.h sys/time.h sys/timerfd.h sys/uio.h sys/vfs.h
    sys/xattr.h termios.h unistd.h utime.h utmp.h utmpx.h wordexp.h
""".split()

# Names of parameters in glibc's headers.
PARAMETER = re.compile(r"\b__(fd\w*|\w*fd|filedes|fildes|file|filename|path\w*|pathname|from|to|special_file|new|old|"
                       r"template|dir|words|restrict __(?:file|path|name)\w*)\b")

EXCEPTIONS = {
    "An alias that no header declares, for libraries of libc that are gone.": """
        __close __connect __dup2 __fcntl __lseek __open __open64 __poll __pread64 __pwrite64 __read __send
        __setmntent __statfs __write
    """,
    "On the handle of a device, the kernel answers as on the device.": """
        fchdir fchown flistxattr fpathconf fremovexattr fstatvfs fstatvfs64 futimens futimes grantpt
        isatty isfdtype login_tty ptsname ptsname_r __ptsname_r_chk
        epoll_ctl syncfs tcdrain tcflow tcflush tcgetattr tcgetpgrp tcgetsid tcsendbreak tcsetattr tcsetpgrp
        ttyname ttyname_r __ttyname_r_chk unlockpt
    """,
    "Only for descriptors of another kind; the handle is ENOTSOCK, ENOTTY or EINVAL, like the device.": """
        accept accept4 bindresvport __recv_chk epoll_pwait epoll_pwait2 epoll_wait eventfd_read
        eventfd_write fsconfig fsmount getpeername inotify_rm_watch listen
        pidfd_send_signal rcmd rcmd_af recv rexec rexec_af send sendmmsg sendmsg sendto
        shutdown signalfd sockatmark timerfd_gettime timerfd_settime
    """,
    "The cache of descriptor numbers is corrected when the number is used again (ident.c).": """
        close_range closefrom posix_spawn_file_actions_addclose posix_spawn_file_actions_addclosefrom_np
        posix_spawn_file_actions_adddup2 posix_spawn_file_actions_addfchdir_np
        posix_spawn_file_actions_addtcsetpgrp_np
    """,
    "No path of a file of the system.": """
        aio_cancel aio_cancel64 dirname __xpg_basename setitimer dlmopen swab getaddrinfo
        socketpair
    """,
    "It makes a file with a name that it invents.": """
        mkdtemp mkostemp mkostemp64 mkostemps mkostemps64 mkstemp mkstemp64 mkstemps mkstemps64 mktemp tempnam
    """,
    "Only root may call it, and no path of a device is an argument that the kernel accepts.": """
        acct revoke swapoff swapon
    """,
    "Mounts are the kernel's: it finds no emulated name.": """
        fspick mount_setattr move_mount open_tree umount umount2
    """,
    "Files of its own.": "utmpname utmpxname",
    "Superseded by readdir(3); it shows directories without the emulated entries.": "getdirentries getdirentries64",
    # Names of hosts, users and so on, not of files.
    "Databases.": "gethostbyname2_r gethostbyname_r getnetbyname_r getprotobyname_r getservbyname_r",
}


def reasons():
    return {name: why for why, names in EXCEPTIONS.items() for name in names.split()}


def wrapped():
    text = (ROOT / "client/shim/wrap/wrap.def").read_text()
    return set(re.findall(r"^(?:PATH|PATH_ASK|FD|OWN)\((\w+)", text, re.M))


def declared():
    """Return: functions with a parameter that is a path or a descriptor, by their prototypes."""
    text = "".join(f"#if __has_include(<{name}>)\n#include <{name}>\n#endif\n" for name in HEADERS)
    result = subprocess.run(["gcc", "-E", "-P", "-D_GNU_SOURCE", "-D_LARGEFILE64_SOURCE", "-xc", "-"],
                            input=text, capture_output=True, text=True, check=True)
    prototype = r"\bextern\b[^;{}]*?\b(\w+)\s*\(([^;{}]*?)\)\s*(?:__attribute__[^;{}]*|__asm__[^;{}]*)?;"
    return {m[1] for m in re.finditer(prototype, result.stdout) if PARAMETER.search(m[2])}


def exported():
    """Return: functions of libc with a public symbol version."""
    lines = run(["nm", "-D", "--defined-only", "--with-symbol-versions", libc()]).stdout.splitlines()
    symbols = [line.split()[-1] for line in lines if line.split()[-2] in ("T", "W", "i")]
    return {name.partition("@")[0] for name in symbols if "GLIBC_2" in name}


def libc():
    """Return: the file of the libc that this process has."""
    maps = open("/proc/self/maps", encoding="ascii").read()
    return re.search(r"\S+/libc\.so\.6$", maps, re.M)[0]


def concerned():
    names = declared()
    # __open64_2, __pread64_chk and so on are not declared.
    return {name for name in exported()
            if name in names or re.sub(r"_chk$|(64)?_2$|64$", "", name.removeprefix("__")) in names}


def test_no_function_is_forgotten():
    found = concerned()
    assert {"open", "__open64_2", "read", "__pread64_chk", "fchmodat", "execve", "bind"} <= found
    left = found - wrapped() - reasons().keys()
    assert not left, "wrap these, or say why not: " + " ".join(sorted(left))


def test_no_exception_is_wrapped_or_misspelt():
    assert not reasons().keys() & wrapped()
    assert reasons().keys() <= exported() | {"epoll_pwait2", "move_mount", "open_tree", "fspick", "mount_setattr"}
