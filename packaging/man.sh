#!/bin/sh
# The man page, from what the program itself says: packaging/man.sh PROGRAM >terroir.1
set -eu
program=$1
# Backslashes, and dots and quotes at the start of a line, mean something to roff; hyphens are to be copied as they are.
roff() { sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^\([.']\)/\\\\\&\1/"; }
help() { COLUMNS=78 "$program" "$@" --help; }

version=$("$program" --version | cut -d' ' -f2)
printf '.TH TERROIR 1 "" "Terroir %s" "User commands"\n' "$version"
printf '.SH NAME\nterroir \\- classify Earth-observation scenes: from a scene and a few labels to a map with its accuracy\n'
printf '.SH SYNOPSIS\n.B terroir\n[\\fIFILES\\fR]...\n.br\n.B terroir\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n'
printf '.SH DESCRIPTION\n.nf\n'
help | roff
printf '.fi\n.SH COMMANDS\n'
help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p' | while read -r command; do
    printf '.SS "terroir %s"\n.nf\n' "$(printf '%s' "$command" | roff)"
    help "$command" | roff
    printf '.fi\n'
done
printf '.SH SEE ALSO\n.BR gdalinfo (1),\n.BR qgis (1)\n'
