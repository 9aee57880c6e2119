"""Stop with a clear sentence where the interpreter is not one that weft runs on (old interpreters can read this)."""

import sys

OLDEST, TOO_NEW = (3, 11), (3, 15)

if not OLDEST <= sys.version_info[:2] < TOO_NEW:
    sys.stderr.write(
        "weft needs CPython 3.11, 3.12, 3.13 or 3.14, and %s is %s.\n"
        "Name another interpreter, for example: make test PYTHON=python3.13\n"
        "(scripts/pythons.sh brings CPython 3.13 and 3.14 to a machine that has none.)\n"
        % (sys.executable or "python", sys.version.split()[0])
    )
    sys.exit(3)
