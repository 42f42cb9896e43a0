#!/usr/bin/env bash
# The browser tests need Chromium; on Debian and Ubuntu, as root, take the distribution's.
set -euo pipefail
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null
else
  echo "no Chromium found: install it for the browser tests" >&2
fi
