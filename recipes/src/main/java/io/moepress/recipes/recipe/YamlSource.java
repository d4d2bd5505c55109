package io.moepress.recipes.recipe;

import io.moepress.formats.Checks;
import io.moepress.formats.Words;
import io.moepress.recipes.recipe.YamlNode.Entries;
import io.moepress.recipes.recipe.YamlNode.Items;
import io.moepress.recipes.recipe.YamlNode.Scalar;
import io.moepress.recipes.recipe.YamlNode.ScalarKind;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.events.AliasEvent;
import org.snakeyaml.engine.v2.events.CollectionEndEvent;
import org.snakeyaml.engine.v2.events.CollectionStartEvent;
import org.snakeyaml.engine.v2.events.DocumentStartEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.events.NodeEvent;
import org.snakeyaml.engine.v2.events.ScalarEvent;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;
import org.snakeyaml.engine.v2.scanner.StreamReader;
import org.snakeyaml.engine.v2.schema.CoreSchema;

/// The bytes of a recipe on their way to a tree of [YamlNode]s.
///
/// A first pass over the events refuses what a recipe has no use for (anchors, aliases, tags, a
/// second document, deep nesting) before anything is composed, so a hostile file costs no more than
/// its own size.
final class YamlSource {
  static final int LARGEST_FILE = 1 << 20;
  static final int DEEPEST_NESTING = 32;

  /// Lists, maps, keys and values together: a list with a number for each of a hundred layers is a
  /// hundred of them.
  static final int MOST_NODES = 20_000;

  private static final int SMALLEST_BUFFER = 1024;

  private final String file;
  private final byte[] bytes;

  /// @param file as it was typed, for messages
  YamlSource(String file, byte[] bytes) {
    this.file = file;
    this.bytes = bytes;
  }

  YamlNode root() {
    String text = decoded();
    requirePrintable(text);
    LoadSettings settings =
        LoadSettings.builder()
            .setSchema(new CoreSchema())
            .setAllowNonScalarKeys(true)
            .setVersionFunction(version -> version)
            // All at once: a long text that comes in pieces is copied with every piece.
            .setBufferSize(Math.max(SMALLEST_BUFFER, text.length()))
            .build();
    try {
      new Parse(settings).parseString(text).forEach(new Gate()::admit);
      Node root = new Compose(settings).composeString(text).orElse(null);
      if (root == null || root.getTag().equals(Tag.NULL)) {
        throw at(1).errorOnLine("empty (expected a recipe)");
      }
      YamlNode node = node(at(line(root.getStartMark())), root);
      if (!node.isMap()) {
        throw node.error("the recipe is not a map (expected \"key: value\" lines)");
      }
      return node;
    } catch (MarkedYamlEngineException e) {
      throw SyntaxErrors.rephrased(file, e);
    } catch (YamlEngineException e) {
      throw new RecipeException(file + ": not YAML: " + e.getMessage(), e);
    }
  }

  private String decoded() {
    if (bytes.length > LARGEST_FILE) {
      throw new RecipeException(
          file + ": more than 1 MiB (expected a recipe). Is it the right file?");
    }
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer input = ByteBuffer.wrap(bytes);
    CharBuffer output = CharBuffer.allocate(bytes.length);
    boolean malformed = decoder.decode(input, output, true).isError();
    String text = output.flip().toString();
    if (malformed) {
      throw at(lineAt(text, text.length()))
          .errorOnLine("bytes that are not UTF-8 (expected text). Save the file as UTF-8");
    }
    return text.startsWith("\uFEFF") ? text.substring(1) : text;
  }

  private void requirePrintable(String text) {
    int index = 0;
    while (index < text.length()) {
      int character = text.codePointAt(index);
      if (!StreamReader.isPrintable(character)) {
        throw at(lineAt(text, index))
            .errorOnLine(
                Checks.text("character U+%04X (expected printable text). Remove it", character));
      }
      index += Character.charCount(character);
    }
  }

  private static int lineAt(String text, int end) {
    return 1 + Math.toIntExact(text.chars().limit(end).filter(c -> c == '\n').count());
  }

  private Place at(int line) {
    return new Place(file, line, "");
  }

  static int line(Optional<Mark> mark) {
    return mark.map(Mark::getLine).orElse(0) + 1;
  }

  private YamlNode node(Place place, Node node) {
    return switch (node) {
      case ScalarNode scalar ->
          new YamlNode(place, new Scalar(scalar.getValue(), kind(scalar), isQuoted(scalar)));
      case SequenceNode sequence -> new YamlNode(place, new Items(items(place, sequence)));
      case MappingNode mapping -> new YamlNode(place, new Entries(entries(place, mapping)));
      default -> throw new IllegalStateException("no alias can get here: " + node);
    };
  }

