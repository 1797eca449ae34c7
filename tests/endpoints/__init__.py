"""The tests of what is peculiar to one API family."""
