"""``python -m lapwing``: the command ``lapwing``."""

import sys

from lapwing._cli import main

sys.exit(main())
