#!/bin/sh
# Makes the image of moepress: a folder that holds the program and all it needs, Java and libtorch
# too. The profile "dist" runs this when the jars are made.
#
#   make-image.sh JDK ROOT IMAGE PLATFORM
#
#   JDK        the Java to take the runtime from
#   ROOT       the repository, built
#   IMAGE      folder to make; one that is there is replaced
#   PLATFORM   as DJL names it, such as linux-x86_64

set -eu

jdk=$1 root=$2 image=$3 platform=$4
dist=$root/cli/src/dist

die() {
  printf 'make-image: %s\n' "$*" >&2
  exit 1
}

# The jars in the order of the class path, but for those that only the compiler reads. libtorch and
# its binding come unpacked, and so do the libraries that two other jars would unpack when they run.
copy_jars() {
  mkdir -p "$image/lib"
  set -- "$root"/cli/target/moepress-cli-*.jar
  [ -f "$1" ] || die "$1: no such file. Build the jars first."
  [ $# -eq 1 ] || die "$root/cli/target: $# jars moepress-cli-*.jar (expected one). Remove those of other versions."
  printf '%s\n' "$1" >"$image/lib/jars"
  tr ':' '\n' <"$root/cli/target/classpath" >>"$image/lib/jars"
  while IFS= read -r jar || [ -n "$jar" ]; do
    copy_jar "$jar"
  done <"$image/lib/jars"
  rm "$image/lib/jars"
}

copy_jar() {
  name=${1##*/}
  case $name in
    annotations-*.jar | derive4j-annotation-*.jar | error_prone_annotations-*.jar) return ;;
    jsr305-*.jar | listenablefuture-*.jar) return ;;
    pytorch-native-cpu-*.jar)
      unpack "$1" "pytorch/cpu/$platform" "$image/libtorch"
      return
      ;;
    pytorch-jni-*.jar)
      unpack "$1" "jnilib/$platform/cpu" "$image/libtorch"
      return
      ;;
    tokenizers-*.jar) unpack "$1" "native/lib/$platform/cpu" "$image/lib/native" ;;
    jna-*.jar) unpack "$1" "com/sun/jna/$jna_platform" "$image/lib/native" ;;
  esac
  cp "$1" "$image/lib/"
  printf '%s\n' "$name" >>"$image/lib/classpath"
}

# Unpacks the folder $2 of the jar $1 into $3.
unpack() {
  mkdir -p "$3" "$image/unpacked"
  (cd "$image/unpacked" && "$jdk/bin/jar" xf "$1" "$2")
  mv "$image/unpacked/$2"/* "$3/" || die "$1 has nothing for $platform"
  rm -r "$image/unpacked"
}

link_runtime() {
  modules=$(sed 's/ *#.*//' "$dist/modules.txt" | grep . | paste -s -d , -)
  "$jdk/bin/jlink" --add-modules "$modules" --output "$image/runtime" \
    --strip-debug --no-header-files --no-man-pages
}

