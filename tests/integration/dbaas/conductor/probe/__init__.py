"""An app whose handlers write what they were given and break on request, for conductors in tests."""
