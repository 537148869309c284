"""Tests of the checks on learners share their data: ``learner_cases`` beside this file."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
