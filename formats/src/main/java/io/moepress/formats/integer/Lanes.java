package io.moepress.formats.integer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/// Eight bytes in a `long`, the first in its lowest bits.
final class Lanes {
  /// How many.
  static final int COUNT = Long.BYTES;

  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private Lanes() {}

  /// A `long` that has the same byte eight times.
  static long of(int value) {
    return 0x0101_0101_0101_0101L * value;
  }

  /// Eight elements of an array from one on.
  static long get(byte[] array, int first) {
    return (long) LONGS.get(array, first);
  }

  /// Puts eight elements of an array from one on.
  static void set(byte[] array, int first, long lanes) {
    LONGS.set(array, first, lanes);
  }
}
