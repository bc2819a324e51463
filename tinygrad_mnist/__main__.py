"""Let ``python -m tinygrad_mnist`` do what the command ``tinygrad-mnist`` does."""

import sys

try:
    from tinygrad_mnist.cli import main
except KeyboardInterrupt:
    # Once it runs, `main` itself sees to this.
    sys.stderr.write("tinygrad-mnist: interrupted\n")
    sys.exit(130)

sys.exit(main())
