"""Each event enters the queue of the chain with itself; links are append-only; older events are queued too."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION gdpr_audit_queue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO gdpr_unsealedevent (event_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER audit_queue AFTER INSERT ON gdpr_auditevent
    FOR EACH ROW EXECUTE FUNCTION gdpr_audit_queue();
CREATE TRIGGER seal_append_only BEFORE UPDATE OR DELETE ON gdpr_auditseal
    FOR EACH ROW EXECUTE FUNCTION gdpr_audit_append_only();
CREATE TRIGGER seal_no_truncate BEFORE TRUNCATE ON gdpr_auditseal
    FOR EACH STATEMENT EXECUTE FUNCTION gdpr_audit_append_only();
INSERT INTO gdpr_unsealedevent (event_id) SELECT id FROM gdpr_auditevent;
"""
BACKWARD = """
DROP TRIGGER audit_queue ON gdpr_auditevent;
DROP FUNCTION gdpr_audit_queue();
DROP TRIGGER seal_append_only ON gdpr_auditseal;
DROP TRIGGER seal_no_truncate ON gdpr_auditseal;
DELETE FROM gdpr_unsealedevent;
"""


class Migration(migrations.Migration):
    dependencies = [("gdpr", "0003_audit_chain")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
