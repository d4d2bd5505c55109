#!/bin/sh
# Builds the image twice from the commit that is checked out, in two new folders, and compares the
# contents of its files and the targets of its links. Takes two builds.
#
# Fails when a file differs, other than the archives of classes (*.jsa).

set -eu

root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd -P)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Builds in the folder $1, and leaves the digests of all files of the image in $1.sums.
build_in() {
  git clone -q --no-hardlinks "$root" "$1"
  "$1/build" -q -Pdist -Pquick package >"$1.log" 2>&1 || {
    cat "$1.log" >&2
    exit 1
  }
  image=$(echo "$1"/cli/target/moepress-*.tar.gz)
  (cd "${image%.tar.gz}" && find . -type f -exec sha256sum {} + | sort -k 2) >"$1.sums"
  # shellcheck disable=SC2016 # for the inner shell
  (cd "${image%.tar.gz}" && find . -type l -exec sh -c \
    'for link; do printf "%s -> %s\n" "$link" "$(readlink "$link")"; done' sh {} + | sort) >>"$1.sums"
}

build_in "$folder/first"
build_in "$folder/another"
wc -l <"$folder/first.sums" | sed 's/$/ files and links compared/'
if cmp -s "$folder"/first/cli/target/moepress-*.tar.gz "$folder"/another/cli/target/moepress-*.tar.gz; then
  echo 'the two images are the same byte for byte'
  exit
fi
if diff "$folder/first.sums" "$folder/another.sums" >"$folder/differences"; then
  echo 'the same contents of files and targets of links, packed differently'
  exit 1
fi
cat "$folder/differences"
! grep '^[<>]' "$folder/differences" | grep -v '\.jsa$' ||
  { echo 'check-reproducible: files differ that should not' >&2 && exit 1; }
echo 'of contents of files and targets of links only the archives of classes differ'
