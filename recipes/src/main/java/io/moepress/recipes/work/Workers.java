package io.moepress.recipes.work;

import io.moepress.formats.Checks;
import io.moepress.formats.Jobs;
import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/// A bounded pool for independent jobs. What comes out never depends on the number of threads: jobs
/// share nothing, and results are consumed by the caller's thread in the order of the jobs.
public final class Workers implements Closeable, Jobs {
  private final int threads;

  /// Jobs and unconsumed results at a time.
  private final int window;

  private final ExecutorService pool;
  private final boolean owned;

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
    this.window = threads + 1; // one result may wait to be consumed while all threads are at work
    this.pool =
        Executors.newFixedThreadPool(
            threads, Thread.ofPlatform().daemon().name("worker-", 0).factory());
    this.owned = true;
  }

  private Workers(int threads, ExecutorService pool) {
    this.threads = threads;
    this.window = threads;
    this.pool = pool;
    this.owned = false;
  }

  /// The same pool with fewer jobs at a time, for work of which each job needs much memory. Closing
  /// it leaves the pool open.
  ///
  /// @param jobs positive
  public Workers atMost(int jobs) {
    Checks.require(jobs > 0, "jobs must be positive: %d", jobs);
    return jobs >= threads ? this : new Workers(jobs, pool);
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
  @Override
  public <T> void ordered(int count, Task<T> task, Sink<T> sink) throws IOException {
    Deque<Future<T>> pending = new ArrayDeque<>();
    int consumed = 0;
    try {
      for (int next = 0; next < count; next++) {
        int index = next;
        pending.add(pool.submit(() -> task.compute(index)));
        if (pending.size() >= window) {
          sink.accept(consumed++, next(pending));
        }
      }
      while (!pending.isEmpty()) {
        sink.accept(consumed++, next(pending));
      }
    } finally {
      pending.forEach(Workers::settle);
    }
  }

  /// A job that goes on while whoever began it does something else. Closing it waits for its end.
  ///
  /// @param <T> what it computes
  public static final class Begun<T> implements AutoCloseable {
    private final Future<T> future;

    private Begun(Future<T> future) {
      this.future = future;
    }

    /// Waits for the result.
    ///
    /// @throws IOException the failure of the job
    public T result() throws IOException {
      return await(future);
    }

    @Override
    public void close() {
      settle(future);
    }
  }

  /// Begins a job of which there is only one.
  public <T> Begun<T> begin(Callable<T> job) {
    return new Begun<>(pool.submit(job));
  }

  /// Takes the oldest result; if waiting for it fails, its job stays pending.
  private static <T> T next(Deque<Future<T>> pending) throws IOException {
    T result = await(pending.element());
    pending.remove();
    return result;
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
    boolean interrupted = false;
    while (!future.isDone()) {
      try {
        future.get();
      } catch (InterruptedException e) {
        interrupted = true; // still wait; the caller learns of it below
      } catch (ExecutionException e) {
        break; // the caller already reports an earlier failure
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    if (owned) {
      pool.close();
    }
  }
}
