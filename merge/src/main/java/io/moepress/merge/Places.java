package io.moepress.merge;

import io.moepress.formats.Checks;
import java.util.SortedMap;
import java.util.TreeMap;

/// Where the neurons of the experts of a layer go. Until somebody asks for all of them, only those
/// are kept that move, two bytes for each.
final class Places {
  private final int experts;
  private final int width;
  private final SortedMap<Integer, char[]> moved = new TreeMap<>();

  Places(int experts, int width) {
    Checks.require(width <= Character.MAX_VALUE, "%d neurons (expected at most 65535)", width);
    this.experts = experts;
    this.width = width;
  }

  int experts() {
    return experts;
  }

  int width() {
    return width;
  }

  /// Says where the neurons of an expert go; those of others stay where they are.
  void put(int expert, int[] places) {
    char[] kept = new char[width];
    for (int i = 0; i < width; i++) {
      kept[i] = (char) places[i];
    }
    moved.put(expert, kept);
  }

  /// The places of all, `[experts, width]`.
  int[] all() {
    int[] all = new int[Math.multiplyExact(experts, width)];
    for (int i = 0; i < all.length; i++) {
      char[] kept = moved.get(i / width);
      all[i] = kept == null ? i % width : kept[i % width];
    }
    return all;
  }
}
