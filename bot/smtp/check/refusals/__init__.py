"""What a server's refusals mean: rows from what was refused, the codes and the words to a fault, by stage."""
