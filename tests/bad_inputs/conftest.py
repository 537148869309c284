"""The tables of cases and their makers are modules beside the tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
collect_ignore = ["made.py", "tables_cases.py", "logs_cases.py", "settings_cases.py"]
