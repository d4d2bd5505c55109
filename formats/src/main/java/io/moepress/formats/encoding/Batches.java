package io.moepress.formats.encoding;

/// Walks over rows in batches of sub-blocks: as many as are searched at once.
final class Batches {

  /// How much an error in each weight of a run counts.
  @FunctionalInterface
  interface Weighing {

    /// @param first index of the run's first weight
    /// @param target one for each weight of the run
    void weigh(int first, float[] target);
  }

  private final WeightRows rows;
  private final int blockSize;
  private final SubBlocks blocks;
  private final float[] weights;
  private final float[] sums = new float[SubBlocks.LANES];
  private int first;
  private int end;
  private int surroundings = -1;
  private float energy;

  /// @param blockSize weights that stay together; a multiple of the length of a sub-block
  Batches(WeightRows rows, int blockSize, SubBlocks blocks) {
    this.rows = rows;
    this.blockSize = blockSize;
    this.blocks = blocks;
    this.weights = new float[blocks.length()];
  }

  /// Takes the next batch of whole blocks; false when there is none.
  boolean fill(Weighing weighing) {
    first = end;
    blocks.clear();
    int room = SubBlocks.LANES * blocks.length() / blockSize * blockSize;
    end = Math.min(rows.values().length, first + room);
    for (int run = first; run < end; run += blocks.length()) {
      weighing.weigh(run, weights);
      sums[blocks.count()] = sum();
      blocks.add(rows.values(), run, weights);
    }
    return end > first;
  }

  private float sum() {
    float sum = 0;
    for (float weight : weights) {
      sum += weight;
    }
    return sum;
  }

  /// Index of the batch's first weight.
  int first() {
    return first;
  }

  /// What all errors in a run count together.
  float sum(int run) {
    return sums[run];
  }

  /// By importance, in the surroundings of the whole row.
  Weighing weighByRow(float[] importance) {
    return weighBy(rows.width(), 1, importance);
  }

  /// By importance, in the surroundings of the block; their energy counts `factor` times.
  Weighing weighByBlock(float factor, float[] importance) {
    return weighBy(blockSize, factor, importance);
  }

  private Weighing weighBy(int extent, float factor, float[] importance) {
    return (run, target) -> {
      if (run / extent != surroundings) {
        surroundings = run / extent;
        energy = factor * rows.energy(surroundings * extent, extent) / extent;
      }
      rows.weigh(run, importance, energy, target);
    };
  }
}
