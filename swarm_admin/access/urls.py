from django.urls import path, re_path

from swarm_admin.access import views

urlpatterns = [
    path("staff/", views.show, name="staff"),
    path("staff/invite/", views.invite, name="staff_invite"),
    re_path(rf"^staff/(?P<pk>[0-9]+)/(?P<name>{'|'.join(views.ACTIONS)})/$", views.run_action, name="staff_act"),
    path("staff/keys/", views.issue_key, name="key_issue"),
    path("staff/keys/<int:pk>/revoke/", views.revoke_key, name="key_revoke"),
]
