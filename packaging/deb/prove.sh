#!/bin/sh
# Proves the .deb on a bare Debian 12: installs it with apt into a root made by debootstrap, then as an ordinary user
# without a display runs `terroir doctor` and `terroir demo`, and takes it out again.
#
#   packaging/deb/prove.sh PACKAGE [--root FOLDER]      as root; needs debootstrap and the network
#
# --root: where the root lies or is to be made; it is kept. Without it a temporary one is made and removed.
set -eu
[ $# -ge 1 ] && [ -f "$1" ] || { sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2; }
package=$(readlink -f "$1")
root=""
[ "${2:-}" = --root ] && root=$3
[ "$(id -u)" = 0 ] || { echo "prove.sh: debootstrap and chroot need root" >&2; exit 1; }

clean() {
    umount "$root/proc" 2>/dev/null || true
    [ -n "${temporary:-}" ] && rm -rf --one-file-system "$root"
    return 0
}
if [ -z "$root" ]; then
    root=$(mktemp -d)
    temporary=yes
fi
trap clean EXIT
step() { printf '\n== %s\n' "$*"; }
inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"; }

step "A bare Debian 12 (bookworm, minbase)"
[ -e "$root/etc/debian_version" ] || debootstrap --variant=minbase bookworm "$root" >/dev/null
cp /etc/resolv.conf "$root/etc/resolv.conf"
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
echo "Debian $(cat "$root/etc/debian_version"), $(inside dpkg-query -f '.\n' -W | wc -l) packages"
inside id prover >/dev/null 2>&1 || inside useradd --create-home prover

step "apt-get install $(basename "$package")"
cp "$package" "$root/tmp/terroir.deb"
inside apt-get -q update >/dev/null
if ! inside apt-get -q -o Dpkg::Use-Pty=0 install -y /tmp/terroir.deb >"$root/tmp/apt.log" 2>&1; then
    tail -n 20 "$root/tmp/apt.log" >&2
    exit 1
fi
grep -E '^([0-9]+ upgraded|After this|Setting up terroir)' "$root/tmp/apt.log"
inside dpkg-query -W -f 'terroir ${Version}: ${db:Status-Status}\n' terroir

step "terroir --version; man page; desktop entry"
inside terroir --version
inside ls /usr/share/man/man1/terroir.1.gz /usr/share/applications/io.terroir.Terroir.desktop
as_user() { inside setpriv --reuid=prover --regid=prover --clear-groups env HOME=/home/prover USER=prover sh -c "cd /home/prover && $*"; }

step "terroir doctor, as an ordinary user without a display"
as_user terroir doctor --quiet

step "terroir demo"
as_user "rm -rf demo && terroir demo --quiet --out demo && ls demo"

step "apt-get purge"
inside apt-get -q -o Dpkg::Use-Pty=0 purge -y terroir 2>/dev/null | grep -E '^(Removing|Purging)' || true
left=$(inside sh -c 'ls -d /usr/bin/terroir /usr/share/terroir /usr/share/doc/terroir 2>/dev/null' || true)
[ -z "$left" ] || { echo "left behind: $left" >&2; exit 1; }
echo "nothing of it is left"
step "Proved"
