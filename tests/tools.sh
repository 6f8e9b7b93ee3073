#!/bin/sh
# The independent programs that the tests compare ours with. Installs Debian's packages where it may,
# otherwise says what to install.
set -eu

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
fc-list 2>/dev/null | grep -q NotoNaskhArabic || missing="$missing fonts-noto-core"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    # shellcheck disable=SC2086  # one word for each package
    apt-get install -qy --no-install-recommends $missing
else
    echo "The tests need these Debian packages: sudo apt install$missing" >&2
    exit 1
fi
