"""What must always hold, checked by code of its own at every step of a simulation; `table` lists it all."""
