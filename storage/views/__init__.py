"""What a person may ask of the store: read-only, plain dictionaries, no patient data."""

from storage.views.listings import list_deliveries, list_jobs, list_packages
from storage.views.overview import overview
from storage.views.progress import StudyProgress, study_progress
from storage.views.story import study_story

__all__ = [
    "StudyProgress",
    "list_deliveries",
    "list_jobs",
    "list_packages",
    "overview",
    "study_progress",
    "study_story",
]
