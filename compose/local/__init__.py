"""The whole service on one machine: `make up`, `make demo` and their companions.

`python -m compose.local --help` is the command line behind the Makefile. Nothing here is imported by the
service itself; the end-to-end tests start their private stacks with the same code.
"""
