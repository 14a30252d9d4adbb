"""``python -m geovision`` is the command ``geovision``."""

from geovision.cli.main import run

if __name__ == "__main__":
    run()
