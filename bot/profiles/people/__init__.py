"""People: who may do what, the list for admins, history, workspace defaults, retention."""
