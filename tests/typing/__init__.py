"""What is only type-checked, and never run."""
