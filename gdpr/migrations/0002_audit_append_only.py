"""The database itself refuses to change or remove an audit event."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION gdpr_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit events are append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON gdpr_auditevent
    FOR EACH ROW EXECUTE FUNCTION gdpr_audit_append_only();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON gdpr_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION gdpr_audit_append_only();
"""
BACKWARD = """
DROP TRIGGER audit_append_only ON gdpr_auditevent;
DROP TRIGGER audit_no_truncate ON gdpr_auditevent;
DROP FUNCTION gdpr_audit_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("gdpr", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
