"""Studies that can be run again; each commits its result under results/."""
