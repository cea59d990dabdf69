"""Properties of whole systems, against models."""
