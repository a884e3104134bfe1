"""`python -m bridge.cli`: the same as `tillsign`, where no script is installed."""

from .main import main

raise SystemExit(main())
