{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'event_scheduled_exports'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('id', 'event_scheduled_export_id', 'integer', ''),
        ('owner', 'owner', 'text', 'personal'),
        ('export_identifier', 'export_identifier', 'text', ''),
        ('export_form_data', 'export_form_data', 'json', 'personal'),
        ('locale', 'locale', 'text', ''),
        ('mail_additional_recipients', 'mail_additional_recipients', 'text', 'personal'),
        ('mail_additional_recipients_cc', 'mail_additional_recipients_cc', 'text', 'personal'),
        ('mail_additional_recipients_bcc', 'mail_additional_recipients_bcc', 'text', 'personal'),
        ('mail_subject', 'mail_subject', 'text', ''),
        ('mail_template', 'mail_template', 'text', ''),
        ('schedule_rrule', 'schedule_rrule', 'text', ''),
        ('schedule_rrule_time', 'schedule_rrule_time', 'text', ''),
        ('schedule_next_run', 'next_run_at', 'time', ''),
        ('error_counter', 'error_counter', 'integer', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
