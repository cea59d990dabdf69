"""The command ``greenroom demo``: supervision at work in a terminal, with claims that are checked at the end."""
