package io.moepress.cli;

import io.moepress.cli.Documents.Block;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What a reader types who copies a block of a document into a shell.
///
/// @param where the block
/// @param printed the line as it is printed, without comment
/// @param words what the shell makes of it; the first is the program
record ShellLines(String where, String printed, List<String> words) {
  private static final Pattern WORD = Pattern.compile("'([^']*)'|\"([^\"]*)\"|([^\\s'\"]+)");
  private static final Pattern SOURCE = Pattern.compile("source <\\((.*)\\)");

  /// Whether it calls this program.
  boolean isOurs() {
    return words.getFirst().matches("([.]/|bin/)?moepress");
  }

  /// What the program is given.
  List<String> arguments() {
    return words.subList(1, words.size());
  }

  /// The lines of a block of shell commands, or of what a terminal shows behind `$ `.
  static List<ShellLines> of(Block block) {
    boolean shell = block.language().equals("sh");
    List<ShellLines> lines = new ArrayList<>();
    StringBuilder whole = new StringBuilder();
    for (String line : block.lines()) {
      if (!shell && !line.startsWith("$ ")) {
        continue;
      }
      String text = shell ? line : line.substring(2);
      whole.append(text.endsWith("\\") ? text.substring(0, text.length() - 1) : text);
      if (!text.endsWith("\\")) {
        for (String one : parts(whole.toString())) {
          lines.add(new ShellLines(block.where(), one, words(one)));
        }
        whole.setLength(0);
      }
    }
    return lines;
  }

  /// Commands that stand side by side on a line, without comments and what only a shell can do. Of
  /// a pipe it is the first.
  private static List<String> parts(String line) {
    List<String> parts = new ArrayList<>();
    String bare = line.replaceFirst("(^|\\s)#.*$", "").strip();
    boolean isSubshell = bare.startsWith("(") && bare.endsWith(")");
    String all = isSubshell ? bare.substring(1, bare.length() - 1) : bare;
    for (String part : all.split(" && |; ", -1)) {
      String first = part.split(" \\| ", 2)[0].strip();
      Matcher source = SOURCE.matcher(first);
      String command = source.matches() ? source.group(1) : first;
      if (!command.isEmpty()) {
        parts.add(command.replaceAll("\\s+", " "));
      }
    }
    return parts;
  }

  private static List<String> words(String line) {
    List<String> words = new ArrayList<>();
    Matcher matcher = WORD.matcher(line);
    int end = 0;
    while (matcher.find()) {
      String word = matcher.group().replaceAll("^['\"]|['\"]$", "");
      if (matcher.start() == end && !words.isEmpty()) {
        words.set(words.size() - 1, words.getLast() + word); // no space between them
      } else {
        words.add(word);
      }
      end = matcher.end();
    }
    return List.copyOf(words);
  }
}
