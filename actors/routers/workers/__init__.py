"""What workers a pool has, beside actor classes: functions, and processes."""
