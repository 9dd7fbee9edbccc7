"""The rehearsal gallery: a real local server that stands in for the Event Gallery's upload API.

It shares no code with the client, on purpose: it is written from the API's documentation alone, so
a wrong word on one side can't hide behind the same wrong word on the other.
"""

from importer.rehearsal.faults import Fault
from importer.rehearsal.gallery import FolderTakenError, Gallery, GalleryError, PortTakenError
from importer.rehearsal.plan import FaultPlan, FaultSpecError
from importer.rehearsal.records import Collection, Picture, Receipt
from importer.rehearsal.shelf import CollectionSummary

__all__ = [
    "Collection",
    "CollectionSummary",
    "Fault",
    "FaultPlan",
    "FaultSpecError",
    "FolderTakenError",
    "Gallery",
    "GalleryError",
    "Picture",
    "PortTakenError",
    "Receipt",
]
