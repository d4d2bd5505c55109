package io.moepress.cli;

import io.moepress.recipes.recipe.ByteSize;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// Reads sizes such as `5GB` and `16GiB`.
final class SizeConverter implements ITypeConverter<ByteSize> {
  @Override
  public ByteSize convert(String value) {
    try {
      return ByteSize.parse(value);
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException(e.getMessage());
    }
  }
}
