"""How written text is read aloud: rules by language, applied by `normalize`."""
