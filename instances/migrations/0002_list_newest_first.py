"""Lists are in the order of creation: with it in the index a page costs the same in a project of any size."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("instances", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="instance",
            index=models.Index(
                fields=["project_id", "deleted_at", "created_at", "id"], name="instance_newest_first"
            ),
        ),
        migrations.RemoveIndex(model_name="instance", name="instance_by_project"),
    ]
