"""`vivavoce verify`, run by the benchmark in a process of its own; the last line is its most memory, in MiB."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from hearings.verify import main

if __name__ == "__main__":
    answer = main(sys.argv[1:])
    most = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert most is not None
    sys.stdout.write(f"{int(most[1]) / 1024}\n")
    sys.exit(answer)
