"""How many bits a task asks for beyond what its training examples give: of sampled hypotheses, and from the shape of the data."""
