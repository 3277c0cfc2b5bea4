"""All fields of the language together, in the order in which `rules fields` shows them."""

from typing import Final

from rules.audit_fields import BODY_FIELDS, REQUEST_FIELDS
from rules.container_fields import CONTAINER_FIELDS
from rules.event_fields import EVENT_FIELDS
from rules.fields import Catalogue
from rules.podspec_fields import PODSPEC_FIELDS
from rules.request_fields import REQUEST_FACT_FIELDS
from rules.resource_fields import RESOURCE_FIELDS

FIELDS: Final = Catalogue(
    (
        *REQUEST_FIELDS,
        *BODY_FIELDS,
        *CONTAINER_FIELDS,
        *EVENT_FIELDS,
        *PODSPEC_FIELDS,
        *REQUEST_FACT_FIELDS,
        *RESOURCE_FIELDS,
    ),
)
