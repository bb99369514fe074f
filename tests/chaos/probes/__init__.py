"""Programs of the stack with probes in them: at each point they ask the harness whether they may go on.

Each module here is started in place of the program it is named after, with the path of the harness's gate
as its first argument. What is probed is wrapped from outside; the product knows nothing of it.
"""
