package io.moepress.recipes.card;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The card of the source: its front matter, key by key and as it was written, and the text below.
///
/// Front matter is only taken apart at its outermost keys. Where it is not of that form, all of the
/// card counts as text.
///
/// @param keys the lines of each outermost key, without the keys that a compressed model has its
///   own of
/// @param tags what it is tagged with
/// @param text everything below the front matter
record SourceCard(Map<String, String> keys, List<String> tags, String text) {
  private static final Pattern KEY = Pattern.compile("([A-Za-z_][A-Za-z0-9_-]*):(.*)");
  private static final Pattern TAG = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.:/+-]*");
  private static final String FENCE = "---";

  /// What is said of the source and does not hold of what was made of it; the results of an
  /// evaluation are the most misleading.
  private static final Set<String> OWN =
      Set.of("base_model", "base_model_relation", "library_name", "tags", "model-index");

  /// Takes a card apart.
  static SourceCard of(String card) {
    List<String> lines = card.lines().toList();
    int end = lines.isEmpty() || !lines.getFirst().equals(FENCE) ? -1 : end(lines);
    Map<String, String> blocks = new LinkedHashMap<>();
    if (end < 0 || !fill(blocks, lines.subList(1, end))) {
      return new SourceCard(Map.of(), List.of(), card.strip());
    }
    List<String> tags = tags(blocks.getOrDefault("tags", ""));
    blocks.keySet().removeAll(OWN);
    String text = String.join("\n", lines.subList(end + 1, lines.size())).strip();
    return new SourceCard(blocks, tags, text);
  }

  private static int end(List<String> lines) {
    int length = lines.subList(1, lines.size()).indexOf(FENCE);
    return length < 0 ? -1 : length + 1;
  }

  /// Collects the lines of each key.
  ///
  /// @return whether every line belongs to a key, and none comes twice
  private static boolean fill(Map<String, String> blocks, List<String> lines) {
    String key = "";
    for (String line : lines) {
      Matcher matcher = KEY.matcher(line);
      boolean within = line.isBlank() || line.startsWith(" ") || line.startsWith("- ");
      if (matcher.matches()) {
        key = matcher.group(1);
        if (blocks.putIfAbsent(key, line + "\n") != null) {
          return false;
        }
      } else if (within && !key.isEmpty()) {
        blocks.merge(key, line + "\n", String::concat);
      } else if (!line.isBlank() && !line.startsWith("#")) {
        return false;
      }
    }
    return true;
  }

  /// The plain words of a list in either form.
  private static List<String> tags(String block) {
    List<String> tags = new ArrayList<>();
    String list = block.replaceFirst("^tags:", "");
    for (String item : list.split("[\\[\\],\n]", -1)) {
      String tag = item.strip().replaceFirst("^- *", "").replaceAll("^[\"']|[\"']$", "");
      if (TAG.matcher(tag).matches()) {
        tags.add(tag);
      }
    }
    return tags;
  }
}
