#!/bin/sh
# Proves an image of moepress: unpacks it and works with it as somebody would who has nothing else,
# neither Java nor Maven nor libtorch, no network, and no home folder to write to.
#
#   build-config/check-image.sh cli/target/moepress-VERSION-PLATFORM.tar.gz
#
# Run by root, it becomes another user first, and leaves the network where Linux lets it. What it
# could not do, and so does not prove, it says.

set -eu
umask 022

archive=$(readlink -f -- "$1")
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT

die() {
  printf 'check-image: %s\n' "$*" >&2
  exit 1
}

say() { printf 'check-image: %s\n' "$*"; }

# Runs a command in $folder/work, without anything in its environment but a few plain tools.
alone() {
  # shellcheck disable=SC2086 # $outside is a list of words
  (cd "$folder/work" && $outside env -i PATH="$folder/tools" HOME=/nonexistent \
    LC_ALL=C.UTF-8 MOEPRESS_JAVA_OPTS="${java_options-}" "$@")
}

# The tools the launcher may use, and no others.
make_tools() {
  mkdir -p "$folder/tools"
  for tool in sh readlink awk; do
    ln -s "$(command -v "$tool")" "$folder/tools/$tool"
  done
}

unpack() {
  (cd "${archive%/*}" && sha256sum -c --quiet "$archive.sha256") || die 'the digest is wrong'
  mkdir -p "$folder/an image" "$folder/work"
  tar -xzf "$archive" -C "$folder/an image"
  image=$(echo "$folder/an image"/*)
  chmod -R a-w "$folder/an image"
  chmod 755 "$folder"
}

leave_root_and_network() {
  outside=
  if [ "$(id -u)" -ne 0 ]; then
    say 'not proved: that it works for another user and without a network, since root did not start this'
    return
  fi
  chown 65534:65534 "$folder/work"
  outside='setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs'
  if unshare --net true 2>/dev/null; then
    outside="unshare --net $outside"
  else
    say 'not proved: that it works without a network, since "unshare --net" failed'
  fi
}

# Fails when the output of a command, $2 and so on, has not the text $1.
expect() {
  text=$1
  shift
  alone "$@" >"$folder/out" 2>"$folder/err" || die "$* failed: $(cat "$folder/out" "$folder/err")"
  grep -qF -- "$text" "$folder/out" || die "$*: no \"$text\" in: $(cat "$folder/out")"
}

# The best of ten runs must be done in 0.3 seconds.
expect_quick() {
  best=999999999999
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    begun=$(date +%s%N)
    alone "$@" >/dev/null
    taken=$(($(date +%s%N) - begun))
    [ "$taken" -ge "$best" ] || best=$taken
  done
  say "moepress $2: $((best / 1000000)) ms, the best of ten"
  [ "$best" -lt 300000000 ] || die "moepress $2 takes longer than 300 ms"
}

# Without the archive Java starts as well, only later; unless it is told to insist on it.
check_archive() {
  java_options=-Xshare:on
  alone "$moepress" --version >/dev/null 2>&1 || die 'Java does not take the archive of classes'
  java_options=
}

check_files() {
  for file in LICENSE NOTICE Dockerfile licenses/README.md docs/install.md ARCHITECTURE.md CONTRIBUTING.md \
    recipes/examples/quickstart.yaml \
    share/man/man1/moepress-recipe-new.1 share/bash-completion/completions/moepress \
    share/zsh/site-functions/_moepress share/fish/vendor_completions.d/moepress.fish; do
    [ -s "$image/$file" ] || die "no $file"
  done
  while IFS= read -r jar; do
    case $jar in moepress-*) continue ;; esac
    library=$(printf '%s\n' "${jar%.jar}" | sed 's/-[0-9].*//')
    grep -q "^| $library | " "$image/licenses/README.md" || die "no licence of $jar"
  done <"$image/lib/classpath"
}

# The container holds all of the image.
check_container() {
  grep '^COPY ' "$image/Dockerfile" | tr ' ' '\n' >"$folder/copied"
  for path in "$image"/*; do
    name=${path##*/}
    [ "$name" = Dockerfile ] || grep -qxF -- "$name" "$folder/copied" || die "the Dockerfile does not copy $name"
  done
  grep -v -e '^COPY$' -e '^/' "$folder/copied" >"$folder/sources"
  while IFS= read -r name; do
    [ -e "$image/$name" ] || die "the Dockerfile copies $name, which is not there"
  done <"$folder/sources"
}

# Every file that a document links to is shipped with it.
check_links() {
  for document in "$image"/*.md "$image"/docs/*.md; do
    grep -o ']([^)#:]*[)#]' "$document" | sed 's/^](//; s/[)#]$//' >"$folder/links"
    while IFS= read -r link; do
      [ -e "${document%/*}/$link" ] || die "${document#"$image"/}: a link to $link, which is not there"
    done <"$folder/links"
  done
}

# Models and texts of every example are shipped with it.
check_recipes() {
  for recipe in "$image"/recipes/examples/*.yaml; do
    expect 'ok' "$moepress" recipe check "recipes/examples/${recipe##*/}"
  done
}

# One run of each kind, so that a module of Java that is missing is found.
check_commands() {
  expect 'libtorch ' "$moepress" --version
  expect 'Commands:' "$moepress" --help
  expect '32 experts' "$moepress" verify testdata/models/tiny-qwen3moe
  expect '"layers"' "$moepress" inspect testdata/models/tiny-qwen3moe --json
  expect 'passed' "$moepress" run recipes/examples/quickstart.yaml
  expect 'report.html' "$moepress" report out/tiny-qwen3moe-math-half -o report.html
  expect 'ok ' "$moepress" verify out/tiny-qwen3moe-math-half --target transformers
  expect 'perplexity' "$moepress" eval testdata/models/tiny-qwen3moe --data conversations.jsonl
  expect 'small.gguf' "$moepress" convert out/tiny-qwen3moe-math-half -o small.gguf --to Q8_0
  expect 'structure' "$moepress" verify small.gguf
}

make_tools
unpack
ln -s "$image/testdata" "$image/recipes" "$folder/work/"
printf '%s\n' '{"messages": [{"role": "user", "content": "What is 2 + 2?"}, {"role": "assistant", "content": "4"}]}' \
  >"$folder/work/conversations.jsonl"
leave_root_and_network
moepress=$image/bin/moepress
check_files
check_container
check_links
check_archive
expect_quick "$moepress" --version
expect_quick "$moepress" --help
check_commands
check_recipes
say "all is well with $archive, $(du -sh "$image" | cut -f 1) unpacked"
