"""The words of a lead in any spelling, in a column beside the old one that a trigger keeps.

The old column `search` stays in the table for one release, so that processes of the release before go on; nothing
reads it any more.
"""

import django.contrib.postgres.search
from django.db import migrations

FOLDED = r"""
CREATE OR REPLACE FUNCTION lead_folded(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN octet_length($1) = char_length($1) THEN $1 ELSE regexp_replace(normalize(translate(
    replace(replace(replace(replace(replace(replace(replace(replace($1,
      'ß', 'ss'), 'ẞ', 'SS'), 'æ', 'ae'), 'Æ', 'AE'), 'œ', 'oe'), 'Œ', 'OE'), 'þ', 'th'), 'Þ', 'TH'),
    'łŁøØđĐħĦıŧŦ', 'lLoOdDhHitT'), NFKD), '[\u0300-\u036f]', '', 'g') END
$$;
CREATE OR REPLACE FUNCTION lead_umlauts(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN octet_length($1) = char_length($1) THEN '' ELSE lead_folded(
    replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(normalize($1, NFC),
      'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue'), 'Ä', 'AE'), 'Ö', 'OE'), 'Ü', 'UE'), 'ø', 'oe'), 'Ø', 'OE'),
      'å', 'aa'), 'Å', 'AA')) END
$$;
CREATE OR REPLACE FUNCTION lead_search_words(names text, addresses text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT to_tsvector('simple'::regconfig, lead_folded(names) || ' ' || lead_umlauts(names) || ' '
    || addresses || ' ' || translate(lead_folded(addresses), '@.-_/+', '      '))
$$;
"""
WORDS = """lead_search_words(
    concat_ws(' ', {0}first_name, {0}last_name, {0}company_name, {0}title),
    concat_ws(' ', {0}email_work, {0}email_personal, {0}company_domain, regexp_replace({0}linkedin_url, '^.*/in/', '')))
"""
TRIGGER = f"""
CREATE OR REPLACE FUNCTION lead_keep_search_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.search_words := {WORDS.format("NEW.")};
  RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS lead_search_words ON enrichment_lead;
CREATE TRIGGER lead_search_words BEFORE INSERT OR UPDATE OF
  first_name, last_name, company_name, title, email_work, email_personal, company_domain, linkedin_url, search_words
  ON enrichment_lead FOR EACH ROW EXECUTE FUNCTION lead_keep_search_words();
"""
BACK = """
DROP TRIGGER lead_search_words ON enrichment_lead;
DROP FUNCTION lead_keep_search_words;
DROP FUNCTION lead_search_words;
DROP FUNCTION lead_umlauts;
DROP FUNCTION lead_folded;
ALTER TABLE enrichment_lead DROP COLUMN search_words;
"""


class Migration(migrations.Migration):
    dependencies = [("enrichment", "0019_leases_that_lapse")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL("ALTER TABLE enrichment_lead ADD COLUMN search_words tsvector", BACK),
                migrations.RunSQL(FOLDED + TRIGGER, migrations.RunSQL.noop),
            ],
            state_operations=[
                migrations.RemoveIndex("lead", "lead_search"),
                migrations.RemoveField("lead", "search"),
                migrations.AddField(
                    "lead",
                    "search",
                    django.contrib.postgres.search.SearchVectorField(
                        db_column="search_words", editable=False, null=True
                    ),
                ),
            ],
        )
    ]
