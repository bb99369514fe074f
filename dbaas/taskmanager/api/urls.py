from django.urls import path

from dbaas.taskmanager.api import views

urlpatterns = [
    path("operations", views.OperationListView.as_view()),
    path("operations/<str:operation_id>", views.OperationView.as_view()),
]
