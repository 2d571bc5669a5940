"""What grants declare and what follows from it: reading, checks, plans. No I/O except files of grants."""
