"""A network without a way out: the whole measurement runs in a namespace of its own, on loopback and one address.

Nothing can be sent to anybody else's machine, and Janus, which takes no loopback address, has one.
"""

import os
import shutil
import subprocess
import sys

HALL = "192.0.2.1"  # RFC 5737: of no machine
_INSIDE = "VIVAVOCE_BENCH_NETWORK"
_FURNISH = (
    "ip link set lo up && ip link add name hall type veth peer name wall && "
    f"ip addr add {HALL}/32 dev hall && ip link set wall up && ip link set hall up"
)


def inside():
    return _INSIDE in os.environ


def enter():
    """Runs this program anew inside, if this machine lets us; returns only if it is inside, or cannot be."""
    if inside() or not (shutil.which("unshare") and shutil.which("ip")):
        return
    unshare = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    tried = subprocess.run([*unshare, "sh", "-c", _FURNISH], capture_output=True, check=False)
    if tried.returncode == 0:
        command = [*unshare, "sh", "-c", f'{_FURNISH} && exec "$@"', "sh", sys.executable, *sys.argv]
        os.execvpe("unshare", command, {**os.environ, _INSIDE: "1"})
