"""`make faults-proof`: each guard is taken out of a copy of the tree, and its scenario must fail by the oracle.

manifest.toml    which guard, which patch takes it out, which scenario misses it, what the oracle must say
*.patch          against the checkout, as `git apply` takes them
"""
