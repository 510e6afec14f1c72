#!/bin/sh
# Lays out what a Linux package holds, below a prefix: program, data, desktop entry, icons, man page, licences.
#
#   packaging/stage.sh PROGRAM PREFIX      e.g. packaging/stage.sh target/release/terroir build/usr
#
# Needs rsvg-convert (librsvg2-bin) for the icons, python3 and cargo for the licences. The same inputs give the same bytes:
# dates come from SOURCE_DATE_EPOCH, else from the last commit.
set -eu
cd "$(dirname "$0")/.."
program=$1
prefix=$2
id=io.terroir.Terroir
. packaging/stamp.sh

command -v rsvg-convert >/dev/null || { echo "stage.sh: rsvg-convert is missing (package librsvg2-bin)" >&2; exit 1; }

install -Dm755 "$program" "$prefix/bin/terroir"
strip --strip-unneeded "$prefix/bin/terroir"
for folder in sample weights; do
    (cd assets && find "$folder" -type f) | while read -r file; do
        install -Dm644 "assets/$file" "$prefix/share/terroir/$file"
    done
done
install -Dm644 "packaging/linux/$id.desktop" "$prefix/share/applications/$id.desktop"
install -Dm644 "packaging/linux/$id.xml" "$prefix/share/mime/packages/$id.xml"
install -Dm644 "packaging/linux/$id.metainfo.xml" "$prefix/share/metainfo/$id.metainfo.xml"
install -Dm644 packaging/icons/terroir.svg "$prefix/share/icons/hicolor/scalable/apps/$id.svg"
for size in 16 22 24 32 48 64 128 256; do
    folder="$prefix/share/icons/hicolor/${size}x$size/apps"
    mkdir -p "$folder"
    rsvg-convert -w "$size" -h "$size" packaging/icons/terroir.svg -o "$folder/$id.png"
    chmod 644 "$folder/$id.png"
done
mkdir -p "$prefix/share/man/man1" "$prefix/share/doc/terroir"
sh packaging/man.sh "$program" | gzip -9n >"$prefix/share/man/man1/terroir.1.gz"
python3 packaging/licences.py | gzip -9n >"$prefix/share/doc/terroir/THIRD-PARTY.txt.gz"
# The book, where packaging/book.sh has made it: F1 leads to it.
if [ -f out/book/index.html ]; then
    (cd out/book && find . -type f) | while read -r file; do
        install -Dm644 "out/book/$file" "$prefix/share/doc/terroir/book/$file"
    done
fi
install -m644 LICENSE-MIT LICENSE-APACHE "$prefix/share/doc/terroir/"
chmod 644 "$prefix/share/man/man1/terroir.1.gz" "$prefix/share/doc/terroir/THIRD-PARTY.txt.gz"
find "$prefix" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
