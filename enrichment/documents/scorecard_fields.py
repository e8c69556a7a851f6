"""The mirrored fields of a lead that a scorecard component may look at, by what they hold."""

# Specification, tables "Input Fields" and "Lead Enrichment Pipeline"; the names are those of the model Lead.
TEXT_FIELDS = (
    "linkedin_url",
    "first_name",
    "last_name",
    "company_name",
    "source_type",
    "source_name",
    "source_url",
    "engagement_action",
    "engagement_content",
    "email_personal",
    "email_work",
    "phone",
    "title",
    "company_domain",
    "company_industry",
    "company_revenue",
    "company_location",
    "funding_stage",
    "funding_amount",
    "linkedin_headline",
    "linkedin_summary",
)
NUMBER_FIELDS = ("company_size", "linkedin_connections", "mutual_connections")
LIST_FIELDS = ("tech_stack", "recent_posts")
# What people without the right to see personal data see masked.
MASKED_FIELDS = frozenset(
    {
        "linkedin_url", "first_name", "last_name", "email_personal", "email_work", "phone", "linkedin_headline",
        "linkedin_summary", "recent_posts", "engagement_action", "engagement_content", "source_url",
    }
)  # fmt: skip
