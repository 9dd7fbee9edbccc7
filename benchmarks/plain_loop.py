"""``importer`` as on a machine without uvloop: ``python benchmarks/plain_loop.py run ...``."""

import sys

sys.modules["uvloop"] = None  # type: ignore[assignment]  # an import of it fails, as if missing

from importer.__main__ import main  # noqa: E402

if __name__ == "__main__":
    sys.argv[0] = "importer"
    main()
