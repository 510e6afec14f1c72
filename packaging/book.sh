#!/bin/sh
# Builds the documents as a book: out/book/index.html.
#
#   packaging/book.sh [OUT]
#
# Needs mdBook (`cargo install mdbook --locked`; MDBOOK names another one). The pages link to files beside docs (the cards of the
# weights, the architecture), so that they are laid out as in the sources first.
set -eu
cd "$(dirname "$0")/.."
out=${1:-out/book}
mdbook=${MDBOOK:-mdbook}
command -v "$mdbook" >/dev/null || { echo "book.sh: mdbook is missing (cargo install mdbook --locked)" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/src"
cp docs/book.toml "$work/"
sed -i 's/^src = .*/src = "src"/' "$work/book.toml"
for file in README.md ARCHITECTURE.md CONTRIBUTING.md LICENSE LICENSE-MIT LICENSE-APACHE; do
    cp "$file" "$work/src/"
done
cp -r docs "$work/src/docs"
# A chapter called README would become a folder's index, which links to it do not follow.
for card in assets/sample assets/fonts assets/weights/*; do
    [ -f "$card/README.md" ] || continue
    mkdir -p "$work/src/$card"
    cp "$card/README.md" "$work/src/$card/card.md"
done
# A source a page points to.
mkdir -p "$work/src/core/models/src/fused"
cp core/models/src/fused/mod.rs "$work/src/core/models/src/fused/"
# The table of contents names its pages from docs; the book's begins one folder higher.
sed -e 's|](\.\./|](|' -e t -e 's|](|](docs/|' docs/SUMMARY.md >"$work/src/SUMMARY.md"
rm "$work/src/docs/SUMMARY.md" "$work/src/docs/book.toml"
find "$work/src" -name '*.md' -exec sed -i 's|\(assets/[a-z/-]*\)README\.md|\1card.md|g' {} +

mkdir -p "$out"
out=$(cd "$out" && pwd)
"$mdbook" build "$work" --dest-dir "$out"
echo "$out/index.html"
