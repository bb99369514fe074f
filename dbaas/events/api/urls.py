"""Routes of this app below ``/v1.0/{project_id}/``."""

from django.urls import path

from dbaas.events.api import usage_views, views, webhook_views

urlpatterns = [
    path("events", views.EventListView.as_view()),
    path("events/<str:event_id>", views.EventView.as_view()),
    path("webhooks", webhook_views.WebhookListView.as_view()),
    path("webhooks/<str:webhook_id>", webhook_views.WebhookView.as_view()),
    path("webhooks/<str:webhook_id>/deliveries", webhook_views.DeliveryListView.as_view()),
    path("webhooks/<str:webhook_id>/redrive", webhook_views.RedriveView.as_view()),
    path("mgmt/usage", usage_views.UsageView.as_view()),
]
