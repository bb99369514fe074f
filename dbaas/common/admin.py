from django.contrib import admin
from django.contrib.admin.models import LogEntry

from dbaas.common.admin_site import LogEntryAdmin

admin.site.register(LogEntry, LogEntryAdmin)
