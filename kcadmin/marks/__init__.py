"""Whose an object is: owners, their marks, and notes that others may have written."""
