package io.moepress.formats.checkpoint;

import io.moepress.formats.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/// Tells checkpoints apart without reading all of them, which would take minutes on a large one.
///
/// SHA-256 over the text of `config.json` and, for each shard in the order of names: its name, its
/// length, its header and [#SAMPLES] evenly spaced blocks of 64 KiB, from the first byte to the
/// last (all of it, when it is smaller). Another model, another fine-tune, other names, shapes or
/// types change it; a few altered bytes in the middle of a large shard may not. The manifest of a
/// written checkpoint holds the full digest of every tensor.
public final class Fingerprint {
  private static final int SAMPLES = 64;
  private static final int BLOCK = 64 << 10;

  private Fingerprint() {}

  /// The fingerprint, `sha256:` and 64 hexadecimal digits.
  public static String of(CheckpointDirectory checkpoint) throws IOException {
    MessageDigest digest = sha256();
    digest.update(checkpoint.config().text().getBytes(StandardCharsets.UTF_8));
    checkpoint
        .config()
        .architecture()
        .ifPresent(
            given -> digest.update(given.tree().toString().getBytes(StandardCharsets.UTF_8)));
    ByteBuffer buffer = ByteBuffer.allocate(BLOCK);
    for (SafetensorsFile shard : checkpoint.shards()) {
      update(digest, shard, buffer);
    }
    return format(digest);
  }

  private static void update(MessageDigest digest, SafetensorsFile shard, ByteBuffer buffer)
      throws IOException {
    try (FileChannel channel = FileChannel.open(shard.path(), StandardOpenOption.READ)) {
      long size = channel.size();
      String label = shard.path().getFileName() + " " + size + "\n";
      digest.update(label.getBytes(StandardCharsets.UTF_8));
      update(digest, new Part(channel, 0, shard.header().dataStart()), buffer);
      long data = size - shard.header().dataStart();
      if (data <= (long) SAMPLES * BLOCK) {
        update(digest, new Part(channel, shard.header().dataStart(), data), buffer);
        return;
      }
      for (int i = 0; i < SAMPLES; i++) {
        long offset = (data - BLOCK) * i / (SAMPLES - 1);
        update(digest, new Part(channel, shard.header().dataStart() + offset, BLOCK), buffer);
      }
    }
  }

  /// Some consecutive bytes of a file.
  private record Part(FileChannel channel, long start, long length) {}

  private static void update(MessageDigest digest, Part part, ByteBuffer buffer)
      throws IOException {
    for (long done = 0; done < part.length(); ) {
      buffer.clear().limit((int) Math.min(BLOCK, part.length() - done));
      int read = part.channel().read(buffer, part.start() + done);
      if (read < 0) {
        throw new IOException("a weight file became shorter while it was read");
      }
      digest.update(buffer.flip());
      done += read;
    }
  }

  /// The digest of a whole file, `sha256:` and 64 hexadecimal digits.
  public static String ofFile(Path file) throws IOException {
    MessageDigest digest = sha256();
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      update(digest, new Part(channel, 0, channel.size()), ByteBuffer.allocate(BLOCK));
    }
    return format(digest);
  }

  /// The digest of a text in UTF-8.
  public static String ofText(String text) {
    MessageDigest digest = sha256();
    digest.update(text.getBytes(StandardCharsets.UTF_8));
    return format(digest);
  }

  /// A fresh SHA-256.
  public static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  /// Ends a digest: `sha256:` and 64 hexadecimal digits.
  public static String format(MessageDigest digest) {
    return "sha256:" + HexFormat.of().formatHex(digest.digest());
  }
}
