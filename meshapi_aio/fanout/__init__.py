"""
Fan-out: thousands of calls in one event loop, bounded, accounted for, and resumable after a crash.

It drives any async function and knows no client; ``client.fan_out`` drives calls with it.
"""
