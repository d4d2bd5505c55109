# shellcheck shell=sh disable=SC2034,SC2154 # $me comes from the script, $jdk_home is for it
# Finds a Java 25. To be sourced by a script that has set $me, its name in messages.
#
#   find_jdk java    any Java 25 will do
#   find_jdk javac   it must have a compiler
#
# Sets $jdk_home, or says on stderr what was found instead and returns 1. The version is read from
# the file "release" that every Java installation carries; java is only started where it is missing.

find_jdk() {
  jdk_tool=$1
  jdk_seen=
  jdk_try_java_home || jdk_try_path || jdk_try_usual_folders || jdk_refuse
}

jdk_try_java_home() {
  [ -n "${JAVA_HOME-}" ] || return 1
  [ -x "$JAVA_HOME/bin/java" ] || jdk_saw "no Java in JAVA_HOME=$JAVA_HOME"
  jdk_try "$JAVA_HOME"
}

jdk_try_path() {
  jdk_java=$(command -v java) || return 1
  jdk_file=$(readlink -f "$jdk_java" 2>/dev/null) || jdk_file=$jdk_java
  jdk_bin=${jdk_file%/*}
  if [ -f "${jdk_bin%/*}/release" ]; then
    jdk_try "${jdk_bin%/*}"
  else # a shim of some version manager: only Java itself knows where it lives
    jdk_try "$("$jdk_java" -XshowSettings:properties -version 2>&1 |
      sed -n 's/^ *java\.home = //p')"
  fi
}

jdk_try_usual_folders() {
  for jdk_folder in \
    /usr/lib/jvm/* /usr/lib64/jvm/* /usr/java/* /usr/local/openjdk* \
    /opt/java* /opt/java/* /opt/jdk* /opt/openjdk* \
    /Library/Java/JavaVirtualMachines/*/Contents/Home \
    "${HOME-}"/Library/Java/JavaVirtualMachines/*/Contents/Home \
    /opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home \
    /usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home \
    "${HOME-}"/.sdkman/candidates/java/* \
    "${HOME-}"/.jdks/* \
    "${HOME-}"/.asdf/installs/java/* \
    "${HOME-}"/.local/share/mise/installs/java/*; do
    jdk_try "$jdk_folder" && return
  done
  return 1
}

# Takes the folder $1 if it is a Java 25, and remembers what it is if not.
jdk_try() {
  [ -n "$1" ] && [ -x "$1/bin/java" ] || return 1
  jdk_read_version "$1"
  case $jdk_version in
    25 | 25[!0-9]*)
      if [ -x "$1/bin/$jdk_tool" ]; then
        jdk_home=$1
        return
      fi
      jdk_saw "Java $jdk_version without $jdk_tool in $1"
      ;;
    *) [ -L "$1" ] || jdk_saw "Java ${jdk_version:-of unknown version} in $1" ;;
  esac
  return 1
}

jdk_read_version() {
  jdk_version=
  if [ -r "$1/release" ]; then
    while IFS='=' read -r jdk_key jdk_value || [ -n "$jdk_key" ]; do
      [ "$jdk_key" = JAVA_VERSION ] || continue
      jdk_value=${jdk_value#\"}
      jdk_version=${jdk_value%%\"*}
    done <"$1/release"
  fi
  [ -n "$jdk_version" ] ||
    jdk_version=$("$1/bin/java" -version 2>&1 | sed -n 's/.* version "\([^"]*\)".*/\1/p')
}

jdk_saw() {
  case ", $jdk_seen, " in
    *", $1, "*) ;;
    *) jdk_seen=${jdk_seen:+$jdk_seen, }$1 ;;
  esac
}

jdk_refuse() {
  jdk_what='Java 25'
  [ "$jdk_tool" = java ] || jdk_what="JDK 25 with $jdk_tool"
  printf '%s: no %s in JAVA_HOME, on PATH or in the usual folders: found %s. %s\n' \
    "$me" "$jdk_what" "${jdk_seen:-no Java at all}" \
    'Install a JDK 25, or set JAVA_HOME to one.' >&2
  return 1
}
