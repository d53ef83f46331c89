"""The system calls a sandboxed program may not make, as a filter the kernel runs."""

import errno
import os
from functools import cache
from typing import Any

from agentrl.errors import ConfigError

REFUSED = (
    # other processes
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp"),
    *("migrate_pages", "move_pages"),
    # mounts, namespaces and files by number
    *("mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount"),
    *("fspick", "mount_setattr", "unshare", "setns", "open_by_handle_at", "name_to_handle_at", "quotactl"),
    *("fanotify_init", "swapon", "swapoff", "acct"),
    # the machine itself
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "syslog"),
    *("settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "sethostname", "setdomainname"),
    *("vhangup", "iopl", "ioperm", "nfsservctl"),
    # kernel surface that programs do without
    *("add_key", "request_key", "keyctl", "bpf", "perf_event_open", "userfaultfd", "lookup_dcookie"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register"),
)
"""answered with EPERM"""
CLONE_NEW = 0x7E020000
"""flags of clone() that make namespaces, one bit each"""
AF_UNIX = 1
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
"""terminal calls that put characters into somebody's input"""


@cache
def program() -> bytes:
    """Return the filter in the kernel's form: allow by default, refuse the above, no sockets but local ones.

    Errors: ConfigError where libseccomp or its binding is not installed.
    """
    try:
        import pyseccomp as seccomp
    except (ImportError, RuntimeError, OSError) as why:
        raise ConfigError(
            f"the sandbox needs pyseccomp and libseccomp2 (pip install 'agentrl[sandbox]'): {why}"
        ) from None
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    refuse = seccomp.ERRNO(errno.EPERM)
    for name in REFUSED:
        _add(seccomp, rules, refuse, name)
    for bit in (1 << i for i in range(32) if CLONE_NEW >> i & 1):
        _add(seccomp, rules, refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, bit, bit))
    # Its flags lie in memory, where no filter can look; libc falls back to clone.
    _add(seccomp, rules, seccomp.ERRNO(errno.ENOSYS), "clone3")
    for request in (TIOCSTI, TIOCLINUX):
        _add(seccomp, rules, refuse, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, request))
    elsewhere = seccomp.ERRNO(errno.EAFNOSUPPORT)
    _add(seccomp, rules, elsewhere, "socket", seccomp.Arg(0, seccomp.NE, AF_UNIX))
    with os.fdopen(os.memfd_create("filter"), "w+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _add(seccomp: Any, rules: Any, action: Any, name: str, *arguments: Any) -> None:
    """Add a rule where this processor's kernel knows the call."""
    try:
        number = seccomp.resolve_syscall(seccomp.Arch.NATIVE, name)
    except (ValueError, RuntimeError, OSError):
        return  # older libraries do not know the newest calls, other processors have not all of them
    if number >= 0:
        rules.add_rule(action, number, *arguments)
