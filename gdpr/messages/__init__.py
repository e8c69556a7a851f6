"""What we write to the person: `defaults` are the texts we begin with, `templates` their versions, `write` makes a
message of a request, `send` gets it out by e-mail, `owed` says what has not left. What staff do with a message stands
with the request: `gdpr.requests.message_actions`."""
