"""Kills and cuts at every step of an operation, and looks whether it ends well and leaves nothing.

`scenarios.py` lists what is done, `harms.py` what happens, `points.txt` where: the places that each scenario
comes by, recorded by `python -m tests.chaos.record`. A new workflow joins by a scenario and a recording.
`make chaos` tries every harm at every point; with ARGS="-n 4", on four stacks at once.
"""
