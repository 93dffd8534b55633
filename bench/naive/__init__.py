"""The same endpoint as most people would write it, to know what the care is worth."""
