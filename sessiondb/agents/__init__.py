"""What this program has to do with agents: `install` writes itself into their settings, so that they call it; `loop`
is what they get to read when they do; `retention` tells how long they keep their own logs.
"""
