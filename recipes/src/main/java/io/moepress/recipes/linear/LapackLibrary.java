package io.moepress.recipes.linear;

import java.lang.foreign.SymbolLookup;
import java.util.Optional;

/// A native library with BLAS and LAPACK, integers of 32 bits. Found as a service, so that those
/// who calculate need not know which one there is.
public interface LapackLibrary {

  /// The library's functions; empty where it does not have them.
  Optional<SymbolLookup> symbols();

  /// Keeps the library from using other threads in calls of this one. Called before each call.
  void useOneThread();
}
