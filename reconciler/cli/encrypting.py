"""The commands that seal a record at rest, and open it for good: state encrypt, state decrypt."""

import os

from reconciler.cli import options as o
from reconciler.cli.saying import say


def encrypt(target: o.Target = None, lock_timeout: o.LockTimeout = 0) -> int:
    """Encrypt what is recorded under the key of MLOPS_ENCRYPTION_KEY.

    A record that begins while the key is set is encrypted from its birth; this is for one that is there already. To
    change the key give the new one, and the former one in MLOPS_ENCRYPTION_KEY_FALLBACK: the next run that writes
    follows, or this command at once. All targets of the same file or database are encrypted together.

    \b
    Examples:
      openssl rand -hex 32 > ~/.mlops-key; chmod 600 ~/.mlops-key
      MLOPS_ENCRYPTION_KEY_FILE=~/.mlops-key mlops state encrypt
    """
    from reconciler.operate.encryption import encrypt as encrypted  # noqa: PLC0415 - --help loads none of it
    from reconciler.record.sealing import seal_keys  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    with open_workspace(target) as workspace:
        changed = encrypted(workspace, seal_keys(os.environ), lock_timeout_s=lock_timeout)
    if changed:
        say("The state is encrypted. Backups and saved plans from before are as they were; remove what is not to stay.")
    else:
        say("The state is encrypted under this key already.")
    return 0


def decrypt(target: o.Target = None, lock_timeout: o.LockTimeout = 0) -> int:
    """Keep what is recorded in the clear from now on.

    Wants the key once more; afterwards no MLOPS_ENCRYPTION_KEY may be set.

    \b
    Examples:
      MLOPS_ENCRYPTION_KEY_FILE=~/.mlops-key mlops state decrypt
    """
    from reconciler.operate.encryption import decrypt as decrypted  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    with open_workspace(target) as workspace:
        changed = decrypted(workspace, lock_timeout_s=lock_timeout)
    say("The state is in the clear." if changed else "The state is in the clear already.")
    return 0
