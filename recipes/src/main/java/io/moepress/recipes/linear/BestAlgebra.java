package io.moepress.recipes.linear;

import java.lang.foreign.SymbolLookup;
import java.util.Optional;
import java.util.ServiceLoader;

/// The linear algebra of this machine, looked for once.
final class BestAlgebra {
  static final LinearAlgebra FOUND = find();

  private BestAlgebra() {}

  private static LinearAlgebra find() {
    Optional<LapackLibrary> library = ServiceLoader.load(LapackLibrary.class).findFirst();
    Optional<SymbolLookup> symbols = library.flatMap(LapackLibrary::symbols);
    return library.isPresent() && symbols.isPresent()
        ? new Lapack(library.get(), symbols.get())
        : new PlainAlgebra();
  }
}
