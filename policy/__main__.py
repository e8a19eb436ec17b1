"""The policy pack, as the engine starts it: `pulumi preview --policy-pack policy`."""

import sys
from pathlib import Path

# The engine runs this folder as a program, so the folder of the package is not on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from policy import pack

if __name__ == "__main__":
    pack.serve()