copy_texts() {
  mkdir "$image/bin" "$image/docs" "$image/recipes" "$image/testdata"
  cp "$dist/bin/moepress" "$image/bin/"
  cp "$root/build-config/launch.sh" "$image/lib/"
  cp "$dist/Dockerfile" "$root/LICENSE" "$root/NOTICE" "$image/"
  cp "$root/README.md" "$root/CHANGELOG.md" "$root/ARCHITECTURE.md" "$root/CONTRIBUTING.md" "$image/"
  cp -R "$root"/docs/* "$image/docs/"
  cp -R "$root/recipes/examples" "$image/recipes/"
  cp "$root/testdata/README.md" "$image/testdata/"
  cp -R "$root/testdata/models" "$root/testdata/texts" "$image/testdata/"
}

# A table of all that is shipped, and the texts of the licences.
write_licences() {
  licenses=$image/licenses
  mkdir "$licenses"
  cp "$dist"/licenses/*.txt "$licenses/"
  rm "$licenses/libraries.txt"
  {
    printf '# Licences\n\nmoepress is under the Apache License 2.0, see LICENSE and NOTICE. It is shipped with:\n\n'
    printf '| library | version | licence | text |\n|---|---|---|---|\n'
    while IFS= read -r name; do
      case $name in moepress-*) ;; *) describe_library "${name%.jar}" ;; esac
    done <"$image/lib/classpath"
    describe_natives
  } >"$licenses/README.md"
}

# A row for the jar $1, such as commons-io-2.16.1.
describe_library() {
  library=$(printf '%s\n' "$1" | sed 's/-[0-9].*//')
  version=${1#"$library"-}
  set -f
  # shellcheck disable=SC2046 # split into licence and text
  set -- "$1" $(awk -v name="$library" '$1 == name { print $2, $3 }' "$dist/licenses/libraries.txt")
  set +f
  [ $# -eq 3 ] || die "$dist/licenses/libraries.txt has no line for $library"
  text=$3
  if [ "$text" = jar ]; then
    copy_licence "$1"
    text=$1/
  fi
  printf '| %s | %s | %s | %s |\n' "$library" "$version" "$2" "$text"
}

# What the jar $1 says of its licence and those of its parts, in the folders that it has in the jar.
copy_licence() {
  mkdir -p "$licenses/$1" "$image/unpacked"
  (cd "$image/unpacked" && "$jdk/bin/jar" xf "$image/lib/$1.jar")
  (cd "$image/unpacked" && find . -type f ! -name '*.class' \
    \( -name '*LICENSE*' -o -name '*NOTICE*' -o -name 'AL2.0' \)) >"$image/found"
  while IFS= read -r file; do
    mkdir -p "$licenses/$1/${file%/*}"
    cp "$image/unpacked/$file" "$licenses/$1/$file"
  done <"$image/found"
  rm -r "$image/unpacked" "$image/found"
  [ -n "$(ls "$licenses/$1")" ] || die "$1.jar carries no licence; see $dist/licenses/libraries.txt"
}

describe_natives() {
  libtorch=$(cat "$root/cli/target/classes/io/moepress/cli/libtorch.txt")
  java=$(sed -n 's/^JAVA_VERSION="\(.*\)"/\1/p' "$image/runtime/release")
  printf '| libtorch | %s | BSD-3-Clause and others | PyTorch.txt |\n' "$libtorch"
  printf '| libdjl_torch, of DJL | %s | Apache-2.0 | ../LICENSE |\n' "$libtorch"
  printf '| libgomp, of GCC | of libtorch | GPL-3.0 with GCC exception 3.1 | GPL-3.0.txt, GCC-exception-3.1.txt |\n'
  printf '| OpenJDK | %s | GPL-2.0 with Classpath exception | ../runtime/legal/ |\n' "$java"
}

# Permissions and times are those of nobody in particular, so that another build makes the same.
normalise() {
  find "$image" -type d -exec chmod 755 {} +
  find "$image" -type f -exec chmod 644 {} +
  chmod 755 "$image/bin/moepress" "$image"/runtime/bin/* "$image/runtime/lib/jspawnhelper"
  find "$image" -exec env TZ=UTC0 touch -h -t 202601010000.00 {} +
}

# What the program knows about itself.
write_shell_files() {
  moepress=$image/bin/moepress
  share=$image/share
  mkdir -p "$share/bash-completion/completions" "$share/zsh/site-functions" \
    "$share/fish/vendor_completions.d"
  "$moepress" man -q -o "$share/man/man1" >/dev/null
  "$moepress" completion bash >"$share/bash-completion/completions/moepress"
  "$moepress" completion zsh >"$share/zsh/site-functions/_moepress"
  "$moepress" completion fish >"$share/fish/vendor_completions.d/moepress.fish"
}

# Archives the classes that a run on a model loads, those of Java and ours. Java takes the archive
# only with jars of the very times and sizes that it was made with.
write_archive() {
  "$image/runtime/bin/java" -XX:+UseCompactObjectHeaders -Xshare:dump -Xlog:disable >/dev/null
  MOEPRESS_ARCHIVE=-XX:ArchiveClassesAtExit=$image/lib/moepress.jsa \
    "$image/bin/moepress" verify -q "$image/testdata/models/tiny-qwen3moe" >/dev/null
  [ -f "$image/lib/moepress.jsa" ] || die 'Java made no archive of classes'
}

case $platform in
  linux-*) jna_platform=$(printf '%s\n' "$platform" | tr _ -) ;;
  osx-*) jna_platform=darwin-${platform#osx-} ;;
  *) die "there is no image for $platform, only for Linux and macOS" ;;
esac
rm -rf "$image"
mkdir -p "$image"
copy_jars
link_runtime
copy_texts
write_licences
write_shell_files
normalise
write_archive
normalise
