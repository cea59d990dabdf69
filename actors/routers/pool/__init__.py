"""The pool: jobs, lanes, and the actor that keeps the workers."""
