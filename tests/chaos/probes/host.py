"""The host daemon, with agents that have probes in them."""

import sys

from instances.providers.local.host import main

if __name__ == "__main__":
    path, *arguments = sys.argv[1:]
    sys.exit(main(arguments, agent=(sys.executable, "-m", "tests.chaos.probes.guest", path)))
