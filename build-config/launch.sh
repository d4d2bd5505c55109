# shellcheck shell=sh disable=SC2154 # $jdk_home and $class_path come from the script
# How moepress starts Java, from its sources and from its image. To be sourced by a script that has
# set $jdk_home and $class_path.

# Prints the option for Java's own heap that goes with --max-memory: a quarter of it. Weights and
# hidden states live outside the heap. What is no size, the program itself refuses.
heap_option() {
  size='' before=''
  for argument in "$@"; do
    case $argument in
      --max-memory=*) size=${argument#*=} ;;
      *) [ "$before" != --max-memory ] || size=$argument ;;
    esac
    before=$argument
  done
  [ -n "$size" ] || return 0
  printf '%s\n' "$size" | awk '
    function unit(name) {
      if (name == "TIB" || name == "TB") return 1048576
      if (name == "GIB" || name == "GB") return 1024
      if (name == "MIB" || name == "MB") return 1
      if (name == "KIB" || name == "KB") return 1 / 1024
      return name == "" || name == "B" ? 1 / 1048576 : 0
    }
    match($0, /^[0-9]+(\.[0-9]+)? ?/) {
      name = toupper(substr($0, RLENGTH + 1))
      heap = int($0 * unit(name) / 4)
      if (unit(name) > 0) printf "-Xmx%dm\n", heap < 160 ? 160 : heap
    }'
}

# Becomes java, with the options that are the same for every run.
start_java() {
  case ${MOEPRESS_JAVA_OPTS-} in
    *-XX:+Use*GC*) ;; # java takes only one
    *) set -- -XX:+UseParallelGC "$@" ;;
  esac
  # Weights and hidden states live in native memory; Java would cap it at the size of its heap. What
  # is young in the heap is short-lived; without a limit it would take a gigabyte before it is swept.
  # The names of a model of a trillion parameters are hundreds of thousands of small objects.
  exec "$jdk_home/bin/java" -XX:MaxDirectMemorySize=1024g -XX:MaxNewSize=64m \
    -XX:+UseCompactObjectHeaders --enable-native-access=ALL-UNNAMED -Xlog:disable -cp "$class_path" "$@"
}
