package io.moepress.calibrate.torch;

import io.moepress.recipes.linear.LapackLibrary;
import java.lang.foreign.SymbolLookup;
import java.util.List;
import java.util.Optional;

/// The LAPACK inside libtorch.
public final class TorchLapack implements LapackLibrary {
  private static final List<String> NEEDED = List.of("dgemm_", "dpotrf_", "dsyevd_");

  /// For the service loader.
  public TorchLapack() {}

  @Override
  public Optional<SymbolLookup> symbols() {
    Torch.useOneThread(); // loads the library
    SymbolLookup symbols = SymbolLookup.loaderLookup();
    boolean all = NEEDED.stream().allMatch(name -> symbols.find(name).isPresent());
    return all ? Optional.of(symbols) : Optional.empty();
  }

  @Override
  public void useOneThread() {
    Torch.useOneThread();
  }
}
