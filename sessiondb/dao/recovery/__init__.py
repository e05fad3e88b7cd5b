"""What can be read of a damaged file, put into a new one."""
