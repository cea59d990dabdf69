"""Demand-driven pipelines."""
