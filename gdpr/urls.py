"""The addresses of the compliance desk."""

from django.urls import path

from gdpr.audit import views as audit
from gdpr.messages import views as texts
from gdpr.notices import views as notices
from gdpr.records import views as processing
from gdpr.requests.views import board, documents, intake, legal_holds, request
from gdpr.retention import views as retention
from gdpr.suppression import views as suppressions

urlpatterns = [
    path("requests/", board.show, name="requests"),
    path("requests/find/", board.find, name="requests_find"),
    path("requests/export/", board.export, name="requests_export"),
    path("requests/new/", intake.new, name="request_new"),
    path("requests/new/e-mail/", intake.paste, name="request_paste"),
    path("requests/new/list/", intake.upload, name="request_list"),
    path("requests/<int:pk>/", request.show, name="request"),
    path("requests/<int:pk>/do/<slug:act>/", request.run_action, name="request_do"),
    path("requests/<int:pk>/certificate/", documents.certificate, name="request_certificate"),
    path("requests/documents/<int:pk>/", documents.download, name="request_document"),
    path("holds-on-records/", legal_holds.show, name="legal_holds"),
    path("holds-on-records/<int:pk>/lift/", legal_holds.lift, name="hold_lift"),
    path("texts/", texts.show, name="texts"),
    path("texts/<slug:slug>/", texts.edit, name="text"),
    path("audit/", audit.show, name="audit"),
    path("audit/verify/", audit.verify, name="audit_verify"),
    path("audit/export/", audit.export, name="audit_export"),
    path("retention/", retention.show, name="retention"),
    path("retention/<int:pk>/again/", retention.retry, name="purge_again"),
    path("retention/records/<int:pk>/by-hand/", retention.complete_by_hand, name="purge_by_hand"),
    path("notices/", notices.show, name="notices"),
    path("notices/plan/", notices.plan, name="notices_plan"),
    path("notices/send/", notices.send, name="notices_send"),
    path("notices/exports/<int:pk>/", notices.confirm_export, name="notices_export"),
    path("notices/again/", notices.retry, name="notices_again"),
    path("notices/text/", notices.text, name="notice_text"),
    path("suppression/", suppressions.show, name="suppressions"),
    path("suppression/look-up/", suppressions.look_up, name="suppression_look_up"),
    path("suppression/add/", suppressions.add, name="suppression_add"),
    path("suppression/release/", suppressions.release, name="suppression_release"),
    path("processing/", processing.show, name="processing"),
    path("audit/regulator-pack/", audit.regulator_pack, name="regulator_pack"),
]
