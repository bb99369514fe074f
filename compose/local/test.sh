#!/bin/bash
# Starts the services that tests use (what runs already is used) and runs pytest with the given arguments.
set -euo pipefail
cd "$(dirname "$0")/../.."
.venv/bin/python -m compose.local test-services
default=(-m "not chaos")
[ $# -gt 0 ] && default=()
exec .venv/bin/python -m pytest "${default[@]}" "$@"
