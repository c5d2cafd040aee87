"""What the caller meant: the choice of a menu, or a value, from the words of any recogniser. Pure."""
