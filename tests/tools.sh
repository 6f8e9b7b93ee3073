#!/bin/sh
# The independent programs that the tests compare ours with, and the browser. Installs Debian's packages where
# it may, otherwise says what to install.
set -eu
cd "$(dirname "$0")"

need() { # program, package
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}

missing=""
need ffmpeg ffmpeg
need ffprobe ffmpeg
need tshark tshark
need openssl openssl
need unzip unzip
need qpdf qpdf
need pdftotext poppler-utils
need softhsm2-util softhsm2
need chromium chromium
need firefox-esr firefox-esr
need ip iproute2
need turnserver coturn
[ -n "$(ls /usr/lib/postgresql/*/bin/postgres 2>/dev/null)" ] || need postgres postgresql
need setpriv util-linux
need node nodejs
need npm npm
fc-list 2>/dev/null | grep -q NotoNaskhArabic || missing="$missing fonts-noto-core"
fc-list 2>/dev/null | grep -q NotoSansCJK || missing="$missing fonts-noto-cjk"

if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    # shellcheck disable=SC2086  # one word for each package
    apt-get install -qy --no-install-recommends $missing
elif [ -n "$missing" ]; then
    echo "The tests need these Debian packages: sudo apt install$missing" >&2
    exit 1
fi

# The type checker of our scripts, the accessibility checker of our pages, and a reader of calendar files.
ready=node_modules/.ready
if [ ! -e "$ready" ] || [ -n "$(find package.json -newer "$ready")" ]; then
    npm install --no-package-lock --no-audit --no-fund --ignore-scripts
    touch "$ready"
fi
