"""Let ``python -m tinygrad_mnist`` do what the command ``tinygrad-mnist`` does."""

import sys

from tinygrad_mnist.cli import main

sys.exit(main())
