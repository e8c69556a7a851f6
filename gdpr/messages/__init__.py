"""What we write to the person: `defaults` are the texts we begin with, `templates` their versions, `write` makes a
message of a request, `send` gets it out, by e-mail or marked as sent another way."""
