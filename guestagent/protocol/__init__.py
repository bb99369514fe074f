"""The contract between the control plane and the guest: messages, their sealing, and the queues they use.

Pure Python: neither Celery nor Django is needed to read, write or test a message.
"""
