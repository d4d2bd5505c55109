package io.moepress.formats.tensor;

import java.lang.foreign.MemorySegment;

/// Memory that is the view of a file.
public final class Mapped {
  private Mapped() {}

  /// Says that bytes are not needed for a while. Where they are the view of a file they leave
  /// memory, or all of the view that was ever read would count as resident; other memory stays.
  public static void rest(MemorySegment bytes) {
    if (bytes.isMapped()) {
      bytes.unload();
    }
  }
}
