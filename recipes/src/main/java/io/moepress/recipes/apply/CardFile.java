package io.moepress.recipes.apply;

import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.card.CardScores;
import io.moepress.recipes.card.ModelCard;
import io.moepress.recipes.plan.Plan;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/// The card in the directory of a checkpoint. Its owner may edit it, so no manifest holds its
/// digest.
public final class CardFile {
  private CardFile() {}

  /// The card of what a plan makes of `source`.
  public static ModelCard of(CheckpointDirectory source, Plan plan) throws IOException {
    Path original = source.directory().resolve(ModelCard.FILE);
    boolean isThere = source.sideFiles().contains(Path.of(ModelCard.FILE));
    // A card is for people: what is no UTF-8 in it must not keep weights from being written.
    String text = isThere ? new String(Files.readAllBytes(original), StandardCharsets.UTF_8) : null;
    return ModelCard.of(source.directory(), text, plan);
  }

  /// Writes the card of a new directory.
  static void write(ModelCard card, Path directory) throws IOException {
    Files.writeString(directory.resolve(ModelCard.FILE), card.text());
  }

  /// Adds scores to the card of a written checkpoint, and notes its new digest. A card that
  /// somebody has edited stays as it is.
  ///
  /// @return whether the card has these scores now
  public static boolean score(ModelCard card, @Nullable CardScores scores, Path directory)
      throws IOException {
    String text = card.with(scores).text();
    Path file = directory.resolve(ModelCard.FILE);
    SortedMap<String, String> digests = Checksums.read(directory);
    String found = Files.isRegularFile(file) ? Checksums.digest(file) : "";
    String wanted = Checksums.digest(text);
    if (!found.equals(wanted)) {
      if (!found.equals(digests.get(ModelCard.FILE))) {
        return false;
      }
      Checksums.replace(file, text);
    }
    if (!wanted.equals(digests.put(ModelCard.FILE, wanted))) {
      Checksums.write(directory, digests);
    }
    return true;
  }
}
