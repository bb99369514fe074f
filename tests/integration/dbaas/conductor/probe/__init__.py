"""A small app whose handlers write what they were given, and break on request: for conductor workers in tests."""
