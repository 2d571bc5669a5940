"""Who owns an object: owners, their marks, and notes that others may have written."""
