"""One question under all reasonable settings: grids of choices, what holds over them, which choice moves the answer."""
