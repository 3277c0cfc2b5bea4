"""Property tests here run without a deadline: a busy machine is no defect of the code under test."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
