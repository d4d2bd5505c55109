package io.moepress.recipes.verify;

import io.moepress.formats.checkpoint.ShardIndex;
import io.moepress.formats.json.Json;
import io.moepress.formats.safetensors.SafetensorsFile;
import io.moepress.formats.safetensors.SafetensorsHeader.Entry;
import io.moepress.recipes.verify.Verifier.Check;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/// Tells everything that is wrong between an index and the weight files it names. A checkpoint is
/// not opened at all while one of these is, so that it has to be asked before.
///
/// It looks at plain files only; links and names that lead elsewhere are refused by whoever opens
/// the checkpoint.
public final class IndexCheck {
  private static final String NAME = "shard-index";
  private static final int NAMES_SHOWN = 3;

  private final Path directory;
  private final List<String> faults = new ArrayList<>();

  private IndexCheck(Path directory) {
    this.directory = directory;
  }

  /// The failed check; empty when there is no index, or nothing is wrong with it.
  public static Optional<Check> failure(Path directory) throws IOException {
    Path index = directory.resolve(ShardIndex.FILE);
    if (!Files.isRegularFile(index)) {
      return Optional.empty();
    }
    IndexCheck check = new IndexCheck(directory);
    check.compare(Json.object(index).path("weight_map"));
    return check.faults.isEmpty()
        ? Optional.empty()
        : Optional.of(new Check(NAME, false, String.join("; ", check.faults)));
  }

  private void compare(JsonNode map) throws IOException {
    SortedMap<String, SortedSet<String>> promised = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : map.properties()) {
      String file = entry.getValue().asString("");
      if (!file.matches("[A-Za-z0-9][A-Za-z0-9._-]*\\.safetensors")) {
        return; // no plain name; whoever opens the checkpoint says so
      }
      promised.computeIfAbsent(file, name -> new TreeSet<>()).add(entry.getKey());
    }
    SortedMap<String, String> seen = new TreeMap<>();
    for (Map.Entry<String, SortedSet<String>> shard : promised.entrySet()) {
      Path path = directory.resolve(shard.getKey());
      if (!Files.exists(path)) {
        faults.add(
            "the file "
                + shard.getKey()
                + " is missing, with "
                + some(shard.getValue())
                + ". Copy or download it again.");
      } else if (Files.isSymbolicLink(path) || !Files.isRegularFile(path)) {
        return;
      } else {
        compare(shard.getKey(), shard.getValue(), seen);
      }
    }
  }

  private void compare(String file, SortedSet<String> promised, SortedMap<String, String> seen)
      throws IOException {
    SortedSet<String> held = new TreeSet<>();
    try (SafetensorsFile shard = SafetensorsFile.open(directory.resolve(file))) {
      for (Entry entry : shard.header().entries()) {
        held.add(entry.info().name());
      }
    }
    SortedSet<String> absent = new TreeSet<>(promised);
    absent.removeAll(held);
    SortedSet<String> unnamed = new TreeSet<>(held);
    unnamed.removeAll(promised);
    SortedSet<String> twice = new TreeSet<>(held);
    twice.retainAll(seen.keySet());
    held.forEach(tensor -> seen.putIfAbsent(tensor, file));
    complain(absent, "are not in " + file + ", where the index says");
    complain(unnamed, "are in " + file + ", and the index does not say so");
    complain(twice, "are in " + file + " and in another file too");
  }

  private void complain(SortedSet<String> tensors, String what) {
    if (!tensors.isEmpty()) {
      faults.add(some(tensors) + " " + what);
    }
  }

  private static String some(SortedSet<String> names) {
    String first = String.join(", ", names.stream().limit(NAMES_SHOWN).toList());
    return names.size()
        + (names.size() == 1 ? " tensor" : " tensors")
        + " ("
        + first
        + (names.size() > NAMES_SHOWN ? ", ...)" : ")");
  }
}
