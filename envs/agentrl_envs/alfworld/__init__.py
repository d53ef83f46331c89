"""ALFWorld: household tasks in text, step for step as TextWorld plays them."""
