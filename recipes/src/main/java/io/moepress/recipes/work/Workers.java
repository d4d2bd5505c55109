package io.moepress.recipes.work;

import io.moepress.formats.Checks;
import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/// A bounded pool for independent jobs. What comes out never depends on the number of threads: jobs
/// share nothing, and results are consumed by the caller's thread in the order of the jobs.
public final class Workers implements Closeable {
  private final int threads;
  private final ExecutorService pool;

  /// A job for each index, with a result.
  @FunctionalInterface
  public interface Task<T> {
    /// Computes the result for `index`.
    T compute(int index) throws IOException;
  }

  /// Takes the results one after the other.
  @FunctionalInterface
  public interface Sink<T> {
    /// Takes the result for `index`.
    void accept(int index, T result) throws IOException;
  }

  /// A job for each index, without a result.
  @FunctionalInterface
  public interface Job {
    /// Does the job for `index`.
    void run(int index) throws IOException;
  }

  /// Starts a pool.
  ///
  /// @param threads number of jobs at a time, positive
  public Workers(int threads) {
    Checks.require(threads > 0, "threads must be positive: %d", threads);
    this.threads = threads;
    this.pool =
        Executors.newFixedThreadPool(
            threads, Thread.ofPlatform().daemon().name("worker-", 0).factory());
  }

  /// Number of jobs at a time.
  public int threads() {
    return threads;
  }

  /// Runs `count` jobs and waits for all of them.
  ///
  /// @throws IOException the first failure in the order of the jobs
  public void forEach(int count, Job job) throws IOException {
    ordered(
        count,
        index -> {
          job.run(index);
          return index;
        },
        (index, done) -> {});
  }

  /// Computes `count` results in parallel and hands them on in order. At most one result more than
  /// there are threads is alive at a time.
  ///
  /// @throws IOException the first failure in the order of the jobs
  public <T> void ordered(int count, Task<T> task, Sink<T> sink) throws IOException {
    Deque<Future<T>> pending = new ArrayDeque<>();
    AtomicBoolean stopped = new AtomicBoolean();
    int consumed = 0;
    try {
      for (int next = 0; next < count; next++) {
        int index = next;
        Callable<T> call = () -> task.compute(index);
        pending.add(pool.submit(() -> unlessStopped(stopped, call)));
        if (pending.size() > threads) {
          sink.accept(consumed++, await(pending.remove()));
        }
      }
      while (!pending.isEmpty()) {
        sink.accept(consumed++, await(pending.remove()));
      }
    } finally {
      stopped.set(true);
      pending.forEach(Workers::settle);
    }
  }

  private static <T> T unlessStopped(AtomicBoolean stopped, Callable<T> call) throws Exception {
    if (stopped.get()) {
      throw new CancellationException();
    }
    return call.call();
  }

  private static <T> T await(Future<T> future) throws IOException {
    try {
      return future.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw interrupted(e);
    } catch (ExecutionException e) {
      throw unwrapped(e.getCause());
    }
  }

  private static IOException unwrapped(@Nullable Throwable cause) {
    return switch (cause) {
      case IOException failure -> failure;
      case RuntimeException failure -> throw failure;
      case Error failure -> throw failure;
      case null, default -> new IOException(cause);
    };
  }

  private static InterruptedIOException interrupted(InterruptedException cause) {
    InterruptedIOException failure = new InterruptedIOException("interrupted");
    failure.initCause(cause);
    return failure;
  }

  /// After a failure, jobs that already run may still use what the caller is about to close: wait
  /// for them, whatever becomes of them.
  private static void settle(Future<?> future) {
    try {
      future.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException e) {
      // The caller already reports an earlier failure.
    }
  }

  @Override
  public void close() {
    pool.close();
  }
}
