"""What happens to the system, one file for each family; the oracle says whether it stood it."""
