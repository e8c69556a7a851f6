"""The first version of each text. Placeholders are `$name`; which there are is said in `gdpr.messages.templates`."""

from dataclasses import dataclass

COMPLAINT = (
    "You have the right to lodge a complaint with a supervisory authority, in particular $authority, and to seek a "
    "judicial remedy."
)
END = "\n\nYours sincerely\n$controller\n$controller_contact"


@dataclass(frozen=True)
class Text:
    title: str
    subject: str
    body: str


ACKNOWLEDGEMENT = "acknowledgement"
IDENTITY_QUESTION = "identity_question"
CLARIFICATION = "clarification"
EXTENSION = "extension"
REFUSAL = "refusal"
PORTABILITY = "portability"
COMPLETION = "completion"
LIFTING = "lifting"
WITHDRAWN = "withdrawn"

DEFAULTS: dict[str, Text] = {
    ACKNOWLEDGEMENT: Text(
        "Acknowledgement",
        "Your request $reference",
        "Dear $name,\n\nWe received your request on $received. It concerns: $kind. Your reference is $reference.\n\n"
        "We will reply by $due at the latest." + END,
    ),
    IDENTITY_QUESTION: Text(
        "Identity question",
        "Your request $reference: please confirm who you are",
        "Dear $name,\n\nBefore we act on your request $reference, we need to confirm that it comes from you: "
        "$reasons\n\nPlease reply to this message. Don't send a copy of an identity document unless we "
        "expressly ask for one. We use what you send only for this check and delete it afterwards." + END,
    ),
    CLARIFICATION: Text(
        "Clarification",
        "Your request $reference: a question",
        "Dear $name,\n\nTo answer your request $reference, we need more information: $reasons\n\nPlease reply "
        "to this message." + END,
    ),
    EXTENSION: Text(
        "Extension",
        "Your request $reference: we need more time",
        "Dear $name,\n\nWe cannot answer your request $reference within $period, for these reasons: $reasons\n\n"
        "The law allows us until $due. " + COMPLAINT + END,
    ),
    REFUSAL: Text(
        "Refusal",
        "Your request $reference",
        (
            "Dear $name,\n\nWe are not acting on your request $reference ($kind). "
            "$ground\n\n$reasons\n\n"
        ) + COMPLAINT + END,
    ),
    PORTABILITY: Text(
        "Portability does not apply",
        "Your request $reference",
        "Dear $name,\n\nYou asked to receive your data for another controller ($reference). That right (Art. "
        "20) applies to data you gave us on the basis of consent or a contract. We process your data on the "
        "basis of legitimate interest (Art. 6(1)(f)), so it does not apply here.\n\nInstead, we offer you a "
        "copy of your data in a machine-readable format (JSON and CSV), under your right of access. Reply to "
        "this message if you would like it."
        "\n\n" + COMPLAINT + END,
    ),
    COMPLETION: Text(
        "Answer",
        "Your request $reference is completed",
        "Dear $name,\n\n$outcome\n\n$remains\n\n" + COMPLAINT + END,
    ),
    LIFTING: Text(
        "End of a restriction",
        "The restriction of your data is ending",
        "Dear $name,\n\nThe processing of your data was restricted. We are informing you that we are now "
        "lifting this restriction ($reference)." + END,
    ),
    WITHDRAWN: Text(
        "Withdrawal confirmed",
        "Your request $reference has been withdrawn",
        "Dear $name,\n\nAs you asked, we have stopped handling your request $reference ($kind). You can make it "
        "again at any time." + END,
    ),
}  # fmt: skip
