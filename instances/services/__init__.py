"""Write paths of instances: keyword-only, typed, one transaction each."""
