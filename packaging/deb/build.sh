#!/bin/sh
# Builds terroir_VERSION_ARCHITECTURE.deb for the Debian this runs on (made for 12, bookworm).
#
#   packaging/deb/build.sh [--program FILE] [--out FOLDER]
#
# Without --program the release build of these sources is made first. Needs dpkg-dev, librsvg2-bin, python3, cargo.
# The same sources and the same program give the same package, byte by byte.
set -eu
cd "$(dirname "$0")/../.."
program=""
out=out/packages
while [ $# -gt 0 ]; do
    case "$1" in
        --program) program=$2; shift 2 ;;
        --out) out=$2; shift 2 ;;
        *) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
done
. packaging/stamp.sh
if [ -z "$program" ]; then
    cargo build --release --locked
    program=${CARGO_TARGET_DIR:-target}/release/terroir
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root="$work/root"
mkdir -p "$root/DEBIAN" "$work/debian"
chmod 755 "$root" "$root/DEBIAN"
umask 022
sh packaging/stage.sh "$program" "$root/usr"
# The licences of Terroir itself stand in the copyright file.
cp packaging/deb/copyright "$root/usr/share/doc/terroir/copyright"
rm "$root/usr/share/doc/terroir/LICENSE-MIT" "$root/usr/share/doc/terroir/LICENSE-APACHE"
date=$(date -u -R -d "@$SOURCE_DATE_EPOCH")
printf 'terroir (%s) unstable; urgency=medium\n\n  * Built from %s.\n\n -- The Terroir authors <terroir@localhost>  %s\n' \
    "$version" "${TERROIR_COMMIT:-an archive of the sources}" "$date" \
    | gzip -9n >"$root/usr/share/doc/terroir/changelog.gz"

# Linked libraries, with the versions they are needed in.
architecture=$(dpkg --print-architecture)
printf 'Source: terroir\n\nPackage: terroir\nArchitecture: any\n' >"$work/debian/control"
linked=$(cd "$work" && dpkg-shlibdeps -O -e"$root/usr/bin/terroir" | sed -n 's/^shlibs:Depends=//p')
# What the window opens while it runs, and PROJ's database.
opened="proj-data, libvulkan1, libwayland-client0, libx11-6, libx11-xcb1, libxcb1, libxcursor1, libxi6, libxkbcommon0, libxkbcommon-x11-0"
size=$(du -k -s --apparent-size "$root/usr" | cut -f1)
cat >"$root/DEBIAN/control" <<CONTROL
Package: terroir
Version: $version
Architecture: $architecture
Maintainer: The Terroir authors <terroir@localhost>
Installed-Size: $size
Depends: $linked, $opened
Recommends: mesa-vulkan-drivers | vulkan-icd, xdg-desktop-portal
Section: science
Priority: optional
Description: desktop GIS with Earth-observation foundation models inside
 Terroir opens scenes of any sensor, picks bands by wavelength, and turns a few
 painted strokes into a class map with its accuracy and everything it was made
 from written into the file. It maps crops and soil moisture from dated images
 and weather, forecasts images, and judges each on places and days held out.
 .
 Everything the window does, the command line does too, without a display and
 without a graphics card. No network is used unless asked for.
CONTROL
(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
chmod 644 "$root/DEBIAN/control" "$root/DEBIAN/md5sums"
find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

mkdir -p "$out"
package="$out/terroir_${version}_$architecture.deb"
dpkg-deb --root-owner-group -Zxz --build "$root" "$package" >/dev/null
echo "$package"