  private List<YamlNode> items(Place place, SequenceNode sequence) {
    List<YamlNode> items = new ArrayList<>();
    for (Node item : sequence.getValue()) {
      items.add(node(place.item(items.size(), line(item.getStartMark())), item));
    }
    return List.copyOf(items);
  }

  private Map<String, YamlNode> entries(Place place, MappingNode mapping) {
    Map<String, YamlNode> entries = new LinkedHashMap<>();
    for (NodeTuple tuple : mapping.getValue()) {
      String key = key(place, tuple.getKeyNode());
      int line = line(tuple.getKeyNode().getStartMark());
      YamlNode first = entries.get(key);
      if (first != null) {
        throw at(line)
            .errorOnLine(
                Checks.text(
                    "duplicate key %s in %s; first on line %d. Remove one of them",
                    Words.quoted(key), place.quoted(), first.line()));
      }
      entries.put(key, node(place.key(key, line), tuple.getValueNode()));
    }
    return Collections.unmodifiableMap(entries);
  }

  private String key(Place place, Node key) {
    if (key instanceof ScalarNode scalar && scalar.getTag().equals(Tag.STR)) {
      return scalar.getValue();
    }
    String found =
        switch (key) {
          case ScalarNode scalar when scalar.getValue().isEmpty() -> "an empty key";
          case ScalarNode scalar -> "key " + Words.shown(scalar.getValue());
          case SequenceNode sequence -> "a list as a key";
          default -> "a map as a key";
        };
    throw at(line(key.getStartMark()))
        .errorOnLine(found + " in " + place.quoted() + " (expected a name)");
  }

  private static boolean isQuoted(ScalarNode scalar) {
    return !scalar.isPlain();
  }

  private static ScalarKind kind(ScalarNode scalar) {
    Tag tag = scalar.getTag();
    if (tag.equals(Tag.NULL)) {
      return ScalarKind.NOTHING;
    }
    if (tag.equals(Tag.BOOL)) {
      return ScalarKind.FLAG;
    }
    if (tag.equals(Tag.INT)) {
      return ScalarKind.INTEGER;
    }
    return tag.equals(Tag.FLOAT) ? ScalarKind.DECIMAL : ScalarKind.TEXT;
  }

  /// Looks at one event after the other and refuses what no recipe needs.
  private final class Gate {
    private int documents;
    private int depth;
    private int nodes;

    void admit(Event event) {
      Place place = at(line(event.getStartMark()));
      requireFew(place, event);
      switch (event) {
        case DocumentStartEvent start -> {
          documents++;
          if (documents > 1) {
            throw place.errorOnLine(
                "a second document (expected one recipe per file). Move it to a file of its own");
          }
        }
        case AliasEvent alias ->
            throw place.errorOnLine(
                "alias \"*"
                    + Words.shown(alias.getAlias().getValue())
                    + "\" (expected a value). Write the value out");
        case ScalarEvent scalar -> {
          requireNoAnchor(place, scalar);
          requireNoTag(place, scalar.getTag());
        }
        case CollectionStartEvent start -> {
          requireNoAnchor(place, start);
          requireNoTag(place, start.getTag());
          depth++;
          if (depth > DEEPEST_NESTING) {
            throw place.errorOnLine(
                "nested deeper than " + DEEPEST_NESTING + " levels (expected a recipe)");
          }
        }
        case CollectionEndEvent end -> depth--;
        default -> {}
      }
    }

    private void requireFew(Place place, Event event) {
      nodes += event instanceof NodeEvent ? 1 : 0;
      if (nodes > MOST_NODES) {
        throw place.errorOnLine(
            "more than "
                + MOST_NODES
                + " keys and values (expected a recipe). Is it the right file?");
      }
    }

    private void requireNoAnchor(Place place, NodeEvent event) {
      event
          .getAnchor()
          .ifPresent(anchor -> {
            throw place.errorOnLine(
                "anchor \"&"
                    + Words.shown(anchor.getValue())
                    + "\" (expected a value). Write the value out where it is needed");
          });
    }

    private void requireNoTag(Place place, Optional<String> tag) {
      tag.ifPresent(name -> {
        throw place.errorOnLine(
            "tag "
                + Words.quoted(name.replace(Tag.PREFIX, "!!"))
                + " (expected a plain value). Remove it");
      });
    }
  }
}
