"""``python -m supervisors``: the same as the command ``greenroom``."""

import sys

from supervisors.command import main

sys.exit(main())
