"""JSON out."""

from datetime import datetime
from typing import Any

from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

from dbaas.common.times import api_timestamp


class TroveEncoder(JSONEncoder):
    def default(self, obj: Any) -> Any:
        if isinstance(obj, datetime):
            return api_timestamp(obj)
        return super().default(obj)


class TroveJSONRenderer(JSONRenderer):
    """Compact JSON with the API's timestamps; no data gives an empty body."""

    encoder_class = TroveEncoder
