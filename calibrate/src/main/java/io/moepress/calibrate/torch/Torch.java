package io.moepress.calibrate.torch;

import ai.djl.ndarray.NDManager;

/// Starts the PyTorch engine: offline, silent, one thread for each operation.
///
/// Parallelism is ours ([io.moepress.recipes.work.Workers], over sequences and experts), because an
/// operation that is split over threads may round differently for another number of them, and the
/// result of a run must not depend on that.
public final class Torch {
  private static final NDManager ROOT = start();

  private Torch() {}

  private static NDManager start() {
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("OPT_OUT_TRACKING", "true");
    System.setProperty("ai.djl.pytorch.num_threads", "1");
    System.setProperty("ai.djl.pytorch.num_interop_threads", "1");
    return NDManager.newBaseManager("PyTorch");
  }

  /// Opens a scope for the arrays of one job.
  public static TorchScope scope() {
    return new TorchScope(ROOT.newSubManager());
  }
}
