"""A small autograd framework on NumPy, and the digit recogniser that it was made for."""
