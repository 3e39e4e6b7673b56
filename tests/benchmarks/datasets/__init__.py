"""Small trees made by recipe that reproduce each data set's layout and traps, and the contract that adapters keep."""
