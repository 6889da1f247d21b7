"""`jishi-agent doctor`: looks at what usually goes wrong with an agent, and says the remedy.

A file for each thing looked at; each examination is a function that takes the `Case` and yields findings. What belongs
to one kind of watcher is known there (`Kind.examine`). Nothing here changes anything, and nothing here disturbs an
agent that runs: its ports and its session with the broker are its own, so that what it says of itself is used.
"""
