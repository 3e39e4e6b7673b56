"""Ray's own settings, which it reads from the environment when it is imported: to be called before that.

A token made for this process keeps other users of the machine out of a Ray that is started here. Whoever joins a
cluster has its token in `RAY_AUTH_TOKEN` or `RAY_AUTH_TOKEN_PATH` already, and that one is kept.
"""

from __future__ import annotations

import os
import secrets
import sys

from detect.errors import DeviceError

_SETTINGS = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent anywhere
    "RAY_task_oom_retries": "1",  # Ray's own default is to retry for ever
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # the announcement of Ray's next default is not for a user of unmask
}
_TOKENS = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


def set_up_ray(*, joining: bool = False) -> None:
    """Put Ray's settings into this process's environment, where they are not there already.

    Args:
        joining: A cluster that runs is joined: without a token of its own Ray's default place for one is used.

    Raises:
        DeviceError: Ray has been imported without them.
    """
    if "ray" in sys.modules and os.environ.get("RAY_AUTH_MODE") is None:
        raise DeviceError("Ray was imported before its settings were made; it would let everybody in")
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    # Ray ends a process at once, without a word, when its node's own process has died and its parent is process 1,
    # as it is in a container and for a service. With a process to watch instead, calls fail and the scan goes on.
    os.environ["RAY_RAYLET_PID"] = str(os.getpid())
    if not joining and not any(os.environ.get(name) for name in _TOKENS):
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
