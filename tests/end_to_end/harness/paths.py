"""Where things are. LARDER_BIN names another folder of programs than that of the release build."""

import os

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
BIN = os.environ.get("LARDER_BIN", os.path.join(ROOT, "build", "release", "bin"))
LARDERD = os.path.join(BIN, "larderd")
LARDER = os.path.join(BIN, "larder")
LINK_PROXY = os.path.join(BIN, "larder_link_proxy")
LARDER_HISTORY = os.path.join(BIN, "larder_history")
TOOLS = os.path.join(ROOT, "build", "tools")
PROTO = os.path.join(ROOT, "proto")
