"""Reading rules by language: how written text becomes spoken words. `normalize` applies them."""
