"""Ways to run the project; `compose.local` is the one for a single machine without a cloud."""
