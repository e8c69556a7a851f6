"""The database itself notes which scored leads came, went, or changed in a value a scorecard may look at."""

from django.db import migrations

VALUES = (
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
    "company_size",
    "linkedin_connections",
    "mutual_connections",
    "tech_stack",
    "recent_posts",
    "clay_tier",
    "instantly_lead_id",
    "restriction",
)
OLD = ", ".join(f"OLD.{name}" for name in VALUES)
NEW = ", ".join(f"NEW.{name}" for name in VALUES)
FORWARD = f"""
CREATE FUNCTION enrichment_lead_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO enrichment_leadchange (lead_id, at) VALUES (COALESCE(NEW.id, OLD.id), clock_timestamp());
    RETURN NULL;
END $$;
CREATE TRIGGER lead_came AFTER INSERT ON enrichment_lead
    FOR EACH ROW WHEN (NEW.icp_score IS NOT NULL) EXECUTE FUNCTION enrichment_lead_change();
CREATE TRIGGER lead_went AFTER DELETE ON enrichment_lead
    FOR EACH ROW WHEN (OLD.icp_score IS NOT NULL) EXECUTE FUNCTION enrichment_lead_change();
CREATE TRIGGER lead_changed AFTER UPDATE ON enrichment_lead
    FOR EACH ROW WHEN (
        (OLD.icp_score IS NULL) <> (NEW.icp_score IS NULL)
        OR (NEW.icp_score IS NOT NULL AND ({OLD}) IS DISTINCT FROM ({NEW}))
    ) EXECUTE FUNCTION enrichment_lead_change();
"""  # noqa: S608 - the names are those above
BACKWARD = """
DROP TRIGGER lead_came ON enrichment_lead;
DROP TRIGGER lead_went ON enrichment_lead;
DROP TRIGGER lead_changed ON enrichment_lead;
DROP FUNCTION enrichment_lead_change();
"""


class Migration(migrations.Migration):
    dependencies = [("enrichment", "0007_rescore")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
