"""The submission server (RFC 6409): programs sign in with a token, and their letters leave through a profile.

It stands on aiosmtpd, which knows the commands. What it leaves to chance is decided here: where a line and a letter
end, how long each may be and take, who may sign in over what, and in which words everything is answered.
"""
