#!/bin/sh
# Proves the AppDir on a bare Debian 12 that has none of our libraries: copies it into a root made by debootstrap, adds no
# package, and as an ordinary user runs `AppRun doctor` and `AppRun demo`.
#
#   packaging/appimage/prove.sh APPDIR [--root FOLDER]      as root; needs debootstrap
set -eu
[ $# -ge 1 ] && [ -x "$1/AppRun" ] || { sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2; }
app=$(readlink -f "$1")
root=""
[ "${2:-}" = --root ] && root=$3
[ "$(id -u)" = 0 ] || { echo "prove.sh: debootstrap and chroot need root" >&2; exit 1; }
clean() {
    umount "$root/proc" 2>/dev/null || true
    rm -rf "$root/opt/Terroir.AppDir"
    [ -n "${temporary:-}" ] && rm -rf --one-file-system "$root"
    return 0
}
if [ -z "$root" ]; then
    root=$(mktemp -d)
    temporary=yes
fi
trap clean EXIT
step() { printf '\n== %s\n' "$*"; }
inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 chroot "$root" "$@"; }

step "A bare Debian 12 (bookworm, minbase)"
[ -e "$root/etc/debian_version" ] || debootstrap --variant=minbase bookworm "$root" >/dev/null
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
inside id prover >/dev/null 2>&1 || inside useradd --create-home prover
echo "libraries of GDAL and PROJ in it: $(inside find / -xdev -path /opt -prune -o \( -name 'libgdal*' -o -name 'libproj*' -o -name proj.db \) -print | wc -l)"
cp -a "$app" "$root/opt/Terroir.AppDir"
chown -R root:root "$root/opt/Terroir.AppDir"
as_user() { inside setpriv --reuid=prover --regid=prover --clear-groups env HOME=/home/prover USER=prover sh -c "cd /home/prover && $*"; }

step "AppRun doctor, as an ordinary user without a display"
as_user /opt/Terroir.AppDir/AppRun doctor --quiet
step "AppRun demo"
as_user "rm -rf demo && /opt/Terroir.AppDir/AppRun demo --quiet --out demo && ls demo"
step "Proved"
