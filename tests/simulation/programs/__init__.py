"""Small programs from the literature as somebody would write them on actors: with known bugs, and without."""
