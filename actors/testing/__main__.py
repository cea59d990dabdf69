"""``python -m actors.testing``: the same as the command ``greenroom``."""

import sys

from actors.testing.command import main

sys.exit(main())
