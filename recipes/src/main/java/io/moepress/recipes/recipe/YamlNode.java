package io.moepress.recipes.recipe;

import io.moepress.formats.Words;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Supplier;

/// One value of a recipe (a map, a list or a scalar) that knows its file, line and dotted path, so
/// that every refusal can name them.
///
/// A map remembers which keys were asked for. [#finish()] refuses the keys nobody asked for: a
/// mistyped key is an error, never silently ignored. Ask for all keys of a map, also the absent
/// ones, before calling it.
public final class YamlNode {
  /// What a node holds.
  sealed interface Content permits Scalar, Items, Entries {}

  /// @param quoted whether the value is text because of its quotes, not by its look
  record Scalar(String value, ScalarKind kind, boolean quoted) implements Content {}

  record Items(List<YamlNode> nodes) implements Content {}

  /// @param nodes in the order of the file
  record Entries(Map<String, YamlNode> nodes) implements Content {}

  /// What a scalar is by the core schema of YAML 1.2.
  enum ScalarKind {
    NOTHING,
    FLAG,
    INTEGER,
    DECIMAL,
    TEXT
  }

  private final Place place;
  private final Content content;
  private final SortedSet<String> asked;

  YamlNode(Place place, Content content) {
    this(place, content, new TreeSet<>());
  }

  private YamlNode(Place place, Content content, SortedSet<String> asked) {
    this.place = place;
    this.content = content;
    this.asked = asked;
  }

  /// Reads one YAML document whose top is a map.
  ///
  /// Refused are: more than 1 MiB or 20,000 keys and values, text that is not UTF-8, syntax errors,
  /// duplicate keys, keys that are not text, anchors, aliases, tags, more than one document,
  /// nesting beyond 32 levels.
  ///
  /// @param file only named in messages
  /// @throws RecipeException if the document is refused
  public static YamlNode parse(Path file, byte[] bytes) {
    return new YamlSource(file.toString(), bytes).root();
  }

  /// The path in dots and brackets, such as `steps[0].prune`; empty at the top.
  public String path() {
    return place.path();
  }

  /// The line, counted from 1: of the key in a map, of the item in a list.
  public int line() {
    return place.line();
  }

  /// Whether this is a map.
  public boolean isMap() {
    return content instanceof Entries;
  }

  /// Whether this is a list.
  public boolean isList() {
    return content instanceof Items;
  }

  /// The keys of this map, in the order of the file. Looking at them does not count as asking.
  public List<String> keys() {
    return List.copyOf(entries().keySet());
  }

  /// The value of a key of this map, if the key is there.
  public Optional<YamlNode> optional(String key) {
    asked.add(key);
    return Optional.ofNullable(entries().get(key));
  }

  /// The value of a key that this map must have.
  ///
  /// @param expected what the value is, for the message if it is missing
  public YamlNode required(String key, String expected) {
    return optional(key).orElseThrow(() -> missing(key, expected));
  }

  /// The items of this list.
  public List<YamlNode> list() {
    return switch (content) {
      case Items items -> items.nodes();
      case Scalar scalar when scalar.kind() != ScalarKind.NOTHING ->
          throw error(found() + " (expected a list). Write [" + found() + "]");
      case Scalar scalar -> throw wrong("a list");
      case Entries entries -> throw wrong("a list");
    };
  }

  /// Any scalar, as it is written; not blank.
  public String text() {
    return written("text");
  }

  /// A whole number in decimal digits that fits 64 bits.
  public long integer() {
    String digits = plain("a whole number", ScalarKind.INTEGER);
    try {
      return Long.parseLong(digits);
    } catch (NumberFormatException e) {
      throw place.error(found() + " (expected a whole number in digits, within 64 bits)", e);
    }
  }

  /// A whole number that is not less than `minimum` and fits 32 bits.
  public int atLeast(int minimum) {
    long number = integer();
    if (number < minimum || number > Integer.MAX_VALUE) {
      throw wrong("a whole number from " + minimum + " to " + Integer.MAX_VALUE);
    }
    return Math.toIntExact(number);
  }

  /// A finite number in decimal digits.
  public double decimal() {
    String digits = plain("a number", ScalarKind.INTEGER, ScalarKind.DECIMAL);
    try {
      double number = Double.parseDouble(digits);
      if (Double.isFinite(number)) {
        return number;
      }
      throw wrong("a finite number");
    } catch (NumberFormatException e) {
      throw place.error(found() + " (expected a finite number in decimal digits)", e);
    }
  }

  /// `true` or `false`.
  public boolean flag() {
    return Boolean.parseBoolean(plain("true or false", ScalarKind.FLAG));
  }

  /// One of a few names.
  ///
  /// @param lookup finds the value of every one of `names`
  public <T> T choice(Collection<String> names, Function<String, Optional<T>> lookup) {
    String expected = "one of: " + String.join(", ", names);
    String name = written(expected);
    return lookup
        .apply(name)
        .orElseThrow(
            () -> error(found() + " (expected " + expected + ")" + Words.didYouMean(name, names)));
  }

  /// A value with a notation of its own. An [IllegalArgumentException] of `parser` is reported
  /// here.
  ///
  /// @param expected what the value is, for the message if this is no scalar
  public <T> T parsed(String expected, Function<String, T> parser) {
    String text = written(expected);
    return checked(() -> parser.apply(text));
  }

  /// Makes a value of what was read here. An [IllegalArgumentException] of `maker` is reported with
  /// the line of this node.
  public <T> T checked(Supplier<T> maker) {
    try {
      return maker.get();
    } catch (IllegalArgumentException e) {
      String reason = Objects.requireNonNullElse(e.getMessage(), "refused");
      throw place.error(Words.printable(reason), e);
    }
  }

