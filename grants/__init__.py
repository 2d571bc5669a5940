"""What grants declare and what follows from it: read, checked, planned. Without any I/O."""
