package io.moepress.formats.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Refusal;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Symbolic links lead nowhere but into the cache of a model hub.
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "making links needs a privilege there")
class LinksTest {
  @TempDir private Path folder;
  private Path checkpoint;

  @BeforeEach
  void write() throws IOException {
    checkpoint = folder.resolve("checkpoint");
    TinyMoe.qwen3().shards(2).write(checkpoint);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"config.json", "model.safetensors.index.json", "model-00002-of-00002.safetensors"})
  void linkOutOfTheCheckpointIsRefused(String file) throws IOException {
    Path outside = move(file, folder.resolve("secret"));
    assertThat(Refusal.of(() -> CheckpointDirectory.open(checkpoint).close()))
        .isEqualTo(
            checkpoint.resolve(file)
                + ": a symbolic link out of the checkpoint, to "
                + outside.toRealPath()
                + ". Put the file itself there.");
  }

  @Test
  void sideFileLinkedFromOutsideIsNotCopied() throws IOException {
    move("generation_config.json", folder.resolve("secret"));
    try (CheckpointDirectory directory = CheckpointDirectory.open(checkpoint)) {
      assertThat(Refusal.of(directory::sideFiles))
          .contains("generation_config.json: a symbolic link out of the checkpoint");
    }
  }

  @Test
  void folderLinkedFromOutsideIsNotCopied() throws IOException {
    Path outside = Files.createDirectory(folder.resolve("elsewhere"));
    Files.writeString(outside.resolve("secret.jinja"), "");
    Files.createSymbolicLink(checkpoint.resolve("additional_chat_templates"), outside);
    try (CheckpointDirectory directory = CheckpointDirectory.open(checkpoint)) {
      assertThat(Refusal.of(directory::sideFiles))
          .contains("secret.jinja: a symbolic link out of the checkpoint");
    }
  }

  @Test
  void linkWithinTheCheckpointIsFollowed() throws IOException {
    String shard = "model-00002-of-00002.safetensors";
    move(shard, checkpoint.resolve("weights"));
    try (CheckpointDirectory directory = CheckpointDirectory.open(checkpoint)) {
      assertThat(directory.shards()).hasSize(2);
    }
  }

  @Test
  void linkToNothingIsAMissingShard() throws IOException {
    Path shard = checkpoint.resolve("model-00002-of-00002.safetensors");
    Files.delete(shard);
    Files.createSymbolicLink(shard, folder.resolve("nothing"));
    assertThat(Refusal.of(() -> CheckpointDirectory.open(checkpoint).close()))
        .contains("the shard model-00002-of-00002.safetensors is missing");
  }

  @Test
  void linkToTheDirectoryItselfIsFollowed() throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("link"), checkpoint);
    try (CheckpointDirectory directory = CheckpointDirectory.open(link)) {
      assertThat(directory.shards()).hasSize(2);
    }
  }

  @Test
  void snapshotOfAHubCacheIsRead() throws IOException {
    Path snapshot = snapshot();
    try (CheckpointDirectory directory = CheckpointDirectory.open(snapshot)) {
      assertThat(directory.shards()).hasSize(2);
      assertThat(directory.sideFiles()).containsExactly(Path.of("generation_config.json"));
    }
  }

  @Test
  void blobsOfAnotherModelAreOutside() throws IOException {
    Path snapshot = snapshot();
    Path other = Files.createDirectories(folder.resolve("models--other/blobs"));
    Path config = snapshot.resolve("config.json");
    Files.move(config.toRealPath(), other.resolve("0"));
    Files.delete(config);
    Files.createSymbolicLink(config, Path.of("../../../models--other/blobs/0"));
    assertThat(Refusal.of(() -> CheckpointDirectory.open(snapshot).close()))
        .contains("config.json: a symbolic link out of the checkpoint");
  }

  /// As a hub client lays it out: links by name into a folder of files by digest.
  private Path snapshot() throws IOException {
    Path cache = folder.resolve("models--org--name");
    Path blobs = Files.createDirectories(cache.resolve("blobs"));
    Path snapshot = Files.createDirectories(cache.resolve("snapshots/0123abcd"));
    List<Path> files;
    try (Stream<Path> children = Files.list(checkpoint)) {
      files = children.toList();
    }
    for (Path file : files) {
      String digest = Fingerprint.ofFile(file).substring("sha256:".length());
      Files.move(file, blobs.resolve(digest));
      Files.createSymbolicLink(
          snapshot.resolve(file.getFileName()), Path.of("../../blobs").resolve(digest));
    }
    return snapshot;
  }

  private Path move(String file, Path target) throws IOException {
    Files.move(checkpoint.resolve(file), target);
    Files.createSymbolicLink(checkpoint.resolve(file), target);
    return target;
  }
}
