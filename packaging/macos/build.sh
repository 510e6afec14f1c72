#!/bin/sh
# Builds Terroir.app and Terroir-VERSION-ARCHITECTURE.dmg on macOS 12 or later.
#
#   packaging/macos/build.sh [OUT]
#
# Needs Xcode's command line tools, Rust, and: brew install gdal proj pkgconf dylibbundler librsvg
# CODESIGN_IDENTITY names a "Developer ID Application" certificate; without it the app is signed for this machine only, and
# others must allow it in the system's settings. Notarise with `xcrun notarytool submit` afterwards.
set -eu
cd "$(dirname "$0")/../.."
out=${1:-out/packages}
. packaging/stamp.sh
cargo build --release --locked
program=${CARGO_TARGET_DIR:-target}/release/terroir

app="$out/Terroir.app"
contents="$app/Contents"
rm -rf "$app"
mkdir -p "$contents/MacOS" "$contents/Frameworks" "$contents/Resources/proj" "$contents/Resources/gdal" "$contents/Resources/terroir"
install -m755 "$program" "$contents/MacOS/terroir"
sed "s/@VERSION@/$version/g" packaging/macos/Info.plist >"$contents/Info.plist"
plutil -lint "$contents/Info.plist"

# Data the program finds beside itself: Contents/Resources.
cp -R "$(brew --prefix proj)/share/proj/" "$contents/Resources/proj"
cp -R "$(brew --prefix gdal)/share/gdal/" "$contents/Resources/gdal"
cp -R assets/sample assets/weights "$contents/Resources/terroir/"
cp LICENSE-MIT LICENSE-APACHE "$contents/Resources/"
python3 packaging/licences.py "$(rustc -vV | sed -n 's/^host: //p')" >"$contents/Resources/THIRD-PARTY.txt"

# Every library the program is linked with, and theirs, with paths relative to the program.
dylibbundler --overwrite-files --bundle-deps --create-dir \
    --fix-file "$contents/MacOS/terroir" --dest-dir "$contents/Frameworks" --install-path @executable_path/../Frameworks/

iconset=$(mktemp -d)/terroir.iconset
mkdir -p "$iconset"
for size in 16 32 128 256 512; do
    rsvg-convert -w "$size" -h "$size" packaging/icons/terroir.svg -o "$iconset/icon_${size}x$size.png"
    rsvg-convert -w $((size * 2)) -h $((size * 2)) packaging/icons/terroir.svg -o "$iconset/icon_${size}x$size@2x.png"
done
iconutil --convert icns --output "$contents/Resources/terroir.icns" "$iconset"

codesign --force --deep --options runtime --sign "${CODESIGN_IDENTITY:--}" "$app"

# Without Homebrew's folders in the environment: what is missing in the bundle shows here, and ends with code 1.
env -i HOME="$HOME" PATH=/usr/bin:/bin "$contents/MacOS/terroir" doctor

image="$out/Terroir-$version-$(uname -m).dmg"
folder=$(mktemp -d)
cp -R "$app" "$folder/"
ln -s /Applications "$folder/Applications"
hdiutil create -volname Terroir -srcfolder "$folder" -format UDZO -ov "$image"
echo "$image"
