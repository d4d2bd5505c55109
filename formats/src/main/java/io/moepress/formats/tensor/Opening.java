package io.moepress.formats.tensor;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// Opens files of tensors.
public final class Opening {
  private Opening() {}

  /// Makes a reader of an open file.
  @FunctionalInterface
  public interface Reader<T> {
    /// The reader, which closes the channel in the end.
    T of(FileChannel channel) throws IOException;
  }

  /// Opens a file to be read. It is closed again if no reader can be made of it.
  public static <T> T read(Path path, Reader<T> reader) throws IOException {
    FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
    boolean opened = false;
    try {
      T result = reader.of(channel);
      opened = true;
      return result;
    } finally {
      if (!opened) {
        channel.close();
      }
    }
  }
}
