package io.moepress.calibrate.torch;

import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;

/// Starts the PyTorch engine: offline, silent, one thread for each operation.
///
/// Parallelism is ours ([io.moepress.recipes.work.Workers], over sequences and experts), because an
/// operation that is split over threads may round differently for another number of them, and the
/// result of a run must not depend on that.
public final class Torch {
  private static final NDManager ROOT = start();

  /// The engine keeps the number of threads for each calling thread; a new one starts with all
  /// cores.
  private static final ThreadLocal<Boolean> SINGLE_THREADED = ThreadLocal.withInitial(() -> false);

  private Torch() {}

  private static NDManager start() {
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("OPT_OUT_TRACKING", "true");
    return NDManager.newBaseManager("PyTorch");
  }

  /// Opens a scope for the arrays of one job.
  public static TorchScope scope() {
    useOneThread();
    return new TorchScope(ROOT.newSubManager());
  }

  /// Keeps the engine from using other threads in calls of this one.
  static void useOneThread() {
    if (!SINGLE_THREADED.get()) {
      JniUtils.setNumThreads(1);
      SINGLE_THREADED.set(true);
    }
  }
}
