#!/bin/sh
# Builds Terroir.AppDir and, where appimagetool is at hand, Terroir-VERSION-ARCHITECTURE.AppImage.
#
#   packaging/appimage/build.sh [--program FILE] [--out FOLDER]
#
# Inside: the program, every library it is linked with but those each desktop has (below), PROJ's database and GDAL's tables,
# which the program finds beside itself. Build on the oldest system it is to run on: Debian 12 gives glibc 2.36 or newer.
# Needs patchelf, librsvg2-bin, python3, cargo; appimagetool from https://github.com/AppImage/appimagetool (name it in
# APPIMAGETOOL if it is not in PATH).
set -eu
cd "$(dirname "$0")/../.."
program=""
out=out/packages
while [ $# -gt 0 ]; do
    case "$1" in
        --program) program=$2; shift 2 ;;
        --out) out=$2; shift 2 ;;
        *) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
done
. packaging/stamp.sh
command -v patchelf >/dev/null || { echo "build.sh: patchelf is missing" >&2; exit 1; }
if [ -z "$program" ]; then
    cargo build --release --locked
    program=${CARGO_TARGET_DIR:-target}/release/terroir
fi
id=io.terroir.Terroir
umask 022
mkdir -p "$out"
app="$out/Terroir.AppDir"
rm -rf "$app"
sh packaging/stage.sh "$program" "$app/usr"

# Left to the system: the C library, what comes with the graphics driver and the display.
system='^(ld-linux.*|lib(c|m|dl|rt|pthread|resolv|util|nsl|anl|mvec|gcc_s|stdc\+\+)\.so.*|lib(vulkan|GL|EGL|GLX|GLdispatch|OpenGL|drm|gbm|X11|X11-xcb|xcb|xcb-.*|Xcursor|Xi|xkbcommon.*|wayland-.*)\.so.*)$'
mkdir -p "$app/usr/lib"
ldd "$program" | sed -n 's/^\s*\(\S*\) => \(\/\S*\) .*/\1 \2/p' | while read -r name file; do
    if ! printf '%s\n' "$name" | grep -qE "$system"; then
        install -m644 "$file" "$app/usr/lib/$name"
    fi
done
# An rpath of the old kind counts for the libraries of libraries, too; LD_LIBRARY_PATH would reach the browser Terroir opens.
patchelf --force-rpath --set-rpath '$ORIGIN/../lib' "$app/usr/bin/terroir"
for library in "$app"/usr/lib/*; do
    patchelf --force-rpath --set-rpath '$ORIGIN' "$library"
done

proj=$(dirname "$(for folder in "${PROJ_DATA:-}" /usr/share/proj /usr/local/share/proj; do [ -f "$folder/proj.db" ] && echo "$folder/proj.db"; done | head -n 1)")
gdal=$(gdal-config --datadir)
mkdir -p "$app/usr/share/proj" "$app/usr/share/gdal"
# The database and the small tables; grids of datum shifts are the system's.
find "$proj" -maxdepth 1 -type f -size -12000k -exec cp {} "$app/usr/share/proj/" \;
[ -f "$app/usr/share/proj/proj.db" ] || { echo "build.sh: no proj.db in $proj" >&2; exit 1; }
find "$gdal" -maxdepth 1 -type f -exec cp {} "$app/usr/share/gdal/" \;

# Whose libraries these are: the copyright files of the system's packages, where the system has such.
if command -v dpkg-query >/dev/null 2>&1; then
    mkdir -p "$app/usr/share/doc/terroir/libraries"
    ldd "$program" | sed -n 's/^.* => \(\/\S*\) .*/\1/p' | while read -r file; do
        [ -f "$app/usr/lib/$(basename "$file")" ] || continue
        owner=$(dpkg-query -S "$(readlink -f "$file")" 2>/dev/null | head -n 1 | cut -d: -f1)
        [ -n "$owner" ] && [ -f "/usr/share/doc/$owner/copyright" ] || continue
        cp "/usr/share/doc/$owner/copyright" "$app/usr/share/doc/terroir/libraries/$owner"
    done
fi

ln -s "usr/share/applications/$id.desktop" "$app/$id.desktop"
ln -s "usr/share/icons/hicolor/256x256/apps/$id.png" "$app/$id.png"
ln -s "$id.png" "$app/.DirIcon"
# The program itself: it finds its data beside its own file.
ln -s usr/bin/terroir "$app/AppRun"
find "$app" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
echo "$app"

tool=${APPIMAGETOOL:-$(command -v appimagetool || true)}
if [ -n "$tool" ]; then
    architecture=$(uname -m)
    ARCH=$architecture VERSION=$version "$tool" "$app" "$out/Terroir-$version-$architecture.AppImage"
else
    echo "appimagetool is not at hand, so the folder is the result (set APPIMAGETOOL to make one file of it)" >&2
fi
