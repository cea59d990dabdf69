"""The contract of the design, line by line."""
