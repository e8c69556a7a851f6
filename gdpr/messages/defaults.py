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
        "Dear $name,\n\nwe received your request on $received. It is about: $kind. Its number is $reference.\n\n"
        "We answer by $due at the latest." + END,
    ),
    IDENTITY_QUESTION: Text(
        "Identity question",
        "Your request $reference: please confirm who you are",
        "Dear $name,\n\nbefore we act on your request $reference we have to be sure that it comes from you: "
        "$reasons\n\nPlease answer this message. We need no copy of an identity card unless we ask for one expressly. "
        "What you "
        "send is used for this check alone and deleted after it." + END,
    ),
    CLARIFICATION: Text(
        "Clarification",
        "Your request $reference: a question",
        "Dear $name,\n\nto answer your request $reference we have to know more: $reasons\n\n"
        "Please answer this message." + END,
    ),
    EXTENSION: Text(
        "Extension",
        "Your request $reference takes longer",
        "Dear $name,\n\nwe cannot answer your request $reference within one month, for these reasons: $reasons\n\n"
        "The law allows us until $due. " + COMPLAINT + END,
    ),
    REFUSAL: Text(
        "Refusal",
        "Your request $reference",
        "Dear $name,\n\nwe do not act on your request $reference ($kind). $ground\n\n$reasons\n\n" + COMPLAINT + END,
    ),
    PORTABILITY: Text(
        "Portability does not apply",
        "Your request $reference",
        "Dear $name,\n\nyou asked to receive your data for another controller ($reference). That right (Art. 20) "
        "applies to data you gave us on the basis of consent or a contract. We process your data on the basis of "
        "legitimate interest (Art. 6(1)(f)), so it does not apply here.\n\nWe offer you instead a copy of your data "
        "in a machine-readable form (JSON and CSV), under your right of access. Answer this message if you want it."
        "\n\n" + COMPLAINT + END,
    ),
    COMPLETION: Text(
        "Answer",
        "Your request $reference is completed",
        "Dear $name,\n\n$outcome\n\n$remains\n\n" + COMPLAINT + END,
    ),
    LIFTING: Text(
        "End of a restriction",
        "The restriction of your data ends",
        "Dear $name,\n\nthe processing of your data was restricted. We inform you that this restriction is lifted now "
        "($reference)." + END,
    ),
    WITHDRAWN: Text(
        "Withdrawal confirmed",
        "Your request $reference is withdrawn",
        "Dear $name,\n\nas you asked, we do not pursue your request $reference ($kind) any further. You can make it "
        "again at any time." + END,
    ),
}  # fmt: skip
