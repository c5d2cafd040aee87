"""Call scripts: what a caller does (`steps`), what is expected (`expect`), how they are read and interpreted. Pure."""
