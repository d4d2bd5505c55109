package io.moepress.recipes.target;

import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.ShardIndex;
import io.moepress.formats.json.Json;
import io.moepress.formats.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/// How a checkpoint is stored, and what lies beside its weights.
///
/// @param unmarked weight files whose header does not say `format: pt`
/// @param bytes of all tensors
/// @param claimedBytes what the index says of them, as it is written; empty without an index, or
///   when it says nothing
/// @param sideFiles every other file, by its path in the directory
/// @param template whether there is a chat template
public record Storage(
    List<String> unmarked,
    long bytes,
    Optional<JsonNode> claimedBytes,
    Set<String> sideFiles,
    boolean template) {
  private static final String TOKENIZER_CONFIG = "tokenizer_config.json";

  public Storage {
    unmarked = List.copyOf(unmarked);
    sideFiles = Set.copyOf(sideFiles);
  }

  static Storage of(CheckpointDirectory checkpoint) throws IOException {
    List<String> unmarked = new ArrayList<>();
    for (SafetensorsFile shard : checkpoint.shards()) {
      if (!"pt".equals(shard.header().metadata().get("format"))) {
        unmarked.add(String.valueOf(shard.path().getFileName()));
      }
    }
    Set<String> sideFiles = new TreeSet<>();
    checkpoint.sideFiles().forEach(file -> sideFiles.add(file.toString().replace('\\', '/')));
    return new Storage(
        unmarked,
        checkpoint.byteCount(),
        claimedBytes(checkpoint.directory().resolve(ShardIndex.FILE)),
        sideFiles,
        hasTemplate(checkpoint.directory(), sideFiles));
  }

  private static Optional<JsonNode> claimedBytes(Path index) throws IOException {
    if (!Files.isRegularFile(index)) {
      return Optional.empty();
    }
    JsonNode claim = Json.object(index).path("metadata").path("total_size");
    return claim.isMissingNode() ? Optional.empty() : Optional.of(claim);
  }

  private static boolean hasTemplate(Path directory, Set<String> sideFiles) throws IOException {
    return sideFiles.stream().anyMatch(Storage::isTemplate)
        || (sideFiles.contains(TOKENIZER_CONFIG)
            && Json.object(directory.resolve(TOKENIZER_CONFIG)).has("chat_template"));
  }

  private static boolean isTemplate(String file) {
    return file.startsWith("chat_template.") || file.startsWith("additional_chat_templates/");
  }
}
