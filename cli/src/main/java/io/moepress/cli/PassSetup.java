package io.moepress.cli;

import io.moepress.calibrate.forward.PassMemory;
import io.moepress.calibrate.forward.PassResources;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.work.MemoryBudget;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.WorkDirectory;
import io.moepress.recipes.work.Workers;

/// What forward passes of a command may use.
///
/// @param workers a pool
/// @param progress where to say how far it is
/// @param budget the memory they may use
/// @param work where hidden states go that leave memory
record PassSetup(Workers workers, Progress progress, MemoryBudget budget, WorkDirectory work) {

  /// What a pass gets that needs so much memory. A restriction is said.
  PassResources resources(PassMemory need) {
    PassMemory.Fit fit = need.fit(budget, workers.threads());
    if (fit.spilled()) {
      progress.note(
          "memory: hidden states stand in "
              + work.spill()
              + ", with "
              + fit.jobs()
              + (fit.jobs() == 1 ? " job" : " jobs")
              + " at a time, to stay within "
              + new ByteSize(budget.bytes()).rounded());
    }
    return new PassResources(
        workers.atMost(fit.jobs()), progress, fit.spilled() ? work.spill() : null);
  }

  /// The most memory that a pass will use under these limits, the program included.
  long predicted(PassMemory need) {
    PassMemory.Fit fit = need.fit(budget, workers.threads());
    return MemoryBudget.PROGRAM + need.peak(fit.jobs(), fit.spilled());
  }
}
