"""Write paths of instances: keyword-only, typed, one transaction each. Views and commands call nothing else."""
