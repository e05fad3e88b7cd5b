"""What a response costs: a table of prices, the names of models in it, and the sum; pure, and without network."""
