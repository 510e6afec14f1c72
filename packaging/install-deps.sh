#!/bin/sh
# Installs the system libraries Terroir is built with, runs with and is tested with.
# Debian and Ubuntu: through apt-get, only what is missing; asks before sudo; as root it just does it.
# Elsewhere: says what to install, and stops only if GDAL cannot be found.
#
#   packaging/install-deps.sh          asks before it uses sudo
#   packaging/install-deps.sh --yes    does not ask (also with CI=true)
set -eu

# Build: compiler, GDAL, PROJ, SQLite (PROJ's grids), Wayland.
build_packages="build-essential pkg-config libgdal-dev libproj-dev libsqlite3-dev libwayland-dev"
# Run: the Vulkan loader with Mesa's drivers, and what the window opens at run time.
run_packages="proj-data libvulkan1 mesa-vulkan-drivers libx11-6 libx11-xcb1 libxcursor1 libxi6 libxkbcommon0 libxkbcommon-x11-0 libxcb1"
# Tests: a display without a screen, keys sent to it, and GDAL's own tools as a second opinion.
test_packages="xvfb xdotool gdal-bin"

say() { printf '%s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

ask=yes
[ "${CI:-}" = true ] && ask=no
for argument in "$@"; do
    case "$argument" in
        --yes | -y) ask=no ;;
        --help | -h)
            sed -n '2,7s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        *)
            printf '%s\n' "install-deps.sh: unknown option $argument (known: --yes, --help)" >&2
            exit 2
            ;;
    esac
done

check_rust() {
    if ! command -v cargo >/dev/null 2>&1; then
        fail "No Rust toolchain found (cargo is not in PATH).
Install it from https://rustup.rs, for example:
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
then open a new terminal and run the same command again."
    fi
}

check_gdal() {
    if ! command -v pkg-config >/dev/null 2>&1; then
        fail "pkg-config is missing, so GDAL cannot be looked for. Install the packages above and run the same command again."
    fi
    if ! pkg-config --exists gdal; then
        fail "GDAL with its headers is missing (pkg-config finds no gdal). Install the packages above and run the same command again."
    fi
}

is_installed() {
    dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed
}

# The packages of a list that are not installed.
missing_of() {
    missing=""
    for package in "$@"; do
        is_installed "$package" || missing="$missing $package"
    done
    printf '%s' "$missing"
}

install_with_apt() {
    # Word splitting of the lists is meant.
    # shellcheck disable=SC2086
    wanted=$(missing_of $build_packages $run_packages $test_packages)
    [ -z "$wanted" ] && return 0

    as_root=""
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 || fail "These packages are missing:$wanted
There is no sudo here. Ask an administrator to run:
    apt-get install$wanted"
        as_root="sudo"
        say "These packages are missing:$wanted"
        if [ "$ask" = yes ]; then
            [ -t 0 ] || fail "Install them with:
    sudo apt-get install$wanted
or run packaging/install-deps.sh --yes"
            printf 'Install them with sudo apt-get? [Y/n] '
            read -r answer || answer=n
            case "$answer" in
                "" | y | Y | yes | Yes) ;;
                *) fail "Nothing was installed. When ready: sudo apt-get install$wanted" ;;
            esac
        fi
    else
        say "Installing:$wanted"
    fi

    $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $wanted \
        || fail "apt-get could not install everything. The packages needed are:$wanted"
}

say_for_other_systems() {
    say "This system has no apt-get. Terroir needs these packages:"
    say "  Fedora:   sudo dnf install gcc gcc-c++ make pkgconf-pkg-config gdal-devel proj-devel sqlite-devel wayland-devel \\"
    say "                vulkan-loader mesa-vulkan-drivers libX11-xcb libXcursor libXi libxkbcommon-x11 \\"
    say "                gdal xorg-x11-server-Xvfb xdotool"
    say "  Arch:     sudo pacman -S --needed base-devel pkgconf gdal proj sqlite wayland vulkan-icd-loader vulkan-swrast \\"
    say "                libx11 libxcursor libxi libxkbcommon-x11 xorg-server-xvfb xdotool"
    say "  openSUSE: sudo zypper install gcc gcc-c++ make pkgconf gdal-devel proj-devel sqlite3-devel wayland-devel \\"
    say "                libvulkan1 libvulkan_lvp libX11-xcb1 libXcursor1 libXi6 libxkbcommon-x11-0 gdal xorg-x11-server-Xvfb xdotool"
    say "  macOS:    brew install pkgconf gdal proj sqlite"
}

if command -v apt-get >/dev/null 2>&1 && command -v dpkg-query >/dev/null 2>&1; then
    install_with_apt
elif ! { command -v pkg-config >/dev/null 2>&1 && pkg-config --exists gdal; }; then
    say_for_other_systems
fi
check_gdal
check_rust
