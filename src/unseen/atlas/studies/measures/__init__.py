"""Studies of what a model learned: memorisation, spectra, margins."""
