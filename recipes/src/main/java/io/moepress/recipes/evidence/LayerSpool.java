package io.moepress.recipes.evidence;

import io.moepress.formats.checkpoint.Directories;
import io.moepress.formats.checkpoint.Fingerprint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Puts the large parts of each layer into files while a measurement is under way, and gives them
/// back as parts that are read when they are asked for. Whoever has the finished evidence in
/// another place deletes the directory.
public final class LayerSpool implements LayerKeeper {
  private final Path directory;

  private LayerSpool(Path directory) {
    this.directory = directory;
  }

  /// Keeps layers in a directory, which is emptied.
  public static LayerSpool in(Path directory) throws IOException {
    Directories.delete(directory);
    return new LayerSpool(directory);
  }

  @Override
  public Evidence.Layer keep(int layer, Evidence.Layer measured) throws IOException {
    return new Evidence.Layer(
        measured.experts(), measured.values(), write(directory, layer, measured));
  }

  @Override
  public LinearSums keep(int layer, LinearSums measured) throws IOException {
    return measured.statistics().isEmpty() ? measured : write(directory, layer, measured);
  }

  /// Writes what was gathered of the linear maps of a layer to a file of a directory of evidence.
  ///
  /// @return the same in that file
  static LinearFile write(Path directory, int layer, LinearSums measured) throws IOException {
    Path file = fileOf(directory, EvidenceFile.LINEARS, layer);
    LinearFile.write(file, measured);
    return LinearFile.open(sealed(file));
  }

  /// Writes the large parts of a layer to the files of a directory of evidence.
  ///
  /// @return the parts in those files
  static LayerFiles write(Path directory, int layer, Evidence.Layer measured) throws IOException {
    LargeParts parts = measured.parts();
    MatrixFile matrices = null;
    if (!parts.statistics().isEmpty()) {
      Path file = fileOf(directory, EvidenceFile.MATRICES, layer);
      MatrixFile.write(file, parts);
      matrices = MatrixFile.open(sealed(file), measured.experts());
    }
    ReservoirFile sample = null;
    if (parts.hasReservoir()) {
      Path file = fileOf(directory, EvidenceFile.RESERVOIR, layer);
      Reservoir reservoir = parts.reservoir();
      ReservoirFile.write(file, reservoir);
      sample =
          new ReservoirFile(
              sealed(file),
              new ReservoirFile.Bounds(
                  reservoir.rows(), Integer.MAX_VALUE, Integer.MAX_VALUE, measured.experts()));
    }
    return new LayerFiles(matrices, sample);
  }

  private static Path fileOf(Path directory, String folder, int layer) throws IOException {
    Files.createDirectories(directory.resolve(folder));
    return EvidenceFile.layerFile(directory, folder, layer);
  }

  private static SealedFile sealed(Path file) throws IOException {
    return new SealedFile(file, Fingerprint.ofFile(file));
  }
}
