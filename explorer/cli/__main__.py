"""`python -m explorer.cli`: the command `diffusion-explorer`."""

import sys

from explorer.cli import main

sys.exit(main())
