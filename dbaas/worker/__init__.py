"""What the control plane's Celery workers have in common: their consumer, their health, their connections."""