  /// The exception for a problem of this value, to be thrown by the caller.
  ///
  /// @param problem found (expected). Way out
  public RecipeException error(String problem) {
    return place.error(problem);
  }

  /// Refuses the first key, here or below, that nobody asked for.
  public void finish() {
    switch (content) {
      case Scalar scalar -> {}
      case Items items -> items.nodes().forEach(YamlNode::finish);
      case Entries entries -> {
        entries.nodes().forEach(this::requireAsked);
        entries.nodes().values().forEach(YamlNode::finish);
      }
    }
  }

  /// Refuses the first key of this map itself that nobody asked for.
  void finishKeys() {
    entries().forEach(this::requireAsked);
  }

  /// A map without keys in the place of this node: nothing is configured, everything can be asked.
  YamlNode withoutOptions() {
    return new YamlNode(place, new Entries(Map.of()));
  }

  /// What this holds, to look at. Looking does not count as asking.
  Content content() {
    return content;
  }

  /// This map with another value for a key, or one more key. What is asked of the copy counts as
  /// asked of this.
  YamlNode with(String key, YamlNode value) {
    Map<String, YamlNode> nodes = new LinkedHashMap<>(entries());
    nodes.put(key, value);
    return new YamlNode(place, new Entries(Collections.unmodifiableMap(nodes)), asked);
  }

  /// The node of a path as [#path()] gives it, here or below.
  Optional<YamlNode> find(String path) {
    return path().equals(path)
        ? Optional.of(this)
        : children().stream().flatMap(child -> child.find(path).stream()).findFirst();
  }

  /// This tree without the nodes of some paths; at the top others stand in for some of them.
  YamlNode without(Set<String> paths, Map<String, YamlNode> substitutes) {
    Content rest =
        switch (content) {
          case Scalar scalar -> scalar;
          case Items items ->
              new Items(
                  items.nodes().stream()
                      .filter(node -> !paths.contains(node.path()))
                      .map(node -> node.without(paths, Map.of()))
                      .toList());
          case Entries entries -> {
            Map<String, YamlNode> nodes = new LinkedHashMap<>();
            entries
                .nodes()
                .forEach((key, node) -> {
                  if (!paths.contains(node.path())) {
                    nodes.put(key, node.without(paths, Map.of()));
                  }
                });
            substitutes.forEach((key, node) -> {
              if (paths.contains(key)) {
                nodes.put(key, node);
              }
            });
            yield new Entries(Collections.unmodifiableMap(nodes));
          }
        };
    return new YamlNode(place, rest);
  }

  /// Every key that was asked for, here and below, by its path; list indices are left out, as in
  /// `steps[].prune.keep`.
  SortedSet<String> askedPaths() {
    SortedSet<String> paths = new TreeSet<>();
    String prefix = path().isEmpty() ? "" : path() + ".";
    asked.forEach(key -> paths.add((prefix + key).replaceAll("\\[[0-9]+]", "[]")));
    children().forEach(child -> paths.addAll(child.askedPaths()));
    return paths;
  }

  private Collection<YamlNode> children() {
    return switch (content) {
      case Scalar scalar -> List.of();
      case Items items -> items.nodes();
      case Entries entries -> entries.nodes().values();
    };
  }

  private Map<String, YamlNode> entries() {
    if (content instanceof Entries entries) {
      return entries.nodes();
    }
    throw wrong("a map");
  }

  /// Any scalar that says something, as it is written.
  private String written(String expected) {
    if (content instanceof Scalar scalar
        && scalar.kind() != ScalarKind.NOTHING
        && !scalar.value().isBlank()) {
      return scalar.value();
    }
    throw wrong(expected);
  }

  /// A scalar that is of one of the kinds by its look.
  private String plain(String expected, ScalarKind... kinds) {
    if (content instanceof Scalar scalar) {
      if (List.of(kinds).contains(scalar.kind())) {
        return scalar.value();
      }
      throw wrong(scalar.quoted() ? expected + ", without quotes" : expected);
    }
    throw wrong(expected);
  }

  private RecipeException wrong(String expected) {
    return error(found() + " (expected " + expected + ")");
  }

  private String found() {
    return switch (content) {
      case Items items -> "a list";
      case Entries entries -> "a map";
      case Scalar(String value, ScalarKind kind, boolean quoted) ->
          switch (kind) {
            case NOTHING -> "no value";
            case TEXT -> Words.quoted(value);
            case FLAG, INTEGER, DECIMAL -> Words.shown(value);
          };
    };
  }

  private RecipeException missing(String key, String expected) {
    List<String> unasked = keys().stream().filter(other -> !asked.contains(other)).toList();
    Optional<String> slip = Words.closest(key, unasked);
    int line = slip.map(near -> Objects.requireNonNull(entries().get(near)).line()).orElse(line());
    String wayOut = slip.map(near -> ". Did you mean it by " + Words.quoted(near) + "?").orElse("");
    return place.key(key, line).error("missing (expected " + expected + ")" + wayOut);
  }

  private void requireAsked(String key, YamlNode value) {
    if (!asked.contains(key)) {
      String known = asked.isEmpty() ? "" : "; known: " + String.join(", ", asked);
      throw place
          .key(key, value.line())
          .errorOnLine(
              "unknown key "
                  + Words.quoted(key)
                  + " in "
                  + place.quoted()
                  + known
                  + Words.didYouMean(key, asked));
    }
  }
}
