"""What is seen of actors from beside: records, and values as text."""
