"""Where an answer appears: at a response_url, in a modal, as a direct message; and the jobs that answer later."""
