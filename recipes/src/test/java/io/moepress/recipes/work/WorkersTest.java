package io.moepress.recipes.work;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.moepress.recipes.work.Workers.Begun;
import io.moepress.recipes.work.Workers.Job;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Jobs wait for each other with latches, never for the clock; the timeout is for a test that
/// fails.
@Timeout(60)
class WorkersTest {

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 8})
  void resultsArriveInTheOrderOfTheJobsOnTheThreadOfTheCaller(int threads) throws IOException {
    List<String> arrived = new ArrayList<>();
    Set<Thread> sinks = ConcurrentHashMap.newKeySet();
    try (Workers workers = new Workers(threads)) {
      workers.ordered(
          100,
          index -> "result " + index,
          (index, result) -> {
            sinks.add(Thread.currentThread());
            arrived.add(index + " " + result);
          });
    }

    assertThat(arrived)
        .isEqualTo(IntStream.range(0, 100).mapToObj(i -> i + " result " + i).toList());
    assertThat(sinks).containsExactly(Thread.currentThread());
  }

  @Test
  void aSlowFirstJobHoldsBackTheOthersResults() throws IOException {
    CountDownLatch secondIsDone = new CountDownLatch(1);
    List<Integer> arrived = new ArrayList<>();
    try (Workers workers = new Workers(2)) {
      workers.ordered(
          2,
          index -> {
            if (index == 0) {
              await(secondIsDone);
            } else {
              secondIsDone.countDown();
            }
            return index;
          },
          (index, result) -> arrived.add(result));
    }

    assertThat(arrived).containsExactly(0, 1);
  }

  @Test
  void asManyJobsRunAtATimeAsThereAreThreads() throws IOException {
    CyclicBarrier threeAtATime = new CyclicBarrier(3);
    try (Workers workers = new Workers(3)) {
      workers.forEach(9, index -> meet(threeAtATime));
    }

    assertThat(threeAtATime.isBroken()).isFalse();
  }

  @Test
  void noJobsAreNoWork() throws IOException {
    try (Workers workers = new Workers(2)) {
      workers.forEach(
          0,
          index -> {
            throw new IOException("job " + index);
          });
    }
  }

  /// A result is alive from the moment its job begins until its sink has returned.
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4})
  void atMostOneResultMoreThanThereAreThreadsIsAlive(int threads) throws IOException {
    AtomicInteger alive = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    try (Workers workers = new Workers(threads)) {
      workers.ordered(
          200,
          index -> {
            most.accumulateAndGet(alive.incrementAndGet(), Math::max);
            return index;
          },
          (index, result) -> alive.decrementAndGet());
    }

    assertThat(most.get()).isBetween(1, threads + 1);
  }

  @Test
  void theFirstFailureInTheOrderOfTheJobsWins() {
    CountDownLatch laterFailed = new CountDownLatch(1);
    try (Workers workers = new Workers(2)) {
      assertThatThrownBy(() ->
              workers.forEach(
                  8,
                  index -> {
                    if (index == 0) {
                      await(laterFailed);
                      throw new IOException("the first job");
                    }
                    laterFailed.countDown();
                    throw new IOException("job " + index);
                  }))
          .isInstanceOf(IOException.class)
          .hasMessage("the first job");
    }
  }

  @Test
  void runtimeExceptionsAndErrorsKeepTheirKind() {
    try (Workers workers = new Workers(2)) {
      assertThatThrownBy(() ->
              workers.forEach(
                  1,
                  index -> {
                    throw new IllegalStateException("x");
                  }))
          .isExactlyInstanceOf(IllegalStateException.class)
          .hasMessage("x");
      assertThatThrownBy(() ->
              workers.forEach(
                  1,
                  index -> {
                    throw new AssertionError("y");
                  }))
          .isExactlyInstanceOf(AssertionError.class)
          .hasMessage("y");
    }
  }

  /// What a running job uses may be closed as soon as the call has returned.
  @Test
  void afterAFailureRunningJobsAreAwaited() {
    CountDownLatch secondRuns = new CountDownLatch(1);
    AtomicBoolean returned = new AtomicBoolean();
    AtomicBoolean returnedTooEarly = new AtomicBoolean();
    try (Workers workers = new Workers(2)) {
      assertThatThrownBy(() ->
              workers.forEach(
                  2,
                  index -> {
                    if (index == 0) {
                      await(secondRuns);
                      throw new IOException("first");
                    }
                    secondRuns.countDown();
                    returnedTooEarly.set(happensSoon(returned));
                  }))
          .hasMessage("first");
      returned.set(true);
    }

    assertThat(returnedTooEarly).isFalse();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4})
  void afterAFailureNoFurtherJobsAreHandedOut(int threads) {
    AtomicInteger begun = new AtomicInteger();
    try (Workers workers = new Workers(threads)) {
      assertThatThrownBy(() ->
              workers.forEach(
                  1000,
                  index -> {
                    begun.incrementAndGet();
                    throw new IOException("job " + index);
                  }))
          .hasMessage("job 0");
    }

    assertThat(begun.get()).isLessThanOrEqualTo(threads + 1);
  }

  @Test
  void aFailingSinkIsAFailureToo() {
    AtomicInteger running = new AtomicInteger();
    try (Workers workers = new Workers(3)) {
      assertThatThrownBy(() ->
              workers.ordered(
                  50,
                  index -> {
                    running.incrementAndGet();
                    Thread.onSpinWait();
                    return running.decrementAndGet();
                  },
                  (index, result) -> {
                    throw new IOException("sink " + index);
                  }))
          .hasMessage("sink 0");

      assertThat(running).hasValue(0);
    }
  }

  /// Whoever interrupts wants the caller back, but not while jobs use memory that it will free.
  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void anInterruptedCallerStillWaitsForEveryRunningJob(int slow) throws InterruptedException {
    CountDownLatch bothRun = new CountDownLatch(2);
    CountDownLatch go = new CountDownLatch(1);
    AtomicBoolean returned = new AtomicBoolean();
    AtomicBoolean returnedTooEarly = new AtomicBoolean();
    AtomicBoolean staysInterrupted = new AtomicBoolean();
    try (Workers workers = new Workers(2)) {
      Job job =
          index -> {
            bothRun.countDown();
            await(go);
            if (index == slow) {
              returnedTooEarly.set(happensSoon(returned));
            }
          };
      Thread caller =
          Thread.ofPlatform()
              .start(() -> {
                assertThatExceptionOfType(InterruptedIOException.class)
                    .isThrownBy(() -> workers.forEach(2, job));
                returned.set(true);
                staysInterrupted.set(Thread.currentThread().isInterrupted());
              });
      bothRun.await();
      caller.interrupt();
      while (caller.isInterrupted() && caller.isAlive()) {
        Thread.onSpinWait(); // until the caller has noticed
      }
      go.countDown();
      caller.join();
    }

    assertThat(returnedTooEarly).isFalse();
    assertThat(staysInterrupted).isTrue();
  }

  @Test
  void aJobThatWasBegunGoesOnBesideItsCaller() throws IOException {
    CountDownLatch goOn = new CountDownLatch(1);
    try (Workers workers = new Workers(1);
        Begun<String> begun =
            workers.begin(() -> {
              await(goOn);
              return "result";
            })) {
      goOn.countDown();
      assertThat(begun.result()).isEqualTo("result");
    }
  }

  @Test
  void theFailureOfAJobThatWasBegunIsItsCallers() {
    try (Workers workers = new Workers(1);
        Begun<String> begun =
            workers.begin(() -> {
              throw new IOException("unreadable");
            })) {
      assertThatIOException().isThrownBy(begun::result).withMessage("unreadable");
    }
  }

  @Test
  void whoeverLeavesAJobThatWasBegunWaitsForItsEnd() throws IOException {
    AtomicBoolean ended = new AtomicBoolean();
    CountDownLatch release = new CountDownLatch(1);
    Thread caller = Thread.currentThread();
    try (Workers workers = new Workers(1)) {
      try (Begun<Boolean> _ =
          workers.begin(() -> {
            await(release);
            return ended.getAndSet(true);
          })) {
        Thread.startVirtualThread(() -> {
          while (caller.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
          }
          release.countDown();
        });
      }
      assertThat(ended).isTrue();
    }
  }

  @Test
  void aPoolHasAtLeastOneThread() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Workers(0))
        .withMessage("threads must be positive: 0");
  }

  /// Looks out for what must not happen; long enough to see it if it does.
  private static boolean happensSoon(AtomicBoolean event) {
    for (int i = 0; i < 1_000_000 && !event.get(); i++) {
      Thread.onSpinWait();
    }
    return event.get();
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static void meet(CyclicBarrier barrier) throws IOException {
    try {
      barrier.await();
    } catch (InterruptedException | BrokenBarrierException e) {
      throw new IOException(e);
    }
  }
}
