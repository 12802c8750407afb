"""Letters of programs: one letter, one profile, passed through while the program waits. Nothing of one is stored."""
