"""Delayed, recurring and dependent work: messages, functions, coroutines and processes, by the clock or by cron."""
