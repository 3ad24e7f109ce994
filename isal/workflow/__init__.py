"""What the workflow asks: which results there are, where they stand, what each depends on."""
