"""`python -m bridge.cli` is `tillsign`, where no script is installed."""

from .main import main

raise SystemExit(main())
